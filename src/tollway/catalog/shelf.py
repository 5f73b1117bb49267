"""Finds chips, models, engines and contracts in the packaged files; reads what is asked for."""

import tomllib
from functools import cache
from importlib.resources import files

from tollway.catalog.chips import Chip, read_chip
from tollway.catalog.engines import Engine, EngineDefaults, read_engine
from tollway.catalog.models import ModelShape, read_model
from tollway.errors import TollwayError, unknown

_ENDING = ".toml"


def _names(shelf: str) -> tuple[str, ...]:
    entries = (files("tollway.catalog") / shelf).iterdir()
    return tuple(
        sorted(
            entry.name.removesuffix(_ENDING) for entry in entries if entry.name.endswith(_ENDING)
        )
    )


def _text(shelf: str, name: str, place: str) -> str:
    known = _names(shelf)
    if name not in known:
        raise TollwayError(str(unknown(name, known, place)))
    return (files("tollway.catalog") / shelf / f"{name}{_ENDING}").read_text(encoding="utf-8")


def contract_texts() -> dict[str, str]:
    """The public contracts and their parties: file name -> TOML, for the fleet room to read."""
    return {
        f"{name}{_ENDING}": _text("contracts", name, "contract") for name in _names("contracts")
    }


def chip_names() -> tuple[str, ...]:
    """The chips of the catalogue, sorted."""
    return _names("chips")


def model_names() -> tuple[str, ...]:
    """The models of the catalogue, sorted."""
    return _names("models")


def engine_names() -> tuple[str, ...]:
    """The serving engines of the catalogue, sorted."""
    return _names("engines")


@cache
def _aliases() -> dict[str, dict[str, str]]:
    text = (files("tollway.catalog") / "aliases.toml").read_text(encoding="utf-8")
    shelves: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return {
        shelf: {alias: name for name, aliases in entries.items() for alias in aliases}
        for shelf, entries in shelves.items()
    }


def known_as(shelf: str, name: str) -> str | None:
    """The catalogue's name of what others call `name`; None where nothing is known by it.
    `shelf` is chips, models or engines. Case does not matter, nor does a remark in parentheses at
    the end; a precision in a name is not told."""
    lowered = name.strip().lower()
    if lowered in _names(shelf):
        return lowered
    aliases = _aliases().get(shelf, {})
    return aliases.get(lowered) or aliases.get(lowered.partition(" (")[0])


@cache
def chip(name: str) -> Chip:
    """The chip of that name.

    Raises:
        TollwayError: there is none; the message names known ones and the closest.
    """
    return read_chip(name, _text("chips", name, "chip"))


@cache
def model(name: str) -> ModelShape:
    """The model of that name.

    Raises:
        TollwayError: there is none; the message names known ones and the closest.
    """
    return read_model(name, _text("models", name, "model"))


@cache
def engine(name: str) -> Engine:
    """The serving engine of that name.

    Raises:
        TollwayError: there is none; the message names known ones and the closest.
    """
    return read_engine(name, _text("engines", name, "engine"))


def engine_defaults(name: str, version: str | None, on: Chip) -> EngineDefaults:
    """What an engine takes on a chip where its user says nothing; a wrapper's are those of the
    engine that it wraps.

    Raises:
        TollwayError: there is no such engine.
    """
    found = engine(name)
    return (found if found.same_as is None else engine(found.same_as)).defaults(version, on)
