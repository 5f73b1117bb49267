"""What a streamed chunk costs where a client's dialect is not its source's.

`python -m bench.translated [--rounds N] [--streams N]`: CPU microseconds of the gateway, everything
on, for each client's dialect and each source's, and the ratio to the byte relay of the client's own
dialect in the same run. Every stream is checked to its last word and its end.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.processes import cpu_seconds, free_port, running
from bench.run import CHUNKS, GAP, Failed, load
from bench.spoken import SPEECH
from bench.stacks import FLEET

URL = 'url = "http://127.0.0.1:{mock}/v1"'


def _gateway(folder: Path, port: int, mock: int, dialect: str) -> tuple[list[str], str]:
    """Tollway, everything on, before a source that speaks `dialect`."""
    text = FLEET.format(port=port, mock=mock)
    url = URL.format(mock=mock)
    if url not in text:
        raise Failed("the benchmark's fleet has another source than this file thinks")
    fleet = folder / "fleet.toml"
    fleet.write_text(text.replace(url, f'{url}\ndialects = ["{dialect}"]'))
    create = (sys.executable, "-m", "tollway", "keys", "create", "--tenant", "bench")
    made = subprocess.run(
        [*create, "--name", "bench", "--ledger", str(folder / "ledger.sqlite")],
        check=True,
        capture_output=True,
        text=True,
    )
    command = [sys.executable, "-m", "tollway", "serve", str(fleet), "--state", str(folder)]
    return command, made.stdout.strip()


def _measure(folder: Path, mock: int, source: str, streams: int) -> dict[str, float]:
    """CPU microseconds a chunk for each client's dialect, before one source."""
    port = free_port()
    command, key = _gateway(folder, port, mock, source)
    found: dict[str, float] = {}
    with running(command, port, folder / "log") as pid:
        for client in SPEECH:
            options = ("--stream", "--chunks", str(CHUNKS), "--dialect", client)
            few = ("--requests", "10", "--connections", "5")
            load(port, key, *few, *options)
            before = cpu_seconds(pid)
            many = ("--requests", str(2 * streams), "--connections", str(streams))
            load(port, key, *many, *options)
            found[client] = (cpu_seconds(pid) - before) * 1e6 / (2 * streams * CHUNKS)
    return found


def _table(cost: dict[tuple[str, str], list[float]]) -> str:
    lines = ["| client | " + " | ".join(f"{it} source" for it in SPEECH) + " |"]
    lines.append("|---" * (len(SPEECH) + 1) + "|")
    for client in SPEECH:
        own = statistics.median(cost[client, client])
        cells: list[str] = []
        for source in SPEECH:
            here = statistics.median(cost[client, source])
            ratio = "" if source == client else f" ({here / own:.2f}x)"
            cells.append(f"{here:.1f}{ratio}")
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--streams", type=int, default=150)
    asked = parser.parse_args()
    cost: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        mock = free_port()
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollway-bench-")))
        command = [sys.executable, "-m", "bench.mock", str(mock)]
        command += ["--chunks", str(CHUNKS), "--gap", str(GAP)]
        stack.enter_context(running(command, mock, home / "mock.log"))
        for number in range(asked.rounds):
            for source in SPEECH:
                folder = home / f"{number}-{source}"
                folder.mkdir()
                try:
                    found = _measure(folder, mock, source, asked.streams)
                except (Failed, RuntimeError) as error:
                    print(f"{source}: {error}", file=sys.stderr)
                    return 1
                for client, used in found.items():
                    cost.setdefault((client, source), []).append(used)
                print(f"round {number + 1}: {source} source", file=sys.stderr)
    print("CPU microseconds a chunk, its share of the request included\n")
    print(_table(cost))
    return 0


if __name__ == "__main__":
    sys.exit(main())
