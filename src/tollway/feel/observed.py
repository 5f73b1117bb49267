"""What a source was seen to do: waits, gaps and speed, out of a gateway's metrics or its ledger.

Rules
1. Where a source serves several models they are felt together, unless one is named.
2. The metrics have gaps, the ledger has none: a stream felt from the ledger comes evenly, and
   that is said.
3. An arrival may bring several tokens: as many as the speed of streams makes of the mean gap.
4. What is felt is what was measured lately: the window and its answers are said (see `windows`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tollway.feel.histogram import Histogram, of_values
from tollway.feel.pacing import Gaps, Waits
from tollway.feel.windows import Scrape, lately
from tollway.units import Seconds, TokensPerSecond

TTFT_BOUNDS = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds; as the gateway's own histogram has them."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How a source felt over so many `answers`. `gaps` is None where they are not known; `window`
    says when that was, `over` how long (None: not told in seconds), and `origin` who measured."""

    answers: int
    ttft: Histogram
    speed: TokensPerSecond
    gaps: Gaps | None
    window: str
    over: Seconds | None
    origin: str

    @property
    def waits(self) -> Waits:
        """The wait for the first token: its median, and how it was spread."""
        return Waits(Seconds(self.ttft.at(0.5)), self.ttft)

    @property
    def words(self) -> str:
        """Provenance, answers and window (rule 4), and what is not known (rule 2)."""
        ended = "1 answer that" if self.answers == 1 else f"{self.answers:,} answers that"
        said = f"measured: {ended} ended {self.window}, in {self.origin}"
        if self.gaps is None:
            said += "; its gaps are not known, so that tokens come evenly"
        return said


@dataclass(frozen=True, slots=True)
class Answered:
    """A streamed answer out of the ledger: seconds, and tokens."""

    ttft: float
    duration: float
    output: int

    @property
    def speed(self) -> float | None:
        """Output tokens a second after the first one; None where there is no second."""
        took = self.duration - self.ttft
        return (self.output - 1) / took if self.output > 1 and took > 0 else None


def from_scrapes(
    scrapes: Sequence[Scrape], source: str, model: str | None, windows: Sequence[Seconds]
) -> Observed | None:
    """What the gateway has counted of a source lately; None where no stream ever ended."""
    seen = lately(scrapes, source, model, windows)
    if seen is None:
        return None
    each = max(1.0, seen.speed.mean * seen.gap.mean)  # rule 3
    return Observed(
        answers=seen.answers,
        ttft=seen.ttft,
        speed=TokensPerSecond(seen.speed.mean),
        gaps=Gaps(seen.gap, each),
        window=seen.words,
        over=seen.over,
        origin="the running gateway's metrics",
    )


def from_answers(answers: Iterable[Answered], window: str) -> Observed | None:
    """What the ledger has of a source over a window; None where no answer was streamed."""
    timed = [(one, speed) for one in answers if (speed := one.speed) is not None]
    if not timed:
        return None
    return Observed(
        answers=len(timed),
        ttft=of_values((one.ttft for one, _ in timed), TTFT_BOUNDS),
        speed=TokensPerSecond(median(speed for _, speed in timed)),
        gaps=None,
        window=window,
        over=None,
        origin="the ledger",
    )
