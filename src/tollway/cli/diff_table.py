"""Two fleets beside each other, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec

from tollway.cli.replay_table import seconds_of
from tollway.cli.simulate_table import facts
from tollway.simulator.compare import Passed, Side
from tollway.units import format_usd

Sides = tuple[Side, Side]


def as_text(sides: Sides, over: Sequence[Passed]) -> str:
    """A line a figure: old, new, and how much that is; then what was passed."""
    rows = [["", "old", "new", "change"], *_figures(sides), *_survivals(sides)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]
    lines += [_line(one) for one in over]
    return "".join(f"{line}\n" for line in lines)


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
    rows.append(["unanswered", *(f"{side.unanswered:.3%}" for side in sides), _points(sides)])
    kept = [side.whole.promise for side in sides]
    if any(kept):
        shares = ["-" if one is None else f"{one.share:.2%}" for one in kept]
        rows.append(["promise kept", *shares, ""])
    return rows


def _points(sides: Sides) -> str:
    change = sides[1].unanswered - sides[0].unanswered
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
                "unanswered": side.unanswered,
                "survivals": [asdict(one) for one in side.survivals],
            }
            for name, side in zip(("old_fleet", "new_fleet"), sides, strict=True)
        },
        "passed": [asdict(one) for one in over],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
