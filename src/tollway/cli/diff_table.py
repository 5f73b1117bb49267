"""Two fleets beside each other, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec

from tollway.cli.diff_runs import Compared
from tollway.cli.replay_table import seconds_of
from tollway.cli.seeds_table import SHARES, shown
from tollway.cli.simulate_table import facts
from tollway.cli.table import aligned
from tollway.simulator.compare import Passed, Side, Thresholds, passed
from tollway.simulator.seeds import FIGURES, Across, across, chance, passed_mostly
from tollway.units import format_usd

Sides = tuple[Side, Side]


def as_text(sides: Sides, over: Sequence[Passed]) -> str:
    """A line a figure: old, new, and how much that is; then what was passed."""
    rows = [["", "old", "new", "change"], *_figures(sides), *_survivals(sides)]
    return aligned(rows) + "".join(f"{_line(one)}\n" for one in over)


def _line(one: Passed) -> str:
    if one.what.startswith(("answered", "unanswered")):
        bound = f"{one.allowed:.3%}"
        return f"PASSED {one.what}: {one.old:.3%} -> {one.new:.3%}, threshold {bound}"
    rise = one.new / one.old - 1.0 if one.old else float("inf")
    return f"PASSED {one.what}: {rise:+.1%}, threshold {one.allowed:+.1%}"


def _figures(sides: Sides) -> list[list[str]]:
    old, new = (side.whole.report.total for side in sides)
    rows = [
        ["requests", f"{old.requests:,}", f"{new.requests:,}", ""],
        ["cost of tokens", *_money(old.cost), *_money(new.cost), _change(old.cost, new.cost)],
    ]
    hours = [sum(use.chip_hours for use in side.whole.uses) for side in sides]
    if any(hours):
        rows.append(["chip-hours held", *(f"{one:.2f}" for one in hours), _change(*hours)])
    for what, one, other in (
        ("TTFT", old.ttft, new.ttft),
        ("latency", old.latency, new.latency),
    ):
        for name in ("p50", "p90", "p99"):
            ends = getattr(one, name), getattr(other, name)
            rows.append([f"{what} {name}", *map(seconds_of, ends), _change(*ends)])
    speeds = [old.speed_p50, new.speed_p50]
    shown = ["-" if one is None else f"{one:.1f}" for one in speeds]
    rows.append(["tokens/s a stream, p50", *shown, _change(*speeds)])
    refused = [(side.whole.report.total.refused, side) for side in sides]
    rows.append(["refused", *(f"{count:,}" for count, _ in refused), ""])
    rows.append(["failed", f"{old.failed:,}", f"{new.failed:,}", ""])
    rows.append(["unanswered", *(f"{side.whole.unanswered:.3%}" for side in sides), _points(sides)])
    kept = [side.whole.promise for side in sides]
    if any(kept):
        shares = ["-" if one is None else f"{one.share:.2%}" for one in kept]
        rows.append(["promise kept", *shares, ""])
    return rows


def _points(sides: Sides) -> str:
    change = sides[1].whole.unanswered - sides[0].whole.unanswered
    return f"{change:+.3%}" if change else ""


def _survivals(sides: Sides) -> list[list[str]]:
    known = [{one.source: one for one in side.survivals} for side in sides]
    rows: list[list[str]] = []
    for source in dict.fromkeys([*known[0], *known[1]]):
        found = [one.get(source) for one in known]
        answered = ["-" if one is None else f"{one.answered:.2%}" for one in found]
        late = ["-" if one is None else seconds_of(one.ttft.p99) for one in found]
        rows.append([f"without {source}: answered", *answered, ""])
        rows.append(["  TTFT p99", *late, ""])
    return rows


def _money(cost: int | None) -> list[str]:
    return ["-" if cost is None else format_usd(cost)]


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None or not old or new == old:
        return ""
    return f"{new / old - 1.0:+.1%}"


def as_words(sides: Sides, names: tuple[str, str]) -> str:
    """What must be known to read the figures, for standard error."""
    notes = dict.fromkeys(note for side in sides for note in side.whole.notes)
    near = [
        f"! {name}: {use.source} came to {use.work_peak:.0%} of its full batch's work; its waits "
        "say little there."
        for name, side in zip(names, sides, strict=True)
        for use in side.whole.uses
        if use.near
    ]
    return "".join(f"{line}\n" for line in (*near, *(f"note: {note}" for note in notes)))


def as_json(sides: Sides, over: Sequence[Passed], said: Mapping[str, object]) -> str:
    """One JSON object: each fleet as `tollway simulate --json` has it, and its survivals."""
    whole = {
        **said,
        **{
            name: {
                **facts(side.whole, {}),
                "unanswered": side.whole.unanswered,
                "survivals": [asdict(one) for one in side.survivals],
            }
            for name, side in zip(("old_fleet", "new_fleet"), sides, strict=True)
        },
        "passed": [asdict(one) for one in over],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


# --- several seeds ----------------------------------------------------------------------------


def _pairs(every: Sequence[Sides]) -> dict[str, tuple[Across, Across]]:
    """Each figure over seeds, of the old fleet and of the new one."""
    found: dict[str, tuple[Across, Across]] = {}
    for name, figure in FIGURES.items():
        old, new = (across([figure(sides[at].whole) for sides in every]) for at in (0, 1))
        if old is not None and new is not None:
            found[name] = old, new
    return found


def _change_by_seed(name: str, pair: tuple[Across, Across]) -> Across | None:
    """The change of a figure, seed by seed: as a share of the old value, of shares in points."""
    rows = list(zip(pair[0].values, pair[1].values, strict=True))
    if name in SHARES:
        return across([None if a is None or b is None else b - a for a, b in rows])
    return across([new / old - 1.0 if old and new is not None else None for old, new in rows])


def _changes(name: str, change: Across | None) -> tuple[str, str]:
    """The median change, and between what another seed's would be."""
    if change is None or not (change.lowest or change.highest):
        return "", ""
    unit = " points" if name in SHARES else "%"
    median, low, high = (
        f"{value * 100:+.1f}" for value in (change.median, change.low, change.high)
    )
    return median + unit, f"{low} to {high}{unit}"


def _survivals_by_seed(every: Sequence[Sides]) -> dict[str, tuple[Across | None, Across | None]]:
    """The share answered without each source."""
    both = [[{one.source: one.answered for one in side.survivals} for side in s] for s in every]
    names = dict.fromkeys(name for sides in both for side in sides for name in side)
    return {
        name: (
            across([sides[0].get(name) for sides in both]),
            across([sides[1].get(name) for sides in both]),
        )
        for name in names
    }


def seeds_text(found: Compared, by: Thresholds) -> str:
    """A line a figure: the median of either fleet, and where the change of another seed would be;
    then what was passed, with how many seeds."""
    every = list(found.sides.values())
    rows = [[f"{len(every)} seeds", "old", "new", "change", f"{chance(len(every)):.0%} of seeds"]]
    for name, pair in _pairs(every).items():
        ends = [shown(name, one.median) for one in pair]
        rows.append([name, *ends, *_changes(name, _change_by_seed(name, pair))])
    for name, ends in _survivals_by_seed(every).items():
        shares = ["-" if one is None else f"{one.median:.2%}" for one in ends]
        rows.append([f"without {name}: answered", *shares, "", ""])
    lines = [
        f"PASSED {what} with {count} of {len(every)} seeds\n"
        for what, count in passed_mostly([passed(*sides, by) for sides in every]).items()
    ]
    return aligned(rows) + "".join(lines)


def seeds_json(found: Compared, by: Thresholds, said: Mapping[str, object]) -> str:
    """One JSON object: each figure and each change over seeds."""
    every = list(found.sides.values())
    figures = {
        name: {
            "old": asdict(pair[0]),
            "new": asdict(pair[1]),
            "change": None if (change := _change_by_seed(name, pair)) is None else asdict(change),
        }
        for name, pair in _pairs(every).items()
    }
    whole = {
        **said,
        "seeds": list(found.sides),
        "not_played": found.missing,
        "interval_chance": chance(len(every)),
        "figures": figures,
        "answered_without": {
            name: {
                side: None if one is None else asdict(one)
                for side, one in zip(("old", "new"), ends, strict=True)
            }
            for name, ends in _survivals_by_seed(every).items()
        },
        "passed": passed_mostly([passed(*sides, by) for sides in every]),
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
