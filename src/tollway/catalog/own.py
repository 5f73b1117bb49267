"""A user's own chips and models, laid over the packaged ones.

Rules
1. What a file describes is told by what it says: a chip has memory, a model has layers, an engine
   has defaults. JSON is a model's config.json.
2. One's own comes before the packaged one of the same name.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tollway.catalog import shelf
from tollway.catalog.chips import Chip, read_chip
from tollway.catalog.engines import Engine, EngineDefaults, read_engine
from tollway.catalog.facts import Provenance
from tollway.catalog.huggingface import read_config
from tollway.catalog.models import ModelShape, read_model
from tollway.errors import TollwayError, unknown


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A user's `chips`, `models` and `engines` by name, over the packaged ones. Make it with
    `own`."""

    chips: Mapping[str, Chip]
    models: Mapping[str, ModelShape]
    engines: Mapping[str, Engine]

    def chip(self, name: str) -> Chip:
        """The chip of that name, one's own first.

        Raises:
            TollwayError: there is none.
        """
        if name in self.chips:
            return self.chips[name]
        _known(name, "chip", self.chips, shelf.chip_names())
        return shelf.chip(name)

    def model(self, name: str) -> ModelShape:
        """The model of that name, one's own first.

        Raises:
            TollwayError: there is none.
        """
        if name in self.models:
            return self.models[name]
        _known(name, "model", self.models, shelf.model_names())
        return shelf.model(name)

    def engine(self, name: str) -> Engine:
        """The serving engine of that name, one's own first.

        Raises:
            TollwayError: there is none.
        """
        if name in self.engines:
            return self.engines[name]
        _known(name, "engine", self.engines, shelf.engine_names())
        return shelf.engine(name)

    def engine_defaults(self, name: str, version: str | None, on: Chip) -> EngineDefaults:
        """What an engine takes on a chip where its user says nothing, one's own engines first; a
        wrapper's are those of the engine that it wraps.

        Raises:
            TollwayError: there is no such engine.
        """
        found = self.engine(name)
        wrapped = found if found.same_as is None else self.engine(found.same_as)
        return wrapped.defaults(version, on)


def own(texts: Mapping[str, str], read_on: date) -> Catalogue:
    """The catalogue with what `texts` describe laid over it: by name, the text of a TOML file or
    of a config.json. `read_on` dates the facts of a config.json, which carries no date.

    Raises:
        TollwayError: a text is none of them; the message names it and the key.
    """
    chips: dict[str, Chip] = {}
    models: dict[str, ModelShape] = {}
    engines: dict[str, Engine] = {}
    for name, text in texts.items():
        kind = _kind(name, text)
        if kind == "config":
            origin = Provenance(f"config.json of {name}", read_on, "user's file")
            models[name] = read_config(name, text, origin)
        elif kind == "memory":
            chips[name] = read_chip(name, text)
        elif kind == "layers":
            models[name] = read_model(name, text)
        else:
            engines[name] = read_engine(name, text)
    return Catalogue(chips, models, engines)


def _kind(name: str, text: str) -> str:
    if text.lstrip().startswith("{"):
        return "config"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TollwayError(f"{name} is not TOML: {error}") from None
    for key in ("memory", "layers", "defaults", "same_as"):
        if key in table:
            return key
    raise TollwayError(
        f"{name} is neither a chip, a model nor an engine. Give a chip [[memory]] tables, a model "
        "layers, an engine [[defaults]] tables."
    )


def _known(name: str, place: str, mine: Iterable[str], packaged: Iterable[str]) -> None:
    every = {*mine, *packaged}
    if name not in every:
        raise TollwayError(str(unknown(name, every, place)))
