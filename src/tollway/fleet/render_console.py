"""The console as it is written: blocks of a fleet file.

Rules
1. What is rendered parses to the same objects; what is as it is without a word is left out.
"""

import json
from collections.abc import Iterator, Mapping

from tollway.fleet.consoling import ConsoleSettings, OidcSettings
from tollway.fleet.credential import Credential
from tollway.fleet.render_egress import duration_text


def credentials_of(console: ConsoleSettings | None) -> list[tuple[Credential, str]]:
    """The credential of its provider, and a name for it."""
    oidc = None if console is None else console.oidc
    if oidc is None or oidc.client_secret is None:
        return []
    return [(oidc.client_secret, "console.oidc")]


def blocks(console: ConsoleSettings | None, names: Mapping[Credential, str]) -> Iterator[list[str]]:
    """The tables, each a list of lines."""
    if console is None:
        return
    host = f"[{console.host}]" if ":" in console.host else console.host
    usual = ConsoleSettings(console.host, console.port)
    rows = ["[console]", f"listen = {json.dumps(f'{host}:{console.port}')}"]
    if console.url is not None:
        rows.append(f"url = {json.dumps(console.url)}")
    for name in ("session", "idle"):
        value = getattr(console, name)
        if value != getattr(usual, name):
            rows.append(f"{name} = {duration_text(value)}")
    yield rows
    if console.oidc is not None:
        yield from _oidc(console.oidc, names)


def _oidc(oidc: OidcSettings, names: Mapping[Credential, str]) -> Iterator[list[str]]:
    secret = None if oidc.client_secret is None else names[oidc.client_secret]
    facts: dict[str, object] = {
        "issuer": oidc.issuer, "client_id": oidc.client_id, "client_secret": secret,
        "scopes": oidc.scopes, "groups_claim": oidc.groups_claim, "name_claim": oidc.name_claim,
        "ca_file": oidc.ca_file,
    }  # fmt: skip
    rows = [f"{key} = {json.dumps(it)}" for key, it in facts.items() if it is not None]
    yield ["[console.oidc]", *rows]
    roles = {role: it for role, it in oidc.groups.items() if it}
    yield ["[console.oidc.roles]", *(f"{role} = {json.dumps(it)}" for role, it in roles.items())]
