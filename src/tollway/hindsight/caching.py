"""Cache hits lost: tokens that were in a provider's cache, or could have been, and were paid anew.

Rules
1. Within one conversation a prompt that is no shorter than the one before begins with it: that is
   an assumption, which agents keep by design. A shorter one was cut, and nothing of it was lost.
2. Of the prompt before, what it read from or wrote to the cache was there to be read again; where
   a provider caches by itself, all of it in whole blocks.
3. A loss is `expired` where the pause was longer than the cache's life, else `changed`: the prefix
   was not the same, or another machine answered.
4. Lost tokens were paid as cache writes as far as the call wrote any, else as input.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tollway.catalog.prices import Rates
from tollway.hindsight.money import Prices, provider_of
from tollway.hindsight.records import Call

LIFE: Final = 300.0
"""Seconds that Anthropic keeps a prefix after its last use, unless it was written for an hour."""
HOUR: Final = 3600.0
OWN_LIFE: Final = 600.0
"""Seconds that a provider is assumed to keep what it caches by itself: OpenAI says 5 to 10 minutes;
https://platform.openai.com/docs/guides/prompt-caching"""
BLOCK: Final = 128
LEAST: Final = 1024
"""Tokens that OpenAI caches in, and the fewest that it caches; the same page."""


@dataclass(slots=True)
class Losses:
    """What one model's conversations lost. Tokens, and pico-dollars above what reading them from
    the cache would have cost. `repeated` is what could have been read again, `read` what was."""

    calls: int = 0
    repeated: int = 0
    read: int = 0
    expired: int = 0
    changed: int = 0
    expired_amount: int = 0
    changed_amount: int = 0
    within_hour: int = 0
    """Of `expired_amount`, what pauses of up to an hour lost where an hour's life is sold."""
    hour_extra: int = 0
    """What an hour's life would have cost more, for everything written that was not lost."""


def losses(calls: Iterable[Call], prices: Prices) -> dict[str, Losses]:
    """Losses by model, of calls whose conversation is known."""
    threads: defaultdict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if call.thread is not None and call.period is None:
            threads[call.thread, call.model].append(call)
    found: dict[str, Losses] = {}
    for (_, model), thread in threads.items():
        if any(call.cached or call.write or call.write_1h for call in thread):
            thread.sort(key=lambda call: call.at)
            _follow(thread, found.setdefault(model, Losses()), prices)
    return found


def _follow(thread: list[Call], into: Losses, prices: Prices) -> None:
    rates = prices.cost(thread[0]).rates
    _hour_extra(thread[0], 0, rates, into)
    for before, call in pairwise(thread):
        into.calls += 1
        there = min(_in_cache(before), call.input) if call.input >= before.input else 0
        lost = max(0, there - call.cached)
        into.repeated += there
        into.read += min(there, call.cached)
        rates = prices.cost(call).rates
        rewritten = min(lost, call.write)
        amount = _amount(call, lost, rates)
        if call.at - before.at > _life(before):
            into.expired += lost
            into.expired_amount += amount
            if call.at - before.at <= HOUR and has_writes(call):
                into.within_hour += amount
                _hour_extra(call, rewritten, rates, into)
                continue
        else:
            into.changed += lost
            into.changed_amount += amount
        _hour_extra(call, 0, rates, into)


def _hour_extra(call: Call, rewritten: int, rates: Rates | None, into: Losses) -> None:
    if rates is not None and has_writes(call):
        into.hour_extra += (call.write - rewritten) * (rates.cache_write_1h - rates.cache_write)


def _in_cache(call: Call) -> int:
    held = call.cached + call.write + call.write_1h
    if has_writes(call):
        return held
    whole = call.input - call.input % BLOCK
    return whole if whole >= LEAST else 0


def has_writes(call: Call) -> bool:
    """Whether a client says what is cached (Anthropic); others cache by themselves."""
    return provider_of(call) in ("anthropic", "aws")


def _life(call: Call) -> float:
    if call.write_1h:
        return HOUR
    return LIFE if has_writes(call) else OWN_LIFE


def _amount(call: Call, lost: int, rates: Rates | None) -> int:
    if rates is None or not lost:
        return 0
    hour = min(lost, call.write_1h)
    short = min(lost - hour, call.write)
    fresh = lost - hour - short
    paid = hour * rates.cache_write_1h + short * rates.cache_write + fresh * rates.input
    return paid - lost * rates.cached_input
