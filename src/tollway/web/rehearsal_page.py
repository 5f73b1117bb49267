"""A simulation, or a diff of two, as one page.

Rules
1. Every figure that rests on an engine's predicted pace has its 80% interval, or says why it has
   none; each source says where its pace is from.
2. Every value that a chart shows is in the table beside it.
"""

from collections.abc import Callable, Sequence

from tollway.units import exact_usd
from tollway.web.amounts import percent
from tollway.web.charts import Series, columns
from tollway.web.document import Fact, Head, Section, document, notes
from tollway.web.markup import element, table, words
from tollway.web.rehearsal_shown import (
    Across,
    Diff,
    Diffs,
    Played,
    Row,
    Shown,
    Simulation,
    Simulations,
    Three,
)

_MIDDLE = (
    "Both fleets were played in the middle of every speed's interval: how wide each is stands with "
    "the speeds above. `tollway simulate --interval` plays a fleet at both ends."
)
_SHARES = ("kept", "answered", "unanswered", "share")


def rehearsal_page(shown: Shown, made: str) -> str:
    """The whole file; `made` is when."""
    if isinstance(shown, Simulation):
        return _simulation(shown, made)
    if isinstance(shown, Diff):
        return _diff(shown, made)
    return _simulations(shown, made) if isinstance(shown, Simulations) else _diffs(shown, made)


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:,.0f} ms" if value < 1 else f"{value:,.2f} s"


def _scaled(times: float) -> str:
    return "" if times == 1 else f" with {times:g} times as many users"


def _made(made: str, by: str) -> str:
    return f"Made by tollway report on {made} out of what tollway {by} --json wrote."


# --- one simulation ----------------------------------------------------------------------------


def _simulation(shown: Simulation, made: str) -> str:
    lost = f", losing {', '.join(shown.lost)}" if shown.lost else ""
    asked = (
        f"What would happen if {shown.trace}{_scaled(shown.scale)} (seed {shown.seed}), were "
        f"served by {shown.fleet}{lost}. All of it is predicted: nothing was "
        "sent anywhere."
    )
    sections = [
        Section("waits", "Waits", _waits(shown)),
        Section("sources", "Who served", _rows(shown)),
        Section("paces", "Where speeds are from", _paces(shown)),
        Section("notes", "What it rests on", notes(_notes(shown))),
    ]
    title = f"Rehearsal of {shown.fleet}"
    return document(Head(title, asked, _facts(shown), _made(made, "simulate")), sections)


def _facts(shown: Played) -> list[Fact]:
    total, between = shown.total, shown.interval
    ends = (None, None) if between is None else (between.fast.ttft.p50, between.slow.ttft.p50)
    unanswered = total.refused + total.failed
    facts = [
        Fact("Requests", f"{total.requests:,}", f"in {shown.virtual_seconds:,.0f} virtual seconds"),
        Fact("TTFT, p50", _seconds(total.ttft.p50), _interval(*ends)),
        Fact("Not answered", f"{unanswered:,}",
             f"{total.refused:,} refused, {total.failed:,} failed"),
        Fact("Tokens cost", _cost(total),
             "by the fleet file's prices, exact"),
    ]  # fmt: skip
    if shown.promise is not None:
        more = "no interval was played"
        if between is not None:
            shares = (between.slow.promise_kept or 0.0, between.fast.promise_kept or 0.0)
            more = f"80%: {percent(shares[0])} to {percent(shares[1])}"
        facts.append(Fact("Promise kept", percent(shown.promise.share), more))
    return facts


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "no interval was played: no source came near its knee"
    return f"80%: {_seconds(low)} to {_seconds(high)}"


def _waits(shown: Played) -> str:
    names = ["p50", "p90", "p99"]
    figures = (("TTFT", shown.total.ttft), ("time to the whole answer", shown.total.latency))
    rows: list[list[str]] = []
    for at, (what, three) in enumerate(figures):
        for name in names:
            ends = "not played"
            if shown.interval is not None:
                both = (shown.interval.fast, shown.interval.slow)
                fast, slow = ((one.ttft, one.latency)[at] for one in both)
                ends = f"{_seconds(getattr(fast, name))} to {_seconds(getattr(slow, name))}"
            rows.append([f"{what}, {name}", _seconds(getattr(three, name)), ends])
    chart = columns("TTFT by quantile", names, [_of(shown.total.ttft, names, "TTFT")], "seconds")
    return chart + table("Waits", ["figure", "predicted", "80% interval"], rows)


def _of(three: Three, names: Sequence[str], title: str) -> Series:
    values = [getattr(three, name) for name in names]
    return Series(title, [value or 0.0 for value in values], [_seconds(value) for value in values])


def _rows(shown: Played) -> str:
    head = ["source", "requests", "answered", "refused", "failed", "TTFT p50", "p99",
            "tokens/s", "tokens out", "cost"]  # fmt: skip
    return table("Requests by source", head, [_row(one) for one in (*shown.rows, shown.total)])


def _cost(one: Row) -> str:
    return "-" if one.cost is None else exact_usd(one.cost)


def _row(one: Row) -> list[str]:
    speed = "-" if one.speed_p50 is None else f"{one.speed_p50:,.1f}"
    counts = (one.requests, one.ok, one.refused, one.failed)
    waits = (one.ttft.p50, one.ttft.p99)
    return [
        one.source or "all",
        *(f"{count:,}" for count in counts),
        *map(_seconds, waits),
        speed,
        f"{one.output_tokens:,}",
        _cost(one),
    ]


def _paces(shown: Played) -> str:
    rows = [
        [one.source, one.model, one.pace.origin,
         "-" if one.pace.tpot is None else f"x{one.pace.tpot.low:.2f} to x{one.pace.tpot.high:.2f}",
         "-" if one.work_peak is None else percent(one.work_peak),
         f"{one.chip_hours:,.2f}"]
        for one in shown.sources
    ]  # fmt: skip
    head = ["source", "model", "provenance", "TPOT, 80% interval", "work, worst minute",
            "chip-hours"]  # fmt: skip
    return table("Sources", head, rows, text=3)


def _notes(shown: Played) -> list[str]:
    lines = [
        f"{one.source} came near its knee: read its waits as an order of magnitude."
        for one in shown.sources
        if one.near_its_knee
    ]
    lines += ["It was stopped: these are the requests that had arrived by then."] * shown.stopped
    return [*lines, *shown.notes]


# --- a diff --------------------------------------------------------------------------------------


def _diff(shown: Diff, made: str) -> str:
    old, new = shown.old_fleet, shown.new_fleet
    asked = (
        f"The same traffic, {shown.on}{_scaled(shown.scale)} (seed {shown.seed}), "
        f"through {shown.old} and through {shown.new}. All of it is predicted."
    )
    facts = [
        Fact("TTFT, p50", _seconds(new.total.ttft.p50), f"was {_seconds(old.total.ttft.p50)}"),
        Fact("Tokens cost", _cost(new.total), f"was {_cost(old.total)}"),
        Fact("Not answered", percent(new.unanswered or 0.0),
             f"was {percent(old.unanswered or 0.0)}"),
        Fact("Thresholds passed", f"{len(shown.passed)}", "a gate fails above none"),
    ]  # fmt: skip
    sections = [
        Section("passed", "Thresholds that were passed", _passed(shown)),
        Section("figures", "Old beside new", _figures(old, new)),
        Section("survival", "Without each source", _survivals(old, new)),
        Section("new", "Who serves in the new fleet", _rows(new)),
        Section("paces", "Where the new fleet's speeds are from", _paces(new)),
        Section("notes", "What it rests on", notes([_MIDDLE, *_notes(old), *_notes(new)])),
    ]
    head = Head(f"{shown.new} beside {shown.old}", asked, facts, _made(made, "diff"))
    return document(head, sections)


def _passed(shown: Diff) -> str:
    rows = [
        [one.what, f"{one.old:g}", f"{one.new:g}", percent(one.allowed)] for one in shown.passed
    ]
    return table("Passed", ["what", "old", "new", "allowed"], rows) if rows else ""


def _change(old: float | None, new: float | None) -> str:
    if old is None or new is None or not old:
        return ""
    return "none" if new == old else f"{new / old - 1.0:+.1%}"


def _figures(old: Played, new: Played) -> str:
    rows: list[list[str]] = []
    for what, pick in (("TTFT", lambda it: it.total.ttft), ("time", lambda it: it.total.latency)):
        rows += _quantiles(what, pick(old), pick(new))
    speeds = (old.total.speed_p50, new.total.speed_p50)
    rows.append(["tokens/s a stream, p50", *("-" if it is None else f"{it:,.1f}" for it in speeds),
                 _change(*speeds)])  # fmt: skip
    costs = (old.total.cost, new.total.cost)
    rows.append(["cost of tokens", *("-" if it is None else exact_usd(it) for it in costs),
                 _change(*costs)])  # fmt: skip
    rows.append(["chip-hours", f"{old.chip_hours:,.2f}", f"{new.chip_hours:,.2f}",
                 _change(old.chip_hours, new.chip_hours)])  # fmt: skip
    names = ["p50", "p90", "p99"]
    bars = [
        Series("old", [getattr(old.total.ttft, it) or 0.0 for it in names],
               [_seconds(getattr(old.total.ttft, it)) for it in names]),
        Series("new", [getattr(new.total.ttft, it) or 0.0 for it in names],
               [_seconds(getattr(new.total.ttft, it)) for it in names]),
    ]  # fmt: skip
    beside = [f"{side} {name}" for name in names for side in ("old", "new")]
    shown = [_beside(one, at) for at, one in enumerate(bars)]
    chart = columns("TTFT, old beside new", beside, shown, "seconds")
    return chart + table("Figures", ["figure", "old", "new", "change"], rows)


def _beside(one: Series, at: int) -> Series:
    """Its values in every second column."""
    values = [it for value in one.values for it in ((value, 0.0) if at == 0 else (0.0, value))]
    shown = [it for word in one.shown for it in (word, word)]
    return Series(one.name, values, shown)


def _quantiles(what: str, old: Three, new: Three) -> list[list[str]]:
    rows: list[list[str]] = []
    for name in ("p50", "p90", "p99"):
        ends = getattr(old, name), getattr(new, name)
        rows.append([f"{what}, {name}", *map(_seconds, ends), _change(*ends)])
    return rows


def _survivals(old: Played, new: Played) -> str:
    known = [{one.source: one for one in side.survivals} for side in (old, new)]
    names = dict.fromkeys([*known[0], *known[1]])
    rows = [
        [name, *(percent(it[name].answered) if name in it else "-" for it in known),
         *(_seconds(it[name].ttft.p99) if name in it else "-" for it in known)]
        for name in names
    ]  # fmt: skip
    head = ["without", "answered, old", "answered, new", "TTFT p99, old", "TTFT p99, new"]
    return table("When a source is lost", head, rows) if rows else ""


# --- several seeds -------------------------------------------------------------------------------


def _shown(name: str) -> Callable[[float], str]:
    if any(word in name for word in _SHARES):
        return percent
    if name.startswith(("TTFT", "latency", "wait")):
        return _seconds
    return lambda value: f"{value:,.4g}"


def _signed(unit: str) -> Callable[[float], str]:
    return lambda value: f"{value * 100:+.1f}{unit}"


def _spread(one: Across, write: Callable[[float], str]) -> str:
    return f"{write(one.low)} to {write(one.high)}"


def _simulations(shown: Simulations, made: str) -> str:
    asked = (
        f"What would happen if {shown.trace}{_scaled(shown.scale)}, were "
        f"served by {shown.fleet}: {len(shown.seeds)} seeds. All of it is predicted."
    )
    chance = percent(shown.interval_chance, 0)
    rows = [
        [name, _shown(name)(one.median), _spread(one, _shown(name))]
        for name, one in shown.figures.items()
    ]
    head = ["figure", "median", f"{chance} of seeds"]
    facts = [Fact(row[0], row[1], f"{chance} of seeds: {row[2]}") for row in rows[:4]]
    sections = [Section("figures", "Figures", table("Figures over seeds", head, rows))]
    sections.append(Section("notes", "What it rests on", _seeds_note(len(shown.not_played))))
    title = f"Rehearsals of {shown.fleet}"
    return document(Head(title, asked, facts, _made(made, "simulate")), sections)


def _seeds_note(missing: int) -> str:
    lines = ["What lies between seeds is chance of arrivals; it says nothing of how wrong a "
             "predicted speed is."]  # fmt: skip
    lines += [f"{missing} seeds were not played."] if missing else []
    return "".join(element("p", words(line)) for line in lines)


def _diffs(shown: Diffs, made: str) -> str:
    asked = (
        f"The same traffic, {shown.on}{_scaled(shown.scale)}, through "
        f"{shown.old} and through {shown.new}: {len(shown.seeds)} seeds. All of it is predicted."
    )
    chance = percent(shown.interval_chance, 0)
    rows: list[list[str]] = []
    for name, pair in shown.figures.items():
        write = _shown(name)
        unit = " points" if write is percent else "%"
        change = "" if pair.change is None else _spread(pair.change, _signed(unit))
        rows.append([name, write(pair.old.median), write(pair.new.median), change])
    head = ["figure", "old, median", "new, median", f"change, {chance} of seeds"]
    facts = [Fact(row[0], row[2], f"was {row[1]}") for row in rows[:4]]
    over = [[what, f"{count}"] for what, count in shown.passed.items()]
    passed = table("Passed", ["what", f"of {len(shown.seeds)} seeds"], over) if over else ""
    sections = [
        Section("passed", "Thresholds that were passed", passed),
        Section("figures", "Old beside new", table("Figures over seeds", head, rows)),
        Section("notes", "What it rests on", _seeds_note(len(shown.not_played))),
    ]
    title = f"{shown.new} beside {shown.old}"
    return document(Head(title, asked, facts, _made(made, "diff")), sections)
