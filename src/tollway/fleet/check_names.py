"""Whether names can be told apart: their letters, aliases that clash, a fleet with nothing in it.

Rules
1. A name goes into headers, labels and `source:model`, so its letters are limited.
2. A name that clients ask for means one model.
"""

import re
from collections.abc import Iterator

from tollway.fleet.declared import NAMED, Declared, Placed
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import shown

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_LABEL_MEND = "Use letters, digits, dots, dashes and underscores, 64 at most."
_MODEL_MEND = "Use letters, digits and . _ : / @ + - , 128 at most."


def check_names(declared: Declared) -> Iterator[Finding]:
    """Every fault of names."""
    if not declared.names["models"]:
        yield Finding(declared.main, (), "declares no models", "Write [models.NAME].")
    if not declared.names["sources"]:
        mend = "Write [sources.NAME]; `tollway init` writes a first file."
        yield Finding(declared.main, (), "declares no sources", mend)
    yield from check_letters(declared)
    yield from _aliases(declared)
    yield from _shadowed(declared)


def check_letters(declared: Declared) -> Iterator[Finding]:
    """Every name whose letters say that it is none."""
    for section in NAMED:
        entries: dict[str, Placed[object]] = dict(getattr(declared, section))
        for name, placed in entries.items():
            yield from _letters(section, name, placed.document)


def _letters(section: str, name: str, document: str) -> Iterator[Finding]:
    asked_for = section in ("models", "routes")
    pattern, mend = (_MODEL, _MODEL_MEND) if asked_for else (_LABEL, _LABEL_MEND)
    if pattern.fullmatch(name) is None:
        yield Finding(document, (section, name), "is not a name that headers can carry", mend)


def _aliases(declared: Declared) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for name, placed in declared.models.items():
        for index, alias in enumerate(placed.table.aliases):
            path: Path = ("models", name, "aliases", index)
            problem = ""
            if _MODEL.fullmatch(alias) is None:
                yield Finding(placed.document, path, f"is {shown(alias)}", _MODEL_MEND)
                continue
            if alias in declared.names["models"]:
                problem = f"is {shown(alias)}, the name of a model"
            elif alias in taken:
                problem = f"is {shown(alias)}, an alias of models.{taken[alias]} already"
            elif alias in declared.routes and declared.routes[alias].table.model != name:
                other = declared.routes[alias].table.model
                problem = f"is {shown(alias)}, a route to model {shown(other)}"
            if problem:
                yield Finding(placed.document, path, problem, "Choose another alias.")
            taken.setdefault(alias, name)


def _shadowed(declared: Declared) -> Iterator[Finding]:
    for alias, placed in declared.routes.items():
        model = placed.table.model
        if alias in declared.models and model in declared.models and model != alias:
            yield Finding(
                placed.document,
                ("routes", alias, "model"),
                f"is {shown(model)}, though the route has the name of model {shown(alias)}",
                "Rename the route, or serve the model that it is named after.",
            )
