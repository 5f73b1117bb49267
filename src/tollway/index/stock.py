"""What is served under a name, and each file of it: asked, judged, proved.

Rules
1. A name is asked of one upstream, the first that has a glob for it; nobody else is asked.
2. A file is fetched only where its index's list, read anew if it is no longer fresh, names the very
   digest that was asked for.
3. What is not locked is looked into before it is served, and judged again.
4. Two that ask for the same at once cause one fetch.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar, cast

from tollway.fleet.indexing import IndexSettings
from tollway.index.desk import Desk, Release, held
from tollway.index.looked import Looked, bound
from tollway.index.offered import Listing, Offered
from tollway.index.refusal import RefusedError, nowhere, unreadable
from tollway.index.registry import read_packument
from tollway.index.shelf import Proved, Shelf
from tollway.index.simple import ACCEPTED, read_page
from tollway.index.upstream import Expected, Upstream
from tollway.ledger.guarded.tasks import Task
from tollway.pins.admission import (
    Admitted,
    Denied,
    NeedsApproval,
    PackageFile,
    Reason,
    Standards,
    Verdict,
    judge,
    words_of,
)
from tollway.pins.admission_names import normalised
from tollway.pins.component import Ecosystem
from tollway.units import UtcSeconds

T = TypeVar("T")

_MOST_LISTINGS = 2_000
_FETCHES = 16
"""Files at once, each with room on the disk."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a fleet file and its lock say."""

    settings: IndexSettings
    standards: Standards
    upstreams: Sequence[Upstream]


@dataclass(frozen=True, slots=True)
class Shown:
    """A name's files with what is decided of each, in order, judged at a moment and holding until
    another. `pages` keeps what was rendered of it."""

    listing: Listing
    verdicts: Sequence[tuple[Offered, Verdict]]
    standards: Standards
    judged: float
    settled: float
    pages: dict[tuple[str, ...], bytes] = field(default_factory=dict[tuple[str, ...], bytes])


class Stock:
    """Everything that one index serves. `use` new means at a reload."""

    def __init__(self, means: Means, shelf: Shelf, desk: Desk, utc: Callable[[], float]) -> None:
        self.means = means
        self.desk = desk
        self._shelf = shelf
        self._utc = utc
        self._listings: dict[tuple[Ecosystem, str], tuple[float, Listing]] = {}
        self._shown: dict[tuple[Ecosystem, str], Shown] = {}
        self._looked = Looked()
        self._turns = asyncio.Semaphore(_FETCHES)
        self._flights: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    async def use(self, means: Means) -> None:
        """Take other means; what was read by the old ones is forgotten."""
        old, self.means = self.means, means
        self._listings.clear()
        self._shown.clear()
        for upstream in old.upstreams:
            await upstream.close()

    async def close(self) -> None:
        """Give up what is under way."""
        for flight in list(self._flights.values()):
            flight.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        for upstream in self.means.upstreams:
            await upstream.close()

    # --- names ---------------------------------------------------------------------------------

    async def listing(self, kind: Ecosystem, name: str) -> Listing:
        """What the upstream of a name offers.

        Raises:
            RefusedError: nothing, or nothing that can be believed.
        """
        now = self._utc()
        until, known = self._listings.get((kind, name), (0.0, None))
        if known is not None and now < until:
            return known
        listing = await self._once(("list", kind, name), lambda: self._asked(kind, name))
        self._listings[kind, name] = (self._utc() + self.means.settings.fresh, listing)
        bound(self._listings, _MOST_LISTINGS)
        return listing

    async def _asked(self, kind: Ecosystem, name: str) -> Listing:
        what, upstream = f"{kind}:{name}", self.upstream(kind, name)
        base = upstream.declared.url
        if kind == "pypi":
            url, accept = f"{base}/{name}/", ACCEPTED
        else:
            url, accept = f"{base}/{name.replace('/', '%2f')}", "application/json"
        page = await upstream.page(what, url, accept)
        try:
            if kind == "pypi":
                return await asyncio.to_thread(
                    read_page, name, page.media_type, page.body, page.url
                )
            return await asyncio.to_thread(read_packument, name, page.body, page.url)
        except ValueError as error:
            raise unreadable(what, str(error)) from None

    def upstream(self, kind: Ecosystem, name: str) -> Upstream:
        """The one that a name comes from (rule 1).

        Raises:
            RefusedError: none is declared for it.
        """
        for upstream in self.means.upstreams:
            globs = upstream.declared.names
            if upstream.declared.kind == kind and any(fnmatchcase(name, it) for it in globs):
                return upstream
        raise nowhere(f"{kind}:{name}", "no upstream of [index] is for this name")

    async def shown(self, kind: Ecosystem, name: str, caller: Task | None) -> Shown:
        """What is served of a name, and why the rest is not.

        Raises:
            RefusedError: there is nothing, or in mode lock nothing that is locked.
        """
        standards = self.means.standards
        if standards.mode == "lock" and (kind, name) not in standards.locked:
            reason = Reason("index.unlocked", "is not in the lock", "Run: tollway lock.")
            self.desk.tell_once("denied", f"{kind}:{name}", reason, caller)
            raise nowhere(f"{kind}:{name}", "it is not in the lock (tollway lock)")
        listing = await self.listing(kind, name)
        shown = await self._judged(listing)
        if not any(isinstance(it, Admitted) for _, it in shown.verdicts):
            await self._hold(shown, caller)
        return shown

    async def _judged(self, listing: Listing) -> Shown:
        approved = await asyncio.to_thread(self.desk.approved)
        known = self._shown.get((listing.kind, listing.name))
        if (
            known is not None
            and known.listing is listing
            and known.standards.approved == approved
            and known.judged <= self._utc() < known.settled
        ):
            return known
        standards, now = replace(self.means.standards, approved=approved), self._utc()
        verdicts = await asyncio.to_thread(self._judge_all, listing, standards, now)
        shown = Shown(listing, verdicts, standards, now, _next_change(listing, standards, now))
        self._shown[listing.kind, listing.name] = shown
        bound(self._shown, _MOST_LISTINGS)
        return shown

    def _judge_all(
        self, listing: Listing, standards: Standards, now: float
    ) -> list[tuple[Offered, Verdict]]:
        return [
            (it, judge(self._looked.complete(it.facts), standards, UtcSeconds(now)))
            for it in listing.files
        ]

    async def _hold(self, shown: Shown, caller: Task | None) -> None:
        """Put the newest release into the queue, where it can be approved, and tell."""
        listing = shown.listing
        waiting = [
            (it.facts, verdict.reasons)
            for it, verdict in shown.verdicts
            if isinstance(verdict, NeedsApproval)
        ]
        refused = [verdict for _, verdict in shown.verdicts if isinstance(verdict, Denied)]
        place = f"{listing.kind}:{listing.name}"
        if not waiting:
            if refused:
                self.desk.tell_once("denied", place, refused[-1].reasons[0], caller)
            return
        newest = max(waiting, key=lambda it: it[0].uploaded or 0.0)[0].version
        files = [it for it in waiting if it[0].version == newest]
        release = held([it for it, _ in files], (one for _, all_ in files for one in all_))
        await asyncio.to_thread(self.desk.ask, release, caller)
        self.desk.tell_once("asked", release.place, release.reasons[0], caller)

    # --- files ---------------------------------------------------------------------------------

    async def file(
        self, kind: Ecosystem, name: str, file: str, digest: str | None, caller: Task | None
    ) -> Proved:
        """A file that may be served, proved. `digest` is the one that was listed, None where a
        client knows it without our saying.

        Raises:
            RefusedError: it may not be served, or is not there.
        """
        offered = await self._offered(kind, name, file, digest)
        place = f"{kind}:{name}@{offered.facts.version}"
        verdict = await self._verdict(offered)
        if not isinstance(verdict, Admitted):
            raise await self._refused(offered.facts, verdict, place, caller)
        proved = await self._proved(offered)
        if verdict.by != "lock":  # rule 3
            if await self._look_into(offered, proved):
                verdict = await self._verdict(offered)
            if not isinstance(verdict, Admitted):
                raise await self._refused(offered.facts, verdict, place, caller)
        words = f"{file} is served, {offered.facts.digests[0]}."
        self.desk.tell("allowed", place, words, f"index.{verdict.by}", caller)
        return proved

    async def metadata(self, name: str, file: str, digest: str, caller: Task | None) -> bytes:
        """The PEP 658 metadata of a file that may be served, proved.

        Raises:
            RefusedError: it may not be served, or has none.
        """
        offered = await self._offered("pypi", name, file, digest)
        what = f"pypi:{name}: {file}.metadata"
        verdict = await self._verdict(offered)
        if not isinstance(verdict, Admitted):
            place = f"pypi:{name}@{offered.facts.version}"
            raise await self._refused(offered.facts, verdict, place, caller)
        if offered.metadata is None:
            raise nowhere(what, "its index does not offer it with a digest")
        expected, url = Expected((offered.metadata,)), f"{offered.url}.metadata"
        proved = await self._fetched(what, "pypi", name, url, expected)
        return await asyncio.to_thread(proved.path.read_bytes)

    async def _offered(self, kind: Ecosystem, name: str, file: str, digest: str | None) -> Offered:
        """Rule 2."""
        listing = await self.listing(kind, name)
        for offered in listing.files:
            if offered.facts.file == file:
                if digest is None or digest in offered.facts.digests:
                    return offered
                words = "its index lists other bytes under this name now"
                raise nowhere(f"{kind}:{name}: {file}", words)
        raise nowhere(f"{kind}:{name}: {file}", "its index does not list it")

    async def _verdict(self, offered: Offered) -> Verdict:
        approved = await asyncio.to_thread(self.desk.approved)
        standards = replace(self.means.standards, approved=approved)
        return judge(self._looked.complete(offered.facts), standards, UtcSeconds(self._utc()))

    async def _refused(
        self, facts: PackageFile, verdict: Denied | NeedsApproval, place: str, caller: Task | None
    ) -> RefusedError:
        words = f"{place} {words_of(verdict.reasons)}. {verdict.reasons[0].mend}"
        rule = verdict.reasons[0].rule
        if isinstance(verdict, Denied):
            self.desk.tell("denied", place, words, rule, caller)
            return RefusedError(rule, words, 404 if rule == "index.unlocked" else 403)
        release = await self._release(facts, verdict)
        asked = await asyncio.to_thread(self.desk.ask, release, caller)
        words += "" if asked is None else f" It waits for a person as {asked.id}."
        self.desk.tell("asked", place, words, rule, caller)
        return RefusedError(rule, words)

    async def _release(self, facts: PackageFile, verdict: NeedsApproval) -> Release:
        """All files of a version that are held as this one is."""
        shown = await self._judged(await self.listing(facts.kind, facts.name))
        beside = [
            it.facts
            for it, other in shown.verdicts
            if isinstance(other, NeedsApproval) and it.facts.version == facts.version
        ]
        return held([facts, *beside], verdict.reasons)

    async def release(self, kind: Ecosystem, name: str, version: str) -> Release:
        """What would have to be approved for a version to be served.

        Raises:
            RefusedError: there is no such version, it needs no approval, or nobody can approve it.
        """
        place = f"{kind}:{name}@{version}"
        shown = await self._judged(await self.listing(kind, name))
        of_version = [it for it in shown.verdicts if it[0].facts.version == version]
        waiting = [(it, v) for it, v in of_version if isinstance(v, NeedsApproval)]
        if waiting:
            reasons = (one for _, it in waiting for one in it.reasons)
            return held([it.facts for it, _ in waiting], reasons)
        if not of_version:
            raise nowhere(place, "its index has no such version")
        if any(isinstance(it, Admitted) for _, it in of_version):
            raise RefusedError("index.admitted", f"{place} is served already.")
        last = cast("Denied", of_version[-1][1])
        words = f"{place} {words_of(last.reasons)}. {last.reasons[0].mend}"
        raise RefusedError(last.reasons[0].rule, words)

    async def _proved(self, offered: Offered) -> Proved:
        facts = offered.facts
        what = f"{facts.kind}:{facts.name}: {facts.file}"
        expected = Expected(facts.digests, facts.size)
        return await self._fetched(what, facts.kind, facts.name, offered.url, expected)

    async def _fetched(
        self, what: str, kind: Ecosystem, name: str, url: str, expected: Expected
    ) -> Proved:
        found = await asyncio.to_thread(self._shelf.find, expected.digests)
        if found is not None:
            return found
        upstream = self.upstream(kind, name)

        async def fetch() -> Proved:
            async with self._turns:
                with await asyncio.to_thread(self._shelf.fresh) as part:
                    await upstream.fetch(what, url, part, expected)
                    return await asyncio.to_thread(self._shelf.put, part, expected.digests)

        return await self._once(("file", *expected.digests), fetch)

    async def _look_into(self, offered: Offered, proved: Proved) -> bool:
        """Rule 3; whether anything was learnt by it."""
        facts, standards = offered.facts, self.means.standards
        before = self._looked.complete(facts)
        await self._looked.look(offered, proved)
        locked = standards.locked.get((facts.kind, facts.name))
        known = locked is not None and bool(locked.publishers)
        if facts.kind == "pypi" and known and standards.rules.publishers != "allow":
            await self._looked.ask_publishers(self.upstream("pypi", facts.name), offered)
        learnt = self._looked.complete(facts) != before
        if learnt:
            self._shown.pop((facts.kind, facts.name), None)
        return learnt

    async def _once(self, key: tuple[str, ...], work: Callable[[], Awaitable[T]]) -> T:
        """Rule 4."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(cast("Any", work()))
            flight.add_done_callback(lambda it: self._landed(key, it))
        return cast("T", await asyncio.shield(flight))

    def _landed(self, key: tuple[str, ...], flight: asyncio.Task[Any]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # everybody who asked may have left: it is not lost


def name_of(kind: Ecosystem, said: str) -> str:
    """A name in its one spelling.

    Raises:
        RefusedError: it is no name.
    """
    name = normalised(kind, said)
    if name is None:
        raise nowhere(f"{kind}: {said[:60]!r}", "this is no name of a package")
    return name


def _next_change(listing: Listing, standards: Standards, now: float) -> float:
    """The next moment at which a file becomes old enough, or is no longer of a day to come."""
    cooldown = standards.rules.cooldown
    uploads = [it.facts.uploaded for it in listing.files if it.facts.uploaded is not None]
    moments = (at for it in uploads for at in (it, it + cooldown) if at > now)
    return min(moments, default=math.inf)
