"""The throughput-interactivity plane: tokens/s a user against tokens/s a chip."""

from collections.abc import Sequence
from pathlib import Path

from tollway.cli.plot import Plot, Point, Series
from tollway.cli.predict_answers import curves
from tollway.errors import TollwayError
from tollway.simulator.answer import Answer


def draw(answers: Sequence[Answer], path: Path) -> None:
    """Write the plot, whole or not at all.

    Raises:
        TollwayError: the file's ending is neither .svg nor .png, or Pillow is missing.
    """
    plot = plot_of(answers)
    if path.suffix == ".svg":
        from tollway.cli.plot_svg import as_svg

        written = as_svg(plot).encode()
    elif path.suffix == ".png":
        from tollway.cli.plot_png import as_png

        written = as_png(plot)
    else:
        raise TollwayError(f"--plot {path} ends in neither .svg nor .png. Name one of these.")
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(written)
    beside.replace(path)


def plot_of(answers: Sequence[Answer]) -> Plot:
    """What to draw of answers of which at least one is a prediction."""
    first = next(one for one in answers if one.prediction is not None)
    load, swept = first.question.workload, len(answers) > len(curves(answers))
    users = "" if swept else f"{load.concurrency or 1:,} users, "
    if load.rate is not None:
        users = f"{load.rate:g} requests/s, "
    bands = "bands" if swept else "bars"
    alone = len(curves(answers)) == 1
    labels = ""
    if swept:
        counts = sorted({one.question.workload.concurrency or 1 for one in answers})
        labels = f"; {counts[0]:,} to {counts[-1]:,} users"
    return Plot(
        title=f"{first.question.model.name} in {first.precisions[0]}",
        note=f"{users}{load.input_tokens:,} tokens in, {load.output_tokens:,} out; predicted, "
        f"{bands} are 80% intervals{labels}",
        x="tokens/s a user",
        y="tokens/s a chip",
        series=tuple(
            _series(chips, group, swept=swept, alone=alone)
            for chips, group in curves(answers).items()
        ),
    )


def _series(chips: str, group: Sequence[Answer], *, swept: bool, alone: bool) -> Series:
    """One curve. Where there are several their points have no labels, for they may meet."""
    points: list[Point] = []
    for answer in group:
        one = answer.prediction
        if one is None:
            continue
        user, chip = one.user_tokens, one.chip_tokens
        label = f"{answer.question.workload.concurrency}" if swept and alone else ""
        points.append(
            Point(user.value, chip.value, (user.low, chip.low), (user.high, chip.high), label)
        )
    return Series(chips if points else f"{chips}: refused", tuple(points))
