"""A rehearsal's report for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import msgspec

from tollway.cli.replay_table import as_table, three
from tollway.cli.table import aligned
from tollway.simulator.rehearsal import WORTH, Promise, Rehearsed
from tollway.simulator.supply import Pace
from tollway.simulator.use import NEAR, Use
from tollway.units import usd

Prices = Mapping[str, float | None]
"""Chip -> dollars an hour of one, where it is known."""


def as_text(found: Rehearsed, prices: Prices, ends: Sequence[Rehearsed] = ()) -> str:
    """The table of `tollway replay`, then what each source was used for and how promises held;
    `ends` are the same at the fast and at the slow end of the interval of every pace."""
    parts = [as_table(found.report), "\n", _sources(found.uses)]
    lines = [f"waited for a slot p50 / p90 / p99: {three(found.wait)}"]
    if found.promise is not None:
        lines.append(_promise(found.promise))
    lines += _between(ends)
    lines += [f"breaker of {pair} opened {count:,} times" for pair, count in found.opened.items()]
    hours = sum(use.chip_hours for use in found.uses)
    if hours:
        dollars = chip_dollars(found.uses, prices)
        cost = "" if dollars is None else f", ${dollars:,.2f}"
        lines.append(f"chips held: {hours:,.2f} chip-hours{cost}")
    return "".join(parts) + "\n" + "".join(f"{line}\n" for line in lines)


def _between(ends: Sequence[Rehearsed]) -> list[str]:
    """From the fast end to the slow end."""
    if not ends:
        return []
    fast, slow = (one.report.total for one in ends)
    lines = [
        f"80% interval, {name}: {three(one)} to {three(other)}"
        for name, one, other in (
            ("TTFT", fast.ttft, slow.ttft),
            ("latency", fast.latency, slow.latency),
        )
    ]
    kept = [one.promise for one in ends]
    if kept[0] is not None and kept[1] is not None:
        lines.append(f"80% interval, kept: {kept[0].share:.2%} to {kept[1].share:.2%}")
    return lines


def chip_dollars(uses: Sequence[Use], prices: Prices) -> float | None:
    """What the chips cost for the run; None where a price is missing, or there are no chips."""
    total = 0.0
    for use in uses:
        if use.chip is not None:
            price = prices.get(use.chip)
            if price is None:
                return None
            total += price * use.chip_hours
    return total or None


def _promise(promise: Promise) -> str:
    words = [
        f"TTFT {promise.slo.ttft:g} s" if promise.slo.ttft is not None else "",
        f"{promise.slo.speed:g} tokens/s" if promise.slo.speed is not None else "",
    ]
    return (
        f"kept {' and '.join(filter(None, words))}: {promise.share:.2%} of {promise.asked:,}; "
        f"goodput {promise.requests:.2f} requests/s, {promise.output_tokens:,.1f} tokens/s"
    )


def _sources(uses: Sequence[Use]) -> str:
    names = ["", *(use.source for use in uses)]
    if len({use.source for use in uses}) < len(uses):
        names = ["", *(f"{use.source}:{use.model}" for use in uses)]
    rows = [
        names,
        ["speed", *(use.pace.origin for use in uses)],
        ["  TPOT, 80% interval", *(_interval(use.pace) for use in uses)],
        ["replicas, mean", *(f"{use.replicas:.2f}" for use in uses)],
        ["in flight, mean", *(f"{use.in_flight:.2f}" for use in uses)],
        ["  of its slots", *(_share(use.slots) for use in uses)],
        ["time it computed", *(_share(use.busy) for use in uses)],
        ["work, of a full batch", *(_share(use.work) for use in uses)],
        ["  in its worst minute", *(_share(use.work_peak) + "!" * use.near for use in uses)],
        ["KV cache, peak", *(_share(use.cache_peak) for use in uses)],
        ["prompt tokens cached", *(_share(use.cached) for use in uses)],
        ["preempted", *(f"{use.preempted:,}" for use in uses)],
        ["chip-hours", *(f"{use.chip_hours:.2f}" if use.chip else "-" for use in uses)],
    ]
    return aligned(rows)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _interval(pace: Pace) -> str:
    return "-" if pace.tpot is None else f"x{pace.tpot.low:.2f} to x{pace.tpot.high:.2f}"


def as_words(found: Rehearsed) -> str:
    """What must be known to read the figures, for standard error."""
    lines = [f"{found.asked:,} requests in {found.seconds:,.1f} s of virtual time."]
    if found.plain and found.asked >= WORTH:
        lines.append(f"Played by the plain execution: {', '.join(found.plain)}.")
    if found.stopped:
        lines.append("Stopped: these are the requests that had arrived by then, not all.")
    if found.never_asked:
        lines.append(f"{found.never_asked:,} turns were never asked: those before them failed.")
    lines += [_near(use) for use in found.uses if use.near]
    lines += [f"note: {note}" for note in found.notes]
    return "".join(f"{line}\n" for line in lines)


def _near(use: Use) -> str:
    return (
        f"! {use.source} came to {use.work_peak:.0%} of its full batch's work in its worst minute. "
        f"Above {NEAR:.0%} a small error of its speed is a large one of its waits: read its TTFT "
        "as an order of magnitude."
    )


def as_json(
    found: Rehearsed,
    said: Mapping[str, object],
    prices: Prices,
    ends: Sequence[Rehearsed] = (),
) -> str:
    """One JSON object. Seconds, tokens a second, pico-dollars in `cost`, shares of 1."""
    interval = None
    if ends:
        interval = {
            end: {
                "ttft": asdict(one.report.total.ttft),
                "latency": asdict(one.report.total.latency),
                "promise_kept": None if one.promise is None else one.promise.share,
            }
            for end, one in zip(("fast", "slow"), ends, strict=True)
        }
    whole = {**said, **facts(found, prices), "interval": interval}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def facts(found: Rehearsed, prices: Prices) -> dict[str, object]:
    """The same as plain values."""
    report = asdict(found.report)
    del report["lateness"], report["kept_up"]
    promise = found.promise
    return {
        **report,
        "rows": [asdict(row) for row in found.report.rows],
        "cost_usd": f"{usd(found.cost):f}",
        "sources": [{**asdict(use), "near_its_knee": use.near} for use in found.uses],
        "promise": None if promise is None else {**asdict(promise), "share": promise.share},
        "wait": asdict(found.wait),
        "virtual_seconds": found.seconds,
        "asked": found.asked,
        "never_asked": found.never_asked,
        "breakers_opened": found.opened,
        "chip_hours": sum(use.chip_hours for use in found.uses),
        "chip_usd": chip_dollars(found.uses, prices),
        "stopped": found.stopped,
        "execution": "plain" if found.plain else "compiled",
        "plain_because": found.plain,
        "notes": found.notes,
    }
