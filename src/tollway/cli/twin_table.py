"""Scores for people and for programs; docs/reference/twin-json.md says what every key is."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tollway.cli.calibrated import Calibrated
from tollway.cli.table import Column, print_table
from tollway.fleet.objects import Fleet
from tollway.simulator import scores_told as told
from tollway.simulator.answer_told import seconds
from tollway.simulator.scores import FIGURES, Figure, Score, Stale, Trio
from tollway.simulator.scores_told import day_words

EMULATED = "its engine isn't there: nothing to calibrate. See --warp, and how busy the machine was"


@dataclass(frozen=True, slots=True)
class Unscored:
    """A model of a source that has no score on these days (none: on no day), and why."""

    source: str
    model: str
    why: str
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the command has to show, of the ledger at `path`."""

    path: Path
    fleet: Fleet
    calibrated: Mapping[Trio, Calibrated]
    days: tuple[int, ...]
    scores: tuple[Score, ...]
    stale: tuple[Stale, ...]
    unscored: tuple[Unscored, ...]


def mend(shown: Shown, one: Stale) -> str | None:
    """The command that mends it; None where there is no source to calibrate."""
    own = {trio: str(found.path) for trio, found in shown.calibrated.items()}
    return told.mend(str(shown.path), shown.fleet, own, one)


def as_text(shown: Shown) -> str:
    """The scores, what is stale, and what was not scored."""
    out = io.StringIO()
    if shown.scores:
        names = ("observed", "predicted", "80% interval", "error")
        columns = [Column("day"), Column("source"), Column("")]
        columns += [Column(name, True) for name in names] + [Column("")]
        with redirect_stdout(out):
            print_table(columns, [row for one in shown.scores for row in _rows(one)])
    if shown.unscored:
        out.write("\n" * bool(shown.scores) + "not scored:\n")
        out.writelines(f"  {_unscored(one)}\n" for one in shown.unscored)
    for one in shown.stale:
        out.write(f"\nSTALE {one.last.source}:{one.last.model}: {told.outside_words(one)}\n")
        line = mend(shown, one)
        out.write(f"  {line}\n" if line is not None else f"  {EMULATED}.\n")
    return out.getvalue()


def _rows(one: Score) -> list[list[str]]:
    """Four rows: beside the figures stand the source, its requests, and where the prediction is
    from."""
    notes = ", fitted on it" * one.fitted_later + ", near its knee" * one.near
    beside = [
        f"{one.source}:{one.model}",
        f"{one.requests:,} requests{notes}",
        one.provenance + ", emulated" * one.emulated,
        f"constants {one.claim.constants}",
    ]
    rows: list[list[str]] = []
    for name, words in zip(FIGURES, beside, strict=True):
        figure = one.figure(name)
        day = "" if rows else day_words(one.day)
        metric, _, share = name.partition("_")
        rows.append([day, words, f"{metric.upper()} {share}", *_cells(figure)])
    return rows


def _cells(one: Figure | None) -> list[str]:
    if one is None:
        return ["-", "-", "-", "-", "too few requests"]
    scale = one.high
    return [
        seconds(one.observed),
        seconds(one.predicted),
        f"{seconds(one.low, scale)}-{seconds(one.high, scale)} {'ms' if scale < 1 else 's'}",
        f"{one.error:+.0%}",
        "" if one.side is None else f"OUTSIDE, {one.side}",
    ]


def _unscored(one: Unscored) -> str:
    days = one.days
    when = f" ({len(days)} days from {day_words(days[0])} on)" if len(days) > 1 else ""
    if len(days) == 1:
        when = f" ({day_words(days[0])})"
    return f"{one.source}:{one.model}: {one.why}{when}"


def as_words(shown: Shown) -> str:
    """What must be known to read the scores, for standard error."""
    lines: list[str] = []
    if not shown.scores:
        lines.append("No day was scored.")
    fitted = sorted({f"{one.source}:{one.model}" for one in shown.scores if one.fitted_later})
    if fitted:
        lines.append(
            f"{', '.join(fitted)}: constants that were fitted on a day prove nothing of it; the "
            "days after it will tell."
        )
    if shown.stale:
        lines.append(
            "Until then no command calls these speeds measured. Hand what calibrate writes to "
            "`tollway twin`, `simulate` and `predict`: --calibrated FILE."
        )
    return "".join(f"{line}\n" for line in lines)


def as_json(shown: Shown) -> str:
    """One JSON object; times in seconds."""
    whole = {
        "format": 1,
        "days": [day_words(day) for day in shown.days],
        "scores": [told.score_for_programs(one) for one in shown.scores],
        "stale": [told.stale_for_programs(one, mend(shown, one)) for one in shown.stale],
        "unscored": [
            {
                "source": one.source,
                "model": one.model,
                "days": [day_words(day) for day in one.days],
                "why": one.why,
            }
            for one in shown.unscored
        ],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
