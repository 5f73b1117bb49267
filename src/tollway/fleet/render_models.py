"""Models as they are written: blocks of a fleet file."""

import json
from collections.abc import Iterator, Mapping

from tollway.fleet.findings import place
from tollway.fleet.objects import Model
from tollway.fleet.quality import Quality


def blocks(models: Mapping[str, Model]) -> Iterator[list[str]]:
    """A table for each model, a list of lines."""
    for name, model in models.items():
        rows = [
            f"[{place('', ('models', name)).removeprefix(': ')}]",
            f"aliases = [{', '.join(map(json.dumps, model.aliases))}]",
            f"reserve_output = {model.reserve_output}",
        ]
        if model.context is not None:
            rows.append(f"context = {model.context}")
        rows += [f"quality.{use} = {_quality(one)}" for use, one in model.quality.items()]
        yield rows


def _quality(one: Quality) -> str:
    margin = "" if one.margin is None else f"margin = {one.margin!r}, "
    return f"{{ score = {one.score!r}, {margin}of = {json.dumps(one.of)} }}"
