"""Whether price books can be charged by: dates, names, steps, and the books that tenants name.

Rules
1. Which terms and which rate hold is never a question of order in the file.
2. Names in the last terms are held against the fleet. Earlier terms may name what is gone: what was
   charged then stays as it was.
"""

from collections.abc import Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import shown
from tollway.fleet.schema_books import RateTable, TermsTable

_PRICES = ("input", "cached_input", "cache_write", "output", "request")


def check_books(declared: Declared) -> Iterator[Finding]:
    """Every fault of price books beyond their own keys, and of the tenants that name one."""
    for name, placed in declared.price_books.items():
        path: Path = ("price_books", name)
        if not placed.table:
            mend = f"Write its terms: [[price_books.{name}]]."
            yield Finding(placed.document, path, "is empty", mend)
        dates: dict[object, int] = {}
        last = max((terms.since for terms in placed.table), default=None)
        for index, terms in enumerate(placed.table):
            at: Path = (*path, index)
            if terms.since.day != 1:
                mend = f"Terms hold for whole months: write {terms.since.replace(day=1)}."
                yield Finding(placed.document, (*at, "since"), f"is {terms.since}", mend)
            if terms.since in dates:
                problem = f"is {terms.since}, as [{dates[terms.since]}] is already"
                yield Finding(placed.document, (*at, "since"), problem, "Give them two months.")
            dates.setdefault(terms.since, index)
            yield from _rates(placed.document, at, terms)
            if terms.since == last:
                yield from _names(declared, placed.document, at, terms)
    yield from _tenants(declared)


def _tenants(declared: Declared) -> Iterator[Finding]:
    for name, placed in declared.tenants.items():
        book = placed.table.price_book
        if book is not None and book not in declared.names["price_books"]:
            fault = unknown(book, declared.names["price_books"], "")
            mend = fault.mend or "Declare it: [[price_books.NAME]]."
            path: Path = ("tenants", name, "price_book")
            yield Finding(placed.document, path, fault.problem, mend)


def _rates(document: str, at: Path, terms: TermsTable) -> Iterator[Finding]:
    seen: dict[tuple[str | None, ...], int] = {}
    for index, rate in enumerate(terms.rates):
        path: Path = (*at, "rates", index)
        fits = rate.model, rate.source, rate.tier
        if fits in seen:
            problem = f"fits what rates[{seen[fits]}] fits"
            yield Finding(document, path, problem, "Give it another model, source or tier.")
        seen.setdefault(fits, index)
        yield from _form(document, path, rate)
        yield from _steps(document, path, rate)


def _names(declared: Declared, document: str, at: Path, terms: TermsTable) -> Iterator[Finding]:
    for index, rate in enumerate(terms.rates):
        for key, word in (("model", rate.model), ("source", rate.source)):
            known = declared.names[f"{key}s"]
            if word is not None and word not in known:
                fault = unknown(word, known, "")
                mend = fault.mend or f"Declare it in [{key}s]."
                yield Finding(document, (*at, "rates", index, key), fault.problem, mend)


def _form(document: str, path: Path, rate: RateTable) -> Iterator[Finding]:
    priced = [key for key in _PRICES if getattr(rate, key) is not None]
    if rate.markup is not None and (priced or rate.steps):
        other = priced[0] if priced else "steps"
        problem = f"is given beside {other}"
        mend = "Charge cost plus a markup, or prices: keep one."
        yield Finding(document, (*path, "markup"), problem, mend)
    elif rate.markup is None:
        for key in ("input", "output"):
            if key not in priced:
                mend = 'Write input and output prices, or a markup. "0" charges nothing.'
                yield Finding(document, (*path, key), "is missing", mend)


def _steps(document: str, path: Path, rate: RateTable) -> Iterator[Finding]:
    reached: dict[str, int] = {}
    for index, step in enumerate(rate.steps):
        at: Path = (*path, "steps", index)
        if getattr(rate, step.of) is None and step.of not in ("input", "output"):
            problem = f"is {shown(step.of)}, which has no price of its own"
            mend = f"Write {step.of} beside the steps: the price beyond them."
            yield Finding(document, (*at, "of"), problem, mend)
        if step.up_to <= reached.get(step.of, 0):
            problem = f"is {step.up_to}, and the step before it ends at {reached[step.of]}"
            mend = "Write the steps of a kind from the lowest to the highest."
            yield Finding(document, (*at, "up_to"), problem, mend)
        reached[step.of] = max(step.up_to, reached.get(step.of, 0))
