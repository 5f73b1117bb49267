"""Made-up users: who arrives at random, who asks again once answered, who talks with tools.

Rules
1. A seed and the description give the same requests, always.
2. A user asks again `pause` after the end of the answer, whatever became of it; a turn of a session
   is asked only if the one before it was answered, and begins with all that was said before.
"""

from dataclasses import dataclass
from typing import Final

from tollway.simulator.draws import Stream
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

SESSION_TOKENS: Final = 16
"""Tokens of one prefix id of a session: a KV block of vLLM's."""

_ARRIVALS: Final = 0x41525249
_LENGTHS: Final = 0x4C454E47
_PAUSES: Final = 0x50415553


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens of a request: means, and how they vary (the coefficient of variation of a lognormal;
    0 is always the mean)."""

    input: int
    output: int
    cv: float = 0.0

    def sample(self, chance: Stream) -> tuple[Tokens, Tokens]:
        """One request's tokens, one of each at least."""
        return (
            Tokens(max(1, round(chance.lognormal(self.input, self.cv)))),
            Tokens(max(1, round(chance.lognormal(self.output, self.cv)))),
        )


def arrivals(rate: float, duration: Seconds, size: Size, seed: int, cv: float = 1.0) -> Trace:
    """Open arrivals, `rate` a second: gaps of a gamma distribution with this coefficient of
    variation (1: a Poisson process)."""
    gaps, chance = Stream(seed, _ARRIVALS), Stream(seed, _LENGTHS)
    rows: list[TraceRequest] = []
    at = _gap(gaps, rate, cv)
    while at < duration:
        rows.append(TraceRequest(Seconds(round(at, 6)), *size.sample(chance)))
        at += _gap(gaps, rate, cv)
    return Trace("arrivals", tuple(rows))


def _gap(gaps: Stream, rate: float, cv: float) -> float:
    if cv == 1.0:
        return gaps.exponential(1.0 / rate)
    return gaps.gamma(1.0 / (cv * cv), 1.0 / rate)


def users(count: int, rounds: int, size: Size, pause: Seconds, seed: int) -> Trace:
    """`count` users who each ask `rounds` times, `pause` on average (exponential) after each
    answer. They begin at once, spread over one pause."""
    chance, pauses = Stream(seed, _LENGTHS), Stream(seed, _PAUSES)
    rows: list[TraceRequest] = []
    for turn in range(rounds):
        for user in range(count):
            wait = Seconds(round(pauses.exponential(pause), 6)) if pause else pause
            rows.append(
                TraceRequest(
                    wait if turn == 0 else Seconds(0.0),
                    *size.sample(chance),
                    after=None if turn == 0 else (turn - 1) * count + user,
                    pause=wait,
                )
            )
    first = sorted(range(count), key=lambda user: (rows[user].at, user))
    return Trace("users", tuple(_reordered(rows, count, first)))


def _reordered(rows: list[TraceRequest], count: int, order: list[int]) -> list[TraceRequest]:
    """The same users, numbered by when they first ask."""
    place = {user: new for new, user in enumerate(order)}
    made: list[TraceRequest] = []
    for turn in range(len(rows) // count):
        for user in order:
            one = rows[turn * count + user]
            after = None if turn == 0 else (turn - 1) * count + place[user]
            made.append(TraceRequest(one.at, one.input, one.output, after=after, pause=one.pause))
    return made


@dataclass(frozen=True, slots=True)
class Talk:
    """A session: it opens with `opening` tokens; each of `turns` turns adds `said` tokens (what a
    user said, or what a tool returned after `pause` seconds) and gets `answer` tokens."""

    turns: int
    opening: int
    said: int
    answer: int
    pause: Seconds
    cv: float = 0.0


def sessions(count: int, rate: float, talk: Talk, seed: int) -> Trace:
    """`count` sessions that begin at `rate` a second (a Poisson process). A turn's prompt is the
    whole conversation so far, so that it begins with the prompt and the answer before it."""
    gaps, chance, pauses = (Stream(seed, one) for one in (_ARRIVALS, _LENGTHS, _PAUSES))
    rows: list[TraceRequest] = []
    at, base = 0.0, 0
    for _ in range(count):
        at += gaps.exponential(1.0 / rate)
        known = max(1, round(chance.lognormal(talk.opening, talk.cv)))
        for turn in range(talk.turns):
            added, answer = Size(talk.said, talk.answer, talk.cv).sample(chance)
            known += added if turn else 0
            rows.append(
                TraceRequest(
                    Seconds(round(at, 6)),
                    Tokens(known),
                    answer,
                    prefix=range(base, base + (known + answer) // SESSION_TOKENS),
                    after=len(rows) - 1 if turn else None,
                    pause=Seconds(round(pauses.exponential(talk.pause), 6) if talk.pause else 0.0),
                    needs_answer=turn > 0,
                )
            )
            known += answer
        base += known // SESSION_TOKENS + 1
    return Trace("sessions", tuple(rows), prefix_tokens=SESSION_TOKENS)
