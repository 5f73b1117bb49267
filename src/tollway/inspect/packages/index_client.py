"""Asks package indexes for what they know of locked releases: times, yanks, attestations.

Rules
1. Only the index that the operator names is asked, never one that a file or an answer names: a
   redirect is no answer, and attestations come from the index's own origin.
2. Every answer is bounded in time and size, and at most eight are waited for at once.
3. What does not come, or comes broken, is a reason and never an empty answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from tollway.errors import FaultsFound
from tollway.inspect.packages.attested import attested
from tollway.pins.component import Artifact, Ecosystem, Package, Publisher, called, released
from tollway.pins.finding import Unaudited
from tollway.pins.packages import Attested, Indexed, IndexedFile, read_packument, read_simple

if TYPE_CHECKING:
    from httpx2 import AsyncClient

_AT_ONCE = 8
_LARGEST = 128 << 20  # the packuments of long-lived npm packages are tens of MiB
_SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class Enriched:
    """Packages with what their index says filled in; the answers themselves, or why there are none,
    by `kind:name`; what verifying attestations said, by `kind:name` and digest."""

    packages: tuple[Package, ...]
    indexed: Mapping[str, Indexed | str]
    attested: Mapping[tuple[str, str], Attested | str]

    @property
    def unaudited(self) -> tuple[Unaudited, ...]:
        """The packages that no index answered for."""
        answers = self.indexed.items()
        return tuple(
            Unaudited(name, "its index", it) for name, it in answers if isinstance(it, str)
        )


async def enrich(
    packages: Sequence[Package], indexes: Mapping[Ecosystem, str], *, patience: float = 30.0
) -> Enriched:
    """Ask for each package. `indexes` are URLs: of a simple index for "pypi", of a registry for
    "npm". `patience` is in seconds, for each answer.

    An artifact that the index does not list with the locked digest is left as it was: the audit
    says so.
    """
    import httpx2

    limits = httpx2.Limits(max_connections=_AT_ONCE)
    turn = asyncio.Semaphore(_AT_ONCE)
    async with httpx2.AsyncClient(timeout=patience, limits=limits, trust_env=True) as http:
        client = _Client(http, indexes, patience, turn)
        indexed = dict(
            zip(
                map(called, packages),
                await asyncio.gather(*map(client.indexed, packages)),
                strict=True,
            )
        )
        wanted = [
            (package, artifact, file)
            for package in packages
            for artifact, file in _listed(package, indexed[called(package)])
            if file.provenance and package.kind == "pypi"
        ]
        answers = await asyncio.gather(*(client.attested(*it) for it in wanted))
    proved = {
        (called(package), artifact.digest): answer
        for (package, artifact, _), answer in zip(wanted, answers, strict=True)
    }
    filled = tuple(_filled(it, indexed[called(it)], proved) for it in packages)
    return Enriched(filled, indexed, proved)


@dataclass(frozen=True, slots=True)
class _Client:
    http: "AsyncClient"
    indexes: Mapping[Ecosystem, str]
    patience: float
    turn: asyncio.Semaphore

    async def indexed(self, package: Package) -> Indexed | str:
        """All files of a package, or why there is no answer."""
        index = self.indexes.get("pypi" if package.kind == "pypi" else "npm", "").rstrip("/")
        if not index:
            option = "--index" if package.kind == "pypi" else "--registry"
            return f"no index of {package.kind} was named; name one with {option}"
        name = released(package)
        is_python = package.kind == "pypi"
        url = f"{index}/{name}/" if is_python else f"{index}/{quote(name, safe='@')}"
        answer = await self._got(url, _SIMPLE if is_python else "application/json")
        if isinstance(answer, str):
            return answer
        try:
            return read_simple(answer, url) if is_python else read_packument(answer, url)
        except FaultsFound as found:
            return f"its answer {found.faults[0].problem}"

    async def attested(
        self, package: Package, artifact: Artifact, file: IndexedFile
    ) -> Attested | str:
        """What the attestations of an artifact prove, or why there are none."""
        url = file.provenance or ""
        if _origin(url) != _origin(self.indexes["pypi"]):
            return "the index names another host for them, and that is not asked"
        answer = await self._got(url, "application/vnd.pypi.integrity.v1+json")
        if isinstance(answer, str):
            return answer
        return attested(replace(artifact, name=file.name), answer)

    async def _got(self, url: str, accept: str) -> bytes | str:
        """The body of an answer, or why there is none (rules 2 and 3)."""
        import httpx2

        try:
            async with (
                self.turn,
                asyncio.timeout(self.patience),
                self.http.stream("GET", url, headers={"Accept": accept}) as answer,
            ):
                if answer.status_code != 200:
                    return f"it answered {answer.status_code}"
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _LARGEST:
                        return f"its answer is larger than {_LARGEST >> 20} MiB"
                return bytes(body)
        except TimeoutError:
            return f"it did not answer within {self.patience:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            return f"it could not be asked: {str(error) or type(error).__name__}"


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _listed(package: Package, indexed: Indexed | str) -> list[tuple[Artifact, IndexedFile]]:
    """The locked artifacts that the index lists by their digest."""
    files = () if isinstance(indexed, str) else indexed.files
    by_digest = {digest: file for file in files for digest in file.digests}
    both = ((it, by_digest.get(it.digest)) for it in package.artifacts)
    return [(artifact, file) for artifact, file in both if file is not None]


def _filled(
    package: Package,
    indexed: Indexed | str,
    proved: Mapping[tuple[str, str], Attested | str],
) -> Package:
    listed = {artifact.digest: file for artifact, file in _listed(package, indexed)}
    if not listed:
        return package
    artifacts = tuple(
        _artifact(it, listed[it.digest]) if it.digest in listed else it for it in package.artifacts
    )
    publishers = _publishers(package, listed, proved)
    return replace(package, artifacts=artifacts, publishers=publishers)


def _artifact(artifact: Artifact, file: IndexedFile) -> Artifact:
    return replace(
        artifact,
        name=file.name,
        size=file.size if file.size is not None else artifact.size,
        uploaded=file.uploaded or artifact.uploaded,
        yanked=file.yanked,
    )


def _publishers(
    package: Package,
    listed: Mapping[str, IndexedFile],
    proved: Mapping[tuple[str, str], Attested | str],
) -> tuple[Publisher, ...] | None:
    """Whom attestations prove; None where the index told of no attestation, or not all held."""
    found: dict[Publisher, None] = {}
    for digest, file in listed.items():
        answer = proved.get((called(package), digest))
        if file.publisher is not None:
            found[file.publisher] = None
        elif isinstance(answer, Attested) and not answer.problems:
            found |= dict.fromkeys(answer.publishers)
        elif file.provenance != "":
            return package.publishers
    return tuple(found)
