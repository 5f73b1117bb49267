"""When each token comes: at an even pace, or with the jitter of gaps that were observed.

Rules
1. Each moment is worked out from where the stream began, never from when the last token was shown:
   a late screen does not make the stream late.
2. Jitter does not change the rate: within a block of gaps they add up to as many token times as
   there are tokens.
3. A stream that nobody drove for more than `AWAY` goes on from there: a machine that slept does not
   wake up to a thousand tokens at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tollway.errors import Fault, FaultsFound
from tollway.feel.histogram import Histogram
from tollway.feel.tokens import Token
from tollway.units import Seconds, TokensPerSecond

PRESETS = (5, 10, 20, 30, 60, 100, 200, 400, 800)
SLOWEST, FASTEST = 5.0, 2000.0
BLOCK = 64
"""Gaps that are drawn together: each 64th of the distribution once, in an order of chance."""
AWAY = Seconds(1.0)
MOST_BURST = 64


Chance = Callable[[], float]
"""A number from 0 to below 1, evenly."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Times between arrivals, and how many tokens come with each on average (1 or more)."""

    histogram: Histogram
    tokens: float = 1.0


def rate_of(rate: float, place: str) -> TokensPerSecond:
    """The rate, where it can be shown.

    Raises:
        FaultsFound: it is not from 5 to 2,000 tokens a second.
    """
    if not SLOWEST <= rate <= FASTEST:
        mend = f"Write {SLOWEST:g} to {FASTEST:g} tokens a second."
        raise FaultsFound([Fault(place, f"is {rate:g}", mend)])
    return TokensPerSecond(rate)


def clamped(rate: float) -> TokensPerSecond:
    """The nearest rate that can be shown."""
    return TokensPerSecond(min(FASTEST, max(SLOWEST, rate)))


def jittered(stream: Iterable[Token], gaps: Gaps | None, chance: Chance) -> Iterator[Token]:
    """The tokens as they would come with gaps drawn from those observed: several at once, then a
    silence. None leaves them as they are."""
    if gaps is None:
        yield from stream
        return
    waits = _waits(gaps, chance)
    for token in stream:
        if not token.generated:
            yield token
        elif token.opens:  # the first one of an answer; what comes with it follows at once
            yield replace(token, wait=0.0)
        else:
            yield replace(token, wait=next(waits))


def _waits(gaps: Gaps, chance: Chance) -> Iterator[float]:
    """Token times before each token: zero for those that come with the one before (rule 2)."""
    each = min(max(gaps.tokens, 1.0), MOST_BURST)
    owed = 0.0
    while True:
        drawn = gaps.histogram.spread(BLOCK)
        _shuffle(drawn, chance)
        mean = sum(drawn) / len(drawn)
        if mean <= 0:
            drawn, mean = [1.0] * BLOCK, 1.0
        sizes: list[int] = []
        for _ in drawn:
            owed += each
            sizes.append(int(owed))
            owed -= int(owed)
        scale = sum(sizes) / sum(drawn)
        for gap, size in zip(drawn, sizes, strict=True):
            yield from chain((gap * scale,), (0.0 for _ in range(size - 1)))


def _shuffle(drawn: list[float], chance: Chance) -> None:
    for at in range(len(drawn) - 1, 0, -1):
        other = int(chance() * (at + 1))
        drawn[at], drawn[other] = drawn[other], drawn[at]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long until the first token: one time, or times that were observed."""

    seconds: Seconds
    observed: Histogram | None = None

    def draw(self, chance: Chance) -> Seconds:
        """A wait for one answer."""
        if self.observed is None:
            return self.seconds
        return Seconds(self.observed.at(chance()))


def times(
    stream: Iterable[Token], rate: TokensPerSecond, first: Sequence[Seconds]
) -> Iterator[Seconds]:
    """When each token comes, in seconds from asking. `first` are the waits for the first token of
    each answer in turn; the last one holds for those that follow."""
    at, asked = 0.0, 0
    for token in stream:
        if token.opens:
            at += first[min(asked, len(first) - 1)]
            asked += 1
        at += token.pause + token.wait / rate
        yield Seconds(at)


class Player:
    """Which tokens are due at a moment of the caller's clock, at a rate that may change.

    `shown` counts generated tokens, `paced` those of them that a token time came before: not the
    first ones of answers. `idle` is how much of the time so far no model was generating (waits for
    the first token, pauses of tools, pauses of the user).
    """

    def __init__(
        self, stream: Iterator[Token], rate: TokensPerSecond, waits: Waits, chance: Chance
    ) -> None:
        self.rate = rate
        self.shown = self.paced = 0
        self.idle = 0.0
        self.held: Seconds | None = None
        self._stream, self._waits, self._chance = stream, waits, chance
        self._next = next(stream)
        self._due = 0.0
        self._still = 0.0
        self._begun = False

    @property
    def due_at(self) -> Seconds | None:
        """When the next token comes; None while the stream is held."""
        return None if self.held is not None else Seconds(self._due)

    @property
    def silent(self) -> bool:
        """Whether the next token waits for a tool, or is the first one of an answer."""
        return self._still > 0

    def start(self, now: Seconds) -> None:
        """The model is asked now."""
        self._begun = True
        self._aim(now)

    def due(self, now: Seconds) -> list[Token]:
        """The tokens that have come by now (rule 1)."""
        if self.held is not None or not self._begun:
            return []
        if now - self._due > AWAY:  # rule 3
            self.idle += now - self._due
            self._due = now
        found: list[Token] = []
        while self._due <= now:
            token = self._next
            found.append(token)
            self.idle += self._still
            self.shown += token.generated
            self.paced += token.generated and not token.opens
            self._next = next(self._stream)
            self._aim(Seconds(self._due))
        return found

    def _aim(self, since: Seconds) -> None:
        token = self._next
        self._still = token.pause
        if token.opens:
            self._still += self._waits.draw(self._chance)
        self._due = since + self._still + token.wait / self.rate

    def set_rate(self, now: Seconds, rate: TokensPerSecond) -> None:
        """Go on at another rate. What is left of a token time is left in proportion; a tool does
        not work faster for it."""
        moment = now if self.held is None else self.held
        left = max(0.0, self._due - moment)
        stretch = min(left, self._next.wait / self.rate)
        self._due = moment + (left - stretch) + stretch * self.rate / rate
        self.rate = rate

    def hold(self, now: Seconds) -> None:
        """Stand still."""
        if self.held is None:
            self.held = now

    def go_on(self, now: Seconds) -> None:
        """Go on where it stood still."""
        if self.held is not None:
            self._due += now - self.held
            self.idle += now - self.held
            self.held = None
