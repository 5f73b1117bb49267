"""`make bench`: is a stream as fast as was asked for, in a terminal and in a browser?

python -m bench.feel [terminal] [browser]

The terminal: `tollway feel` runs in a pty at each preset. What it writes is put on a screen of our
own, and the place of that screen's last letters in the known text says which token was shown by
when. Nothing that the program says of itself is used. Run it on an idle machine.

The browser: Chromium opens the console's page Feel, and the last letters of a pane, read twice with
the page's own clock, say the same.
"""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.screen import Screen, bare
from tollway.cli.feel_pane import HEADS
from tollway.feel.pacing import PRESETS
from tollway.feel.texts import Mode, endless
from tollway.feel.tokens import Token, tokens

if TYPE_CHECKING:
    from playwright.async_api import Page

WIDTH, HEIGHT = 100, 30
SETTLE, LONG = 1.5, 8.0
BOUND = 0.03
TAIL = 60


@dataclass(frozen=True, slots=True)
class Measured:
    """Tokens a second asked for and shown, over so many tokens."""

    asked: float
    shown: float
    tokens: int

    @property
    def off(self) -> float:
        """By how much of what was asked for."""
        return self.shown / self.asked - 1.0


class Track:
    """Finds in the known text how far a stream has come."""

    def __init__(self, mode: Mode, most: int) -> None:
        letters: list[str] = []
        counts: list[int] = []
        kind = None
        for token in _first(tokens(endless(mode)), most):
            head = HEADS[token.kind] if token.kind != kind else ""
            kind = token.kind
            letters.append("".join((head + token.text).split()))
            counts.append(token.generated and not token.opens)
        self._text = "".join(letters)
        self._ends = list(accumulate(map(len, letters)))
        self._paced = list(accumulate(counts))
        self._at = 0

    def paced(self, tail: str) -> int | None:
        """Paced tokens shown, where the last letters of a screen are `tail`; None: not found."""
        from bisect import bisect_right

        found = self._text.find(tail, max(0, self._at - len(tail)))
        if found < 0 or not tail:
            return None
        self._at = found + len(tail)
        token = bisect_right(self._ends, self._at) - 1
        return self._paced[token] if token >= 0 else 0


def _first(stream: Iterator[Token], most: int) -> Iterator[Token]:
    for token, _ in zip(stream, range(most), strict=False):
        yield token


def in_terminal(rate: float, seconds: float = LONG, mode: Mode = "text") -> Measured:
    """`tollway feel` at a rate in a pty. The waits for a first token are zero, so that nothing but
    the pace takes time."""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", NO_COLOR="1")
        command = [sys.executable, "-m", "tollway", "feel", f"{rate:g}", "--ttft", "0"]
        os.execv(sys.executable, [*command, "--mode", mode])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    try:
        return _measure(master, rate, seconds, mode)
    finally:
        os.kill(child, signal.SIGTERM)
        _drain(master)
        os.waitpid(child, 0)
        os.close(master)


def _measure(master: int, rate: float, seconds: float, mode: Mode) -> Measured:
    screen = Screen(WIDTH, HEIGHT)
    track = Track(mode, int(rate * (seconds + SETTLE + 20)) + 500)
    first: tuple[float, int] | None = None
    begun: float | None = None
    last = (0.0, 0)
    before = -1
    while first is None or last[0] - first[0] < seconds:
        ready, _, _ = select.select([master], [], [], 30.0)
        if not ready:
            raise SystemExit(f"nothing was shown for 30 s at {rate:g} tokens/s")
        now = time.monotonic()
        screen.feed(os.read(master, 1 << 16).decode("utf-8", "replace"))
        shown = track.paced(bare(screen.rows[1 : HEIGHT - 1])[-TAIL:])
        if shown is None or shown == before:
            continue
        before = shown
        begun = begun or now
        if first is None and now - begun >= SETTLE:
            first = (now, shown)
        last = (now, shown)
    took, count = last[0] - first[0], last[1] - first[1]
    return Measured(rate, count / took, count)


def _drain(master: int) -> None:
    """Read what the program still says, until it is gone."""
    while select.select([master], [], [], 5.0)[0]:
        try:
            if not os.read(master, 1 << 16):
                return
        except OSError:  # Linux says so where the last writer has gone
            return


async def in_browser(page: "Page", rate: float, seconds: float = LONG) -> Measured:
    """The page's only pane at a rate, in text mode."""
    await page.locator("[name=rate]").fill(f"{rate:g}")
    await page.locator("[name=ttft]").fill("0")
    panes = page.locator(".pane")
    before = await panes.count()
    await page.get_by_role("button", name="Feel this rate").click()
    await panes.nth(before).wait_for()
    for _ in range(before):
        await page.locator(".remove").first.click()
    await page.get_by_role("button", name="Again").click()
    track = Track("text", int(rate * (seconds + SETTLE + 30)) + 500)
    await asyncio.sleep(SETTLE)
    first = await _place(page, track)
    last = first
    while last[0] - first[0] < seconds:
        await asyncio.sleep(0.5)
        last = await _place(page, track)
    took, count = last[0] - first[0], last[1] - first[1]
    return Measured(rate, count / took, count)


async def _place(page: "Page", track: Track) -> tuple[float, int]:
    """When, by the page's clock, the newest letters came to be there, and the tokens shown."""
    at, text = await page.evaluate(CHANGED)
    shown = track.paced(bare([text])[-TAIL:])
    if shown is None:
        raise SystemExit(f"not a part of the text: {text!r}")
    return at / 1000.0, shown


CHANGED = """() => new Promise((done) => {
  const pane = document.querySelector(".stream");
  const watch = new MutationObserver(() => {
    watch.disconnect();
    done([performance.now(), pane.textContent.slice(-400)]);
  });
  watch.observe(pane, { childList: true, characterData: true, subtree: true });
})"""
"""Waits until letters come, so that what is shown is as new as the clock says."""


async def browser() -> list[Measured]:
    """Every preset in Chromium, on a console of its own."""
    from playwright.async_api import async_playwright

    for folder in ("console", "end_to_end", "gateway"):
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / folder))
    from console_site import console
    from watched import Watched

    with TemporaryDirectory() as folder:
        async with console(Path(folder)) as site, async_playwright() as playwright:
            chromium = await playwright.chromium.launch(
                executable_path=which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            page = await chromium.new_page()
            watched = Watched(page, site)
            await watched.sign_in()
            await watched.go("/feel")
            await page.locator("#sums tr").first.wait_for()
            found = [await in_browser(page, float(rate)) for rate in PRESETS]
            await chromium.close()
            return found


def report(place: str, found: list[Measured]) -> bool:
    """Print a row for each rate; whether all are within the bound."""
    print(f"{place:<10} {'asked':>7} {'shown':>9} {'off':>8} {'tokens':>7}")
    for one in found:
        print(f"{'':<10} {one.asked:>7g} {one.shown:>9.2f} {one.off:>+8.2%} {one.tokens:>7}")
    worst = max(abs(one.off) for one in found)
    fine = worst <= BOUND
    print(f"{place}: worst {worst:.2%}, {'within' if fine else 'ABOVE'} {BOUND:.0%}\n")
    return fine


def main(places: list[str]) -> int:
    """Measure where asked; 1 where a rate is off by more than the bound."""
    fine = True
    if "terminal" in places or not places:
        fine = report("terminal", [in_terminal(float(rate)) for rate in PRESETS])
    if "browser" in places or not places:
        fine = report("browser", asyncio.run(browser())) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
