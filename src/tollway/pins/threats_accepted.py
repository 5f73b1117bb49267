"""Threats that somebody lives with, as the fleet file says."""

from datetime import date

from tollway.catalog.threats import threats
from tollway.fleet.objects import Fleet


def accepted(fleet: Fleet, today: date) -> dict[str, str]:
    """What [[pins.accept]] says of threats, as far as it still holds: by threat, or by threat and
    thing."""
    words: dict[str, str] = {}
    for it in () if fleet.pins is None else fleet.pins.accept:
        if it.rule not in threats() or today > it.until:
            continue
        kind, _, name = it.component.partition(":")
        what = it.rule if (kind, name) == ("fleet", "all") else f"{it.rule}@{kind} {name}"
        words[what] = f"{it.reason} (until {it.until})"
    return words
