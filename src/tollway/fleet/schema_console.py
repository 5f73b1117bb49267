"""The `[console]` table: pages for people, and who may see them. See `schema`."""

from tollway.fleet.fields import Address, Duration, Text, Url
from tollway.fleet.table import Table, key


class OidcRolesTable(Table):
    """Groups of the provider that have a role; who is in none of them may not sign in."""

    viewer: list[Text] = key("May look.", [])
    operator: list[Text] = key("May also drain, undrain and rehearse.", [])
    approver: list[Text] = key("May also answer what agents ask.", [])


class OidcTable(Table):
    """An OpenID Connect provider: who may sign in beside the admin key."""

    issuer: Url = key("As its discovery document says it: https://login.example.com/realm.")
    client_id: Text = key("What the provider calls this console.")
    client_secret: Text | None = key("Named in [credentials]; none for a public client.", None)
    scopes: list[Text] = key("Beside openid.", ["profile", "email", "groups"])
    groups_claim: Text = key("The claim that lists somebody's groups.", "groups")
    name_claim: Text = key("The claim that is somebody's name here.", "email")
    roles: OidcRolesTable = key("Groups to roles.")
    ca_file: Text | None = key(
        "A PEM file of certificates to trust beside the system's; relative to this file's folder.",
        None,
    )


class ConsoleTable(Table):
    """Pages for people: a console of `tollway console serve`."""

    listen: Address = key("Where browsers connect. Port 0 takes any free port.", "127.0.0.1:8440")
    url: Url | None = key(
        "What browsers are given, where a proxy with TLS stands before it: "
        "https://tollway.example.com.",
        None,
    )
    session: Duration = key("How long a sign-in lasts.", "12h")
    idle: Duration = key("How long it lasts without a click.", "2h")
    oidc: OidcTable | None = key("Who may sign in beside the admin key.", None)
