"""Regenerates the packaged traces from the public data sets.

    python scripts/make_traces.py AZURE_2023_CODE.csv SERVEGEN_FOLDER

The Azure file is `AzureLLMInferenceTrace_code.csv` of the Azure Public Dataset; the ServeGen folder
holds `language_m-large_client_rates.csv.gz` and `language_m-large_chunk<N>_lengths.json.gz`, which
are ServeGen's language/m-large pool as tables. The result is the same bytes each time.

Rules
1. `azure-code` is the trace from its minute 18 to its end, times rounded to milliseconds. Minutes 0
   to 17 hold long silences, in which a two-minute slice may be empty.
2. `servegen-chat` is drawn: each client is a renewal process whose inter-arrival times have the
   fitted family and shape of each 10-minute window and the window's rate times `RATE_SHARE`;
   lengths are drawn from the client's histograms of that time, input and output independently, as
   ServeGen itself does.
"""

import ast
import csv
import gzip
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tollway.simulator.formats import compact, parse, zipped
from tollway.simulator.trace import TraceRequest, cut
from tollway.units import Seconds, Tokens

OUT = Path(__file__).parent.parent / "src/tollway/replay/traces"

AZURE_START = Seconds(18 * 60.0)

POOL = "language_m-large"
CLIENTS = (61, 104, 143)
WINDOW_START = 278_400  # 05:20 of the pool's fourth day, when all three clients are busy
WINDOW = 600
WINDOWS = 3
LENGTHS_WINDOW = 21_600
RATE_SHARE = 0.05
MAX_INPUT, MAX_OUTPUT = 16_000, 4_000
SEED = 2025


def azure_code(path: Path) -> list[TraceRequest]:
    """Minute 18 to the end, counted from its first request."""
    whole = parse(path.name, path.read_bytes())
    part = cut(whole, AZURE_START, None, None).requests
    return [TraceRequest(Seconds(r.at - part[0].at), r.input, r.output) for r in part]


def servegen_chat(folder: Path) -> list[TraceRequest]:
    """Thirty minutes of three chat clients."""
    drawn: list[TraceRequest] = []
    for client in CLIENTS:
        draw = Random(SEED * 1000 + client)  # noqa: S311 - a workload, not a secret
        lengths = histograms(folder, client)
        for at in arrivals(folder, client, draw):
            given = min(sample(lengths["input_tokens"], draw), MAX_INPUT)
            generated = min(sample(lengths["output_tokens"], draw), MAX_OUTPUT)
            drawn.append(TraceRequest(Seconds(at), Tokens(given), Tokens(generated)))
    drawn.sort(key=lambda request: request.at)
    return [TraceRequest(Seconds(r.at - drawn[0].at), r.input, r.output) for r in drawn]


def arrivals(folder: Path, client: int, draw: Random) -> Iterator[float]:
    """Arrival times in seconds from the first window's start."""
    with gzip.open(folder / f"{POOL}_client_rates.csv.gz", "rt") as table:
        rows = [row for row in csv.DictReader(table) if row["client_chunk"] == str(client)]
    windows = {int(row["t_seconds"]): row for row in rows}
    for index in range(WINDOWS):
        row = windows[WINDOW_START + index * WINDOW]
        mean_gap = 1 / (float(row["rate_rps"]) * RATE_SHARE)
        shape = float(row["param1"])
        at = gap(row["dist"], shape, mean_gap, draw) * draw.random()
        while at < WINDOW:
            yield index * WINDOW + at
            at += gap(row["dist"], shape, mean_gap, draw)


def gap(family: str, shape: float, mean: float, draw: Random) -> float:
    """One inter-arrival time, in seconds."""
    if family == "Gamma":
        return draw.gammavariate(shape, mean / shape)
    if family == "Weibull":
        return draw.weibullvariate(mean / math.gamma(1 + 1 / shape), shape)
    return draw.expovariate(1 / mean)


def histograms(folder: Path, client: int) -> dict[str, tuple[list[int], list[float]]]:
    """Token lengths and their probabilities, of the six hours that hold the window."""
    path = folder / f"{POOL}_chunk{client}_lengths.json.gz"
    windows = json.loads(gzip.decompress(path.read_bytes()))
    chosen = windows[str(WINDOW_START - WINDOW_START % LENGTHS_WINDOW)]
    tables = {kind: ast.literal_eval(text) for kind, text in chosen.items()}
    return {kind: (list(table), list(table.values())) for kind, table in tables.items()}


def sample(histogram: tuple[list[int], list[float]], draw: Random) -> int:
    """One length, at least one token."""
    values, weights = histogram
    return max(1, draw.choices(values, weights)[0])


def main() -> None:
    """Writes both traces."""
    azure, servegen = map(Path, sys.argv[1:3])
    for name, requests in (
        ("azure-code", azure_code(azure)),
        ("servegen-chat", servegen_chat(servegen)),
    ):
        data = zipped(compact(requests))
        (OUT / f"{name}.csv.gz").write_bytes(data)
        mean_in = sum(r.input for r in requests) / len(requests)
        mean_out = sum(r.output for r in requests) / len(requests)
        print(
            f"{name}: {len(requests)} requests in {requests[-1].at:.0f} s, "
            f"mean {mean_in:.0f} in, {mean_out:.0f} out, {len(data)} bytes"
        )


if __name__ == "__main__":
    main()
