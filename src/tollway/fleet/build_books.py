"""From what was declared of price books to frozen ones."""

from collections.abc import Sequence
from types import MappingProxyType

from tollway.fleet.books import KINDS, Kind, PriceBook, Rate, Step, Terms
from tollway.fleet.schema_books import RateTable, TermsTable


def price_book(name: str, terms: Sequence[TermsTable]) -> PriceBook:
    """A price book of sound terms."""
    return PriceBook(name, tuple(sorted(map(_terms, terms), key=lambda it: it.since)))


def _terms(table: TermsTable) -> Terms:
    return Terms(
        since=table.since,
        monthly=table.monthly,
        included=table.included,
        markup=table.markup,
        rates=tuple(map(_rate, table.rates)),
    )


def _rate(table: RateTable) -> Rate:
    ladders: dict[Kind, tuple[Step, ...]] = {
        kind: ladder for kind in KINDS if (ladder := _ladder(table, kind)) is not None
    }
    return Rate(
        model=table.model,
        source=table.source,
        tier=table.tier,
        markup=table.markup,
        ladders=MappingProxyType(ladders),
    )


def _ladder(table: RateTable, kind: Kind) -> tuple[Step, ...] | None:
    last = getattr(table, kind)
    if last is None:
        return None
    steps = [Step(step.up_to, step.price) for step in table.steps if step.of == kind]
    return (*steps, Step(None, last))
