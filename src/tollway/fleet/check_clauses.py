"""Whether each clause of a contract says one thing: neither nothing, nor two things at once."""

from collections.abc import Iterator, Sequence
from typing import cast

from tollway.fleet.contract import Clauses, FeeStep
from tollway.fleet.findings import Path

Fault = tuple[Path, str, str]
"""Path below the contract or reading, problem, mend."""

_ONE_OF: dict[str, tuple[str, ...]] = {
    "minimum": ("amount", "share"),
    "prepay": ("amount", "share"),
    "lock_in": ("months", "days", "until"),
    "notice": ("days", "months", "none"),
    "termination": ("fee", "months_of_fee", "remaining"),
}
"""Clauses that say exactly one of these keys."""

_SIDES = {"us": ("us",), "them": ("them",), "either": ("us", "them")}


def check_clauses(clauses: Clauses) -> Iterator[Fault]:
    """Every fault of clauses that no date and no name is needed for."""
    for name, keys in _ONE_OF.items():
        found: object = getattr(clauses, name)
        if isinstance(found, tuple):
            for index, one in enumerate(cast("tuple[object, ...]", found)):
                yield from _one_of((name, index), one, keys)
        elif found is not None:
            yield from _one_of((name,), found, keys)
    yield from _sides(clauses)
    for index, step in enumerate(clauses.fee):
        yield from _fee(clauses, index, step)
    yield from _tiers(clauses)
    for index, one in enumerate(clauses.delivery):
        if one.grace_days is not None and one.grace_months is not None:
            yield ("delivery", index, "grace_months"), "is given beside grace_days", "Keep one."


def _one_of(path: Path, clause: object, keys: Sequence[str]) -> Iterator[Fault]:
    said = [
        key for key in keys if (value := getattr(clause, key)) is not None and value is not False
    ]
    if not said:
        yield path, "says nothing", f"Write one of {', '.join(keys)}, or take the clause out."
    elif len(said) > 1:
        yield (*path, said[1]), f"is given beside {said[0]}", "Keep one of them."


def _sides(clauses: Clauses) -> Iterator[Fault]:
    """Each side has one right to notice; what it pays may change with time."""
    seen: dict[str, int] = {}
    for index, notice in enumerate(clauses.notice):
        for side in _SIDES[notice.by]:
            if side in seen:
                problem = f'is "{notice.by}", and notice[{seen[side]}] is of that side already'
                yield ("notice", index, "by"), problem, "State a side's notice once."
                break
            seen[side] = index


def _fee(clauses: Clauses, index: int, step: FeeStep) -> Iterator[Fault]:
    path: Path = ("fee", index)
    if step.monthly is not None and step.rate is not None:
        yield (*path, "rate"), "is given beside monthly", "Keep one of them."
    elif step.rate is not None and step.per is None:
        yield (*path, "per"), "is missing", 'Write what the rate is for: per = "chip-hour".'
    elif step.rate is None and step.per is not None and not (step.per == "Mtok" and clauses.tiers):
        yield (*path, "rate"), "is missing", "Write USD for each of what `per` says."
    elif step.metered and step.per not in ("chip-hour", "Mtok"):
        yield (*path, "metered"), "is true", 'Only per = "chip-hour" and "Mtok" can be metered.'
    of = {"chip-hour": "chips", "chip-month": "chips", "mw-month": "mw", "kw-month": "mw"}
    needed = of.get(step.per or "")
    there = not needed or any(getattr(it, needed) is not None for it in clauses.capacity)
    if not there and not step.metered:
        mend = f"Write it: [[contracts.NAME.capacity]] with {needed}."
        yield (*path, "per"), f'is "{step.per}", and no capacity states {needed}', mend


def _tiers(clauses: Clauses) -> Iterator[Fault]:
    before = 0
    for index, tier in enumerate(clauses.tiers):
        last = index == len(clauses.tiers) - 1
        if tier.up_to is None and not last:
            yield ("tiers", index, "up_to"), "is missing", "Only the last tier is without end."
        elif tier.up_to is not None and last:
            problem = f"is {tier.up_to}: nothing prices what comes after"
            yield ("tiers", index, "up_to"), problem, "Leave it away in the last tier."
        elif tier.up_to is not None and tier.up_to <= before:
            problem = f"is {tier.up_to}, and the tier before it ends at {before}"
            yield ("tiers", index, "up_to"), problem, "Write tiers from the lowest to the highest."
        before = tier.up_to or before
    if clauses.tiers and not any(step.per == "Mtok" for step in clauses.fee):
        yield ("tiers",), "price nothing", 'Write a fee with per = "Mtok".'
