"""Whether a package index can ever serve as it is declared.

Rules
1. An upstream that no name can come from is a fault: somebody believes that it is used.
2. What crosses a network crosses it over TLS.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import is_loopback, shown
from tollway.fleet.schema_index import IndexTable, PackageUpstreamTable


def check_index(declared: Declared) -> Iterator[Finding]:
    """Every fault of the package index beyond its own keys."""
    document, table = declared.index.document, declared.index.table
    if table is None:
        return
    if not is_loopback(table.listen[0]):
        problem = f"is {shown(table.listen[0])}, which other machines reach"
        mend = "Listen on 127.0.0.1; nothing is encrypted here, and anybody could ask."
        yield Finding(document, ("index", "listen"), problem, mend)
    if not table.upstreams:
        mend = 'Write [index.upstreams.pypi] with kind = "pypi" and its url.'
        yield Finding(document, ("index", "upstreams"), "names no upstream", mend)
    for name, upstream in table.upstreams.items():
        path: Path = ("index", "upstreams", name)
        yield from _upstream(declared, document, path, upstream)
    yield from _idle(document, table)
    for kind, file in table.ranked:
        if file is not None and not any(it.kind == kind for it in table.upstreams.values()):
            problem = f"is for {kind}, of which there is no upstream"
            yield Finding(document, ("index", "ranked", kind), problem, "Take it out.")


def _upstream(
    declared: Declared, document: str, path: Path, upstream: PackageUpstreamTable
) -> Iterator[Finding]:
    places: list[tuple[Path, str]] = [((*path, "url"), upstream.url)]
    places += [((*path, "files", index), it) for index, it in enumerate(upstream.files)]
    for where, url in places:
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            problem = f"is {shown(url)}, which anyone on the way can change"
            yield Finding(document, where, problem, "Write https://.")
    if upstream.credential is None:
        if upstream.user is not None:
            mend = "Name the credential that is this user's password."
            yield Finding(document, (*path, "user"), "stands without a credential", mend)
    elif upstream.credential not in declared.names["credentials"]:
        problem = "names no credential of [credentials] (value not shown)"
        mend = "Name one; never write a secret here."
        yield Finding(document, (*path, "credential"), problem, mend)


def _idle(document: str, table: IndexTable) -> Iterator[Finding]:
    """Rule 1, as far as globs tell: one that an earlier glob covers gets no name."""
    earlier: list[tuple[str, str, str]] = []
    for name, upstream in table.upstreams.items():
        for index, glob in enumerate(upstream.names):
            for other, kind, wider in earlier:
                if kind == upstream.kind and fnmatchcase(glob, wider):
                    problem = f"is {shown(glob)}, all of which comes from {other}"
                    where: Path = ("index", "upstreams", name, "names", index)
                    yield Finding(document, where, problem, f"Write it above {other}.")
                    break
        earlier += [(name, upstream.kind, glob) for glob in upstream.names]
