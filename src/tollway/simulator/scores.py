"""What was predicted of a source for a day, held against what it did; and when that is stale.

Rules
1. A request is timed where the source stated its tokens, at the first attempt, and the answer was
   streamed; the others are load.
2. A figure of a day counts where `ENOUGH` requests were timed: its median is then known to a few
   percent, which is less than any interval is wide.
3. A source is stale where, of the last `WINDOW` days that count, the median of TTFT or of TPOT was
   outside its 80% interval on `OUTSIDE` of them or more, on the same side. Were days independent, a
   right prediction would be called stale once in 18 times (3 x 0.1^2 x 0.9 + 0.1^3, on either
   side), and by one day alone once in five; and one day with an outage proves nothing.
4. Medians are judged, and 90th percentiles are only shown: intervals are those of means, and the
   slowest tenth of a day is made of bursts.
5. A day on whose requests the constants were fitted is shown and not judged.
6. Judged are the days of the deployment that was scored last, with the same constants: what another
   deployment did says nothing of this one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from statistics import median_low
from typing import Literal

from tollway.engine.fitted import CONSTANTS, Constants, constants

ENOUGH = 100
WINDOW = 3
OUTSIDE = 2

JUDGED = ("ttft_p50", "tpot_p50")
FIGURES = ("ttft_p50", "ttft_p90", "tpot_p50", "tpot_p90")


FASTEST = 0.0002
"""Seconds a token. What is faster was not streamed, and has no time between tokens."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request that a source had. `sent` is UTC seconds, `ttft` and `duration` count from there
    in seconds; `known` says that its tokens were stated and it was the first attempt."""

    source: str
    model: str
    sent: float
    ttft: float | None
    duration: float
    input: int
    cached: int
    output: int
    known: bool

    @property
    def times(self) -> tuple[float, float] | None:
        """TTFT and TPOT; None by rule 1."""
        if not self.known or self.ttft is None or self.output < 2:
            return None
        tpot = (self.duration - self.ttft) / (self.output - 1)
        return (self.ttft, tpot) if tpot > FASTEST else None


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed to be known: how fast a model is on a chip under an engine, by these
    `constants` (their digest)."""

    model: str
    chip: str
    engine: str
    constants: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a day in seconds, over so many `requests`; `low` and `high` are the ends of the
    prediction's 80% interval."""

    name: str
    requests: int
    observed: float
    predicted: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Predicted over observed, less one: -0.1 was predicted a tenth too fast."""
        return self.predicted / self.observed - 1.0

    @property
    def side(self) -> Literal["faster", "slower"] | None:
        """On which side of its interval it was observed; None: it held."""
        if self.observed < self.low:
            return "faster"
        return "slower" if self.observed > self.high else None


@dataclass(frozen=True, slots=True)
class Score:
    """A day (since 1970-01-01, UTC) of one model of a source, predicted as the deployment was when
    the prediction was `made` (UTC seconds, by this `version`). `requests` came to it; `near` says
    that it came near its knee; `fitted_later` is rule 5; an `emulated` engine isn't there."""

    day: int
    source: str
    model: str
    claim: Claim
    deployment: str
    provenance: str
    version: str
    made: float
    emulated: bool
    fitted_later: bool
    near: bool
    requests: int
    figures: tuple[Figure, ...]

    @property
    def key(self) -> tuple[int, str, str, str, str]:
        """What there is one prediction of."""
        return self.day, self.source, self.model, self.deployment, self.claim.constants

    def figure(self, name: str) -> Figure | None:
        """The figure of that name, where it counts (rule 2)."""
        return next((one for one in self.figures if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Stale:
    """A prediction that does not hold any more: on which days, and the middle of what was observed
    over what was predicted on them, by `ttft` and `tpot`."""

    last: Score
    days: tuple[int, ...]
    seen: Mapping[str, float]


Trio = tuple[str, str, str]
"""Model, chip and engine: what constants are fitted for."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What one's own sources have taught: constants of one's `own`, and where predictions were
    `seen` outside their interval, what was observed over what was predicted (`Stale.seen`)."""

    own: Mapping[Trio, Constants] = field(default_factory=dict[Trio, Constants])
    seen: Mapping[Claim, Mapping[str, float]] = field(
        default_factory=dict[Claim, Mapping[str, float]]
    )


def digest_of(own: Constants | None) -> str:
    """A name for constants; None: the packaged ones."""
    values = own or constants()
    text = ",".join(f"{name}={getattr(values, name)!r}" for name in CONSTANTS)
    return sha256(text.encode()).hexdigest()[:12]


def stale(scores: Iterable[Score]) -> list[Stale]:
    """Everything that is stale, by rules 2 to 6, in the order of source and model."""
    groups: dict[tuple[str, str, Claim], list[Score]] = {}
    for one in sorted(scores, key=lambda one: (one.source, one.model, one.day, one.made)):
        groups.setdefault((one.source, one.model, one.claim), []).append(one)
    return [found for some in groups.values() if (found := _judged(some)) is not None]


def _judged(scores: Sequence[Score]) -> Stale | None:
    last = scores[-1]
    days: set[int] = set()
    seen: dict[str, float] = {}
    for name in JUDGED:
        own = [one for one in scores if one.deployment == last.deployment and not one.fitted_later]
        pairs = [(one.day, figure) for one in own if (figure := one.figure(name)) is not None]
        for side in ("faster", "slower"):
            outside = [(day, one) for day, one in pairs[-WINDOW:] if one.side == side]
            if len(outside) >= OUTSIDE:
                days.update(day for day, _ in outside)
                ratios = [one.observed / one.predicted for _, one in outside]
                seen[name.partition("_")[0]] = median_low(ratios)
    return Stale(last, tuple(sorted(days)), seen) if days else None


def disproved(scores: Iterable[Score]) -> dict[Claim, Stale]:
    """The claims that a source on real chips has shown to be stale. What isn't there proves nothing
    of a chip."""
    return {one.last.claim: one for one in stale(scores) if not one.last.emulated}
