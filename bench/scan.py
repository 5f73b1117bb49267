"""How long `tollway scan` takes over made-up sessions of Claude Code and Codex.

`python -m bench.scan [--megabytes 500]`. CPU is the kernel's account of the whole command, from its
first instruction; memory is its largest resident set. The totals that it prints must be those that
were written.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TURNS = 100
START = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = 'a line of a file, "quoted"\\n and with an é \n' * 200


class Failed(Exception):  # noqa: N818
    """The command did not give what was written."""


def stamp(at: datetime) -> str:
    """As JavaScript writes a moment."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def claude(path: Path, name: str) -> None:
    """A session of TURNS answers of three blocks, each after a tool's long result."""
    at = START
    with path.open("w") as file:

        def line(kind: str, message: dict[str, Any], **more: object) -> None:
            about = {"sessionId": name, "timestamp": stamp(at), "cwd": "/x", "type": kind}
            file.write(json.dumps({**about, "message": message, **more}) + "\n")

        for turn in range(TURNS):
            line("user", {"role": "user", "content": WORDS}, toolUseResult={"stdout": WORDS})
            for block in range(3):
                at += timedelta(seconds=2)
                used = {"input_tokens": 5, "cache_read_input_tokens": 1_000 * turn}
                usage = {**used, "output_tokens": 100 if block == 2 else 1}
                said = {"id": f"{name}-{turn}", "model": "claude-opus-5", "usage": usage}
                line("assistant", {**said, "content": WORDS[:2_000]})


def codex(path: Path, name: str) -> None:
    """A session of TURNS answers, each after a tool's long output."""
    at = START
    with path.open("w") as file:

        def line(kind: str, payload: dict[str, Any]) -> None:
            whole = {"timestamp": stamp(at), "type": kind, "payload": payload}
            file.write(json.dumps(whole) + "\n")

        line("session_meta", {"id": name, "cwd": "/x", "model_provider": "openai"})
        line("turn_context", {"model": "gpt-5.3-codex"})
        for turn in range(TURNS):
            line("response_item", {"type": "function_call_output", "output": WORDS * 2})
            at += timedelta(seconds=5)
            used = {"input_tokens": 1_000, "output_tokens": 100}
            record = {"thread_id": name, "response_id": f"{name}-{turn}", "usage": used}
            line("token_usage_record", record)


def home_of(folder: Path, size: int) -> int:
    """A home of at least `size` bytes of logs; how many answers it tells of."""
    sessions = folder / ".claude" / "projects" / "-x"
    rollouts = folder / ".codex" / "sessions" / "2026" / "11" / "01"
    sessions.mkdir(parents=True)
    rollouts.mkdir(parents=True)
    written = files = 0
    while written < size:
        name = f"s{files}"
        path = sessions / f"{name}.jsonl" if files % 3 else rollouts / f"rollout-{name}.jsonl"
        (claude if files % 3 else codex)(path, name)
        written += path.stat().st_size
        files += 1
    return files * TURNS


def main() -> None:
    """Write a home, scan it, print one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=500)
    megabytes: int = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder:
        answers = home_of(Path(folder), megabytes * 10**6)
        environ = {**os.environ, "HOME": folder}
        argv = [sys.executable, "-m", "tollway", "scan", "--json"]
        done = subprocess.run(argv, env=environ, check=True, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if json.loads(done.stdout)["total"]["requests"] != answers:
        raise Failed(f"{answers:,} answers were written")
    seconds = used.ru_utime + used.ru_stime
    print(
        f"{megabytes:,} MB, {answers:,} answers: {seconds:.2f} CPU s, {used.ru_maxrss / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
