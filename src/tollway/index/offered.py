"""What an index offers: a name's files, each with its facts and where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tollway.pins.admission import PackageFile
from tollway.pins.component import Ecosystem


@dataclass(frozen=True, slots=True)
class Offered:
    """One file. `url` is where it lies. Of PyPI: `python` is Requires-Python, `metadata` the digest
    of its PEP 658 metadata, `provenance` where its attestations lie. Of npm: `manifest`."""

    facts: PackageFile
    url: str
    python: str | None = None
    metadata: str | None = None
    provenance: str | None = None
    manifest: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All that an index offers under one name, the oldest first. `tags` are npm's dist-tags,
    `times` its versions' times as they were written."""

    kind: Ecosystem
    name: str
    files: tuple[Offered, ...]
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    times: Mapping[str, str] = field(default_factory=dict[str, str])


def release(name: str, version: str) -> str:
    """As people write it."""
    return f"{name}@{version}"
