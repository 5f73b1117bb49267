"""What may fall away, made from what offers share: nothing is safe for not having been thought of.

Rules
1. From each value of each attribute comes a contingency in which everything that has it falls away;
   from each model one in which it is withdrawn everywhere at once.
2. A vendor gives notice: its days are the fewest that its contracts state for it. Whoever states
   none, or has no right to when the plan begins, may still fail, with no notice; so may everything
   else.
3. Contingencies that lose the same are one, with the shortest notice and every name of it.
4. One after which nothing at all could serve an interactive workload, whatever were signed, is no
   part of the program in the periods in which that is so: it is told. A constant would only hide
   how far a plan may be from the best.
5. What the user says of a contingency, of an attribute or of a value holds before what is made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from tollway.errors import Fault, did_you_mean, listed
from tollway.fleet.planning import Fear, Planning
from tollway.planner.program.instance import Contingency, Offer, Period
from tollway.units import PicoDollars

MILLION = 10**6

NAMES: Mapping[str, str] = {
    "vendor": "{} leaves",
    "chip": "{} is recalled",
    "region": "region {} fails",
    "power": "power {} fails",
    "guarantor": "{} falls",
    "jurisdiction": "jurisdiction {} closes",
    "software": "{} fails",
    "site": "site {} fails",
    "model": "{} is withdrawn",
}
"""An attribute -> what a contingency of one of its values is called."""

ASKED = ("software",)
"""Attributes of which contingencies are made only where the plan names them: software does not fall
away in a day, and its share is told beside the plan."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a contract states of its supplier's notice: days (None: it has no right to leave, or
    none yet when the plan begins), and the first day on which it may be given."""

    days: int | None
    since: date | None


def contingencies(
    offers: Sequence[Offer],
    notices: Mapping[str, Notice],
    plan: Planning,
    periods: Sequence[Period],
) -> tuple[Contingency, ...]:
    """Everything that the plan has to survive. `notices` is by the name of the offer."""
    found: dict[tuple[frozenset[str], frozenset[str]], Contingency] = {}
    for one in (*_made(offers, notices, plan, periods), *_added(plan, periods)):
        key = (one.offers, one.models)
        other = found.get(key)
        found[key] = one if other is None else _both(other, one)
    return tuple(found.values())


def unknown_fears(
    offers: Iterable[Offer], others: Iterable[str], plan: Planning
) -> Iterator[Fault]:
    """Contingencies of the fleet file that name what no offer has. `others` are names of what is
    declared and is no offer of this plan."""
    offers = tuple(offers)
    names = {one.name for one in offers} | set(others)
    for fear in plan.contingencies.values():
        place = f"plan.contingencies.{fear.name}"
        known = {value for one in offers for value in one.values(fear.attribute or "")}
        if fear.attribute == "model":
            known = {line.model for one in offers for line in one.lines}
        if fear.value is not None and fear.value not in known:
            said = f'is "{fear.value}", which nothing of the plan has; known: {listed(known)}'
            yield Fault(f"{place}.value", said, did_you_mean(fear.value, known))
        for name in fear.offers:
            if name not in names:
                said = f'names "{name}", which is no offer; known: {listed(names)}'
                yield Fault(f"{place}.offers", said, did_you_mean(name, names))


def _made(
    offers: Sequence[Offer],
    notices: Mapping[str, Notice],
    plan: Planning,
    periods: Sequence[Period],
) -> Iterator[Contingency]:
    """Rules 1 and 2, as the user says (rule 5)."""
    asked = {one.attribute for one in plan.contingencies.values()}
    for attribute, value, lost in _shared(offers):
        if attribute in ASKED and attribute not in asked:
            continue
        days, since = 0, 0
        if attribute == "vendor":
            days, since = _vendor_notice(lost, notices, periods)
        made = Contingency(
            name=NAMES[attribute].format(value),
            attribute=attribute,
            offers=frozenset() if attribute == "model" else frozenset(lost),
            models=frozenset((value,)) if attribute == "model" else frozenset(),
            notice_days=days,
            cover=Fraction(plan.cover, MILLION),
            short=plan.short,
            since=since,
        )
        said = _said(plan, attribute, value)
        if any(one.off for one in said):
            continue
        for one in said:
            made = _as_said(made, one, periods)
        yield made


def _shared(offers: Sequence[Offer]) -> Iterator[tuple[str, str, list[str]]]:
    """Each attribute, each of its values, and the offers that have it; models last."""
    for attribute in NAMES:
        having: dict[str, list[str]] = {}
        for one in offers:
            models = dict.fromkeys(line.model for line in one.lines)
            for it in models if attribute == "model" else one.values(attribute):
                having.setdefault(it, []).append(one.name)
        for value in sorted(having):
            yield attribute, value, having[value]


def _vendor_notice(
    lost: Sequence[str], notices: Mapping[str, Notice], periods: Sequence[Period]
) -> tuple[int, int]:
    """Days of notice, and the period from which it may have taken effect."""
    said = [notices.get(name) for name in lost]
    known = [one for one in said if one is not None and one.days is not None]
    if len(known) < len(said):
        return 0, 0
    first = min((one.since or periods[0].first for one in known), default=periods[0].first)
    return min(one.days or 0 for one in known), _period_of(first, periods)


def _period_of(day: date, periods: Sequence[Period]) -> int:
    """The first period that ends on a day or later; the last where none does."""
    found = next((at for at, one in enumerate(periods) if one.last >= day), None)
    return len(periods) - 1 if found is None else found


def _said(plan: Planning, attribute: str, value: str) -> list[Fear]:
    """What the user says of it: of the attribute first, then of the value, which wins."""
    of = [one for one in plan.contingencies.values() if one.attribute == attribute]
    return [one for one in of if one.value is None] + [one for one in of if one.value == value]


def _as_said(made: Contingency, said: Fear, periods: Sequence[Period]) -> Contingency:
    return replace(
        made,
        notice_days=made.notice_days if said.notice_days is None else said.notice_days,
        cover=made.cover if said.cover is None else Fraction(said.cover, MILLION),
        short=made.short if said.short is None else said.short,
        since=made.since if said.since is None else _period_of(said.since, periods),
    )


def _added(plan: Planning, periods: Sequence[Period]) -> Iterator[Contingency]:
    for one in plan.contingencies.values():
        if one.attribute is not None or one.off:
            continue
        bare = Contingency(
            name=one.name,
            attribute="declared",
            offers=frozenset(one.offers),
            models=frozenset(one.models),
            notice_days=0,
            cover=Fraction(plan.cover, MILLION),
            short=plan.short,
        )
        yield _as_said(bare, one, periods)


def _both(one: Contingency, other: Contingency) -> Contingency:
    """Rule 3. Of what is to be covered the larger share holds, and the earlier period."""
    return replace(
        one,
        name=f"{one.name} / {other.name}",
        notice_days=min(one.notice_days, other.notice_days),
        cover=max(one.cover, other.cover),
        short=_dearer(one, other),
        since=min(one.since, other.since),
    )


def _dearer(one: Contingency, other: Contingency) -> PicoDollars | None:
    """None is stricter than any price."""
    if one.short is None or other.short is None:
        return None
    return max(one.short, other.short)
