"""`tollway calibrate`: a deployment's own constants, from its own results, without a GPU.

Rules
1. Nothing partial is written: a log with a fault leaves no file.
2. A file that is there is not replaced unasked.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.catalog import Chip, known_as
from tollway.cli.calibrated import Calibrated, as_toml, layout_of
from tollway.cli.predict_options import DeploymentOptions, LoadOptions
from tollway.cli.predict_question import ask, catalogue_of, chip_of
from tollway.cli.results import Result, read_results
from tollway.cli.table import Column, print_table
from tollway.engine.anchors import Anchor
from tollway.engine.anchors import calibrate as fit
from tollway.engine.asking import assumed
from tollway.engine.deployment import precisions
from tollway.engine.fitted import Constants
from tollway.engine.predict import predict
from tollway.engine.question import Question, Workload
from tollway.errors import TollwayError
from tollway.ledger.moments import past
from tollway.simulator.answer_told import seconds

MOST = 64
"""Results that a calibration takes: it moves five factors, and each result is replayed often."""

MEANING = {
    "launches": "launching kernels, scheduling",
    "reading": "reading memory",
    "arithmetic": "arithmetic",
    "network": "links between chips",
    "front": "before the first token, outside steps",
}


@dataclass(frozen=True, slots=True)
class _Checked:
    """A result beside what is answered without and with the calibration, in seconds."""

    result: Result
    before: tuple[float | None, float]
    after: tuple[float | None, float]


def calibrate(
    log: tuple[Path, ...],
    /,
    *,
    deployment: DeploymentOptions,
    chip: str,
    source: str | None = None,
    since: str | None = None,
    assume: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    output: Path = Path("calibrated.toml"),
    force: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Fit the engine model to a deployment's own results, for `tollway predict --calibrated`.

    Parameters
    ----------
    log
        Results of `vllm bench serve --save-result`, a gateway's recording, or its ledger.
    chip
        The chip it ran on, as for `tollway predict`.
    source
        Which source of a recording or ledger it is.
    since
        Only what arrived in a ledger from then on: 2026-11-22, 7d.
    assume
        A fact of the chip that is not known, as for `tollway predict`.
    output
        Where to write the constants.
    force
        Replace a file that is there.
    json
        Print one JSON object.
    """
    if output.exists() and not force:
        raise TollwayError(f"{output} is there. Name another --output, or replace it with --force.")
    known = catalogue_of(deployment.catalog)
    asked = ask(known, assumed(chip_of(known, chip), assume), deployment, LoadOptions())
    base = replace(asked.question, chip=_one_point(asked.question.chip))
    begin = None if since is None else past(since, "--since", time.time())
    results = {str(path): read_results(path, source, begin, deployment.model) for path in log}
    every = [one for some in results.values() for one in some]
    if len(every) > MOST:
        raise TollwayError(f"{len(every)} results are more than the {MOST} taken. Hand in fewer.")
    anchors = [Anchor(_question(base, one), one.tpot, one.ttft) for one in every]
    found = fit(anchors)
    counts = {name: len(some) for name, some in results.items()}
    own = _calibrated(base, output, found.factors, found.constants, len(every))
    checked = [
        _checked(one, anchor.question, own) for one, anchor in zip(every, anchors, strict=True)
    ]
    _write(output, as_toml(base, own, counts))
    _print(checked, own, json=json)
    for note in (*asked.notes, *_notes(base, every)):
        sys.stderr.write(f"warning: {note}\n")
    sys.stderr.write(f"Written to {output}; hand it to `tollway predict --calibrated {output}`.\n")
    return 0


def _notes(base: Question, results: Sequence[Result]) -> list[str]:
    """What the logs say other than the options do."""
    asked = {one.model: known_as("models", one.model) for one in results if one.model}
    other = sorted(name for name, ours in asked.items() if ours not in (None, base.model.name))
    notes = [f"{name} was measured, and not {base.model.name}." for name in other]
    if base.settings.speculation is None and any(one.speculation for one in results):
        notes.append(
            "the logs say how many tokens were drafted and accepted, and that is taken; predict "
            "with --spec-tokens and --acceptance."
        )
    return notes


def _one_point(chip: Chip) -> Chip:
    """The chip, of which nothing may be known as a range only: it was measured, so it is one."""
    wide = sorted(key for key, one in chip.ranges.items() if one.low < one.high)
    if wide:
        raise TollwayError(
            f"{chip.name} is only known within ranges ({', '.join(wide)}), and a measured chip is "
            "one point of them. Say which, as in --assume bandwidth=900, or write it down in TOML."
        )
    return chip.at(0.0)


def _question(base: Question, one: Result) -> Question:
    load = Workload(
        input_tokens=one.input_tokens,
        output_tokens=one.output_tokens,
        concurrency=one.concurrency,
        rate=one.rate,
        requests=one.requests,
        spread=one.spread,
    )
    settings = base.settings
    if one.cached and not settings.prefix_share:
        settings = replace(settings, prefix_share=one.cached)
    if settings.speculation is None:
        settings = replace(settings, speculation=one.speculation)
    return replace(base, workload=load, settings=settings)


def _calibrated(
    question: Question,
    path: Path,
    factors: dict[str, float],
    found: Constants,
    results: int,
) -> Calibrated:
    return Calibrated(
        path=path,
        model=question.model.name,
        chip=question.chip.name,
        framework=question.settings.framework,
        layout=layout_of(question),
        precision=precisions(question.model, question.settings)[0],
        results=results,
        factors=factors,
        constants=found,
        made=datetime.now(UTC).date(),
    )


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _checked(one: Result, question: Question, own: Calibrated) -> _Checked:
    def answered(constants: Constants | None) -> tuple[float | None, float]:
        found = predict(question, fitted=constants)
        return None if found.ttft is None else found.ttft.value, found.tpot.value

    return _Checked(one, answered(None), answered(own.constants))


def _print(checked: Sequence[_Checked], own: Calibrated, *, json: bool) -> None:
    if json:
        sys.stdout.write(_as_json(checked, own))
        return
    rows = [[f"{name}: {MEANING[name]}", f"x{factor:.2f}"] for name, factor in own.factors.items()]
    print_table([Column("cost of"), Column("here", True)], rows)
    sys.stdout.write("\n")
    names = ("TTFT", "before", "after", "TPOT", "before", "after")
    columns = [Column("result"), Column("load"), *(Column(name, True) for name in names)]
    print_table(columns, [_row(number, one) for number, one in enumerate(checked, 1)])
    sys.stdout.write("before, after: predicted over measured, without and with the calibration.\n")


def _row(number: int, one: _Checked) -> list[str]:
    result = one.result
    users = f"{result.concurrency or 1:,} user{'s' * (result.concurrency != 1)}"
    load = users if result.rate is None else f"{result.rate:.3g}/s"
    cells = [f"{number}", f"{load}, {result.input_tokens:,}/{result.output_tokens:,}"]
    for at, measured in enumerate((result.ttft, result.tpot)):
        cells.append("-" if measured is None else seconds(measured))
        for answered in (one.before[at], one.after[at]):
            if measured is None or answered is None:
                cells.append("-")
            else:
                cells.append(f"{answered / measured - 1:+.0%}")
    return cells


def _as_json(checked: Sequence[_Checked], own: Calibrated) -> str:
    import msgspec

    whole = {
        "format": 1,
        "file": str(own.path),
        "model": own.model,
        "chip": own.chip,
        "engine": own.framework,
        "factors": own.factors,
        "results": [
            {
                "place": one.result.place,
                "concurrency": one.result.concurrency,
                "rate": one.result.rate,
                "input_tokens": one.result.input_tokens,
                "output_tokens": one.result.output_tokens,
                "ttft_s": {
                    "measured": one.result.ttft,
                    "before": one.before[0],
                    "after": one.after[0],
                },
                "tpot_s": {
                    "measured": one.result.tpot,
                    "before": one.before[1],
                    "after": one.after[1],
                },
            }
            for one in checked
        ],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
