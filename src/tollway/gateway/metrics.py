"""Counters and histograms of the gateway, and their Prometheus text.

Rules
1. Labels come from the fleet file and from fixed words, never from a client: a stranger cannot
   grow the table.
2. `TABLE` is the whole list; the reference page is made from it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tollway.fleet.usage import Usage
from tollway.gateway.counts import Counts, Labels
from tollway.pins.drift.standing import STANDINGS

TTFT_BOUNDS: Final = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
GAP_BOUNDS: Final = (
    0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0,
)  # fmt: skip
SPEED_BOUNDS: Final = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 200.0, 400.0)
DURATION_BOUNDS: Final = (
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 900.0,
)  # fmt: skip

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table. `bounds` are a histogram's upper bounds, in `unit`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    unit: str
    help: str
    bounds: tuple[float, ...] = ()


_PAIR: Final = ("source", "model")
_DURATION: Final = "tollway_request_duration_seconds"
_TOKENS: Final = "tollway_tokens_total"
_COST: Final = "tollway_cost_picodollars_total"
_BY_SOURCE: Final = ("tollway_requests_total", _TOKENS, _COST)

TABLE: tuple[Metric, ...] = (
    Metric(
        "tollway_requests_total", "counter", (*_PAIR, "outcome"), "requests",
        "Requests by outcome, and by the source and model that answered or were last tried.",
    ),
    Metric(
        "tollway_refusals_total", "counter", ("reason",), "requests",
        "Requests refused before an attempt, by the error code that the client was given.",
    ),
    Metric(
        "tollway_attempt_failures_total", "counter", (*_PAIR, "kind"), "attempts",
        "Attempts that ended without a whole answer, by kind of failure.",
    ),
    Metric(
        "tollway_pin_mismatches_total", "counter", (*_PAIR, "outcome"), "answers",
        "Answers that were not of the model that is locked: refused, or flagged and relayed.",
    ),
    Metric(
        "tollway_fallbacks_total", "counter", _PAIR, "attempts",
        "Attempts after the first one of a request, by the source and model they went to.",
    ),
    Metric(
        "tollway_tokens_total", "counter", (*_PAIR, "kind"), "tokens",
        "Tokens used: input, cached_input and cache_write (both also in input), output, "
        "reasoning (also in output).",
    ),
    Metric(
        "tollway_cost_picodollars_total", "counter", _PAIR, "USD/10^12",
        "What answers and failed attempts have cost, exact, in pico-dollars.",
    ),
    Metric(
        "tollway_usage_estimated_total", "counter", _PAIR, "attempts",
        "Attempts whose usage was estimated because the source gave none.",
    ),
    Metric(
        "tollway_ttft_seconds", "histogram", _PAIR, "seconds",
        "Time from sending an attempt to its first content event.", TTFT_BOUNDS,
    ),
    Metric(
        "tollway_inter_token_seconds", "histogram", _PAIR, "seconds",
        "Time between two arrivals of content in one stream.", GAP_BOUNDS,
    ),
    Metric(
        "tollway_stream_tokens_per_second", "histogram", _PAIR, "tokens/s",
        "Output tokens a second of one stream, from first to last content.", SPEED_BOUNDS,
    ),
    Metric(
        _DURATION, "histogram", _PAIR, "seconds",
        "Time from a request's arrival to its end.", DURATION_BOUNDS,
    ),
    Metric(
        "tollway_breaker_state", "gauge", (*_PAIR, "state"), "0 or 1",
        "1 for the state that the breaker is in (closed, half_open, open), 0 for the others.",
    ),
    Metric(
        "tollway_drift_standing", "gauge", (*_PAIR, "standing"), "0 or 1",
        "1 for how a watched model stands (watched, unwatched, alarm, differs, withdrawn), 0 else.",
    ),
    Metric(
        "tollway_source_drained", "gauge", ("source",), "0 or 1",
        "1 while an operator lets no new requests go to the source.",
    ),
    Metric("tollway_live_streams", "gauge", (), "streams", "Requests being answered now."),
    Metric("tollway_connections", "gauge", (), "connections", "Client connections open now."),
    Metric(
        "tollway_ledger_pending", "gauge", (), "records",
        "Reservations and settlements that the ledger has not committed yet.",
    ),
    Metric(
        "tollway_telemetry_requests_total", "counter", ("outcome",), "requests",
        "Requests whose trace the collector has taken (told), or never got (lost).",
    ),
    Metric(
        "tollway_request_log_lost_total", "counter", (), "lines",
        "Lines of the request log that could not be written.",
    ),
)  # fmt: skip

_STATES: tuple[BreakerState, ...] = ("closed", "half_open", "open")


class Histogram:
    """Counts by bucket (the last one is unbounded), and the sum of what was observed."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """A value that equals a bound belongs below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def merge(self, counts: Sequence[int], total: float) -> None:
        """Add counts over the same bounds."""
        for index, count in enumerate(counts):
            self.counts[index] += count
        self.total += total


class Tally:
    """What each request adds to for its source and model, kept together: one look-up a request."""

    __slots__ = (
        "cache_write",
        "cached_input",
        "cost",
        "durations",
        "estimated",
        "input",
        "outcomes",
        "output",
        "reasoning",
    )

    def __init__(self, bounds: Sequence[float]) -> None:
        self.outcomes: dict[str, int] = {}
        self.durations = Histogram(bounds)
        self.input = self.cached_input = self.cache_write = self.output = self.reasoning = 0
        self.estimated = self.cost = 0

    def use(self, usage: Usage, cost: int) -> None:
        """Add the tokens of one attempt, and what it cost."""
        self.cost += cost
        self.input += usage.input
        self.cached_input += usage.cached_input
        self.cache_write += usage.cache_write
        self.output += usage.output
        self.reasoning += usage.reasoning
        self.estimated += usage.estimated


class Metrics:
    """What one gateway process has counted since it started."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._table = {metric.name: metric for metric in TABLE}
        self._numbers: dict[str, dict[Labels, int]] = {
            metric.name: {} for metric in TABLE if metric.kind != "histogram"
        }
        self._histograms: dict[str, dict[Labels, Histogram]] = {
            metric.name: {} for metric in TABLE if metric.kind == "histogram"
        }

    def request_ended(
        self, source: str | None, model: str | None, outcome: str, duration: float
    ) -> None:
        """A request's one outcome. `source` and `model` are None where none was tried."""
        tally = self._tally(source or "", model or "")
        tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1
        tally.durations.observe(duration)

    def refused(self, reason: str) -> None:
        """A request was refused with this error code."""
        self._add("tollway_refusals_total", (reason,))

    def fell_back(self, source: str, model: str) -> None:
        """An attempt after the first one was sent there."""
        self._add("tollway_fallbacks_total", (source, model))

    def attempt_failed(self, source: str, model: str, kind: str) -> None:
        """An attempt ended without a whole answer."""
        self._add("tollway_attempt_failures_total", (source, model, kind))

    def unpinned(self, source: str, model: str, outcome: str) -> None:
        """An answer was not of the model that is locked."""
        self._add("tollway_pin_mismatches_total", (source, model, outcome))

    def used(self, source: str, model: str, usage: Usage, cost: int) -> None:
        """Tokens of one attempt, and its cost in pico-dollars."""
        self._tally(source, model).use(usage, cost)

    def first_content(self, source: str, model: str, ttft: float) -> None:
        """Seconds from sending an attempt to its first content."""
        self._observe("tollway_ttft_seconds", (source, model), ttft)

    def stream_ended(
        self, pair: tuple[str, str], gaps: Sequence[int], gap_sum: float, speed: float | None
    ) -> None:
        """Merge what a `StreamMeter` counted: `gaps`, `gap_sum` and `speed`."""
        self._histogram("tollway_inter_token_seconds", pair).merge(gaps, gap_sum)
        if speed is not None:
            self._observe("tollway_stream_tokens_per_second", pair, speed)

    def breaker(self, source: str, model: str, state: BreakerState) -> None:
        """The breaker of this pair moved."""
        series = self._numbers["tollway_breaker_state"]
        for known in _STATES:
            series[source, model, known] = int(known == state)

    def drift(self, source: str, model: str, standing: str) -> None:
        """How a watched model stands."""
        series = self._numbers["tollway_drift_standing"]
        for known in STANDINGS:
            series[source, model, known] = int(known == standing)

    def drained(self, source: str, on: bool) -> None:
        """An operator has taken the source out of use, or put it back."""
        self._numbers["tollway_source_drained"][source,] = int(on)

    def by_source(self) -> dict[str, tuple[int, int, int]]:
        """Requests, output tokens and pico-dollars of each source so far."""
        self._fold()
        found: dict[str, list[int]] = {}
        for place, name in enumerate(_BY_SOURCE):
            for labels, value in self._numbers[name].items():
                if name != _TOKENS or labels[2] == "output":
                    found.setdefault(labels[0], [0, 0, 0])[place] += value
        return {source: (one[0], one[1], one[2]) for source, one in found.items()}

    def standings(self) -> dict[tuple[str, str], str]:
        """How each watched model stands, by source and model."""
        series = self._numbers["tollway_drift_standing"]
        return {(labels[0], labels[1]): labels[2] for labels, on in series.items() if on}

    def set_live(self, streams: int, connections: int, ledger_pending: int) -> None:
        """What is going on now, told when the page is asked for."""
        self._numbers["tollway_live_streams"][()] = streams
        self._numbers["tollway_connections"][()] = connections
        self._numbers["tollway_ledger_pending"][()] = ledger_pending

    def traced(self, told: int, lost: int) -> None:
        """So many requests were told to the collector, and so many were lost."""
        self._add("tollway_telemetry_requests_total", ("told",), told)
        self._add("tollway_telemetry_requests_total", ("lost",), lost)

    def unlogged(self, lines: int) -> None:
        """So many lines of the request log are lost."""
        self._add("tollway_request_log_lost_total", (), lines)

    def take(self) -> Counts:
        """What was counted since the last call, which is forgotten here; gauges are left out."""
        self._fold()
        taken = Counts(
            [
                (name, labels, value)
                for name, series in self._numbers.items()
                if self._table[name].kind == "counter"
                for labels, value in series.items()
            ],
            [
                (name, labels, histogram.counts, histogram.total)
                for name, series in self._histograms.items()
                for labels, histogram in series.items()
            ],
        )
        for name, _, _ in taken.numbers:
            self._numbers[name].clear()
        for series in self._histograms.values():
            series.clear()
        return taken

    def add(self, counts: Counts) -> None:
        """Add what another process of this gateway has counted."""
        for name, labels, amount in counts.numbers:
            self._add(name, labels, amount)
        for name, labels, buckets, total in counts.histograms:
            self._histogram(name, labels).merge(buckets, total)

    def render(self) -> bytes:
        """Everything in Prometheus' text format 0.0.4."""
        self._fold()
        lines: list[str] = []
        for metric in TABLE:
            lines.append(f"# HELP {metric.name} {metric.help}")
            lines.append(f"# TYPE {metric.name} {metric.kind}")
            if metric.kind == "histogram":
                for labels, histogram in sorted(self._histograms[metric.name].items()):
                    lines += _histogram_lines(metric, labels, histogram)
            else:
                for labels, value in sorted(self._numbers[metric.name].items()):
                    lines.append(f"{metric.name}{_braces(metric.labels, labels)} {value!r}")
        lines.append("")
        return "\n".join(lines).encode()

    def _tally(self, source: str, model: str) -> Tally:
        pair = source, model
        found = self._tallies.get(pair)
        if found is None:
            found = self._tallies[pair] = Tally(self._table[_DURATION].bounds)
        return found

    def _fold(self) -> None:
        """Add to the table what the tallies hold, and empty them."""
        for pair, tally in self._tallies.items():
            for outcome, count in tally.outcomes.items():
                self._add("tollway_requests_total", (*pair, outcome), count)
            durations = tally.durations
            if any(durations.counts):
                merged = self._histogram(_DURATION, pair)
                merged.merge(durations.counts, durations.total)
            for kind in ("input", "cached_input", "cache_write", "output", "reasoning"):
                tokens: int = getattr(tally, kind)
                if tokens:
                    self._add("tollway_tokens_total", (*pair, kind), tokens)
            if tally.estimated:
                self._add("tollway_usage_estimated_total", pair, tally.estimated)
            if tally.cost:
                self._add(_COST, pair, tally.cost)
        self._tallies.clear()

    def _add(self, name: str, labels: Labels, amount: int = 1) -> None:
        series = self._numbers[name]
        series[labels] = series.get(labels, 0) + amount

    def _observe(self, name: str, labels: Labels, value: float) -> None:
        (self._histograms[name].get(labels) or self._histogram(name, labels)).observe(value)

    def _histogram(self, name: str, labels: Labels) -> Histogram:
        series = self._histograms[name]
        found = series.get(labels)
        if found is None:
            found = series[labels] = Histogram(self._table[name].bounds)
        return found


def _histogram_lines(metric: Metric, labels: Labels, histogram: Histogram) -> Iterator[str]:
    names = (*metric.labels, "le")
    running = 0
    for bound, count in zip((*metric.bounds, None), histogram.counts, strict=True):
        running += count
        le = "+Inf" if bound is None else repr(bound)
        yield f"{metric.name}_bucket{_braces(names, (*labels, le))} {running}"
    yield f"{metric.name}_sum{_braces(metric.labels, labels)} {histogram.total!r}"
    yield f"{metric.name}_count{_braces(metric.labels, labels)} {running}"


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
