"""Whether what is declared of pins can hold: models that are there, paths that stay inside.

Rules
1. Where routes go by a lock there is a table that names it.
2. A path leads to what is beside the fleet file: the lock travels with it.
"""

from collections.abc import Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.schema_pins import PinsTable


def check_pins(declared: Declared) -> Iterator[Finding]:
    """Every fault of pins beyond their own keys."""
    placed = declared.pins
    for alias, route in declared.routes.items():
        if route.table.pins is not None and placed.table is None:
            path: Path = ("routes", alias, "pins")
            problem = f'is "{route.table.pins}", and there is no lock'
            yield Finding(route.document, path, problem, "Write a [pins] table.")
    if placed.table is None:
        return
    yield from _models(declared, placed.document, placed.table)
    yield from _paths(placed.document, placed.table)
    yield from _signers(placed.document, placed.table)
    for name in placed.table.fallbacks:
        if ":" not in name.strip(":"):
            mend = 'Write "kind:name", as the lock lists it: "pypi:numpy".'
            yield Finding(placed.document, ("pins", "fallbacks", name), "names no component", mend)


def _models(declared: Declared, document: str, table: PinsTable) -> Iterator[Finding]:
    known = [
        f"{name}/{model}" for name, it in declared.sources.items() for model in it.table.serves
    ]
    for name in table.models:
        source = name.partition("/")[0]
        if name not in known and source not in declared.unsure:
            fault = unknown(name, known, "")
            yield Finding(document, ("pins", "models", name), fault.problem, fault.mend)


def _signers(document: str, table: PinsTable) -> Iterator[Finding]:
    for name, it in table.weights.items():
        if it.signed is None:
            continue
        by_key, by_name = it.signed.public_key, (it.signed.identity, it.signed.issuer)
        whole = by_name == (None, None) if by_key is not None else None not in by_name
        if not whole:
            path: Path = ("pins", "weights", name, "signed")
            mend = "Write public_key, or identity and issuer."
            yield Finding(document, path, "names no one signer", mend)


def _paths(document: str, table: PinsTable) -> Iterator[Finding]:
    named: list[tuple[Path, str]] = [
        *((("pins", key, i), it) for key in ("requirements", "prompts")
          for i, it in enumerate(getattr(table, key))),
        *((("pins", "weights", name, "path"), it.path) for name, it in table.weights.items()),
        *((("pins", "weights", name, "signed", key), text)
          for name, it in table.weights.items() if it.signed is not None
          for key, text in (("path", it.signed.path), ("public_key", it.signed.public_key))
          if text is not None),
    ]  # fmt: skip
    for path, text in named:
        if text.startswith("/") or ".." in text.split("/") or "\0" in text:
            mend = "Name files within the fleet file's folder."
            yield Finding(document, path, f'is "{text}", which leads out of the folder', mend)
