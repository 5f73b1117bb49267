"""A contract's dates: what has to be decided by when, and what follows where it is not.

Rules
1. What cannot be dated from what is stated is left out here; `stated.not_stated` lists it.
2. A date is of a day on which something may still be done, or on which it happens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tollway.fleet.contract import Clauses, Delivery
from tollway.fleet.contract_dates import (
    DAY,
    add_days,
    add_months,
    begins,
    end_of,
    ends,
    locked_until,
    start_of,
    steps_by_day,
)
from tollway.planner.exits import By, first_notice, last_day, last_notice, notice_of
from tollway.planner.stated import NotStatedError

Kind = Literal["decide", "pay", "happens"]


@dataclass(frozen=True, slots=True)
class Dated:
    """Something on a day: to be decided by then, to be paid, or to happen."""

    on: date
    kind: Kind
    words: str


def decisions(clauses: Clauses, since: date, until: date) -> list[Dated]:
    """Everything dated within two days, both included, in order."""
    found = [
        *_course(clauses),
        *_ways_out(clauses, since, until),
        *_extension(clauses),
        *_deliveries(clauses),
        *_money(clauses),
        *_withdrawn(clauses),
    ]
    inside = [one for one in dict.fromkeys(found) if since <= one.on <= until]
    return sorted(inside, key=lambda it: (it.on, it.kind, it.words))


def _course(clauses: Clauses) -> Iterator[Dated]:
    start, end, locked = start_of(clauses), end_of(clauses), locked_until(clauses)
    if start is not None:
        yield Dated(start, "happens", "The term starts.")
    if end is not None:
        yield Dated(end, "happens", "The term ends: last day of service.")
    if locked is not None:
        yield Dated(locked, "happens", "The lock-in ends.")
    for name, steps in (("capacity", clauses.capacity), ("fee", clauses.fee)):
        for index, day in steps_by_day(clauses, steps):
            if index:
                yield Dated(day, "happens", f"The {name} changes (step {index + 1}).")
    rule = clauses.escalator
    if rule is None or start is None or end is None:
        return
    day, count = add_months(start, rule.every_months), 1
    while day <= end:
        yield Dated(day, "happens", f"Fees grow by {rule.share / 10_000:g}%.")
        count += 1
        day = add_months(start, rule.every_months * count)


def _ways_out(clauses: Clauses, since: date, until: date) -> Iterator[Dated]:
    sides: tuple[By, ...] = ("us", "them")
    for by in sides:
        notice = notice_of(clauses, by)
        if notice is None or notice.none:
            continue
        try:
            first = first_notice(clauses, by)
        except NotStatedError:
            continue
        if first is None or (end_of(clauses) or date.max) <= first:
            continue
        leaves = last_day(clauses, first, by)[1]
        who = "We" if by == "us" else "The supplier"
        words = f"{who} may give notice from here on; given now, it ends on {leaves}."
        yield Dated(first, "decide" if by == "us" else "happens", words)
        if by == "us":
            yield from _last_calls(clauses, max(first, since), until)


def _last_calls(clauses: Clauses, since: date, until: date) -> Iterator[Dated]:
    """For the end of each quarter: by when notice has to be given to be out by then."""
    quarter = date(since.year, (since.month - 1) // 3 * 3 + 1, 1)
    for count in range(1, 400):
        out = add_months(quarter, 3 * count) - DAY
        if out >= (end_of(clauses) or date.max):
            return
        by = last_notice(clauses, out)
        if by is None or by < since:
            continue
        if by > until:
            return
        leaves = last_day(clauses, by, "us")[1]
        words = f"Give notice by {by}, or you are bound beyond {leaves}."
        yield Dated(by, "decide", words)


def _extension(clauses: Clauses) -> Iterator[Dated]:
    more, end = clauses.extension, end_of(clauses)
    if more is None or end is None or more.notice_days is None:
        return
    for count in range(more.times):
        close = add_months(end + DAY, more.months * count) - DAY
        by = add_days(close, -more.notice_days)
        after = add_months(end + DAY, more.months * (count + 1)) - DAY
        if more.by == "automatic":
            words = f"Give notice by {by}, or you are bound until {after}."
        else:
            who = {"us": "We extend", "them": "The supplier extends"}.get(more.by, "Both extend")
            words = f"{who} by {by}, or it ends on {close}; extended, on {after}."
        yield Dated(by, "decide", words)


def _deliveries(clauses: Clauses) -> Iterator[Dated]:
    for one in clauses.delivery:
        due = ends(one.by)
        if due is None:
            continue
        what = f"{one.chips:,} chips" if one.chips else f"{one.mw} MW" if one.mw else "Capacity"
        yield Dated(due, "happens", f"{what} due.")
        close = _grace(one, due)
        if one.rights:
            rights = ", ".join(one.rights)
            words = f"If {what} are not there by {close}: {rights}."
            yield Dated(add_days(close, 1), "decide", words)


def _grace(one: Delivery, due: date) -> date:
    if one.grace_months is not None:
        # A month's grace from the end of a month runs to the end of the next one.
        return add_months(due + DAY, one.grace_months) - DAY
    return add_days(due, one.grace_days or 0)


def _money(clauses: Clauses) -> Iterator[Dated]:
    start, end = start_of(clauses), end_of(clauses)
    prepay, spend = clauses.prepay, clauses.commitment
    if prepay is not None:
        paid = start if prepay.on is None else begins(prepay.on)
        if paid is not None:
            yield Dated(paid, "pay", "The prepayment is due.")
        if start is not None and prepay.credit_after is not None:
            day = add_months(start, prepay.credit_after)
            yield Dated(day, "happens", "The prepayment begins to be credited.")
    if spend is None or start is None or end is None:
        return
    first = start
    while first <= end:
        months = spend.months or 12_000
        close = min(end, add_months(first, months) - DAY)
        yield Dated(close, "decide", "A commitment's period ends: what is unspent is settled.")
        first = close + DAY


def _withdrawn(clauses: Clauses) -> Iterator[Dated]:
    for one in clauses.retirement:
        day = begins(one.on)
        if day is not None:
            instead = f"; offered instead: {one.replacement}" if one.replacement else ""
            yield Dated(day, "happens", f"{one.model} is withdrawn{instead}.")


def ics(dated: Sequence[tuple[str, Dated]], stamp: str) -> str:
    """Dates, each with its contract, as an iCalendar file (RFC 5545). `stamp` is when it was made,
    20261122T163000Z."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tollway//contracts//EN"]
    seen: dict[tuple[str, date], int] = {}
    for name, one in dated:
        count = seen[name, one.on] = seen.get((name, one.on), 0) + 1
        lines += [
            "BEGIN:VEVENT",
            *_folded(f"UID:{name}-{one.on:%Y%m%d}-{count}@tollway"),
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{one.on:%Y%m%d}",
            *_folded(f"SUMMARY:{_escaped(f'{name}: {one.words}')}"),
            "END:VEVENT",
        ]
    return "".join(f"{line}\r\n" for line in [*lines, "END:VCALENDAR"])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> list[str]:
    """Lines of at most 75 octets; one that goes on begins with a space."""
    parts: list[str] = []
    part, room = "", 75
    for letter in line:
        size = len(letter.encode())
        if room < size:
            parts.append(part)
            part, room = " ", 74
        part, room = part + letter, room - size
    return [*parts, part]
