"""What an index says of a package: PEP 691's JSON and npm's packument, as records.

Rules
1. A record holds what the index said and no guess: None where it did not say.
2. What is truncated or of another form is refused whole; an entry that is not understood is
   counted.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from tollway.errors import Fault, FaultsFound
from tollway.pins.component import Publisher

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")
_LENGTHS = {"sha512": 64, "sha256": 32}
_LIFECYCLE = ("preinstall", "install", "postinstall", "prepare")


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of a release, as an index lists it.

    `yanked` is the reason or an empty string, None where it is not; for npm, the words of
    `deprecated`. `provenance` is the URL of its attestations, an empty string where the index says
    that there are none, None where it does not say. `publisher` is who the index says uploaded it:
    nothing attests that.
    """

    name: str
    version: str
    digests: tuple[str, ...]
    size: int | None = None
    uploaded: datetime | None = None
    yanked: str | None = None
    provenance: str | None = None
    publisher: Publisher | None = None
    scripts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """What verifying the attestations of an artifact said: the publishers that hold, and why others
    do not."""

    publishers: tuple[Publisher, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """All files of a package; `unread` counts entries that were not understood."""

    files: tuple[IndexedFile, ...]
    unread: int = 0


def read_simple(data: bytes, place: str) -> Indexed:
    """The files of a project's page in JSON (PEP 691).

    Raises:
        FaultsFound: it is no such page.
    """
    told = _object(data, place)
    meta, files = told.get("meta"), told.get("files")
    if not isinstance(meta, dict) or not isinstance(files, list):
        raise _fault(place, "is no page of a simple index in JSON (PEP 691)")
    version = str(cast("dict[str, Any]", meta).get("api-version"))
    if version.partition(".")[0] != "1":
        raise _fault(place, f"has api-version {version[:20]!r}; known: 1.x")
    found = [_simple_file(it) for it in cast("list[object]", files)]
    read = tuple(it for it in found if it is not None)
    return Indexed(read, len(found) - len(read))


def _simple_file(entry: object) -> IndexedFile | None:
    if not isinstance(entry, dict):
        return None
    told = cast("dict[str, Any]", entry)
    name, hashes, yanked = told.get("filename"), told.get("hashes"), told.get("yanked", False)
    if not isinstance(name, str) or not name or not isinstance(hashes, dict):
        return None
    digests = cast("dict[str, Any]", hashes).items()
    return IndexedFile(
        name,
        "",
        tuple(it for it in (digest_of(f"{kind}:{hex_}") for kind, hex_ in digests) if it),
        size_of(told.get("size")),
        moment(told.get("upload-time")),
        None if yanked is False else yanked if isinstance(yanked, str) else "",
        _provenance(told),
    )


def _provenance(told: Mapping[str, Any]) -> str | None:
    """Null says that there is none; a missing key says nothing (PEP 740)."""
    if "provenance" not in told:
        return None
    return told["provenance"] if isinstance(told["provenance"], str) else ""


def read_packument(data: bytes, place: str) -> Indexed:
    """The tarballs of a package's document at an npm registry.

    Raises:
        FaultsFound: it is no such document.
    """
    told = _object(data, place)
    versions = told.get("versions")
    if not isinstance(versions, dict):
        raise _fault(place, "is no packument of an npm registry")
    times = told.get("time")
    at = cast("dict[str, Any]", times) if isinstance(times, dict) else {}
    entries = cast("dict[str, Any]", versions).items()
    found = [_npm_file(version, it, at.get(version)) for version, it in entries]
    read = tuple(it for it in found if it is not None)
    return Indexed(read, len(found) - len(read))


def _npm_file(version: str, entry: object, at: object) -> IndexedFile | None:
    told = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    dist = told.get("dist")
    if not isinstance(dist, dict):
        return None
    facts = cast("dict[str, Any]", dist)
    digest = sri_digest(facts.get("integrity"))
    tarball, attested = facts.get("tarball"), facts.get("attestations")
    if not isinstance(tarball, str):
        return None
    url = cast("dict[str, Any]", attested).get("url") if isinstance(attested, dict) else ""
    user = told.get("_npmUser")
    name = cast("dict[str, Any]", user).get("name") if isinstance(user, dict) else None
    said = told.get("deprecated")
    known = isinstance(name, str) and bool(name)
    return IndexedFile(
        tarball.partition("?")[0].rpartition("/")[2],
        version,
        (digest,) if digest else (),
        None,  # dist.unpackedSize is another quantity
        moment(at),
        said if isinstance(said, str) and said else None,
        url if isinstance(url, str) else "",
        Publisher(kind="npm-user", identity=str(name)) if known else None,
        lifecycle(told.get("scripts")),
    )


def lifecycle(scripts: object) -> tuple[str, ...]:
    """What npm runs of a package's `scripts` when it is installed, as `name: command`."""
    told = cast("dict[str, Any]", scripts) if isinstance(scripts, dict) else {}
    return tuple(f"{it}: {told[it]}" for it in _LIFECYCLE if isinstance(told.get(it), str))


def digest_of(text: object) -> str | None:
    """`sha256:` or `sha512:` and lower-case hex; None for anything else."""
    lowered = text.strip().lower() if isinstance(text, str) else ""
    return lowered if _DIGEST.match(lowered) else None


def sri_digest(integrity: object) -> str | None:
    """The digest of a Subresource Integrity string: sha512 where it is given, else sha256."""
    words = integrity.split() if isinstance(integrity, str) else []
    for kind, length in _LENGTHS.items():
        for word in words:
            found, _, rest = word.partition("-")
            raw = _decoded(rest.partition("?")[0]) if found == kind else b""
            if len(raw) == length:
                return f"{kind}:{raw.hex()}"
    return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def moment(value: object) -> datetime | None:
    """A moment as files tell it, in UTC; None where it is none. Without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None


def size_of(value: object) -> int | None:
    """A size in bytes, or None."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 1 << 62 else None


_NAMES = ("repository", "email", "project", "project_id", "identity", "user")
_WORKFLOWS = ("workflow", "workflow_filepath", "pipeline_definition_id")


def publishers_of(told: Sequence[Mapping[str, Any]] | None) -> tuple[Publisher, ...] | None:
    """The publishers that identities of PEP 740 name; None where none were told of."""
    return None if told is None else tuple(dict.fromkeys(publisher_of(it) for it in told))


def publisher_of(told: Mapping[str, Any]) -> Publisher:
    """One identity. A kind that is not known keeps all that it says of itself."""
    named = next((told[it] for it in _NAMES if isinstance(told.get(it), str) and told[it]), None)
    rest = ", ".join(f"{key}={told[key]}" for key in sorted(told) if key != "kind")
    workflow = next((told[it] for it in _WORKFLOWS if isinstance(told.get(it), str)), "")
    environment = told.get("environment")
    return Publisher(
        kind=str(told.get("kind") or "unknown"),
        identity=named or rest or "unknown",
        workflow=workflow,
        environment=environment if isinstance(environment, str) else "",
    )


def _object(data: bytes, place: str) -> dict[str, Any]:
    try:
        told: object = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _fault(place, f"is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise _fault(place, "is no JSON object")
    return cast("dict[str, Any]", told)


def _fault(place: str, problem: str) -> FaultsFound:
    return FaultsFound([Fault(f"{place}:", problem, "Name an index that serves PEP 691 or npm.")])
