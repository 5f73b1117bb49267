"""What was read as a fleet file and a trace, for `tollway check`, `simulate` and `plan`.

Rules
1. The trace holds no text and no project: when, which model, how many tokens, what two prompts
   share. Keys are the names of tools.
2. Ids of prompts' blocks say what is known of sharing: within a conversation a prompt that is no
   shorter than the one before begins with it; a conversation's first prompt shares with the others
   of its tool and model what was read from the cache.
3. Speed is fitted to the times in the logs, as wait + output / speed; where they tell too little it
   is assumed, and the file says so.
4. A fleet file cannot say prices by a prompt's length or of writes that live an hour: comments do.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from statistics import median
from typing import Final

from tollway.catalog.prices import PricedModel, Rates, TokenPrice
from tollway.hindsight.money import Prices, provider_of
from tollway.hindsight.records import Call
from tollway.hindsight.speed import LEAST, MOST_WAIT
from tollway.units import PICO_PER_DOLLAR, TOKENS_PER_PRICE

BLOCK: Final = 512
"""Tokens of one id, as in Mooncake's traces."""
FEWEST: Final = 20
"""Timed answers from which a speed is fitted."""
MOST_PROMPT: Final = 10**8
"""Tokens; what says that it is longer is no single request."""
ASSUMED_WAIT: Final = 1.0
ASSUMED_SPEED: Final = 50.0
"""Seconds, and output tokens a second: a guess, named as one where it is used."""
LEAST_WAIT: Final = 0.001
EVER: Final = date(2020, 1, 1)
"""A fleet file wants a day for a price that held from its model's first."""
MOST_PAIRS: Final = 400

_UNFIT = re.compile(r"[^A-Za-z0-9._:/@+-]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider answers, and the environment variable that usually holds its key."""

    url: str
    variable: str


def in_trace(calls: Iterable[Call]) -> list[Call]:
    """The calls that a trace can hold: single requests with a prompt, in order."""
    return [call for call in calls if call.period is None and 0 < call.input <= MOST_PROMPT]


def trace_lines(calls: Sequence[Call]) -> Iterator[str]:
    """JSON lines in OpenAI's words, one a call; `calls` are those of `in_trace`."""
    ids = _Blocks()
    for call in calls:
        line: dict[str, object] = {
            "created": round(call.at, 3),
            "model": route_of(call.model),
            "user": call.tool,
            "usage": {"prompt_tokens": call.input, "completion_tokens": call.output},
        }
        blocks = ids.of(call)
        if blocks:
            line["hash_ids"] = blocks
        yield json.dumps(line, separators=(",", ":")) + "\n"


class _Blocks:
    """Ids for the blocks of prompts (rule 2)."""

    def __init__(self) -> None:
        self._next = count(1)
        self._shared: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._threads: dict[tuple[str, str], tuple[int, list[int]]] = {}

    def of(self, call: Call) -> list[int]:
        if call.thread is None:
            return []
        key = call.thread, call.model
        known, blocks = self._threads.get(key, (0, []))
        if not blocks:
            blocks = self._more(self._shared[call.tool, call.model], call.cached // BLOCK)
            blocks = blocks[: call.cached // BLOCK]
        elif call.input < known:  # cut: what was read from the cache is what it still shares
            blocks = blocks[: call.cached // BLOCK]
        blocks = self._more(list(blocks), call.input // BLOCK)
        self._threads[key] = call.input, blocks
        return blocks

    def _more(self, blocks: list[int], wanted: int) -> list[int]:
        blocks.extend(next(self._next) for _ in range(wanted - len(blocks)))
        return blocks


def route_of(model: str) -> str:
    """The model's name with only the letters that a fleet file allows."""
    name = _UNFIT.sub("-", model)[:128]
    return name if name[:1].isalnum() else f"m{name}"[:128]


def fleet_text(
    calls: Sequence[Call], prices: Prices, endpoints: Mapping[str, Endpoint], taken: date | None
) -> str:
    """A fleet file of every source and model in the calls."""
    groups: defaultdict[str, dict[str, list[Call]]] = defaultdict(dict)
    for call in calls:
        source = _UNFIT.sub("-", provider_of(call) or call.tool)
        groups[source].setdefault(call.model, []).append(call)
    usage = Counter(route_of(call.model) for call in calls)
    names = [name for name, _ in usage.most_common()]
    parts = [_HEAD, *(f"[models.{json.dumps(name)}]\n" for name in names)]
    known = {name: endpoints[name] for name in groups if name in endpoints}
    if known:
        parts.append("\n# Where keys are, never the keys themselves.\n[credentials]\n")
        parts += [f'{name} = "env:{it.variable}"\n' for name, it in known.items()]
    for source, models in groups.items():
        parts += _source(source, known.get(source))
        if taken is not None:
            parts.append(f"# USD a million tokens, public prices of {taken}.\n")
        for model, its in models.items():
            parts += _serving(source, model, its, prices)
    return "".join([*parts, _TAIL])


_HEAD: Final = """\
# What `tollway scan` found on this machine, as a fleet. Speeds are of the logs, prices are public
# ones: check both against what you have. `tollway check` reads it; rehearse it with
# `tollway simulate FLEET --trace TRACE`.
version = 1

# Models by the names that the logs have; each is a route of its own.
"""

_TAIL: Final = """
[tenants.me]
"""


def _source(name: str, endpoint: Endpoint | None) -> Iterator[str]:
    yield f"\n[sources.{name}]\n"
    if endpoint is None:
        yield "# The logs don't say where it answers: write its address here.\n"
        yield 'kind = "server"\nurl = "http://127.0.0.1:8000/v1"\n'
        return
    yield f'kind = "api"\nurl = {json.dumps(endpoint.url)}\ncredential = "{name}"\n'


def _serving(source: str, model: str, calls: Sequence[Call], prices: Prices) -> Iterator[str]:
    yield f"[sources.{source}.serves.{json.dumps(route_of(model))}]\n"
    if route_of(model) != model:
        yield f"upstream_model = {_text(model)}\n"
    wait, speed, how = fitted(calls) or (ASSUMED_WAIT, ASSUMED_SPEED, "assumed: no times in logs")
    yield f'expected_ttft = "{max(1, round(wait * 1000))}ms"    # {how}\n'
    yield f"expected_speed = {speed:.1f}\n"
    priced = prices.model(calls[0])
    if priced is None:
        yield "# No price is known for it: write `prices`, or it counts as free.\n"
        return
    yield from _prices(priced)


def _text(words: str) -> str:
    """A TOML string of what of the words can be seen: TOML has no pairs of surrogates."""
    return json.dumps("".join(filter(str.isprintable, words)) or "?", ensure_ascii=False)


def _prices(model: PricedModel) -> Iterator[str]:
    above = next((price.above for price in model.prices if price.above is not None), None)
    if above is not None:
        yield f"# Prompts above {above} tokens cost more than this.\n"
    rows = "".join(
        f"  {{ since = {price.since or EVER}{_tier(price)}, {_rates(price.rates)} }},\n"
        for price in model.prices
    )
    yield f"prices = [\n{rows}]\n"


def _tier(price: TokenPrice) -> str:
    return "" if price.tier == "standard" else f', tier = "{price.tier}"'


def _rates(rates: Rates) -> str:
    keys = ("input", "cached_input", "cache_write", "output")
    return ", ".join(f'{key} = "{_dollars(getattr(rates, key))}"' for key in keys)


def _dollars(rate: int) -> str:
    whole, rest = divmod(rate * TOKENS_PER_PRICE, PICO_PER_DOLLAR)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def fitted(calls: Iterable[Call]) -> tuple[float, float, str] | None:
    """Seconds until an answer begins, its output tokens a second, and how that is known; None
    where the times tell too little (rule 3)."""
    timed = [
        call for call in calls if call.took and call.took <= MOST_WAIT and call.output >= LEAST
    ]
    if len(timed) < FEWEST:
        return None
    firsts = [c.first for c in timed if c.first is not None and not c.first_block]
    if len(firsts) >= FEWEST:
        rest = [
            (c.output - 1) / (c.took - c.first)
            for c in timed
            if c.first is not None and c.took is not None and c.took > c.first
        ]
        if rest:
            return median(firsts), median(rest), f"measured: {len(firsts)} requests"
    return _line(timed) or _whole(timed)


def _line(timed: Sequence[Call]) -> tuple[float, float, str] | None:
    """A line through durations by output: the median of slopes between far apart pairs
    (Theil-Sen), because one machine that slept must not bend it."""
    ordered = sorted(timed, key=lambda call: call.output)
    half = len(ordered) // 2
    step = max(1, half // MOST_PAIRS)
    slopes = [
        ((high.took or 0.0) - (low.took or 0.0)) / (high.output - low.output)
        for low, high in zip(ordered[:half:step], ordered[half::step], strict=False)
        if high.output > low.output
    ]
    slope = median(slopes) if slopes else 0.0
    if slope <= 0.0:
        return None  # longer answers took no longer
    wait = median((call.took or 0.0) - slope * call.output for call in timed)
    return max(LEAST_WAIT, wait), 1 / slope, f"fitted to the times of {len(timed)} answers"


def _whole(timed: Sequence[Call]) -> tuple[float, float, str]:
    """The speed of whole answers, their wait in it."""
    speed = median(call.output / (call.took or 1.0) for call in timed)
    return LEAST_WAIT, speed, f"measured: {len(timed)} whole answers, the wait in their speed"
