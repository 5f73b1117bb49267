"""The sandbox's settings as they are written: a block of a fleet file, where it says anything."""

import json
from collections.abc import Iterator
from dataclasses import fields

from tollway.fleet.objects import Fleet
from tollway.fleet.render_egress import duration_text, size_text
from tollway.fleet.sandboxing import SandboxSettings

_SIZES = frozenset(("memory", "disk", "output", "kept"))
_DURATIONS = frozenset(("time", "grace"))


def blocks(fleet: Fleet) -> Iterator[list[str]]:
    """The table, a list of lines; nothing where all is as it is without one."""
    usual = SandboxSettings()
    names = [it.name for it in fields(usual)]
    values = {it: getattr(fleet.sandbox, it) for it in names}
    said = {it: value for it, value in values.items() if value != getattr(usual, it)}
    if said:
        yield ["[sandbox]", *(f"{it} = {_written(it, value)}" for it, value in said.items())]


def _written(name: str, value: object) -> str:
    if name in _SIZES and isinstance(value, int):
        return size_text(value)
    if name in _DURATIONS and isinstance(value, float):
        return duration_text(value)
    return json.dumps(value)
