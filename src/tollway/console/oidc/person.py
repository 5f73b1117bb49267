"""Who somebody is by their ID token, and which roles their groups have.

Rules
1. Who is in no group that the fleet file names has no role, and is not let in.
2. An address is somebody's name, or gives them a role, only where the provider says that it has
   verified it: the claim is `true` itself.
3. operator and approver may look too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from tollway.console.wording import visible
from tollway.fleet.consoling import ROLES, OidcSettings, Role

_LONGEST_NAME = 100
_MOST_GROUPS = 5000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider vouches for. `account` is for records: no two people share it.
    `owner` is who they are whatever they call themselves."""

    name: str
    account: str
    owner: str
    groups: tuple[str, ...]
    roles: frozenset[Role]


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> Person:
    """Who the claims of a believed ID token are about."""
    subject = visible(str(claims["sub"]))
    said = _member(claims, settings.name_claim)
    usable = isinstance(said, str) and said.strip()
    name = visible(str(said).strip())[:_LONGEST_NAME] if usable else subject[:_LONGEST_NAME]
    groups = _groups(_member(claims, settings.groups_claim))
    return Person(
        name=name,
        account=f"{_quoted(name)} ({visible(settings.issuer)}, subject {subject})",
        owner=f"oidc {settings.issuer} {claims['sub']}",
        groups=groups,
        roles=roles_of(groups, settings),
    )


def _quoted(name: str) -> str:
    """A name that ends where it ends: people choose theirs, and records are sentences."""
    return '"' + name.replace('"', "'") + '"'


def roles_of(groups: tuple[str, ...], settings: OidcSettings) -> frozenset[Role]:
    """The roles of somebody in these groups (rules 1 and 3). Names match exactly."""
    held: set[Role] = {role for role in ROLES if not set(settings.groups[role]).isdisjoint(groups)}
    if held:
        held.add("viewer")
    return frozenset(held)


def voucher_of(settings: OidcSettings) -> str:
    """Names the provider and the roles of its groups as declared: another text after any change."""
    facts = (
        settings.issuer, settings.client_id, settings.groups_claim, settings.name_claim,
        [(role, settings.groups[role]) for role in ROLES],
    )  # fmt: skip
    return f"oidc:{hashlib.sha256(msgspec.json.encode(facts)).hexdigest()}"


def _member(claims: Mapping[str, Any], name: str) -> object:
    """A claim by its name, else by its path: Keycloak's `realm_access.roles`."""
    if name == "email" and claims.get("email_verified") is not True:  # rule 2: no text, no 1
        return None
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, object]", found).get(part)
    return found


def _groups(said: object) -> tuple[str, ...]:
    listed = cast("list[object]", said) if isinstance(said, list) else [said]
    return tuple(it for it in listed[:_MOST_GROUPS] if isinstance(it, str) and it)
