"""What attempts tell about their pairs: samples for the breaker, rests, and observed speed."""

from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf
from typing import Final

from tollway.dispatch.messages import Action, Failed
from tollway.dispatch.requests import Attempt
from tollway.dispatch.sources import Pair
from tollway.fleet.usage import Usage
from tollway.policy import breaker as rules
from tollway.policy import retry

ENOUGH_TOKENS: Final = 8
"""Output tokens from which an answer says something about speed."""


class Recovery:
    """Pairs that are left alone until a time, earliest first."""

    __slots__ = ("_added", "_heap", "earliest")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Pair]] = []
        self._added = 0
        self.earliest = inf

    def add(self, when: float, pair: Pair) -> None:
        """Look at the pair again at that time. Ties go in the order of adding."""
        self._added += 1
        heappush(self._heap, (when, self._added, pair))
        self.earliest = self._heap[0][0]

    def due(self, now: float) -> Iterator[Pair]:
        """The pairs whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            pair = heappop(self._heap)[2]
            self.earliest = self._heap[0][0] if self._heap else inf
            yield pair


def judge_speed(attempt: Attempt, now: float) -> list[Action]:
    """Hold a live stream against the token-speed floor, one window after the other."""
    pair = attempt.pair
    terms = pair.source.declared.breaker
    seconds = now - attempt.mark_at
    if terms.min_speed is None or seconds < terms.speed_window:
        return []
    tokens = attempt.tokens - attempt.mark_tokens
    silent = rules.silent_seconds(tokens, seconds, terms.min_speed)
    slow = silent > attempt.silent_left
    attempt.mark_at, attempt.mark_tokens = now, attempt.tokens
    if silent and not slow:
        attempt.silent_left -= silent
        return []
    return _judge_window(attempt, slow, tokens / seconds, now)


def _judge_window(attempt: Attempt, slow: bool, speed: float, now: float) -> list[Action]:
    """An attempt counts once as good and once as slow at most, however long it lives."""
    if attempt.slow or (attempt.judged and not slow):
        return []
    attempt.judged = True
    attempt.slow = slow
    why = ""
    if slow:
        floor = attempt.pair.source.declared.breaker.min_speed
        why = f"a stream at {speed:.1f} tokens/s, under the floor of {floor:g}"
    return attempt.pair.sample(slow, why, attempt.probe, now)


def judge_late(attempt: Attempt, now: float) -> list[Action]:
    """The breaker's TTFT deadline passed without content."""
    if attempt.judged:
        return []
    attempt.judged = True
    why = f"no content after {now - attempt.sent_at:.1f} s"
    return attempt.pair.sample(True, why, attempt.probe, now)


def judge_finished(attempt: Attempt, usage: Usage, stream: bool, now: float) -> list[Action]:
    """Learn from a whole answer."""
    pair = attempt.pair
    terms = pair.source.declared.breaker
    tokens, began = usage.output, attempt.content_at
    if not stream or began is None:
        # Without a first token, what is left after the expected TTFT is taken for generation.
        whole = now - attempt.sent_at
        seconds = max(whole - (pair.expected_ttft(now) or 0.0), 0.1 * whole)
    else:
        seconds = now - began
    if tokens >= ENOUGH_TOKENS and seconds > 0.0:
        pair.speed.add((tokens - 1) / seconds, now)
    if attempt.judged:
        return []
    slow = (
        stream
        and terms.min_speed is not None
        and seconds >= terms.speed_window
        and rules.silent_seconds(tokens, seconds, terms.min_speed) > terms.thinking
    )
    return _judge_window(attempt, slow, tokens / max(seconds, 1e-9), now)


def judge_failed(attempt: Attempt, event: Failed, now: float) -> list[Action]:
    """Learn from a failure: a rest that was asked for, and a sample for the breaker."""
    pair = attempt.pair
    rest = retry.rest_seconds(event.status, event.retry_after)
    if rest > 0.0:
        pair.rest_until = max(pair.rest_until, now + rest)
    if attempt.judged and (attempt.slow or attempt.content_at is None):
        return []
    if retry.is_ill_health(event.kind, event.status):
        return pair.sample(True, describe_failure(event), attempt.probe, now)
    if retry.is_client_fault(event.kind, event.status):
        return pair.sample(False, "", attempt.probe, now)
    return []


def describe_failure(event: Failed) -> str:
    """A failure in a few words."""
    words = f"status {event.status}" if event.status is not None else event.kind
    return f"{words}: {event.detail}" if event.detail else words
