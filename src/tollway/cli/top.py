"""`tollway top`: the gateway at work, on a terminal.

Rules
1. It asks once a second and changes nothing but what a key and a second key, to confirm, ask for.
2. Where no terminal is, and with `--once`, it looks twice, a second apart, prints that and ends.
3. The terminal is left as it was found, however this ends.
4. What a gateway that no longer answers last said stands under a line that says so.
"""

import os
import re
import select
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tollway.cli.drain import name_of_user
from tollway.cli.top_facts import Row, Watching
from tollway.cli.top_screen import View, plain, screen
from tollway.errors import TollwayError
from tollway.gateway.admin_client import RefusedError, ask, order
from tollway.ledger.state import ADMIN_SOCKET, state_folder

_NO_FLAG = Parameter(negative="")
EVERY = 1.0
_ONE_KEY = re.compile(rb"\x1b[\[O][A-Za-z]|.", re.DOTALL)
_NO_SCREEN = ("dumb", "unknown")
"""Terminals (`TERM`) that only take lines."""
_KEYS = {b"\x1b[A": "up", b"\x1b[B": "down", b"k": "up", b"j": "down", b"\x1bOA": "up"}
_KEYS[b"\x1bOB"] = "down"


def top(
    *,
    once: Annotated[bool, _NO_FLAG] = False,
    json: Annotated[bool, _NO_FLAG] = False,
    state: str | None = None,
    socket: Path | None = None,
) -> int:
    """Watch the gateway work: each source's speed, load, health and spending, live.

    Keys: arrows choose a source, d drains it and u puts it back (both ask first), q quits.

    Parameters
    ----------
    once
        Print one look and end; also where no terminal is.
    json
        Print one look as a JSON object.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    """
    admin = socket or state_folder(state, os.environ) / ADMIN_SOCKET
    lines = os.environ.get("TERM", "").lower() in _NO_SCREEN
    if once or json or lines or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _once(admin, json=json)
        return 0
    with _keys() as terminal:
        Screen(admin).run(terminal)
    return 0


def _once(admin: Path, *, json: bool) -> None:
    watching = Watching()
    watching.take(ask(admin, "/live"))
    time.sleep(EVERY)
    news = ask(admin, "/live")
    rows = watching.take(news)
    if not json:
        sys.stdout.write(plain(rows, news))
        return
    import msgspec

    kept = ("at", "ready", "why", "live", "waiting", "drill", "requests")
    said = {name: news[name] for name in kept}
    told = {**said, "sources": [asdict(row) for row in rows]}
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


class Screen:
    """What is shown, what is chosen, and what waits for a second key."""

    def __init__(self, admin: Path) -> None:
        self._admin = admin
        self._watching = Watching()
        self._rows: Sequence[Row] = ()
        self._news: Mapping[str, Any] = {}
        self._chosen = 0
        self._said = self._trouble = ""
        self._asked: tuple[str, dict[str, object]] | None = None

    def run(self, terminal: int) -> None:
        """Show it until `q`. Raises TollwayError where no gateway is there from the start."""
        from rich.live import Live

        self._look()
        with Live(self._shown(), auto_refresh=False, screen=True) as live:
            due = time.monotonic() + EVERY
            while True:
                ready, _, _ = select.select([terminal], [], [], max(due - time.monotonic(), 0.0))
                if ready and not self.pressed(os.read(terminal, 64)):
                    return
                if time.monotonic() >= due:
                    due = time.monotonic() + EVERY
                    self.again()
                live.update(self._shown(), refresh=True)

    def again(self) -> None:
        """Look again; where no gateway answers, that is said until one does (rule 4)."""
        try:
            self._look()
        except TollwayError as error:
            self._trouble = str(error)

    def pressed(self, keys: bytes) -> bool:
        """Do what several keys say, one after another: who types fast is read at once. What was
        typed before a question could be seen is no answer to it."""
        for key in _ONE_KEY.findall(keys):
            before = self._asked
            if not self.press(key):
                return False
            if self._asked is not None and self._asked is not before:
                break
        return bool(keys)

    def press(self, key: bytes) -> bool:
        """Do what a key says; False where that is to end."""
        if self._asked is not None:
            self._answer(key)
        elif key in (b"q", b"\x03", b""):
            return False
        elif key in _KEYS and self._rows:
            step = 1 if _KEYS[key] == "down" else -1
            self._chosen = min(max(self._chosen + step, 0), len(self._rows) - 1)
        elif key in (b"d", b"u") and self._rows:
            name = self._rows[self._chosen].name
            what = "drain" if key == b"d" else "undrain"
            self._asked = (what, {"source": name, "by": name_of_user()})
            self._said = f"{what} {name}?   y yes   any other key: no"
        return True

    def _answer(self, key: bytes) -> None:
        asked, self._asked, self._said = self._asked, None, ""
        if asked is None or key != b"y":
            return
        what, body = asked
        try:
            order(self._admin, f"/{what}", body)
            self._said = f"{body['source']} is {what}ed"
            self._look()
        except RefusedError as refused:
            self._said = str(refused)
            if refused.code == "all_not_meant":
                self._asked = (what, {**body, "all": True})
                self._said += "   y drain it all the same   any other key: no"
        except TollwayError as error:
            self._said = str(error)

    def _look(self) -> None:
        self._news = ask(self._admin, "/live")
        self._rows = self._watching.take(self._news)
        self._chosen = min(self._chosen, max(len(self._rows) - 1, 0))
        self._trouble = ""

    def _shown(self) -> Any:
        size = shutil.get_terminal_size()
        said = self._said if self._asked is not None else self._trouble or self._said
        dead = self._news["at"] if self._trouble else None
        return screen(
            self._rows, self._news, View(self._chosen, said, dead, size.columns, size.lines)
        )


@contextmanager
def _keys() -> Iterator[int]:
    """Standard input, a key at a time (rule 3)."""
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield terminal
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
