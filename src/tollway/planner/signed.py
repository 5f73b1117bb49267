"""A contract as it is once a plan is carried out: so many units of it, and left by a notice given.

Rules
1. Of several units, what is there and what is owed is so many times as much; a rate for each chip
   stays as it is. Of a part of one, whole chips and tokens are counted, rounded down.
2. After a notice the term ends on the last day of service, and nothing that would come later is
   left in it.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tollway.fleet.contract import CapacityStep, Clauses, Delivery, FeeStep, When
from tollway.fleet.contract_dates import locked_until, step_day
from tollway.units import PicoDollars


def scaled(clauses: Clauses, units: Fraction) -> Clauses:
    """The clauses of so many units in one contract (rule 1)."""
    if units == 1:
        return clauses

    def whole(count: int | None) -> int | None:
        return None if count is None else int(count * units)

    def money(amount: PicoDollars | None) -> PicoDollars | None:
        return None if amount is None else PicoDollars(round(amount * units))

    def power(mw: Decimal | None) -> Decimal | None:
        return None if mw is None else mw * units.numerator / units.denominator

    def step(one: CapacityStep) -> CapacityStep:
        tokens = whole(one.tokens_per_minute)
        return replace(one, chips=whole(one.chips), mw=power(one.mw), tokens_per_minute=tokens)

    def delivery(one: Delivery) -> Delivery:
        return replace(one, chips=whole(one.chips), mw=power(one.mw))

    spend, total = clauses.commitment, clauses.total
    return replace(
        clauses,
        capacity=tuple(map(step, clauses.capacity)),
        fee=tuple(replace(one, monthly=money(one.monthly)) for one in clauses.fee),
        minimum=clauses.minimum and replace(clauses.minimum, amount=money(clauses.minimum.amount)),
        prepay=clauses.prepay and replace(clauses.prepay, amount=money(clauses.prepay.amount)),
        commitment=spend and replace(spend, amount=PicoDollars(round(spend.amount * units))),
        termination=tuple(replace(one, fee=money(one.fee)) for one in clauses.termination),
        delivery=tuple(map(delivery, clauses.delivery)),
        backstop=tuple(replace(one, amount=money(one.amount)) for one in clauses.backstop),
        provisioned=tuple(
            replace(one, units=whole(one.units), tokens_per_minute=whole(one.tokens_per_minute))
            for one in clauses.provisioned
        ),
        total=total and replace(total, amount=PicoDollars(round(total.amount * units))),
    )


def ended(clauses: Clauses, out: date) -> Clauses:
    """The clauses with `out` as the last day of service (rule 2)."""
    term, lock, prepay = clauses.term, clauses.lock_in, clauses.prepay

    def begun(step: CapacityStep | FeeStep) -> bool:
        day = step_day(clauses, step)
        return day is None or day <= out

    locked = locked_until(clauses)
    late = prepay is not None and prepay.on is not None and prepay.on.first > out
    return replace(
        clauses,
        term=term and replace(term, end=When(out, out), months=None),
        extension=None,
        capacity=tuple(one for one in clauses.capacity if begun(one)),
        fee=tuple(one for one in clauses.fee if begun(one)),
        lock_in=None if locked is not None and locked > out else lock,
        notice=tuple(
            one for one in clauses.notice if one.not_before is None or one.not_before <= out
        ),
        prepay=None if late else prepay,
        delivery=tuple(one for one in clauses.delivery if one.by is None or one.by.last <= out),
    )
