"""Releases that are known to be hostile, for an audit that has no advisories at hand."""

import tomllib
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

import msgspec


@dataclass(frozen=True, slots=True)
class BadRelease:
    """Hostile releases of a package. `source` is an advisory's id, or words for the incident."""

    ecosystem: str
    name: str
    versions: tuple[str, ...]
    what: str
    source: str
    date: date


def bad_releases() -> tuple[BadRelease, ...]:
    """All of them, in the order of the file."""
    text = (files("tollway.catalog") / "bad_releases.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["release"], tuple[BadRelease, ...])
