"""A deployment's own constants, from a few of its own measured results.

Rules
1. Few results say little: what they change is a handful of factors on the shared constants, each
   pulled toward 1.
2. Every result counts its TPOT and its TTFT where it has them; means, in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

from tollway.engine.deployment import deploy
from tollway.engine.fitted import Constants, constants
from tollway.engine.outcome import Rehearsal, rehearse, timed
from tollway.engine.question import Question
from tollway.errors import TollwayError

FACTORS = ("launches", "reading", "arithmetic", "network", "front")
"""What anchors may move: the cost of kernels and steps, of reading memory, of arithmetic, of links,
and of what comes before the first token."""

WIDTHS = (0.35, 0.25, 0.35, 0.35, 0.7)
"""How far each factor may be off, as a standard deviation of its logarithm: what the fit leaves
between groups of results."""

NOISE = {"tpot": 0.04, "ttft": 0.12}
"""How far a re-measured point is off in logarithms: of InferenceX, same version."""

_ROUNDS = 8
_STEP = 0.03
"""How far a factor's logarithm is moved to see what it does: far enough that who is in which step
of requests that arrive by the clock follows it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A measured result of one's own deployment: what was asked, and the mean `tpot` and `ttft` in
    seconds; None where it was not measured."""

    question: Question
    tpot: float | None
    ttft: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Constants of a deployment: `factors` by name say what differs from the shared ones (launches
    2.0: twice the overhead). `errors` are the logarithms of answered over measured that are left:
    TPOT and TTFT of each anchor in turn."""

    constants: Constants
    factors: dict[str, float]
    errors: tuple[float, ...]


def calibrate(anchors: Sequence[Anchor], fitted: Constants | None = None) -> Calibration:
    """Constants that suit the anchors, as near the shared ones as they allow. Hand them to
    `predict` as `fitted`.

    Raises:
        TollwayError: there is no anchor, or one cannot be deployed.
    """
    if not anchors:
        raise TollwayError("there is nothing to calibrate from. Give at least one measured result.")
    shared = fitted or constants()
    loads = [_rehearsed(anchor, shared) for anchor in anchors]
    logs = [0.0] * len(FACTORS)
    for _ in range(_ROUNDS):
        now = _errors(anchors, loads, moved(shared, logs))
        slopes: list[list[float]] = []
        for at in range(len(FACTORS)):
            after = _errors(anchors, loads, moved(shared, _bumped(logs, at)))
            slopes.append([(one - other) / _STEP for one, other in zip(after, now, strict=True)])
        logs = _improved(logs, now, slopes)
    found = moved(shared, logs)
    left = _errors(anchors, loads, found)
    scales = _scales(anchors)
    return Calibration(
        constants=found,
        factors={name: exp(value) for name, value in zip(FACTORS, logs, strict=True)},
        errors=tuple(error * scale for error, scale in zip(left, scales, strict=True)),
    )


def moved(c: Constants, logs: Sequence[float]) -> Constants:
    """The constants with each factor's costs multiplied by e to its number."""
    launches, reading, arithmetic, network, front = (exp(value) for value in logs)
    return replace(
        c,
        vllm=c.vllm * launches,
        sglang=c.sglang * launches,
        trtllm=c.trtllm * launches,
        moe_layer=c.moe_layer * launches,
        fused_layer=c.fused_layer * launches,
        mla_layer=c.mla_layer * launches,
        block_layer=c.block_layer * launches,
        narrow_layer=c.narrow_layer * launches,
        weight_read=c.weight_read / reading,
        expert_read=c.expert_read / reading,
        kv_read=c.kv_read / reading,
        math=c.math / arithmetic,
        expert_math=c.expert_math / arithmetic,
        score_prefill=c.score_prefill / arithmetic,
        score_decode=c.score_decode / arithmetic,
        hop=c.hop * network,
        ramp=c.ramp * network,
        link=c.link / network,
        front=c.front * front,
        front_token=c.front_token * front,
        front_user=c.front_user * front,
        front_mla=c.front_mla * front,
        front_steps=c.front_steps * front,
    )


def _rehearsed(anchor: Anchor, shared: Constants) -> Rehearsal:
    asked = anchor.question
    made = deploy(asked.model, asked.chip, asked.layout, asked.settings)
    return rehearse(made, asked.settings, asked.workload, shared)


def _scales(anchors: Sequence[Anchor]) -> list[float]:
    scales: list[float] = []
    for anchor in anchors:
        scales += [NOISE["tpot"]] * (anchor.tpot is not None)
        scales += [NOISE["ttft"]] * (anchor.ttft is not None)
    return scales


def _errors(anchors: Sequence[Anchor], loads: Sequence[Rehearsal], used: Constants) -> list[float]:
    """Logarithms of answered over measured, in units of their noise. Loads that arrive by the clock
    are rehearsed anew: who is in which step depends on how long steps take."""
    found: list[float] = []
    for anchor, load in zip(anchors, loads, strict=True):
        outcome = timed(_rehearsed(anchor, used) if load.users is None else load, used)
        if anchor.tpot is not None:
            found.append(log(outcome.tpot / anchor.tpot) / NOISE["tpot"])
        if anchor.ttft is not None:
            found.append(log(outcome.ttft / anchor.ttft) / NOISE["ttft"])
    return found


def _bumped(logs: Sequence[float], at: int) -> list[float]:
    return [value + (_STEP if place == at else 0.0) for place, value in enumerate(logs)]


def _improved(logs: list[float], errors: list[float], slopes: list[list[float]]) -> list[float]:
    """One step of Gauss and Newton, with the pull toward zero."""
    count = len(logs)
    pulls = [[1.0 / WIDTHS[i] * (i == j) for j in range(count)] for i in range(count)]
    change = least_squares(
        [[*slope, *pull] for slope, pull in zip(slopes, pulls, strict=True)],
        [*errors, *(value / width for value, width in zip(logs, WIDTHS, strict=True))],
    )
    largest = max(1.0, *(abs(value) / 0.5 for value in change))
    return [value + step / largest for value, step in zip(logs, change, strict=True)]


def least_squares(slopes: Sequence[Sequence[float]], errors: Sequence[float]) -> list[float]:
    """The change of what has these slopes (one row each) that makes the errors smallest."""
    matrix = [[sum(a * b for a, b in zip(i, j, strict=True)) for j in slopes] for i in slopes]
    right = [-sum(a * b for a, b in zip(i, errors, strict=True)) for i in slopes]
    return _solved(matrix, right)


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination: the matrix is symmetric and positive, and needs no pivots."""
    count = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(count):
        for j in range(i + 1, count):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    found = [0.0] * count
    for i in reversed(range(count)):
        known = sum(rows[i][j] * found[j] for j in range(i + 1, count))
        found[i] = (rows[i][count] - known) / rows[i][i]
    return found
