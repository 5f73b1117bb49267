"""Measured serving results that ship with the package, each with its source, and what they ask."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tollway.catalog import chip, model
from tollway.engine.question import EngineSettings, Layout, Question, Speculation, Workload

DATA = "measured.csv"


@dataclass(frozen=True, slots=True)
class Measured:
    """One result. `ttft` and `tpot` are means in seconds. `use` is fit, check or none; `note` says
    which inputs were inferred, `unanswered` why it cannot be asked (None: it can)."""

    id: str
    source: str
    use: str
    date: str
    chip: str
    model: str
    precision: str
    framework: str
    version: str
    ttft: float
    tpot: float
    note: str
    unanswered: str | None
    fields: dict[str, str]

    @property
    def family(self) -> str:
        """Models that are left out together, for they are one shape."""
        return "deepseek-v3" if self.model.startswith("deepseek-") else self.model

    @property
    def generation(self) -> str:
        """Chips that are left out together."""
        return "hopper" if self.chip.startswith(("h100", "h200", "gh200")) else self.chip


@cache
def measured() -> tuple[Measured, ...]:
    """Every packaged result, in the order of the file."""
    text = (files("tollway.engine") / DATA).read_text(encoding="utf-8")
    return tuple(_read(text))


def _read(text: str) -> Iterator[Measured]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for row in csv.DictReader(lines):
        yield Measured(
            id=row["id"],
            source=row["source"],
            use=row["use"],
            date=row["date"],
            chip=row["chip"],
            model=row["model"],
            precision=row["precision"],
            framework=row["framework"],
            version=row["version"],
            ttft=float(row["ttft_ms"]) / 1e3,
            tpot=float(row["tpot_ms"]) / 1e3,
            note=row["note"],
            unanswered=row["unanswered"] or None,
            fields=row,
        )


def question_of(row: Measured) -> Question:
    """What the result is the answer to."""
    said = row.fields

    def whole(name: str) -> int | None:
        return int(said[name]) if said[name] else None

    drafted = whole("drafted")
    speculation = None if drafted is None else Speculation(drafted, float(said["accepted"]))
    return Question(
        model=model(row.model),
        chip=chip(row.chip),
        layout=Layout(
            tp=int(said["tp"]), ep=int(said["ep"]), attention_dp=int(said["attention_dp"])
        ),
        settings=EngineSettings(
            precision=row.precision,
            kv_precision=said["kv_precision"] or None,
            framework=row.framework,
            version=row.version or None,
            memory_share=float(said["memory_share"]) if said["memory_share"] else None,
            batch_tokens=whole("batch_tokens"),
            sequences=whole("sequences"),
            hold_steps=whole("hold_steps") or 0,
            hold_tokens=whole("hold_tokens"),
            speculation=speculation,
        ),
        workload=Workload(
            input_tokens=int(said["input"]),
            output_tokens=int(said["output"]),
            spread=float(said["spread"] or 0.0),
            concurrency=int(said["concurrency"]),
            requests=whole("requests"),
        ),
    )
