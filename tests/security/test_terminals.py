"""What a source, a client or a server says is shown on a terminal, and never obeyed by it."""

import io
import sys

import pytest

from tollway.cli.replay_table import as_table
from tollway.cli.table import Column, print_table
from tollway.gateway.log import Log
from tollway.simulator.report import Percentiles, Report, Row

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\b\u202eevil[link=http://evil]x[/nope]"


def obeyed(text: str) -> list[str]:
    return [letter for letter in text if not letter.isprintable() and letter != "\n"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_table_says_nothing_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]
) -> None:
    out = kind()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    print_table([Column("name"), Column("n", number=True)], [[HOSTILE, "1"], ["plain", "2"]])
    assert obeyed(out.getvalue()) == []
    assert "evil[link=http://evil]x[/nope]" in out.getvalue(), "all that can be shown is shown"


def test_a_replays_report_says_nothing_to_the_terminal() -> None:
    none = Percentiles(None, None, None)
    row = Row(HOSTILE, 1, 0, 0, 1, 0, 0, 0, none, none, None, 0, 0, None)
    report = Report((row,), row, {HOSTILE: 1}, {HOSTILE: 1}, {}, none, kept_up=True)
    shown = as_table(report)
    assert obeyed(shown) == []
    assert shown.count("evil[link=http://evil]x[/nope]") >= 3


def test_a_line_of_the_log_is_one_line_and_says_nothing_to_the_terminal() -> None:
    out = io.StringIO()
    Log(lambda: 0.0, out).say(f"breaker open: {HOSTILE}\n1970-01-01T00:00:00Z stopped\u2028x\x85y")
    assert obeyed(out.getvalue()) == []
    assert out.getvalue().count("\n") == 1
