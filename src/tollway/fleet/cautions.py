"""What a sound fleet may still surprise with. Nothing here refuses a file."""

from collections.abc import Iterable, Iterator
from datetime import date
from urllib.parse import urlsplit

from tollway.errors import Fault
from tollway.fleet.demands import meets
from tollway.fleet.findings import place
from tollway.fleet.objects import Candidate, Fleet, Route, Serving, Source
from tollway.fleet.quantities import is_loopback

_DAY = 24 * 60


def cautions(fleet: Fleet, today: date) -> Iterator[Fault]:
    """Everything worth a warning; `today` is the UTC date."""
    if not fleet.tenants:
        mend = "Write [tenants.NAME]: virtual keys belong to one."
        yield Fault("tenants", "has no entry, so that no key can be made", mend)
    yield from _charged(fleet, today)
    for source in fleet.sources.values():
        yield from _exposed(source)
        for model, serving in source.serves.items():
            at = place("", ("sources", source.name, "serves", model)).removeprefix(": ")
            yield from _priced(source, serving, at, today)
    for route in fleet.routes.values():
        yield from _never_asked(fleet, route)


def _charged(fleet: Fleet, today: date) -> Iterator[Fault]:
    named = {tenant.price_book for tenant in fleet.tenants.values()}
    for name, book in fleet.price_books.items():
        at = place("", ("price_books", name)).removeprefix(": ")
        if name not in named:
            mend = "Write it as the price_book of a tenant, or take it out."
            yield Fault(at, "is named by no tenant", mend)
        elif book.terms[0].since > today:
            mend = "Write the terms that hold until then."
            yield Fault(at, f"begins on {book.terms[0].since}: nothing is charged until then", mend)


def _exposed(source: Source) -> Iterator[Fault]:
    parts = urlsplit(source.base_url)
    if source.credential and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        at = place("", ("sources", source.name, "url")).removeprefix(": ")
        yield Fault(at, "sends its credential over plain http", "Use https where the engine can.")


def _priced(source: Source, serving: Serving, at: str, today: date) -> Iterator[Fault]:
    standard = [price for price in serving.prices if price.tier == "standard"]
    if not serving.prices:
        if source.kind == "api":
            mend = "Write `prices`, or budgets do not see it."
            yield Fault(at, "states no prices: it counts as free", mend)
    elif not standard:
        mend = 'Write one with tier = "standard"; the other tiers then fall back to it.'
        yield Fault(f"{at}.prices", "has none for tier standard, which counts as free", mend)
    elif all(price.since > today for price in standard):
        first = min(price.since for price in standard)
        mend = "Write the price that holds until then."
        yield Fault(f"{at}.prices", f"begin on {first}: until then it counts as free", mend)
    elif not _whole_day([price.hours for price in standard if price.since <= today]):
        mend = "Write one without `hours`, or with the rest of the day."
        yield Fault(f"{at}.prices", "cover only some hours: the others count as free", mend)


def _whole_day(hours: Iterable[tuple[int, int] | None]) -> bool:
    """Whether hours, as minutes of the UTC day, leave no minute out; None is every hour."""
    covered: set[int] = set()
    for span in hours:
        start, end = span or (0, _DAY)
        covered |= set(range(start, end) if start < end else (*range(start, _DAY), *range(end)))
    return len(covered) == _DAY


def _never_asked(fleet: Fleet, route: Route) -> Iterator[Fault]:
    for choice in (*route.candidates, *route.fallbacks):
        serving = fleet.sources[choice.source].serves[choice.model]
        if not meets(serving, route.demand):
            at = place("", ("routes", route.alias, "require")).removeprefix(": ")
            problem = f"is not met by {_words(choice, route)}, which is never asked"
            yield Fault(at, problem, "Demand less, or take it out of the route.")


def _words(choice: Candidate, route: Route) -> str:
    if choice.model == route.model:
        return choice.source
    return f"{choice.source}:{choice.model}"
