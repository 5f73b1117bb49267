"""Streams on a terminal, side by side, at the rates that were asked for; and plainly elsewhere.

Rules
1. Every token has its moment; what is due is shown at the next frame, with at most `FRAMES`
   of those a second, so that a fast stream costs no more than a slow one.
2. The rate that is shown was measured on what was shown, over the last two seconds or more, without
   waits for the first token and without tools' pauses.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Sequence

from tollway.cli.feel_pane import Pane
from tollway.cli.feel_streams import NUDGED, Felt
from tollway.cli.feel_terminal import Terminal
from tollway.feel.pacing import PRESETS, Chance, Player, clamped
from tollway.feel.texts import MODES, Mode
from tollway.units import Seconds, TokensPerSecond

FRAMES = 60
FIGURES = 0.25
WINDOW, LEAST = 2.0, 10
NUDGE = 1.1
NARROW = 5
"""Columns of a pane at least; where there are fewer, the last streams are not shown."""
HELP = "space pause  arrows rate  1-9 presets  m mode  r again  q quit"
SHORT_HELP = "space up/down 1-9 m r q"
ROOM = 12
"""Rows from which there is one to say where a rate is from."""


class Stream:
    """One stream and its pane, and how fast it really was (rule 2)."""

    def __init__(self, felt: Felt, mode: Mode, chance: Chance, width: int, colour: bool) -> None:
        self._felt, self._chance = felt, chance
        self.pane = Pane(width, colour)
        self.again(mode, Seconds(0.0))

    def again(self, mode: Mode, now: Seconds) -> None:
        """From the beginning, in a mode."""
        rate = self.player.rate if hasattr(self, "player") else None
        self.player: Player = self._felt.player(mode, self._chance)
        if rate is not None:
            self.player.set_rate(now, rate)
        self.player.start(now)
        self.pane.clear()
        self._seen: deque[tuple[float, int]] = deque()

    def step(self, now: Seconds) -> bool:
        """Show what is due; whether there was anything."""
        found = self.player.due(now)
        if not found:
            return False
        self.pane.show(found)
        seen = self._seen
        seen.append((now - self.player.idle, self.player.paced))
        while len(seen) > LEAST and seen[-1][0] - seen[1][0] >= WINDOW:
            seen.popleft()
        return True

    def set_rate(self, now: Seconds, rate: float) -> None:
        """Go on at another rate."""
        self.player.set_rate(now, clamped(rate))
        self._seen.clear()

    @property
    def measured(self) -> float | None:
        """Tokens a second as shown; None until two frames had any."""
        seen = self._seen
        if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
            return None
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])

    @property
    def known(self) -> bool:
        """Whether its rate was measured or predicted, rather than asked for."""
        return bool(self._felt.name)

    @property
    def origin(self) -> str:
        """Where its rate is from: no longer from there once somebody has nudged it."""
        return self._felt.origin if self.player.rate == self._felt.rate else NUDGED

    def heading(self, width: int) -> str:
        """What it is called, and its figures, as much of it as there is room for."""
        real = "-" if self.measured is None else f"{self.measured:.1f}"
        rate = f"{self.player.rate:.4g}"
        name = f"{self._felt.name}: " if self._felt.name else ""
        state = ""
        if self.player.held is not None:
            state = " paused"
        elif self.player.silent:
            state = " waits"
        words = (
            f" {name}{rate} tokens/s asked, {real} shown{state}",
            f" {name}{rate} tok/s, {real} shown{state}",
            f" {rate} tok/s: {real}{state}",
            f"{rate}: {real}{state}",
        )
        fitting = next((one for one in words if len(one) <= width), words[-1])
        return fitting[:width].ljust(width)


class Show:
    """All streams of one terminal."""

    def __init__(self, felts: Sequence[Felt], mode: Mode, chance: Chance) -> None:
        colour = "NO_COLOR" not in os.environ
        self._mode: Mode = mode
        self._streams = [Stream(felt, mode, chance, 20, colour) for felt in felts]

    @property
    def mode(self) -> Mode:
        """The mode that was shown last."""
        return self._mode

    @property
    def rates(self) -> list[TokensPerSecond]:
        """The rates that were asked for last."""
        return [one.player.rate for one in self._streams]

    def run(self, terminal: Terminal, seconds: float | None) -> int | None:
        """Until somebody quits, a signal ends it (its number), or the time is over."""
        begun = now = Seconds(time.monotonic())
        for one in self._streams:
            one.again(self._mode, now)
        drawn = figures = 0.0
        while seconds is None or now - begun < seconds:
            changed = [one.step(now) for one in self._streams]
            if any(changed) or terminal.resized or now - figures >= FIGURES:
                self._draw(terminal)
                drawn = figures = now
            for key in terminal.keys(self._wait(now, drawn, figures)):
                if key in ("q", "\x1b", "\x04"):
                    return None
                self._press(key, Seconds(time.monotonic()))
                figures = 0.0
            if terminal.ended is not None:
                return terminal.ended
            now = Seconds(time.monotonic())
        return None

    def _wait(self, now: float, drawn: float, figures: float) -> float:
        due = [one.player.due_at for one in self._streams]
        times = [at for at in due if at is not None]
        wanted = min([*times, figures + FIGURES])
        return max(wanted, drawn + 1.0 / FRAMES) - now

    def _press(self, key: str, now: Seconds) -> None:
        streams = self._streams
        if key == " ":
            held = streams[0].player.held is not None
            for one in streams:
                (one.player.go_on if held else one.player.hold)(now)
        elif key in ("up", "+", "=", "down", "-"):
            factor = NUDGE if key in ("up", "+", "=") else 1.0 / NUDGE
            for one in streams:
                one.set_rate(now, one.player.rate * factor)
        elif key in ("left", "right"):
            for one in streams:
                one.set_rate(now, _neighbour(one.player.rate, key == "right"))
        elif key in "123456789":
            for one in streams:
                one.set_rate(now, PRESETS[int(key) - 1])
        elif key in ("m", "\t", "r"):
            if key != "r":
                self._mode = MODES[(MODES.index(self._mode) + 1) % len(MODES)]
            for one in streams:
                one.again(self._mode, now)

    def _draw(self, terminal: Terminal) -> None:
        width, height = terminal.size()
        count = max(1, min(len(self._streams), (width + 3) // (NARROW + 3)))
        each = max(1, (width - 3 * (count - 1)) // count)
        known = any(one.known for one in self._streams) and height >= ROOM
        body = max(0, height - 2 - known)
        columns: list[list[str]] = []
        for one in self._streams[:count]:
            if one.pane.width != each:
                one.pane.resize(each)
            head = [f"\x1b[7m{one.heading(each)}\x1b[0m"]
            if known:
                head.append(f" {one.origin}"[:each].ljust(each))
            columns.append([*head, *one.pane.rows(body)])
        rows = [" | ".join(parts) for parts in zip(*columns, strict=True)]
        help_ = HELP if width >= len(HELP) + len(self._mode) + 8 else SHORT_HELP
        rows += [f"{self._mode} mode  {help_}"[: width - 1]]
        terminal.draw(rows[:height])


def _neighbour(rate: float, above: bool) -> float:
    """The next preset on that side, or the last one there."""
    if above:
        return next((one for one in PRESETS if one > rate * 1.001), PRESETS[-1])
    return next((one for one in reversed(PRESETS) if one < rate * 0.999), PRESETS[0])


def plainly(felt: Felt, mode: Mode, chance: Chance, seconds: float | None) -> None:
    """The stream as bare text on standard output, as it would come: for so many seconds, else one
    answer."""
    player = felt.player(mode, chance)
    begun = now = Seconds(time.monotonic())
    player.start(now)
    kind = None
    while seconds is None or now - begun < seconds:
        for token in player.due(now):
            if kind not in (None, token.kind):
                sys.stdout.write("\n")
            kind = token.kind
            sys.stdout.write(token.text)
            if token.ends and seconds is None:
                sys.stdout.flush()
                return
        sys.stdout.flush()
        due = player.due_at or now
        time.sleep(max(0.0, due - time.monotonic()))
        now = Seconds(time.monotonic())
