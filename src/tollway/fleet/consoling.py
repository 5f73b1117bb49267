"""The console as declared: frozen objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tollway.fleet.credential import Credential
from tollway.units import Seconds

Role = Literal["viewer", "operator", "approver"]
"""viewer: look; operator: also drain, undrain and rehearse; approver: also answer the questions of
agents. The admin key has all three."""

ROLES: tuple[Role, ...] = ("viewer", "operator", "approver")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Who else may sign in: an OpenID Connect provider, and which of its groups have which role.
    `groups_claim` and `name_claim` are members of the ID token."""

    issuer: str
    client_id: str
    client_secret: Credential | None
    scopes: tuple[str, ...]
    groups_claim: str
    name_claim: str
    groups: Mapping[Role, tuple[str, ...]]
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """How the console listens, and who may see it. `url` is what browsers are given where a proxy
    stands before it, None where they reach it as it listens; a sign-in lasts `session`, and `idle`
    without a click."""

    host: str
    port: int
    url: str | None = None
    session: Seconds = Seconds(12 * 3600.0)
    idle: Seconds = Seconds(2 * 3600.0)
    oidc: OidcSettings | None = None


def console_url(console: ConsoleSettings) -> str:
    """What a browser on this machine, or behind the proxy, is given; port 0 is not known yet."""
    host = f"[{console.host}]" if ":" in console.host else console.host
    return (console.url or f"http://{host}:{console.port}").rstrip("/")
