"""What dispatch knows of each source: slots in use, health, rest, and what it was seen to do."""

from hashlib import blake2b
from math import inf
from typing import Final

from tollway.dispatch.messages import Action, BreakerMoved, Drained
from tollway.dispatch.observed import Observed
from tollway.fleet.objects import BreakerTerms, Fleet, Price, Serving, Source
from tollway.fleet.prices import price_at
from tollway.fleet.tiers import Tier
from tollway.policy import breaker as rules
from tollway.policy import limit
from tollway.units import UtcSeconds

FADE: Final = 30.0
"""Seconds after which an observation of speed counts 1/e."""

STALE: Final = 20.0
"""Seconds after which an observation no longer says how fast a source is: what made it slow may be
over, and only a request can tell."""

BUCKETS: Final = 10
"""A window moves on by a tenth of its length at a time."""


class Window:
    """Samples and failures of the last `length` seconds, counted in `BUCKETS` parts: the oldest
    part is dropped whole."""

    __slots__ = ("_bucket", "_failures", "_samples", "failures", "length", "samples")

    def __init__(self, length: float) -> None:
        self.length = length
        self.samples = self.failures = 0
        self._bucket = -1
        self._samples = [0] * BUCKETS
        self._failures = [0] * BUCKETS

    def count(self, failed: bool, now: float) -> None:
        """Add a sample, and drop what is too old."""
        bucket = int(now * BUCKETS / self.length)
        if bucket != self._bucket:
            self._turn(bucket)
        place = bucket % BUCKETS
        self.samples += 1
        self._samples[place] += 1
        if failed:
            self.failures += 1
            self._failures[place] += 1

    def _turn(self, bucket: int) -> None:
        for old in range(max(self._bucket, bucket - BUCKETS) + 1, bucket + 1):
            place = old % BUCKETS
            self.samples -= self._samples[place]
            self.failures -= self._failures[place]
            self._samples[place] = self._failures[place] = 0
        self._bucket = bucket

    def clear(self) -> None:
        """Drop all samples."""
        self.samples = self.failures = 0
        self._bucket = -1
        self._samples = [0] * BUCKETS
        self._failures = [0] * BUCKETS


class Breaker:
    """Health of one (source, model) pair, by the rules of `policy.breaker`.

    Two windows are judged: the declared one, and one of `speed_window` seconds, because good
    samples from before a sudden failure would hide it for most of the long one.
    """

    __slots__ = (
        "long",
        "opened",
        "probes_in_flight",
        "round",
        "short",
        "state",
        "tripped_at",
        "tripped_why",
        "until",
        "why",
    )

    def __init__(self, terms: BreakerTerms) -> None:
        self.state = rules.CLOSED
        self.until = 0.0
        self.opened = 0
        self.round = 0
        self.probes_in_flight = 0
        self.why = ""
        # The last time that it opened, kept after it has closed: None where it never did.
        self.tripped_at: float | None = None
        self.tripped_why = ""
        self.measure(terms)

    def measure(self, terms: BreakerTerms) -> None:
        """Take the windows' lengths; what was counted in others is dropped."""
        self.long = Window(terms.window)
        self.short = Window(min(terms.speed_window, terms.window))

    def count(self, failed: bool, now: float) -> None:
        """Add a sample to both windows."""
        self.long.count(failed, now)
        self.short.count(failed, now)

    def trip(self, until: float, why: str, now: float) -> None:
        """Open until then."""
        self.state, self.until, self.why = rules.OPEN, until, why
        self.tripped_at, self.tripped_why = now, why
        self.forget()

    def forget(self) -> None:
        """Drop both windows' samples."""
        self.long.clear()
        self.short.clear()


class Pair:
    """A (source, model) pair: breaker, rest, prepaid tokens, and observed TTFT and speed."""

    __slots__ = (
        "_breaker_terms",
        "_priced",
        "_priced_minute",
        "breaker",
        "model",
        "prepaid_horizon",
        "rest_until",
        "seed",
        "serving",
        "source",
        "speed",
        "ttft",
    )

    def __init__(self, source: "SourceState", serving: Serving, now: float) -> None:
        self.source = source
        self.serving = serving
        self.model = serving.model
        self._breaker_terms = source.declared.breaker
        self.breaker = Breaker(self._breaker_terms)
        self.rest_until = now
        self._priced: dict[Tier, Price | None] = {}
        self._priced_minute = -1
        self.prepaid_horizon = now
        self.ttft = Observed(FADE, now, STALE)
        self.speed = Observed(FADE, now, STALE)
        digest = blake2b(f"{source.name}/{serving.model}".encode(), digest_size=8).digest()
        self.seed = int.from_bytes(digest, "big")

    def declare(self, serving: Serving) -> None:
        """Take a new declaration of the same pair."""
        self.serving = serving
        self._priced_minute = -1
        if self.source.declared.breaker != self._breaker_terms:
            self._breaker_terms = self.source.declared.breaker
            self.breaker.measure(self._breaker_terms)

    def healthy(self, now: float) -> bool:
        """Whether drain, breaker and rest allow a request, free slot or not."""
        return (
            now >= self.rest_until
            and self.source.drained is None
            and rules.admits(
                self.breaker.state,
                self.breaker.probes_in_flight,
                self.source.declared.breaker.probes,
            )
        )

    def worth_waiting(self, now: float, until: float) -> bool:
        """Whether one may wait for a slot here, or for the end of a rest by `until`; for an open
        breaker or a drained source one may not."""
        if self.source.drained is not None:
            return False
        return self.healthy(now) or now < self.rest_until <= until

    def available(self, now: float) -> bool:
        """Whether a request may be sent now."""
        if self.breaker.state == rules.CLOSED and now >= self.rest_until:
            return self.source.has_slot()
        return self.source.has_slot() and self.healthy(now)

    def covers(self, tokens: int, now: float) -> bool:
        """Whether prepaid tokens of this minute cover so many."""
        prepaid = self.serving.prepaid
        return prepaid is not None and (
            limit.wait_for(self.prepaid_horizon, now, tokens, prepaid) == 0.0
        )

    def draw_prepaid(self, tokens: int, now: float) -> None:
        """Use prepaid tokens (negative: give back what was not used)."""
        prepaid = self.serving.prepaid
        if prepaid is not None:
            self.prepaid_horizon = (
                limit.take(self.prepaid_horizon, now, tokens, prepaid)
                if tokens >= 0
                else limit.give_back(self.prepaid_horizon, -tokens, prepaid)
            )

    def price(self, tier: Tier, utc: UtcSeconds) -> Price | None:
        """The price that holds now; looked up once a minute and tier."""
        minute = int(utc // 60)
        if minute != self._priced_minute:
            self._priced_minute = minute
            self._priced.clear()
        if tier not in self._priced:
            self._priced[tier] = price_at(self.serving.prices, tier, utc)
        return self._priced[tier]

    def expected_ttft(self, now: float) -> float | None:
        """Median TTFT observed lately, else declared; None where nothing is known."""
        return _lately(self.ttft, now, self.serving.expected_ttft)

    def expected_speed(self, now: float) -> float | None:
        """Median token speed of a stream observed lately, else declared; None where nothing is
        known."""
        return _lately(self.speed, now, self.serving.expected_speed)

    # A pair's health moves only here, so that every move is announced once.

    def sample(self, failed: bool, why: str, probe: int | None, now: float) -> list[Action]:
        """Judge one attempt (`probe`: the half-open round it probes for); gives the moves that
        follow. What began before a breaker opened says nothing about whether to close it."""
        breaker = self.breaker
        if breaker.state == rules.HALF_OPEN:
            if probe != breaker.round:
                return []
            return self._open(why, now) if failed else self._close("a probe succeeded")
        if breaker.state == rules.OPEN:
            return []
        breaker.count(failed, now)
        if not failed:
            return []
        terms = self.source.declared.breaker
        for window in (breaker.short, breaker.long):
            if rules.trips(window.samples, window.failures, terms.min_samples, terms.error_share):
                share = f"{window.failures} of {window.samples} failed in {window.length:g} s"
                return self._open(f"{why}; {share}", now)
        return []

    def half_open(self, now: float) -> list[Action]:
        """Move from open to half open when its time has come."""
        breaker = self.breaker
        if breaker.state != rules.OPEN or now < breaker.until:
            return []
        breaker.state = rules.HALF_OPEN
        breaker.round += 1
        breaker.probes_in_flight = 0
        return [BreakerMoved(self.source.name, self.model, "half_open", breaker.why)]

    def withdraw(self, why: str, now: float) -> list[Action]:
        """Open for good: no time and no success closes it, only `restore`."""
        if self.breaker.until == inf:
            return []
        self.breaker.trip(inf, why, now)
        return [BreakerMoved(self.source.name, self.model, "open", why)]

    def restore(self) -> list[Action]:
        """Close what was opened for good."""
        if self.breaker.until != inf:
            return []
        self.breaker.until = 0.0
        return self._close("restored by the operator")

    def _open(self, why: str, now: float) -> list[Action]:
        breaker = self.breaker
        breaker.opened += 1
        seconds = rules.open_seconds(self.source.declared.breaker.open_for, breaker.opened)
        breaker.trip(now + seconds, why, now)
        return [BreakerMoved(self.source.name, self.model, "open", why)]

    def _close(self, why: str) -> list[Action]:
        breaker = self.breaker
        breaker.state, breaker.opened, breaker.why = rules.CLOSED, 0, ""
        breaker.forget()
        return [BreakerMoved(self.source.name, self.model, "closed", why)]


def _lately(seen: Observed, now: float, declared: float | None) -> float | None:
    if seen.samples and now - seen.last_at <= STALE:
        return seen.quantile(0.5)
    return declared


class SourceState:
    """A source: requests in flight there, its pairs, and whether it is `drained`. What each request
    asks of its declaration is kept beside it: `slots`, and seconds of patience for a
    `first_content` and in `total`."""

    __slots__ = (
        "declared",
        "drained",
        "first_content",
        "name",
        "outstanding",
        "pairs",
        "slots",
        "total",
    )

    def __init__(self, declared: Source, now: float) -> None:
        self.name = declared.name
        self._declare(declared)
        self.outstanding = 0
        self.drained: Drained | None = None
        self.pairs = {model: Pair(self, serving, now) for model, serving in declared.serves.items()}

    def has_slot(self) -> bool:
        """Whether one more request fits, and may come."""
        if self.drained is not None:
            return False
        return self.slots is None or self.outstanding < self.slots

    def _declare(self, declared: Source) -> None:
        self.declared = declared
        self.slots = declared.slots
        self.first_content: float = declared.timeouts.first_content
        self.total: float = declared.timeouts.total

    def adopt(self, declared: Source, now: float) -> None:
        """Take a new declaration of the same source, keeping what was learned of it."""
        self._declare(declared)
        pairs: dict[str, Pair] = {}
        for model, serving in declared.serves.items():
            pair = self.pairs.get(model)
            if pair is None:
                pair = Pair(self, serving, now)
            pair.declare(serving)
            pairs[model] = pair
        self.pairs = pairs


class Sources:
    """All sources of the fleet, by name."""

    __slots__ = ("by_name",)

    def __init__(self, fleet: Fleet, now: float) -> None:
        self.by_name = {name: SourceState(source, now) for name, source in fleet.sources.items()}

    def adopt(self, fleet: Fleet, now: float) -> None:
        """Take a new fleet. A source that is gone lives on in the attempts that still use it."""
        by_name: dict[str, SourceState] = {}
        for name, declared in fleet.sources.items():
            state = self.by_name.get(name)
            # Another address is another source: nothing that was learned of the old one holds.
            if state is None or state.declared.base_url != declared.base_url:
                fresh = SourceState(declared, now)
                # An operator drains a name, whatever answers there.
                fresh.drained = None if state is None else state.drained
                state = fresh
            else:
                state.adopt(declared, now)
            by_name[name] = state
        self.by_name = by_name
