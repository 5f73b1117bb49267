"""Two fleets under the same traffic: what it costs, what users feel, what survives.

Rules
1. Both fleets see the same requests, with the same chance.
2. A source is lost from a quarter of the trace on, for good; what is told of that is about the
   requests that arrive from then on.
3. A threshold is about the new fleet: a rise over the old one, or a share that it must reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tollway.simulator.play import Loss
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.report import Percentiles
from tollway.simulator.steps import SECOND
from tollway.simulator.trace import Trace

LOST_AFTER: Final = 0.25
"""Share of the trace's span after which a source is lost (rule 2)."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the new fleet may be worse by, as shares: rises of cost, of any TTFT and of any latency
    percentile, of the share of requests not answered; and the least share of requests that must be
    answered whichever source is lost. None: no threshold."""

    cost: float | None = None
    ttft: float | None = None
    latency: float | None = None
    unanswered: float | None = None
    survive: float | None = None


@dataclass(frozen=True, slots=True)
class Survival:
    """What is left without a source: of requests that arrived after its loss, the share answered
    and the TTFT of those."""

    source: str
    asked: int
    answered: float
    ttft: Percentiles


@dataclass(frozen=True, slots=True)
class Side:
    """One fleet: with all its sources, and without each in turn."""

    whole: Rehearsed
    survivals: tuple[Survival, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A threshold that the new fleet has passed, in words."""

    what: str
    old: float
    new: float
    allowed: float


def loss_of(trace: Trace, source: str) -> Loss:
    """The loss of a source by rule 2."""
    return Loss(source, round(trace.span * LOST_AFTER * SECOND))


def survival_of(source: str, without: Rehearsed) -> Survival:
    """What a run without a source came to, for those who arrived after its loss."""
    total = without.report.total
    return Survival(source, total.requests, total.ok / max(1, total.requests), total.ttft)


def passed(old: Side, new: Side, by: Thresholds) -> tuple[Passed, ...]:
    """Every threshold that the new fleet has passed."""
    before, after = old.whole.report.total, new.whole.report.total
    found: list[Passed] = []
    if by.cost is not None:
        found += _risen("cost", before.cost, after.cost, by.cost)
    for what, allowed, one, other in (
        ("TTFT", by.ttft, before.ttft, after.ttft),
        ("latency", by.latency, before.latency, after.latency),
    ):
        if allowed is not None:
            for name in ("p50", "p90", "p99"):
                ends = getattr(one, name), getattr(other, name)
                found += _risen(f"{what} {name}", *ends, allowed)
    if by.unanswered is not None and new.whole.unanswered > old.whole.unanswered + by.unanswered:
        found.append(
            Passed("unanswered", old.whole.unanswered, new.whole.unanswered, by.unanswered)
        )
    if by.survive is not None:
        known: Mapping[str, Survival] = {one.source: one for one in old.survivals}
        for one in new.survivals:
            if one.answered < by.survive:
                before_it = known.get(one.source)
                was = one.answered if before_it is None else before_it.answered
                found.append(
                    Passed(f"answered without {one.source}", was, one.answered, by.survive)
                )
    return tuple(found)


def _risen(what: str, old: float | None, new: float | None, allowed: float) -> Sequence[Passed]:
    if old is None or new is None or new <= old * (1.0 + allowed):
        return ()
    return (Passed(what, old, new, allowed),)
