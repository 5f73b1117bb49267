"""Whether the console can be reached safely as it is declared.

Rules
1. Nothing is encrypted here: what other machines reach stands behind a proxy with TLS.
2. A provider that nobody may come from is a fault: somebody believes that they may sign in.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import is_loopback, shown
from tollway.fleet.schema_console import OidcTable


def check_console(declared: Declared) -> Iterator[Finding]:
    """Every fault of the console beyond its own keys."""
    document, table = declared.console.document, declared.console.table
    if table is None:
        return
    tls = table.url is not None and urlsplit(table.url).scheme == "https"
    if not is_loopback(table.listen[0]) and not tls:
        problem = f"is {shown(table.listen[0])}, which other machines reach"
        mend = "Listen on 127.0.0.1, or put a proxy with TLS before it and write url = https://."
        yield Finding(document, ("console", "listen"), problem, mend)
    if table.url is not None:
        yield from _url(document, table.url)
    if table.oidc is not None:
        yield from _oidc(declared, document, table.oidc)


def _url(document: str, url: str) -> Iterator[Finding]:
    parts, where = urlsplit(url), ("console", "url")
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        problem = f"is {shown(url)}, over which anyone on the way can read a sign-in"
        yield Finding(document, where, problem, "Write https://.")
    if parts.path not in ("", "/"):
        problem = f"is {shown(url)}, below a path"
        yield Finding(document, where, problem, "Give the console a host of its own.")


def _oidc(declared: Declared, document: str, oidc: OidcTable) -> Iterator[Finding]:
    path: Path = ("console", "oidc")
    parts = urlsplit(oidc.issuer)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        problem = f"is {shown(oidc.issuer)}, which anyone on the way can change"
        yield Finding(document, (*path, "issuer"), problem, "Write https://.")
    secret = oidc.client_secret
    if secret is not None and secret not in declared.names["credentials"]:
        problem = "names no credential of [credentials] (value not shown)"
        mend = "Name one; never write a secret here."
        yield Finding(document, (*path, "client_secret"), problem, mend)
    if not (oidc.roles.viewer or oidc.roles.operator or oidc.roles.approver):
        mend = 'Name groups: roles = { viewer = ["everybody"], operator = ["platform"] }.'
        yield Finding(document, (*path, "roles"), "names no group", mend)
