"""Replays a load against an engine step by step, leaping where nobody comes or goes.

Rules
1. Time is counted in steps unless a clock is given: with users who ask again at once, who is in
   which step does not depend on how long steps take. So the schedule of a load is worked out once,
   and the mean TTFT and TPOT are sums over its steps of their length times two weights.
2. While nobody comes or goes only contexts grow, so that many steps are one entry of the schedule,
   at their mean context.
3. First come, first served. `mixed` engines let decodes ride along with chunks of prompts, `whole`
   ones do not split a prompt, `apart` ones stop decoding while they prefill.
4. When the cache is full the sequence that came last gives up its place and is computed again, in
   engines that do not reserve room for the whole answer at admission.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, log2
from typing import Literal

Mixing = Literal["mixed", "whole", "apart"]

_GOLDEN = 0.6180339887498949
_PLASTIC = 0.7548776662466927
"""Steps of two additive sequences that fill [0, 1) evenly and look unrelated: lengths vary without
chance, so that one question has one answer."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an engine fills a step. `kv_tokens` is what its cache holds; `hold_steps` is how many
    decode steps a newcomer waits before it is looked at, unless `hold_tokens` of prompts wait;
    `stride` is how many tokens one decode step yields (1 + accepted drafts) and `rows` how many it
    computes (1 + drafts); `cached` is the share of a prompt that is in the cache already."""

    mixing: Mixing
    batch_tokens: int
    sequences: int
    kv_tokens: int
    reserve: bool = False
    hold_steps: int = 0
    hold_tokens: int | None = None
    stride: float = 1.0
    rows: int = 1
    cached: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """`requests` requests of about `prompt` and `output` tokens, uniform within `spread`.
    `users` ask again at once, or `arrivals` says when each comes, in the unit of the clock. `pairs`
    are their own tokens of prompt and output, where they are known."""

    prompt: int
    output: int
    spread: float
    requests: int
    users: int
    arrivals: tuple[float, ...] | None = None
    pairs: tuple[tuple[int, int], ...] | None = None


@dataclass(slots=True)
class Span:
    """`steps` equal steps: `decodes` sequences of `context` tokens in all, `chunks` prompts of
    `prompt_tokens` in all, which attend to `pairs` (query, key) pairs over `seen` keys.
    `late` requests wait for their first token meanwhile; `pace` is the sum over streaming requests
    of one over their tokens after the first."""

    steps: int
    decodes: float
    context: float
    chunks: float
    prompt_tokens: float
    prompt_pairs: float
    prompt_seen: float
    late: float
    pace: float


@dataclass(slots=True)
class Schedule:
    """What a load does to an engine. `requests` have been answered; `preempted` counts sequences
    computed again."""

    spans: list[Span] = field(default_factory=list[Span])
    requests: int = 0
    output_tokens: int = 0
    preempted: int = 0


def lengths(load: Load) -> Iterator[tuple[int, int]]:
    """Prompt and output tokens of each request."""
    if load.pairs is not None:
        yield from load.pairs
        return
    a, b = 0.5, 0.5
    for _ in range(load.requests):
        a, b = (a + _GOLDEN) % 1.0, (b + _PLASTIC) % 1.0
        yield (
            max(1, round(load.prompt * (1 + load.spread * (2 * a - 1)))),
            max(1, round(load.output * (1 + load.spread * (2 * b - 1)))),
        )


class Replay:
    """One engine under one load. `clock` says how many seconds one step of a span takes; without
    it, time is in steps and every user asks again at once."""

    def __init__(
        self, policy: Policy, load: Load, clock: Callable[[Span], float] | None = None
    ) -> None:
        self.policy = policy
        self.load = load
        self.schedule = Schedule()
        pairs = list(lengths(load))
        self._output = [other for _, other in pairs]
        self._known = [one for one, _ in pairs]
        self._left = [max(1, round(one * (1.0 - policy.cached))) for one, _ in pairs]
        self._owed = [ceil((other - 1) / policy.stride) for _, other in pairs]
        self._started = [-1] * len(pairs)
        self._fresh = [True] * len(pairs)
        self._clock = clock
        self._now = 0.0
        self._next = 0
        self._waiting: deque[int] = deque()
        self._partial: int | None = None
        self._seated = 0
        self._held = 0
        self._beat = 0
        self._ends: list[tuple[int, int]] = []
        self._order: list[tuple[int, int]] = []
        self._decodes = 0
        self._context = 0.0
        self._used = 0.0
        self._late = 0
        self._pace = 0.0

    def run(self) -> Schedule:
        """The whole load, to its last token."""
        if self.load.arrivals is None:
            for _ in range(min(self.load.users, self.load.requests)):
                self._arrive()
        while self.schedule.requests < self.load.requests:
            self._arrivals()
            self._make_room()
            span, emitting = self._plan()
            self.schedule.spans.append(span)
            if self._clock is not None:
                self._now += span.steps * self._clock(span)
            self._advance(span, emitting)
        return self.schedule

    def _arrive(self) -> None:
        if self._next < self.load.requests:
            self._waiting.append(self._next)
            self._late += 1
            self._next += 1

    def _arrivals(self) -> None:
        times = self.load.arrivals
        if times is None:
            return
        if not self._seated and not self._waiting:
            self._now = max(self._now, times[self._next])
        while self._next < len(times) and times[self._next] <= self._now:
            self._arrive()

    def _make_room(self) -> None:
        """Rule 4. The only sequence that runs is never sent away."""
        policy = self.policy
        if policy.reserve:
            return
        while self._decodes > 1 and self._used + self._decodes * policy.stride > policy.kv_tokens:
            one, started = self._order.pop()
            if self._started[one] != started:
                continue
            grown = (self._beat - started) * policy.stride
            self._known[one] += round(grown)
            self._owed[one] -= self._beat - started
            self._started[one] = -1
            self._left[one] = self._known[one]
            self._leave(self._known[one], self._known[one])
            self._seated -= 1
            self._waiting.appendleft(one)
            self.schedule.preempted += 1

    def _leave(self, tokens: float, held: float) -> None:
        """A sequence of `tokens` stops decoding, and what it `held` of the cache is free."""
        self._decodes -= 1
        # Fractions of a token (a stride of 1.7) do not add up to exactly nothing.
        self._context = self._context - tokens if self._decodes else 0.0
        self._used -= held

    def _plan(self) -> tuple[Span, list[int]]:
        span = Span(1, self._decodes, self._context, 0, 0, 0.0, 0, self._late, self._pace)
        emitting: list[int] = []
        if self._looks():
            self._prefill(span, emitting)
        if span.chunks == 0:
            span.steps = self._leap(span)
            span.context += self._decodes * self.policy.stride * (span.steps - 1) / 2
        elif self.policy.mixing == "apart":
            span.decodes, span.context = 0, 0.0
        return span, emitting

    def _looks(self) -> bool:
        """Whether the engine looks at those who wait."""
        policy = self.policy
        if self._partial is not None or not self._decodes or not policy.hold_steps:
            return True
        if not self._waiting or self._held >= policy.hold_steps:
            return True
        enough = policy.hold_tokens
        return enough is not None and sum(self._left[one] for one in self._waiting) >= enough

    def _prefill(self, span: Span, emitting: list[int]) -> None:
        room = self.policy.batch_tokens
        if self.policy.mixing != "apart":
            room -= self._decodes * self.policy.rows
        while room > 0:
            one = self._partial
            if one is None:
                one = self._admit(room, alone=span.chunks == 0)
            if one is None:
                return
            tokens = self._left[one]
            if self.policy.mixing != "whole":
                tokens = min(room, tokens)
            past = self._known[one] - self._left[one]
            self._left[one] -= tokens
            room -= tokens
            span.chunks += 1
            span.prompt_tokens += tokens
            span.prompt_seen += past + tokens
            span.prompt_pairs += tokens * (past + (tokens + 1) / 2)
            self._partial = one if self._left[one] else None
            if self._partial is None:
                emitting.append(one)

    def _admit(self, room: int, *, alone: bool) -> int | None:
        policy = self.policy
        if not self._waiting or self._seated >= policy.sequences:
            return None
        one = self._waiting[0]
        if policy.mixing == "whole" and self._left[one] > room and not alone:
            return None
        needs = self._known[one] + (self._output[one] if policy.reserve else 0)
        # Those who run grow too: admitting up to the last token would only send somebody away.
        soon = (self._decodes + 1) * policy.stride
        if self._seated and self._used + needs + soon > policy.kv_tokens:
            return None
        self._waiting.popleft()
        self._seated += 1
        self._used += needs
        return one

    def _leap(self, span: Span) -> int:
        """How many decode steps pass before somebody comes or goes."""
        ends = self._ends
        while self._started[ends[0][1]] + self._owed[ends[0][1]] != ends[0][0]:
            heappop(ends)
        steps = ends[0][0] - self._beat
        policy = self.policy
        if policy.hold_steps and self._waiting and self._held < policy.hold_steps:
            steps = min(steps, policy.hold_steps - self._held)
        if not policy.reserve and self._decodes > 1:
            room = (policy.kv_tokens - self._used) / (self._decodes * policy.stride)
            steps = min(steps, int(room))
        times = self.load.arrivals
        if times is not None and self._clock is not None and self._next < len(times):
            each = self._clock(span)
            steps = min(steps, ceil((times[self._next] - self._now) / each))
        return max(1, steps)

    def _advance(self, span: Span, emitting: list[int]) -> None:
        policy = self.policy
        if span.decodes:
            self._beat += span.steps
            grown = span.decodes * span.steps * policy.stride
            self._context += grown
            if not policy.reserve:
                self._used += grown
            self._held = self._held + span.steps if self._waiting else 0
        if span.chunks:
            self._held = 0
        while self._ends and self._ends[0][0] <= self._beat:
            end, one = heappop(self._ends)
            if self._started[one] >= 0 and self._started[one] + self._owed[one] == end:
                self._finish(one)
        for one in emitting:
            self._emit(one)

    def _emit(self, one: int) -> None:
        """The prompt is computed: its first token is out."""
        again = not self._fresh[one]
        if again:
            self._owed[one] -= 1
        else:
            self._fresh[one] = False
            self._late -= 1
            if self._output[one] > 1:
                self._pace += 1.0 / (self._output[one] - 1)
        self._decodes += 1
        self._context += self._known[one]
        self._started[one] = self._beat
        if self._owed[one] <= 0:
            self._finish(one)
            return
        heappush(self._ends, (self._beat + self._owed[one], one))
        self._order.append((one, self._beat))

    def _finish(self, one: int) -> None:
        policy = self.policy
        tokens = self._known[one] + self._owed[one] * policy.stride
        held = self._known[one] + self._output[one] if policy.reserve else tokens
        self._leave(tokens, held)
        self._started[one] = -1
        self._seated -= 1
        if self._output[one] > 1:
            self._pace -= 1.0 / (self._output[one] - 1)
        self.schedule.requests += 1
        self.schedule.output_tokens += self._output[one]
        if self.load.arrivals is None:
            self._arrive()


def digest(schedule: Schedule) -> list[Span]:
    """The spans of a schedule with those of like make-up merged into one of their mean, in which
    `steps` counts all of them. Times are all but linear within such a bin of a third to a sixth of
    an octave, and a long schedule becomes some dozens of spans."""
    bins: dict[tuple[int, int, int, int], list[float]] = {}
    for span in schedule.spans:
        steps = span.steps
        key = (
            1 + int(log2(span.prompt_tokens) * 3) if span.chunks else 0,
            int(log2(span.decodes + 1) * 4),
            int(log2(max(0.0, span.context) + 1) * 3),
            int(log2(span.prompt_pairs + 1) * 2),
        )
        sums = bins.setdefault(key, [0.0] * 9)
        for at, value in enumerate(_parts(span)):
            sums[at] += value * steps
    return [
        Span(round(steps), *(value / steps for value in rest)) for steps, *rest in bins.values()
    ]


def _parts(span: Span) -> tuple[float, ...]:
    return (
        1.0,
        span.decodes,
        span.context,
        span.chunks,
        span.prompt_tokens,
        span.prompt_pairs,
        span.prompt_seen,
        span.late,
        span.pace,
    )
