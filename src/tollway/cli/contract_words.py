"""A contract's clauses in words, one line each, for people."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal
from typing import Any, cast

from tollway.fleet.contract import (
    Backstop,
    Billing,
    CapacityStep,
    Clauses,
    Commitment,
    Delivery,
    Escalator,
    Extension,
    FeeStep,
    LockIn,
    Minimum,
    Notice,
    Prepay,
    PriceTier,
    Provisioned,
    Reclaim,
    Remark,
    Retirement,
    Sla,
    Term,
    Termination,
    Total,
)
from tollway.fleet.evidence import Evidence
from tollway.fleet.offers import Offer
from tollway.units import PicoDollars, format_usd, usd

_SIDES = {"us": "the buyer", "them": "the supplier", "either": "either side"}


def dollars(amount: PicoDollars | int | None) -> str:
    """`$1,250,000,000.00`; more than cents where there are any; `not stated`."""
    if amount is None:
        return "not stated"
    places = 2 if amount % 10**10 == 0 else len(f"{abs(amount) % 10**12:012d}".rstrip("0"))
    return format_usd(amount, places)


def lines(clauses: Clauses) -> Iterator[tuple[str, str, Evidence]]:
    """Each clause: its name, its words, its evidence."""
    for field in fields(clauses):
        value: Any = getattr(clauses, field.name)
        several = cast("tuple[Any, ...]", value if isinstance(value, tuple) else (value,))
        for one in several:
            if one is not None:
                yield field.name.replace("_", "-"), _WORDS[type(one)](one), one.evidence


def offered(it: Offer) -> str:
    """How a contract can be signed."""
    since = "from the first" if it.since is None else f"from {it.since:%Y-%m}"
    until = "" if it.until is None else f" to {it.until:%Y-%m}"
    parts = [f"can be signed {since}{until}, up to {it.most:f} in all"]
    parts += [f"{it.least:f} at least"] if it.least else []
    parts += ["parts too"] if not it.whole else []
    if it.lead_months is not None:
        later = f"{_count(it.lead_months, 'month')} later" if it.lead_months else "at once"
        parts.append(f"in service {later}")
    parts += [f"one at most of group {it.group}"] if it.group else []
    if it.emergency:
        parts.append(f"{it.emergency:f} more within {_count(it.emergency_days, 'day')} of need")
    return ", ".join(parts)


def _count(count: int | None, noun: str) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


def _share(millionths: int) -> str:
    return f"{Decimal(millionths).scaleb(-4).normalize():f}%"


def _term(it: Term) -> str:
    end = f"for {_count(it.months, 'month')}" if it.months else f"to {it.end or '(end not stated)'}"
    return f"from {it.start or '(start not stated)'} {end}"


def _extension(it: Extension) -> str:
    asked = "" if it.notice_days is None else f", {_count(it.notice_days, 'day')} before the end"
    who = "automatic" if it.by == "automatic" else f"by {_SIDES.get(it.by, 'both sides')}"
    return f"{it.times} x {_count(it.months, 'month')}, {who}{asked}"


def _since(it: CapacityStep | FeeStep) -> str:
    if it.month is not None:
        return f" from month {it.month}"
    return f" from {it.since}" if it.since else " from the start"


def _capacity(it: CapacityStep) -> str:
    parts: list[str] = []
    if it.chips is not None:
        parts.append(f"{it.chips:,} {it.chip or 'chips'}")
    elif it.chip is not None:
        parts.append(f"{it.chip}, how many is not stated")
    parts += [f"{it.mw} MW"] if it.mw is not None else []
    if it.tokens_per_minute is not None:
        parts.append(f"{it.tokens_per_minute:,} tokens/min")
    return (", ".join(parts) or "not stated") + _since(it)


def _fee(it: FeeStep) -> str:
    if it.monthly is not None:
        words = f"{dollars(it.monthly)} a month"
    elif it.rate is not None:
        words = f"{dollars(it.rate)} a {it.per}" + (" used" if it.metered else "")
    else:
        words = "by the tiers" if it.per == "Mtok" else "amount not stated"
    return words + _since(it)


def _tier(it: PriceTier) -> str:
    upto = "beyond" if it.up_to is None else f"up to {it.up_to:,} tokens a month"
    return f"${usd(it.price * 10**6).normalize():f} a million tokens, {upto}"


def _billing(it: Billing) -> str:
    later = f", {it.days} days later" if it.days else ""
    return f"{it.months} months, due at their {it.due}{later}"


def _escalator(it: Escalator) -> str:
    return f"{_share(it.share)} every {it.every_months} months"


def _minimum(it: Minimum) -> str:
    return f"{dollars(it.amount)} a month" if it.share is None else f"{_share(it.share)} of it all"


def _prepay(it: Prepay) -> str:
    what = f"{_share(it.share)} of fees" if it.share is not None else dollars(it.amount)
    back = "" if it.credit_after is None else f", credited after month {it.credit_after}"
    return what + (f" on {it.on}" if it.on else "") + back


def _commitment(it: Commitment) -> str:
    span = "over the term" if it.months is None else f"each {it.months} months"
    rest = f"; the rest: {it.true_up}" if it.true_up else "; what becomes of the rest: not stated"
    return f"{dollars(it.amount)} {span}{rest}"


def _lock_in(it: LockIn) -> str:
    if it.until is not None:
        span = f"until {it.until}"
    elif it.months is not None:
        span = _count(it.months, "month") if it.months else "none"
    else:
        span = _count(it.days, "day")
    return span if span == "none" else f"{span}, in which no {it.holds} is possible"


def _notice(it: Notice) -> str:
    if it.none:
        return f"none: {_SIDES[it.by]} may not leave early"
    span = _count(it.days, "day") if it.days is not None else _count(it.months, "month")
    after = "" if it.not_before is None else f", not before {it.not_before}"
    ends = ", to the end of a month" if it.ends == "month end" else ""
    return f"{span} by {_SIDES[it.by]}{after}{ends}"


def _termination(it: Termination) -> str:
    if it.fee is not None:
        what = dollars(it.fee)
    elif it.months_of_fee is not None:
        what = _count(it.months_of_fee, "monthly fee")
    else:
        what = f"{_share(it.remaining or 0)} of the fees left"
    return f"{what} by {_SIDES[it.by]}" + (f", until {it.until}" if it.until else "")


def _sla(it: Sla) -> str:
    return f"below {_share(it.below)}: {_share(it.credit)} of the month's fee comes back"


def _delivery(it: Delivery) -> str:
    what = f"{it.chips:,} chips" if it.chips else f"{it.mw} MW" if it.mw else "capacity"
    grace = ""
    if it.grace_days is not None:
        grace = f", {_count(it.grace_days, 'day')} of grace"
    elif it.grace_months is not None:
        grace = f", {_count(it.grace_months, 'month')} of grace"
    rights = f"; if missed: {', '.join(it.rights)}" if it.rights else ""
    off = f" {_share(it.discount)}" if it.discount is not None else ""
    return f"{what} by {it.by or '(date not stated)'}{grace}{rights}{off}"


def _backstop(it: Backstop) -> str:
    amount = "amount not stated" if it.amount is None else f"up to {dollars(it.amount)}"
    return f"{it.guarantor} for {_SIDES[it.of]}, {amount}"


def _provisioned(it: Provisioned) -> str:
    parts = [f"{it.units or '?'} {it.unit}" + (f" of {it.model}" if it.model else "")]
    parts += [f"{it.tokens_per_minute:,} tokens/min"] if it.tokens_per_minute else []
    parts += [f"guarantees {', '.join(it.guarantees)}"] if it.guarantees else []
    parts += [f"does not guarantee {', '.join(it.not_guaranteed)}"] if it.not_guaranteed else []
    parts += [f"unused {it.unused}"] if it.unused else []
    return "; ".join(parts)


def _retirement(it: Retirement) -> str:
    return f"{it.model} on {it.on}" + (f", instead: {it.replacement}" if it.replacement else "")


def _reclaim(it: Reclaim) -> str:
    span = "" if it.notice_days is None else f" at {it.notice_days} days"
    return f"{_share(it.share)} by {it.by}{span}"


def _total(it: Total) -> str:
    return f"{it.bound} {dollars(it.amount)}"


def _remark(it: Remark) -> str:
    return it.text


_WORDS: dict[type[Any], Callable[[Any], str]] = {
    Term: _term,
    Extension: _extension,
    CapacityStep: _capacity,
    FeeStep: _fee,
    PriceTier: _tier,
    Billing: _billing,
    Escalator: _escalator,
    Minimum: _minimum,
    Prepay: _prepay,
    Commitment: _commitment,
    LockIn: _lock_in,
    Notice: _notice,
    Termination: _termination,
    Sla: _sla,
    Delivery: _delivery,
    Backstop: _backstop,
    Provisioned: _provisioned,
    Retirement: _retirement,
    Reclaim: _reclaim,
    Total: _total,
    Remark: _remark,
}
