"""What looking into files brought, and who published them; remembered by digest.

Rules
1. What cannot be looked into is not served.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from tollway.index.examine import scripts_in, startup_of
from tollway.index.offered import Offered
from tollway.index.provenance import publishers_of
from tollway.index.refusal import unreadable
from tollway.index.shelf import Proved
from tollway.index.upstream import Upstream
from tollway.pins.admission import PackageFile
from tollway.pins.component import Publisher

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class _Inside:
    startup: tuple[str, ...] | None = None
    scripts: tuple[str, ...] | None = None


class Looked:
    """What is known of files beyond what their index says of them."""

    def __init__(self) -> None:
        self._inside: dict[str, _Inside] = {}
        self._published: dict[str, tuple[Publisher, ...]] = {}

    def complete(self, facts: PackageFile) -> PackageFile:
        """Facts with what is known."""
        for digest in facts.digests:
            inside = self._inside.get(digest)
            if inside is not None:
                scripts = facts.scripts if inside.scripts is None else inside.scripts
                facts = replace(facts, startup=inside.startup, scripts=scripts)
            published = self._published.get(digest)
            if published is not None:
                facts = replace(facts, publishers=published)
        return facts

    async def look(self, offered: Offered, proved: Proved) -> None:
        """Look into a file.

        Raises:
            RefusedError: it cannot be read whole (rule 1).
        """
        facts = offered.facts
        if facts.digests[0] in self._inside:
            return
        try:
            inside = await asyncio.to_thread(_inside, facts, proved)
        except ValueError as error:
            raise unreadable(_what(facts), str(error)) from None
        self._inside[facts.digests[0]] = inside
        bound(self._inside, _MOST)

    async def ask_publishers(self, upstream: Upstream, offered: Offered) -> None:
        """Read who published a file of PyPI; nobody where its index says nothing of it.

        Raises:
            RefusedError: that cannot be read (rule 1).
        """
        digest = offered.facts.digests[0]
        if digest in self._published:
            return
        found: tuple[Publisher, ...] = ()
        if offered.provenance is not None:
            found = await publishers_of(upstream, _what(offered.facts), offered.provenance)
        self._published[digest] = found
        bound(self._published, _MOST)


def _inside(facts: PackageFile, proved: Proved) -> _Inside:
    if facts.form == "wheel":
        return _Inside(startup=startup_of(proved.path))
    if facts.form == "tarball":
        return _Inside(scripts=scripts_in(proved.path, facts.name, facts.version))
    return _Inside()


def _what(facts: PackageFile) -> str:
    return f"{facts.kind}:{facts.name}: {facts.file}"


def bound(known: Mapping[Any, Any], most: int) -> None:
    """Forget what was learnt first, above `most`."""
    table = cast("dict[Any, Any]", known)
    while len(table) > most:
        del table[next(iter(table))]
