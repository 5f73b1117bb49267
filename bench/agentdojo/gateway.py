"""A gateway of tools as a process of its own, its tasks, and the user who is asked."""

import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.tasks import Tasks
from tollway.tools.asking import digest_of

HEAD = """version = 1
models.m = {{}}
[tenants.bench]
[sources.none]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves.m = {{}}
[tools]
listen = "127.0.0.1:0"
patience = "{patience}"
{rules}
"""
OPEN = """[[tools.rules]]
name = "no defence"
action = "allow"
tainted = true
"""


def write_fleet(folder: Path, annotations: Path, ports: dict[str, int], mode: str) -> None:
    """The fleet file of one mode: the servers that run, with the tools as they are annotated."""
    patience = "30s" if mode == "approving" else "1ms"
    text = HEAD.format(patience=patience, rules=OPEN if mode == "undefended" else "")
    kept, wanted = [], False
    for line in annotations.read_text().splitlines():
        if line.startswith("["):
            wanted = any(line.startswith(f"[tools.servers.{name}.") for name in ports)
        if wanted:
            kept.append(line)
    for name, port in ports.items():
        text += f'[tools.servers.{name}]\nurl = "http://127.0.0.1:{port}/mcp"\n'
    (folder / "fleet.toml").write_text(text + "\n".join(kept) + "\n")


class Gateway:
    """Started when entered: descriptions are pinned, then tools are served."""

    def __init__(self, python: str, folder: Path, approving: bool) -> None:
        self._python = python
        self._folder = folder
        self._approving = approving
        self._wanted: set[str] = set()
        self._over = threading.Event()
        self.url = ""

    def __enter__(self) -> "Gateway":
        self._tollway("tools", "pin")
        command = [self._python, "-m", "tollway", "tools", "--state", "state", "--until-eof"]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        while not self.url:
            line = self._process.stderr.readline()
            if not line:
                raise RuntimeError("the gateway of tools did not start")
            self.url = line.rpartition("MCP at ")[2].strip() if "MCP at " in line else ""
        threading.Thread(target=self._process.stderr.read, daemon=True).start()
        book = GuardBook(self._folder / "state" / GUARD_BOOK)
        self._tasks, self._approvals = Tasks(book), Approvals(book)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        if self._approving:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def open(self, request: str) -> tuple[str, str]:
        """A task and its token."""
        task, token = self._tasks.open("bench", time.time(), 3600, request)
        return task.id, token

    def approve(self, task: str, suite: str, calls: Iterable[Any]) -> None:
        """Have the user say yes to these calls, and to no others."""
        self._wanted = {digest_of(task, suite, it.function, it.args) for it in calls}

    def _answer(self) -> None:
        while not self._over.wait(0.02):
            now = time.time()
            for one in self._approvals.all()[:5]:
                if one.state(now) == "pending":
                    self._approvals.decide(one.id, one.digest in self._wanted, "user", now)

    def _tollway(self, *words: str) -> None:
        done = subprocess.run(
            [self._python, "-m", "tollway", *words], cwd=self._folder, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
