"""The console's settings as frozen objects. See `build`."""

from types import MappingProxyType

from tollway.fleet.consoling import ROLES, ConsoleSettings, OidcSettings, Role
from tollway.fleet.declared import Declared
from tollway.fleet.schema_console import OidcTable


def console_of(declared: Declared) -> ConsoleSettings | None:
    """The console of a declaration without faults; None where it has none."""
    table = declared.console.table
    if table is None:
        return None
    host, port = table.listen
    oidc = None if table.oidc is None else _oidc(declared, table.oidc)
    return ConsoleSettings(host, port, table.url, table.session, table.idle, oidc)


def _oidc(declared: Declared, table: OidcTable) -> OidcSettings:
    secret = table.client_secret
    groups: dict[Role, tuple[str, ...]] = {it: tuple(getattr(table.roles, it)) for it in ROLES}
    return OidcSettings(
        issuer=table.issuer,
        client_id=table.client_id,
        client_secret=None if secret is None else declared.credentials[secret].table,
        scopes=tuple(table.scopes),
        groups_claim=table.groups_claim,
        name_claim=table.name_claim,
        groups=MappingProxyType(groups),
        ca_file=table.ca_file,
    )
