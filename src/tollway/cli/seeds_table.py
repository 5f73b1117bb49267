"""What several seeds of a rehearsal showed, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec

from tollway.cli.replay_table import seconds_of
from tollway.cli.seeds import Seeds
from tollway.cli.simulate_table import facts
from tollway.cli.table import aligned
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.seeds import ENOUGH, FIGURES, Across, Ways, across, chance, ways
from tollway.units import format_usd

SHARES = ("promise kept", "unanswered")
"""Figures that are shares of 1."""


def shown(name: str, value: float | None) -> str:
    """A value of one of the figures."""
    if value is None:
        return "-"
    if name.startswith(("TTFT", "latency", "waited")):
        return seconds_of(value)
    if name == "cost":
        return format_usd(round(value * 1e12), 4)
    if name in SHARES:
        return f"{value:.2%}"
    return f"{value:,.0f}" if name == "requests" else f"{value:,.2f}"


def figures_of(runs: Sequence[Rehearsed]) -> dict[str, Across]:
    """Every figure that some run has."""
    found = {name: across([figure(one) for one in runs]) for name, figure in FIGURES.items()}
    return {name: one for name, one in found.items() if one is not None}


def as_text(found: Seeds) -> str:
    """A line a figure: its median, where another seed would be, and the whole range."""
    count = len(found.runs)
    likely = f"{chance(count):.0%} of seeds"
    rows = [[f"{count} seeds" if count > 1 else "1 seed", "median", likely, "lowest", "highest"]]
    for name, one in figures_of(list(found.runs.values())).items():
        if name == "chip-hours" and not one.highest:
            continue
        between = f"{shown(name, one.low)} to {shown(name, one.high)}"
        ends = (shown(name, one.lowest), shown(name, one.highest))
        rows.append([name, shown(name, one.median), between, *ends])
    return aligned(rows) + "".join(f"{line}\n" for line in _two_ways(found))


def ways_of(found: Seeds) -> tuple[Ways, ...]:
    """The ways in which the seeds settle."""
    runs = found.runs.values()
    return ways({name: [figure(one) for one in runs] for name, figure in FIGURES.items()})


def _two_ways(found: Seeds) -> list[str]:
    seeds = list(found.runs)
    lines: list[str] = []
    for one in ways_of(found):
        few = ", ".join(str(seeds[at]) for at in one.few[:8])
        lines.append(
            f"! It settles in two ways: {len(one.many)} of {len(seeds)} seeds in one, "
            f"{len(one.few)} in another (seeds {few}{', …' * (len(one.few) > 8)})."
        )
        lines += [
            f"    {name}: {shown(name, many[0])} to {shown(name, many[1])}, "
            f"or {shown(name, few[0])} to {shown(name, few[1])}"
            for name, (many, few) in one.figures.items()
        ]
    return lines


def as_words(found: Seeds) -> str:
    """What must be known to read it, for standard error."""
    lines = [not_played(found.missing)] if found.missing else []
    runs = list(found.runs.values())
    alike = all(one.lowest == one.highest for one in figures_of(runs).values())
    if alike and len(runs) > 1:
        lines.append("Every seed gave the same: nothing in it is left to chance.")
    elif len(runs) < ENOUGH:
        lines.append(f"Whether it settles in two ways is not told of fewer than {ENOUGH} seeds.")
    near = sum(any(use.near for use in one.uses) for one in runs)
    if near:
        lines.append(
            f"! With {near} of {len(runs)} seeds a source came near its knee, where a small "
            "error of its speed is a large one of its waits: --seed N tells which."
        )
    lines += [f"note: {note}" for note in dict.fromkeys(note for one in runs for note in one.notes)]
    return "".join(f"{line}\n" for line in lines)


def not_played(missing: Sequence[int]) -> str:
    """The seeds that were left out, in words."""
    if len(missing) == 1:
        return f"Stopped: seed {missing[0]} was not played."
    whole = list(missing) == list(range(missing[0], missing[-1] + 1))
    names = f"{missing[0]} to {missing[-1]}" if whole else ", ".join(map(str, missing))
    return f"Stopped: seeds {names} were not played."


# --- for programs ---------------------------------------------------------------------------------


def as_json(found: Seeds, said: Mapping[str, object]) -> str:
    """One JSON object: each figure over seeds, and each run as without `--seeds`."""
    seeds = list(found.runs)
    runs = list(found.runs.values())
    whole = {
        **said,
        "seeds": seeds,
        "not_played": found.missing,
        "interval_chance": chance(len(seeds)),
        "figures": {name: asdict(one) for name, one in figures_of(runs).items()},
        "two_ways": [
            {
                "many": [seeds[at] for at in one.many],
                "few": [seeds[at] for at in one.few],
                "figures": {
                    name: {"many": many, "few": few} for name, (many, few) in one.figures.items()
                },
            }
            for one in ways_of(found)
        ],
        "runs": [{"seed": seed, **facts(one, {})} for seed, one in found.runs.items()],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
