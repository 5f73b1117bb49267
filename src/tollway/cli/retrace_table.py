"""A retraced log for people and for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import msgspec

from tollway.cli.table import Column, print_table
from tollway.engine import Deployment
from tollway.simulator.answer_told import seconds
from tollway.simulator.enginelog import Times
from tollway.simulator.retrace import Retraced
from tollway.simulator.use import NEAR

METRICS = (("TTFT", "ttft"), ("TPOT", "tpot"), ("latency", "latency"))
RANKS = (("P50", "p50"), ("P90", "p90"))


@dataclass(frozen=True, slots=True)
class Shown:
    """A log beside what we say of it: as it is, at both ends of the interval, and fitted (None: not
    asked for). `seconds` are from the first arrival to the last."""

    deployment: Deployment
    requests: int
    seconds: float
    origin: str
    measured: Times
    ours: Retraced
    fast: Retraced
    slow: Retraced
    factors: Mapping[str, float] | None
    fitted: Times | None

    @property
    def near(self) -> bool:
        """Whether a small error of a step decides about a queue."""
        return self.ours.offered is None or self.ours.offered >= NEAR


def as_table(shown: Shown) -> None:
    """One line for each percentile."""
    names = ["measured", "predicted", "off", "80% interval"]
    if shown.fitted is not None:
        names += ["fitted", "off"]
    rows = [[name, *_cells(shown, metric, rank)] for name, metric, rank in _lines()]
    print_table([Column(""), *(Column(name, True) for name in names)], rows)


def _lines() -> Iterator[tuple[str, str, str]]:
    for name, metric in METRICS:
        for title, rank in RANKS:
            yield f"{name} {title}", metric, rank


def _cells(shown: Shown, metric: str, rank: str) -> Iterator[str]:
    measured = _value(shown.measured, metric, rank)
    ours, fast, slow = (
        _value(one.times, metric, rank) for one in (shown.ours, shown.fast, shown.slow)
    )
    yield _seconds(measured)
    yield _seconds(ours)
    yield _off(ours, measured)
    yield f"{_seconds(fast)} to {_seconds(slow)}"
    if shown.fitted is not None:
        fitted = _value(shown.fitted, metric, rank)
        yield _seconds(fitted)
        yield _off(fitted, measured)


def _value(times: Times, metric: str, rank: str) -> float | None:
    return getattr(getattr(times, metric), rank)


def _seconds(value: float | None) -> str:
    return "-" if value is None else seconds(value)


def _off(ours: float | None, measured: float | None) -> str:
    error = error_of(ours, measured)
    return "-" if error is None else f"{error:+.1%}"


def error_of(ours: float | None, measured: float | None) -> float | None:
    """Ours over measured, less 1."""
    return None if not measured or ours is None else ours / measured - 1.0


def as_words(shown: Shown) -> str:
    """What must be known to read the figures, for standard error."""
    made, ours = shown.deployment, shown.ours
    lines = [
        f"{shown.requests:,} requests in {shown.seconds:,.1f} s on {made.chip.name} x "
        f"{made.layout.chips}, {made.model.name} in {made.precision}, {made.blocks:,} KV blocks; "
        f"speed: {shown.origin}.",
        "Times count from when the engine takes a request in; a gateway, a network and tokenizing "
        "are not in them.",
        f"The engine computed {ours.busy:.0%} of the time, filled {ours.cache_peak:.0%} of its KV "
        f"cache, and computed {ours.preempted:,} sequences again.",
    ]
    lines.append(_nearness(shown))
    if shown.factors is not None:
        moved = ", ".join(f"{name} x{factor:.2f}" for name, factor in shown.factors.items())
        lines.append(f"Fitted: {moved}.")
    return "".join(f"{line}\n" for line in lines)


def _nearness(shown: Shown) -> str:
    offered = shown.ours.offered
    if offered is None:
        return "! They all came at once: past its knee, where waits are the length of a queue."
    said = f"While they came, requests asked {offered:.0%} of what its full batch can do"
    if not shown.near:
        return f"{said}."
    return (
        f"! {said}: near or past its knee, where a small error of its speed is a large one of its "
        "waits. Read them with their interval."
    )


def as_json(shown: Shown, log: str) -> str:
    """One JSON object. Seconds; shares of 1; `off` is ours over measured, less 1."""
    made, ours = shown.deployment, shown.ours
    whole = {
        "format": 1,
        "log": log,
        "model": made.model.name,
        "chip": made.chip.name,
        "chips": made.layout.chips,
        "precision": made.precision,
        "kv_blocks": made.blocks,
        "origin": shown.origin,
        "requests": shown.requests,
        "arrivals_seconds": shown.seconds,
        "times": {metric: _facts(shown, metric) for _, metric in METRICS},
        "work_offered": ours.offered,
        "near_its_knee": shown.near,
        "busy": ours.busy,
        "cache_peak": ours.cache_peak,
        "preempted": ours.preempted,
        "factors": shown.factors,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _facts(shown: Shown, metric: str) -> dict[str, object]:
    measured = asdict(getattr(shown.measured, metric))
    runs = {"predicted": shown.ours.times, "fitted": shown.fitted}
    facts: dict[str, object] = {"measured": measured}
    for name, times in runs.items():
        if times is None:
            continue
        said = asdict(getattr(times, metric))
        facts[name] = said
        facts[f"{name}_off"] = {rank: error_of(said[rank], measured[rank]) for rank in said}
    facts["fast_end"] = asdict(getattr(shown.fast.times, metric))
    facts["slow_end"] = asdict(getattr(shown.slow.times, metric))
    return facts
