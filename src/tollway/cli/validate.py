"""`tollway validate`: the accuracy table, from the measured results that ship.

Rules
1. Nothing leaves the count: what could not be answered is listed with its reason, and what no
   result can tell stands below it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from tollway.catalog import chip_names
from tollway.cli.table import Column, print_table
from tollway.engine.measured import measured
from tollway.engine.validation import (
    SPLITS,
    Accuracy,
    Report,
    Scored,
    accuracy,
    coverage,
    held,
    load_accuracy,
    sliced,
)
from tollway.engine.validation import validate as run

NOT_VALIDATED = (
    "Energy and price: they are rated power and your price over predicted tokens.",
    "Pipeline parallelism, prefix caching, and memory tiers after the first: no result uses them.",
    "Prefill on chips of its own: no result states both halves.",
    "Requests that arrive at a rate: every result is of users who ask again once answered.",
    "Tails: results and answers are means.",
)

SPLIT_MEANING = {
    "fitted": "the constants that ship, on results that they were fitted on",
    "model left out": "fitted without the model's shape",
    "chip left out": "fitted without the chip's generation",
    "never fitted": "the constants that ship, on sources that were never fitted on",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a split, and one slice of it where it is cut up. `load` is of the
    largest number of users that keeps a TPOT; TTFT is below saturation."""

    split: str
    part: str | None
    results: int
    tpot: Accuracy | None
    tpot_covered: float | None
    ttft: Accuracy | None
    ttft_covered: float | None
    load: Accuracy | None


def validate(
    *,
    by: Literal[
        "split", "chip", "model", "framework", "source", "precision", "tokens", "concurrency"
    ] = "split",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say how far the engine model is off on measured results, and how often intervals hold.

    Parameters
    ----------
    by
        What to cut each split by.
    json
        Print one JSON object.
    """
    report = run(progress=_progress(len(measured())))
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    found = lines(report, by)
    if json:
        sys.stdout.write(_as_json(report, found, by))
        return 0
    _print(report, found, by)
    return 0


def _progress(total: int) -> Callable[[int], None]:
    if not sys.stderr.isatty():
        sys.stderr.write(f"Asking about {total:,} measured results; about ten seconds.\n")
        return lambda _: None

    def shown(done: int) -> None:
        if done % 100 == 0:
            sys.stderr.write(f"\r{done:,} of {total:,} measured results")
            sys.stderr.flush()

    return shown


def lines(report: Report, by: str) -> list[Line]:
    """The table, in the order of splits and of names."""
    found: list[Line] = []
    for split in SPLITS:
        scored = [one for one in report.scored if one.split == split]
        if not scored:
            continue
        tpot, ttft = held(scored, "tpot"), held(scored, "ttft")
        flags = {id(one): both for one, *both in zip(scored, tpot, ttft, strict=True)}
        if by == "split":
            found.append(_line(split, None, scored, flags))
        else:
            parts = _parts(scored, by)
            found += [_line(split, name, part, flags) for name, part in parts.items()]
    return found


def _parts(scored: Sequence[Scored], by: str) -> Mapping[str, Sequence[Scored]]:
    parts = sliced(scored, by)
    if by == "concurrency":
        return dict(sorted(parts.items(), key=lambda item: int(item[0])))
    return parts


def _line(
    split: str,
    part: str | None,
    scored: Sequence[Scored],
    flags: Mapping[int, Sequence[bool | None]],
) -> Line:
    return Line(
        split=split,
        part=part,
        results=len(scored),
        tpot=accuracy(scored, "tpot"),
        tpot_covered=coverage(flags[id(one)][0] for one in scored),
        ttft=accuracy(scored, "ttft", saturated=False),
        ttft_covered=coverage(flags[id(one)][1] for one in scored),
        load=load_accuracy(scored),
    )


def _print(report: Report, found: Sequence[Line], by: str) -> None:
    names = ("results", "TPOT", "p90", "in 80%", "TTFT", "p90", "in 80%", "load", "p90")
    numbers = [Column(name, True) for name in names]
    if by == "split":
        print_table([Column("split"), *numbers], [[one.split, *_cells(one)] for one in found])
    for split in SPLITS if by != "split" else ():
        part = [one for one in found if one.split == split]
        if part:
            sys.stdout.write(f"{split}\n")
            rows = [[one.part or "", *_cells(one)] for one in part]
            print_table([Column(by), *numbers], rows)
            sys.stdout.write("\n")
    sys.stdout.write("\n" * (by == "split") + _legend())
    _print_missing(report)


def _legend() -> str:
    splits = "".join(f"  {name}: {words}\n" for name, words in SPLIT_MEANING.items())
    return (
        "Medians and 90th percentiles of absolute errors; TTFT below saturation. in 80%: how many\n"
        "results an 80% interval holds that was made without them. load: users within a TPOT.\n"
        f"{splits}"
    )


def _cells(one: Line) -> list[str]:
    return [
        f"{one.results:,}",
        *_pair(one.tpot),
        "-" if one.tpot_covered is None else f"{one.tpot_covered:.0%}",
        *_pair(one.ttft),
        "-" if one.ttft_covered is None else f"{one.ttft_covered:.0%}",
        *_pair(one.load),
    ]


def _pair(one: Accuracy | None) -> list[str]:
    if one is None:
        return ["-", "-"]
    return [f"{value:.1f}%" if value < 10 else f"{value:,.0f}%" for value in (one.median, one.p90)]


def _print_missing(report: Report) -> None:
    share = report.answered / report.readable if report.readable else 0.0
    sys.stdout.write(
        f"\nAnswered: {report.answered:,} of the {report.readable:,} results that state their "
        f"deployment and load ({share:.1%}).\nNot answered, of {report.asked:,} in all:\n"
    )
    for one in report.unanswered:
        sys.stdout.write(f"  {one.count:,} of {one.source}: {one.reason}\n")
    sys.stdout.write("\nNot validated:\n")
    for words in not_validated(report):
        sys.stdout.write(f"  {words}\n")


def not_validated(report: Report) -> list[str]:
    """What no packaged result can tell, in a sentence each."""
    seen = {one.row.chip for one in report.scored}
    unseen = [name for name in chip_names() if name not in seen]
    return [*NOT_VALIDATED, f"Chips without a result: {', '.join(unseen)}."]


def _as_json(report: Report, found: Sequence[Line], by: str) -> str:
    import msgspec

    whole = {
        "format": 1,
        "by": by,
        "asked": report.asked,
        "readable": report.readable,
        "answered": report.answered,
        "lines": [_facts(one) for one in found],
        "unanswered": [
            {"source": one.source, "reason": one.reason, "count": one.count}
            for one in report.unanswered
        ],
        "not_validated": not_validated(report),
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _facts(one: Line) -> dict[str, object]:
    def error(what: Accuracy | None) -> dict[str, float] | None:
        if what is None:
            return None
        return {"results": what.count, "median_percent": what.median, "p90_percent": what.p90}

    return {
        "split": one.split,
        "slice": one.part,
        "results": one.results,
        "tpot": error(one.tpot),
        "tpot_covered": one.tpot_covered,
        "ttft": error(one.ttft),
        "ttft_covered": one.ttft_covered,
        "load": error(one.load),
    }
