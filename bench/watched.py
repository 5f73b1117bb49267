"""What it costs to be watched: CPU a request of the gateway's process, and of the one that tells.

`python -m bench.watched [--requests N] [--rounds N]`. The same gateway before the same mock, with
telemetry off, with every trace told, with none of them told (measures only), and with a request
log; a collector on this machine takes everything and reads nothing.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.processes import cpu_seconds, free_port, running
from bench.run import load, wait_until_served
from bench.stacks import tollway

WAYS = {
    "off": "",
    "every trace told": '[telemetry]\notlp = "{collector}"\n',
    "measures only": '[telemetry]\notlp = "{collector}"\nsample = 0.0\n',
    "request log": '[telemetry]\nrequest_log = "requests.jsonl"\n',
    "both": '[telemetry]\notlp = "{collector}"\nrequest_log = "requests.jsonl"\n',
}


class Sink(BaseHTTPRequestHandler):
    """A collector that keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take what comes."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


def own_seconds(pid: int) -> float:
    """CPU of one process alone, all its threads, as the kernel accounts for it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measure(
    way: str, folder: Path, mock: int, collector: str, requests: int
) -> tuple[float, float]:
    """CPU microseconds a request: of the gateway's process, and of the others below it."""
    port = free_port()
    prepared = tollway(folder, port, mock)
    if isinstance(prepared, str):
        raise SystemExit(prepared)
    command, key = prepared
    fleet = folder / "fleet.toml"
    fleet.write_text(fleet.read_text() + WAYS[way].format(collector=collector))
    with running(command, port, folder / "log") as pid:
        wait_until_served(port, key)
        load(port, key, "--requests", str(requests // 5), "--connections", "32")
        own, all_of_it = own_seconds(pid), cpu_seconds(pid)
        load(port, key, "--requests", str(requests), "--connections", "32")
        used = (own_seconds(pid) - own) / requests * 1e6
        whole = (cpu_seconds(pid) - all_of_it) / requests * 1e6
    return used, whole - used


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollway-watched-")))
        server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        collector = f"http://127.0.0.1:{server.server_port}"
        mock = free_port()
        command = [sys.executable, "-m", "bench.mock", str(mock)]
        stack.enter_context(running(command, mock, home / "mock"))
        for round_ in range(asked.rounds):
            for way in WAYS:
                folder = home / f"{round_}-{way.replace(' ', '-')}"
                folder.mkdir()
                found[way].append(measure(way, folder, mock, collector, asked.requests))
    for way, rows in found.items():
        own, others = (statistics.median(column) for column in zip(*rows, strict=True))
        print(json.dumps({"way": way, "gateway_us": round(own, 1), "telling_us": round(others, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
