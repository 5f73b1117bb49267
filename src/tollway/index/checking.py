"""Is what is locked still there, with the same bytes and publishers? And: what would be approved?

Rules
1. What an index no longer lists is a finding: a release that vanished was often malware.
2. What could not be asked is not audited, and is named.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tollway.errors import TollwayError
from tollway.index.desk import Desk, Release
from tollway.index.loading import load, lock_beside
from tollway.index.offered import Offered
from tollway.index.provenance import publishers_of
from tollway.index.refusal import RefusedError, nowhere
from tollway.index.shelf import Shelf
from tollway.index.stock import Means, Stock, name_of
from tollway.ledger.guarded.approvals import Approval, Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.pins.component import Ecosystem, NpmPackage, Package, Publisher, called, released
from tollway.pins.finding import Finding, Findings, Unaudited, together
from tollway.pins.lock import Lock

_AT_ONCE = 8


async def check(fleet: Path, utc: Callable[[], float]) -> Findings:
    """`vanished` for a fleet file and its lock.

    Raises:
        TollwayError: one of them cannot be read.
    """
    means = await asyncio.to_thread(load, fleet)
    lock = await asyncio.to_thread(lock_beside, fleet, replace(means.settings, mode="lock"))
    try:
        return await vanished(lock or Lock(), means, utc)
    finally:
        for upstream in means.upstreams:
            await upstream.close()


async def vanished(lock: Lock, means: Means, utc: Callable[[], float]) -> Findings:
    """What the upstreams of `means` say now of the packages of a lock: a version or file that is
    gone, other bytes, a file that was taken back, another publisher."""
    with TemporaryDirectory() as folder:
        stock = _stock(means, Path(folder), utc)
        turns = asyncio.Semaphore(_AT_ONCE)
        packages = [it for it in lock.component if isinstance(it, Package)]

        async def one(package: Package) -> Findings:
            async with turns:
                return await _looked(package, stock)

        return together(await asyncio.gather(*map(one, packages)))


async def question_of(
    fleet: Path, approvals: Approvals, release: tuple[str, str, str], utc: Callable[[], float]
) -> Approval:
    """The question about a release (kind or "", name, version), as its index offers it now.

    Raises:
        TollwayError: there is no such release, it is served already, or nobody can approve it.
    """
    kind, said, version = release
    means = await asyncio.to_thread(load, fleet)
    kinds: list[Ecosystem] = [
        it for it in ("pypi", "npm") if kind in ("", it) and _is_declared(means, it)
    ]
    refused: list[RefusedError] = []
    found: list[Release] = []
    with TemporaryDirectory() as folder:
        stock = _stock(means, Path(folder), utc, approvals)
        try:
            for each in kinds:
                try:
                    found.append(await stock.release(each, name_of(each, said), version))
                except RefusedError as error:
                    refused.append(error)
        finally:
            await stock.close()
        if not found:
            refused.sort(key=lambda it: it.rule == "index.absent")  # what says more comes first
            raise refused[0] if refused else nowhere(said, "no upstream of [index] is for it")
        if len(found) > 1:
            raise TollwayError(f"{said}@{version} is in both. Write pypi: or npm: before it.")
        asked = stock.desk.ask(found[0], None)
    if asked is None:
        raise TollwayError("The queue is full. Answer what waits: tollway index queue")
    return asked


def _is_declared(means: Means, kind: Ecosystem) -> bool:
    return any(it.declared.kind == kind for it in means.upstreams)


def _stock(
    means: Means, folder: Path, utc: Callable[[], float], approvals: Approvals | None = None
) -> Stock:
    known = approvals or Approvals(GuardBook(folder / GUARD_BOOK))
    desk = Desk(known, lambda _: None, lambda: means.settings, utc)
    return Stock(means, Shelf(folder / "packages", means.settings.cache), desk, utc)


async def _looked(package: Package, stock: Stock) -> Findings:
    kind: Ecosystem = "npm" if isinstance(package, NpmPackage) else "pypi"
    name = released(package)
    component = called(package)
    try:
        listing = await stock.listing(kind, name)
    except RefusedError as error:
        if error.rule == "index.absent":  # rule 1
            words = "is not in its index any more"
            found = Finding(component, "index.vanished", words, _MEND)
            return Findings((found,), looked=1)
        return Findings(unaudited=(Unaudited(component, "its index's list", str(error)),))
    offered = [it for it in listing.files if it.facts.version == package.version]
    if not offered:
        words = f"{package.version} is not in its index any more"
        return Findings((Finding(component, "index.vanished", words, _MEND),), looked=1)
    found = tuple(_files(package, offered))
    publishers, unaudited = await _publishers(package, offered, stock)
    return Findings(found + publishers, unaudited, looked=1)


def _files(package: Package, offered: list[Offered]) -> Iterator[Finding]:
    component = called(package)
    by_digest = {digest: it for it in offered for digest in it.facts.digests}
    names = {it.facts.file for it in offered}
    for artifact in package.artifacts:
        now = by_digest.get(artifact.digest)
        if now is None:
            changed = artifact.name in names
            rule = "index.changed" if changed else "index.vanished"
            words = "has other bytes now" if changed else "is not in its index any more"
            yield Finding(component, rule, words, _MEND, artifact.name)
        elif now.facts.yanked is not None and artifact.yanked is None:
            words = f"was taken back since it was locked: {now.facts.yanked[:200] or 'no reason'}"
            yield Finding(component, "index.yanked", words, _MEND, artifact.name)


async def _publishers(
    package: Package, offered: list[Offered], stock: Stock
) -> tuple[tuple[Finding, ...], tuple[Unaudited, ...]]:
    """Whether who published the locked files is who did; nothing where the lock names nobody."""
    if not package.publishers:
        return (), ()
    component, locked = called(package), frozenset(package.publishers)
    pinned = {it.digest for it in package.artifacts}
    there = [it for it in offered if not pinned.isdisjoint(it.facts.digests)]
    if not there:
        return (), ()  # that they are gone is told already
    now: set[Publisher] = set()
    for it in there:
        if it.facts.publishers is not None:
            now |= set(it.facts.publishers)
        elif it.provenance is not None:
            try:
                upstream = stock.upstream("pypi", package.name)
                now |= set(await publishers_of(upstream, component, it.provenance))
            except RefusedError as error:
                return (), (Unaudited(component, "its publishers", str(error)),)
    if locked.isdisjoint(now):
        words = f"was published by {_who(locked)}, and its index says {_who(now) or 'nobody'} now"
        return (Finding(component, "index.publisher", words, _MEND),), ()
    return (), ()


def _who(publishers: set[Publisher] | frozenset[Publisher]) -> str:
    return ", ".join(sorted(f"{it.kind} {it.identity}"[:200] for it in publishers))


_MEND = "Find out why before anything installs it; then run: tollway lock"
