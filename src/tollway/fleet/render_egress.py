"""Egress and secrets as they are written: blocks of a fleet file.

Rules
1. What is rendered parses to the same objects; what is absent is left out.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal

from tollway.fleet.egressing import EgressRule, EgressSettings, SecretUse
from tollway.fleet.findings import place
from tollway.fleet.objects import Fleet

_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_SIZE_KEYS = frozenset(("max_body", "max_held", "max_header_bytes"))


def blocks(fleet: Fleet) -> Iterator[list[str]]:
    """Tables of a fleet file, each a list of lines."""
    if fleet.egress is not None:
        yield _egress(fleet.egress)
        for rule in fleet.egress.rules:
            yield ["[[egress.allow]]", *_rows(rule, ())]
    for name, secret in fleet.secrets.items():
        head = place("", ("secrets", name)).removeprefix(": ")
        skipped = ("name",) if secret.place == "header" else ("name", "header")
        yield [f"[{head}]", *_rows(secret, skipped)]


def _egress(egress: EgressSettings) -> list[str]:
    host = f"[{egress.host}]" if ":" in egress.host else egress.host
    rows = _rows(egress, ("host", "port", "rules"))
    return ["[egress]", f"listen = {json.dumps(f'{host}:{egress.port}')}", *rows]


def _rows(one: EgressSettings | EgressRule | SecretUse, skipped: tuple[str, ...]) -> list[str]:
    values = {it.name: getattr(one, it.name) for it in fields(one) if it.name not in skipped}
    return [f"{key} = {_written(key, value)}" for key, value in values.items() if value is not None]


def _written(key: str, value: object) -> str:
    if isinstance(value, float):  # seconds are the only fractions here
        return duration_text(value)
    if key in _SIZE_KEYS and isinstance(value, int):
        return size_text(value)
    return json.dumps(value)


def duration_text(seconds: float) -> str:
    """A duration, as TOML has it."""
    return json.dumps(f"{Decimal(repr(seconds)).normalize():f}s")


def size_text(size: int) -> str:
    """A size, as TOML has it."""
    unit, name = next((unit, name) for unit, name in _SIZES if size % unit == 0)
    return json.dumps(f"{size // unit}{name}")
