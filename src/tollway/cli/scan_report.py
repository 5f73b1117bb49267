"""Everything that `tollway scan` has to say, worked out before any of it is printed.

Rules
1. Money that is priced and money that a log or a bill states are never added up without saying so.
2. Where two logs may tell of the same requests, the report warns; it takes none of them away.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from tollway.catalog.prices import price_providers, priced_model
from tollway.cli.scan_silicon import Own, on_silicon
from tollway.errors import Fault, FaultsFound, did_you_mean, listed
from tollway.hindsight.caching import Losses, losses
from tollway.hindsight.elsewhere import Instead, in_tier, models_instead, priced_now
from tollway.hindsight.exports import ANTHROPIC, OPENAI
from tollway.hindsight.litellm import TOOL as LITELLM
from tollway.hindsight.money import Cost, Prices, Totals, key_of, provider_of
from tollway.hindsight.records import Bill, Call, Unread
from tollway.hindsight.speed import Felt, felt
from tollway.hindsight.vllm import TOOL as VLLM
from tollway.inspect.logreading import Reading

COMPARED: Final = (
    ("anthropic", "claude-opus-5-5"),
    ("anthropic", "claude-sonnet-5-5"),
    ("anthropic", "claude-haiku-5-5"),
    ("openai", "gpt-6.1-sol"),
    ("openai", "gpt-6.1-terra"),
    ("google", "gemini-3.8-flash"),
    ("x-ai", "grok-4.7"),
    ("fireworks", "deepseek-v4-pro"),
    ("moonshotai", "kimi-k3.1-pro"),
    ("groq", "openai/gpt-oss-120b"),
)
"""Compared with where nobody says with what: large and small ones of several sellers."""

SILICON: Final = ("1xh200:gpt-oss-120b", "8xb200:deepseek-v3.1")
"""Likewise, on chips of one's own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    by: tuple[str, ...]
    since: float | None
    until: float | None
    against: tuple[str, ...]
    silicon: tuple[str, ...]
    now: float

    @property
    def today(self) -> date:
        """The UTC day."""
        return datetime.fromtimestamp(self.now, UTC).date()


@dataclass(frozen=True, slots=True)
class Group:
    """A row of spend: the words of its group, and its sums."""

    words: tuple[str, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Alternatives for the priced calls. Amounts in pico-dollars at prices of one day."""

    requests: int
    amount: int
    tiers: dict[str, tuple[int, int]]
    models: list[Instead]
    own: list[Own]


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what follows from it. `read` is files by tool; `left_out` requests were
    outside of the time asked for."""

    wanted: Wanted
    read: Counter[str]
    size: int
    calls: list[Call]
    left_out: int
    prices: Prices
    spend: dict[tuple[str, ...], list[Group]]
    total: Totals
    unpriced: dict[str, Totals]
    as_standard: int
    as_short: int
    partial: int
    searches: int
    bills: list[Bill]
    cache: dict[str, Losses]
    speed: list[Felt]
    elsewhere: Elsewhere
    unread: list[Unread]
    stopped: bool
    warnings: list[str] = field(default_factory=list[str])

    @property
    def taken(self) -> date | None:
        """The day of the prices."""
        return self.prices.taken()


def report_of(reading: Reading, wanted: Wanted) -> Report:
    """Work everything out.

    Raises:
        TollwayError: --against or --silicon names nothing that is known.
    """
    against = _against(wanted)
    whole = reading.calls()
    calls = [call for call in whole if _inside(call.at, wanted)]
    prices = Prices()
    costs = [prices.cost(call) for call in calls]
    dimensions = [wanted.by] if wanted.by else [("model",), ("day",)]
    return Report(
        wanted=wanted,
        read=reading.files,
        size=reading.size,
        calls=calls,
        left_out=sum(call.requests for call in whole) - sum(call.requests for call in calls),
        prices=prices,
        spend={by: _grouped(calls, costs, by) for by in dimensions},
        total=_total(zip(calls, costs, strict=True)),
        unpriced=_unpriced(calls, costs),
        as_standard=sum(cost.standard for cost in costs),
        as_short=sum(_unmeasured(call, prices) for call in calls),
        partial=sum(call.partial for call in calls),
        searches=sum(cost.searches for cost in costs),
        bills=[bill for bill in reading.bills if _inside(bill.at, wanted)],
        cache=losses(calls, prices),
        speed=felt(calls, reading.vllm.rates),
        elsewhere=_elsewhere(calls, prices, against, wanted),
        unread=list(reading.gaps),
        stopped=reading.stopped,
        warnings=_overlaps(calls),
    )


def _unmeasured(call: Call, prices: Prices) -> bool:
    """Whether a row of many requests might have cost more, had it said how long prompts were."""
    if call.period is None or call.long is not None:
        return False
    model = prices.model(call)
    return model is not None and any(price.long for price in model.prices)


def _inside(at: float, wanted: Wanted) -> bool:
    return (wanted.since is None or at >= wanted.since) and (
        wanted.until is None or at < wanted.until
    )


def _grouped(calls: Sequence[Call], costs: Sequence[Cost], by: tuple[str, ...]) -> list[Group]:
    groups: dict[tuple[str, ...], Totals] = {}
    for call, cost in zip(calls, costs, strict=True):
        groups.setdefault(key_of(call, by), Totals()).add(call, cost)
    rows = [Group(words, totals) for words, totals in groups.items()]
    if by[0] == "day":
        return sorted(rows, key=lambda row: row.words)
    return sorted(rows, key=lambda row: (-row.totals.amount, row.words))


def _total(pairs: Iterable[tuple[Call, Cost]]) -> Totals:
    total = Totals()
    for call, cost in pairs:
        total.add(call, cost)
    return total


def _unpriced(calls: Sequence[Call], costs: Sequence[Cost]) -> dict[str, Totals]:
    found: defaultdict[str, Totals] = defaultdict(Totals)
    for call, cost in zip(calls, costs, strict=True):
        if cost.amount is None:
            through = f" through {call.provider}" if call.provider else ""
            found[call.model + through].add(call, cost)
    return dict(found)


def _against(wanted: Wanted) -> list[tuple[str, str]]:
    if not wanted.against:
        return list(COMPARED)
    faults: list[Fault] = []
    found: list[tuple[str, str]] = []
    for word in wanted.against:
        provider, _, name = word.partition(":")
        known = price_providers()
        if provider not in known:
            mend = did_you_mean(provider, known) or "Write PROVIDER:MODEL."
            faults.append(Fault("--against", f'is "{word}"; providers: {listed(known)}', mend))
        elif priced_model(provider, name) is None:
            from tollway.catalog.prices import priced_models

            names = [model.name for model in priced_models(provider)]
            mend = did_you_mean(name, names) or f"It sells {listed(names)}."
            faults.append(Fault("--against", f'is "{word}", of which no price is known', mend))
        found.append((provider, name))
    if faults:
        raise FaultsFound(faults)
    return found


def _elsewhere(
    calls: Sequence[Call], prices: Prices, against: list[tuple[str, str]], wanted: Wanted
) -> Elsewhere:
    kept, amount = priced_now(calls, prices, wanted.today)
    return Elsewhere(
        requests=sum(call.requests for call in kept),
        amount=amount,
        tiers=in_tier(kept, prices, wanted.today),
        models=models_instead(kept, against, wanted.today),
        own=[on_silicon(word, kept) for word in wanted.silicon or SILICON] if kept else [],
    )


BESIDE: Final = (OPENAI, ANTHROPIC, LITELLM)
"""What tells of requests that the clients' own logs may tell of too."""


def _overlaps(calls: Iterable[Call]) -> list[str]:
    """A sentence for every provider whose requests two logs may tell of (rule 2)."""
    tools: defaultdict[str, set[str]] = defaultdict(set)
    for call in calls:
        provider = provider_of(call)
        if provider is not None and call.tool != VLLM:
            tools[provider].add(call.tool)
    return [
        f"{', '.join(sorted(found))} may tell of the same requests to {provider}: the sum has "
        "them all. `--by tool` keeps them apart."
        for provider, found in tools.items()
        if len(found) > 1 and found & set(BESIDE)
    ]
