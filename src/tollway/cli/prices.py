"""`tollway prices`: what sources charge as declared, beside what is public.

Rules
1. `diff` exits with 1 where something differs; `update` never changes what held before its `since`.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from cyclopts import App, Parameter

from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet, Price
from tollway.fleet.price_gaps import Compared, Gap, compare, fresh_prices
from tollway.fleet.tiers import Tier
from tollway.inspect.fleetfile import fleet_of, read_documents
from tollway.inspect.public_prices import read_public_prices
from tollway.units import usd

if TYPE_CHECKING:
    from tollway.inspect.price_edit import Served

prices = App(
    name="prices",
    help="Compare declared prices with public ones, and write new dated entries.",
    help_format="plaintext",
)

_TIERS = ("flex", "batch", "priority")
EXIT_DIFFERS = 1


@prices.command
def diff(
    file: Path = Path("fleet.toml"),
    /,
    *,
    on: str | None = None,
    tier: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    data: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say where the prices that a fleet file declares differ from public ones; exit 1 where any do.

    Parameters
    ----------
    file
        The fleet file.
    on
        The UTC day whose prices are compared: 2026-11-22. Default: today.
    tier
        A tier to compare besides standard and those that are declared: flex, batch or priority.
        May be repeated.
    data
        A file of genai-prices' form (its data.json). Default: the installed package genai-prices.
    json
        Print one JSON object.
    """
    public = read_public_prices(data)
    day = _day(on, "--on")
    found = compare(fleet_of(read_documents(file), file), public, day, _tiers(tier))
    if json:
        _print_json(found, day, public.origin)
    else:
        _print_gaps(found.gaps)
        _say(found, day, public.origin)
    return EXIT_DIFFERS if found.gaps else 0


@prices.command
def update(
    file: Path = Path("fleet.toml"),
    /,
    *,
    since: str | None = None,
    tier: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    data: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write public prices into a fleet file, as new entries from a day on; the past stays.

    Comments and layout stay too. What is written is printed as a difference.

    Parameters
    ----------
    file
        The fleet file.
    since
        The UTC day from which they hold: 2026-11-22. Default: today.
    tier
        A tier to write besides standard and those that are declared: flex, batch or priority. May
        be repeated.
    data
        A file of genai-prices' form (its data.json). Default: the installed package genai-prices.
    dry_run
        Print the difference, and write nothing.
    """
    from tollway.inspect.newfile import write_over
    from tollway.inspect.price_edit import with_prices

    public = read_public_prices(data)
    day = _day(since, "--since")
    documents = read_documents(file)
    declared = fleet_of(documents, file)
    found = compare(declared, public, day, _tiers(tier))
    added = _added(declared, found, day)
    changed = with_prices(documents, file, added)
    for name, text in changed.items():
        _print_difference(name, documents[name], text)
        if not dry_run:
            write_over(file.parent / name if name != file.name else file, text)
    done = "Would write" if dry_run else "Wrote"
    count = sum(len(entries) for entries in added.values())
    sys.stderr.write(f"{done} {count} price entries that hold from {day} on, of {public.origin}.\n")
    _say_unknown(found)
    return 0


def _added(fleet: Fleet, found: Compared, day: date) -> "dict[Served, list[Price]]":
    """New entries for each source, model and tier that differs.

    Raises:
        FaultsFound: an entry of that day or a later one is declared: it would have to be changed.
    """
    wanted: list[tuple[str, str, Tier]] = [(it.source, it.model, it.tier) for it in found.gaps]
    added: dict[Served, list[Price]] = {}
    faults: list[Fault] = []
    for source, model, tier in dict.fromkeys(wanted):
        declared = fleet.sources[source].serves[model].prices
        later = [price.since for price in declared if price.tier == tier and price.since >= day]
        if later:
            place = f"sources.{source}.serves.{model}.prices"
            problem = f"declares a price for {tier} from {max(later)} on, which differs from public"
            faults.append(Fault(place, problem, "Mend it by hand, or name a later --since."))
            continue
        entries = fresh_prices(found.public[source, model, tier], tier, day)
        added.setdefault((source, model), []).extend(entries)
    if faults:
        raise FaultsFound(faults)
    return added


def _day(text: str | None, option: str) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        mend = "Write a UTC date: 2026-11-22."
        raise FaultsFound([Fault(option, f'is "{text}", not a date', mend)]) from None


def _tiers(words: Sequence[str]) -> list[Tier]:
    from tollway.errors import unknown

    faults = [unknown(word, _TIERS, "--tier") for word in words if word not in _TIERS]
    if faults:
        raise FaultsFound(faults)
    return cast("list[Tier]", list(words))


def _per(part: str, amount: int | None) -> str | None:
    """USD a million tokens, or a request."""
    if amount is None:
        return None
    return f"{usd(amount * (1 if part == 'request' else 10**6)).normalize():f}"


def _hours(gap: Gap) -> str:
    if gap.hours is None:
        return "all"
    return "-".join(f"{it // 60:02}:{it % 60:02}" for it in gap.hours)


def _print_gaps(gaps: Sequence[Gap]) -> None:
    if not gaps:
        return
    columns = [Column(name) for name in ("source", "model", "tier", "hours", "part")]
    columns += [Column(name, number=True) for name in ("declared", "public", "off by")]
    rows = [
        [
            *(gap.source, gap.model, gap.tier, _hours(gap), gap.part),
            _per(gap.part, gap.declared) or "none",
            _per(gap.part, gap.public) or "",
            _share(gap),
        ]
        for gap in gaps
    ]
    print_table(columns, rows)


def _share(gap: Gap) -> str:
    """By how much what is declared is above what is public."""
    if not gap.public:
        return "-"
    return f"{((gap.declared or 0) - gap.public) / gap.public:+.1%}"


def _say(found: Compared, day: date, origin: str) -> None:
    sys.stderr.write(
        f"Compared {found.compared} prices of {day} with {origin}, in USD a million tokens: "
        f"{len(found.gaps)} differences.\n"
    )
    _say_unknown(found)


def _say_unknown(found: Compared) -> None:
    for source, model, why in found.unknown:
        sys.stderr.write(f"sources.{source}.serves.{model}: not compared: {why}.\n")


def _print_json(found: Compared, day: date, origin: str) -> None:
    import json

    def facts(gap: Gap) -> Mapping[str, str | None]:
        return {
            "source": gap.source,
            "model": gap.model,
            "tier": gap.tier,
            "hours": None if gap.hours is None else _hours(gap),
            "part": gap.part,
            "declared_usd": _per(gap.part, gap.declared),
            "public_usd": _per(gap.part, gap.public),
        }

    whole = {
        "on": day.isoformat(),
        "data": origin,
        "compared": found.compared,
        "differences": [facts(gap) for gap in found.gaps],
        "unknown": [
            {"source": source, "model": model, "why": why} for source, model, why in found.unknown
        ],
    }
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")


def _print_difference(name: str, before: str, after: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name, n=2
    )
    sys.stdout.write("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))
