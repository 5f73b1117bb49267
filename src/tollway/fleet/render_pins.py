"""What is pinned as it is written: blocks of a fleet file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tollway.fleet.findings import place
from tollway.fleet.pinning import PinSettings

_LISTS = ("requirements", "prompts", "images")


def blocks(pins: PinSettings | None) -> Iterator[list[str]]:
    """The table and those below it, each a list of lines; nothing where nothing is pinned."""
    if pins is None:
        return
    lists = {it: getattr(pins, it) for it in _LISTS if getattr(pins, it)}
    yield _table(("pins",), {"mode": pins.mode, "lock": pins.lock, **lists})
    for name, model in pins.models.items():
        facts = {
            "answers": model.answers or None,
            "fingerprints": model.fingerprints or None,
            "shutdown": model.shutdown,
        }
        yield _table(("pins", "models", name), facts)
    for name, weights in pins.weights.items():
        facts = {
            "path": weights.path,
            "formats": weights.formats or None,
            "globals": weights.globals or None,
        }
        yield _table(("pins", "weights", name), facts)
        if weights.signed is not None:
            yield _table(("pins", "weights", name, "signed"), asdict(weights.signed))
    if pins.runtimes:
        yield _table(("pins", "runtimes"), pins.runtimes)
    if pins.fallbacks:
        yield _table(("pins", "fallbacks"), pins.fallbacks)
    for it in pins.accept:
        facts = {"component": it.component, "rule": it.rule, "reason": it.reason, "until": it.until}
        yield ["[[pins.accept]]", *_rows(facts)]


def _table(path: tuple[str, ...], facts: Mapping[str, Any]) -> list[str]:
    return [f"[{place('', path).removeprefix(': ')}]", *_rows(facts)]


def _rows(facts: Mapping[str, Any]) -> Iterator[str]:
    for key, value in facts.items():
        if value is None:
            continue
        words = json.dumps(value, ensure_ascii=False) if isinstance(value, str | tuple) else value
        yield f"{place('', (key,)).removeprefix(': ')} = {words}"
