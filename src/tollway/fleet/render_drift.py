"""The watch for drift as it is written: a block of a fleet file."""

import json
from collections.abc import Iterator
from decimal import Decimal

from tollway.fleet.drifting import DriftSettings
from tollway.fleet.render_egress import duration_text


def blocks(drift: DriftSettings | None) -> Iterator[list[str]]:
    """The table, a list of lines; nothing where there is none."""
    if drift is None:
        return
    budget = format(Decimal(drift.budget).scaleb(-12).normalize(), "f")
    rows = [
        "[drift]",
        f"tenant = {json.dumps(drift.tenant)}",
        f"every = {duration_text(drift.every)}",
        f"again = {duration_text(drift.again)}",
        f"calls = {drift.calls}",
        f'budget = "{budget}"',
        f'action = "{drift.action}"',
        f'same_model = "{drift.same_model}"',
    ]
    if drift.models is not None:
        rows.append(f"models = {json.dumps(list(drift.models))}")
    yield rows
