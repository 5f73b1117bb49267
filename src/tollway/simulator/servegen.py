"""ServeGen's production clients, drawn anew: rates, gaps between arrivals, lengths.

ServeGen (Alibaba, NSDI'26) describes a service's load client by client: for each ten minutes a rate
and the family, shape and spread of gaps between arrivals; for each six hours histograms of lengths.

Rules
1. A client is a renewal process within each ten minutes; input and output lengths are drawn
   independently, as ServeGen itself does.
2. Scaled up, there are more clients of each kind, each drawn for itself; a share of a client is the
   same client at that share of its rate.
3. A client whose lengths are not published takes those of one of its pool that are.
"""

import gzip
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Final

import msgspec

from tollway.errors import Fault, FaultsFound
from tollway.simulator.draws import Stream
from tollway.simulator.trace import Trace, TraceRequest, in_order
from tollway.units import Seconds, Tokens

WINDOW: Final = 600
"""Seconds for which a rate holds."""

COLUMNS: Final = "client_chunk,t_seconds,rate_rps,cv,dist,param1,param2"
_PAIR: Final = re.compile(r"(\d+): ([0-9.e+-]+)")
_PURPOSE: Final = 0x5347


@dataclass(frozen=True, slots=True)
class Rate:
    """Ten minutes of one client: requests a second, and the gaps' family and its shape."""

    rate: float
    family: str
    shape: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Lengths in tokens, and the running sum of their probabilities."""

    values: tuple[int, ...]
    sums: tuple[float, ...]

    def sample(self, chance: float) -> int:
        """The length at this point of [0, 1), one token at least."""
        place = bisect_right(self.sums, chance * self.sums[-1])
        return max(1, self.values[min(place, len(self.values) - 1)])


@dataclass(frozen=True, slots=True)
class Lengths:
    """Input and output of one client, by the second at which they begin to hold, in order."""

    since: tuple[int, ...]
    input: tuple[Histogram, ...]
    output: tuple[Histogram, ...]


Rates = Mapping[int, Mapping[int, Rate]]
"""Client -> second at which a window begins -> its rate."""


def read_rates(name: str, data: bytes) -> Rates:
    """A pool's table of rates, gzipped or not.

    Raises:
        FaultsFound: the table cannot be read; the text names the line.
    """
    lines = _unzipped(data).decode().splitlines()
    if not lines or lines[0].strip() != COLUMNS:
        raise FaultsFound([Fault(name, "is no table of ServeGen's rates", f"It begins: {COLUMNS}")])
    found: dict[int, dict[int, Rate]] = {}
    for number, line in enumerate(lines[1:], 2):
        fields = line.split(",")
        try:
            client, at, rate = int(fields[0]), int(fields[1]), float(fields[2])
            shape = float(fields[5]) if fields[5] else 1.0
            found.setdefault(client, {})[at] = Rate(rate, fields[4], shape)
        except (ValueError, IndexError) as error:
            raise FaultsFound([Fault(f"{name}:{number}", f"cannot be read: {error}")]) from error
    return found


class _Written(msgspec.Struct, frozen=True):
    input_tokens: str
    output_tokens: str


def read_lengths(name: str, data: bytes) -> Lengths:
    """One client's histograms, gzipped or not.

    Raises:
        FaultsFound: they cannot be read.
    """
    try:
        written = msgspec.json.decode(_unzipped(data), type=dict[str, _Written])
        # A client that asked nothing for six hours has empty histograms of them.
        rows = sorted(
            (int(at), one)
            for at, one in written.items()
            if "{}" not in (one.input_tokens, one.output_tokens)
        )
        since = tuple(at for at, _ in rows)
        made = (
            tuple(_histogram(one.input_tokens) for _, one in rows),
            tuple(_histogram(one.output_tokens) for _, one in rows),
        )
    except (ValueError, msgspec.MsgspecError) as error:
        raise FaultsFound([Fault(name, f"cannot be read: {error}")]) from error
    if not since:
        raise FaultsFound([Fault(name, "holds no lengths")])
    return Lengths(since, *made)


def _histogram(text: str) -> Histogram:
    pairs = [(int(value), float(share)) for value, share in _PAIR.findall(text)]
    if not pairs:
        raise ValueError(f"no lengths in {text[:40]!r}")
    return Histogram(
        tuple(value for value, _ in pairs), tuple(accumulate(share for _, share in pairs))
    )


def _unzipped(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a pool to draw: seconds from `start` on for `duration`, of these clients (None:
    all that ask in that time), `scale` times as many of each; no prompt is longer than `most_input`
    and no answer than `most_output` tokens."""

    start: int = 0
    duration: int = 3600
    clients: tuple[int, ...] | None = None
    scale: float = 1.0
    most_input: int = 128_000
    most_output: int = 32_000


def drawn(name: str, rates: Rates, lengths: Mapping[int, Lengths], part: Part, seed: int) -> Trace:
    """The requests of a part of a pool.

    Raises:
        FaultsFound: the part holds no request.
    """
    rows: list[TraceRequest] = []
    known = sorted(lengths)
    for client in sorted(rates if part.clients is None else part.clients):
        own = lengths[client if client in lengths else known[client % len(known)]]
        for copy in range(ceil(part.scale)):
            share = min(1.0, part.scale - copy)
            chance = Stream(seed, _PURPOSE + (client << 32) + (copy << 16))
            times = _arrivals(rates.get(client, {}), part, share, chance)
            rows.extend(_request(at, own, part, chance) for at in times)
    if not rows:
        raise FaultsFound([Fault(name, "has no request in this part of it", "Draw another part.")])
    return Trace(name, in_order(rows))


def _arrivals(
    rates: Mapping[int, Rate], part: Part, share: float, chance: Stream
) -> Iterator[float]:
    for window in range(part.start - part.start % WINDOW, part.start + part.duration, WINDOW):
        found = rates.get(window)
        if found is None or found.rate <= 0.0:
            continue
        mean = 1.0 / (found.rate * share)
        # The window opens at any moment between two arrivals.
        at = window + _gap(found, mean, chance) * chance.uniform()
        while at < window + WINDOW:
            if part.start <= at < part.start + part.duration:
                yield at
            at += _gap(found, mean, chance)


def _gap(rate: Rate, mean: float, chance: Stream) -> float:
    if rate.family == "Gamma":
        return chance.gamma(rate.shape, mean)
    if rate.family == "Weibull":
        return chance.weibull(rate.shape, mean)
    return chance.exponential(mean)


def _request(at: float, lengths: Lengths, part: Part, chance: Stream) -> TraceRequest:
    place = max(0, bisect_right(lengths.since, int(at)) - 1)
    given = lengths.input[place].sample(chance.uniform())
    generated = lengths.output[place].sample(chance.uniform())
    return TraceRequest(
        Seconds(at),
        Tokens(min(given, part.most_input)),
        Tokens(min(generated, part.most_output)),
    )


def busiest(rates: Rates, clients: Sequence[int], seconds: int) -> int:
    """When these clients together ask most, over so many seconds: the first such second."""
    totals: dict[int, float] = {}
    for client in clients:
        for at, one in rates.get(client, {}).items():
            totals[at] = totals.get(at, 0.0) + one.rate
    width = max(1, seconds // WINDOW)
    return max(
        sorted(totals),
        key=lambda at: sum(totals.get(at + step * WINDOW, 0.0) for step in range(width)),
        default=0,
    )
