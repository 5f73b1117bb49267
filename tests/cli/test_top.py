"""`tollway top`: rates out of two looks, what is shown, and what keys do."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from tollway.cli.app import run
from tollway.cli.status import Status, _print
from tollway.cli.top import Screen
from tollway.cli.top_facts import Watching
from tollway.cli.top_screen import KEYS, View, plain, screen, spark

PAIR = {
    "breaker": "closed", "why": "", "opened": None, "resting": 0.0, "ttft_p50": 0.21,
    "ttft_p90": 0.42, "speed_p50": 80.0, "drift": None,
}  # fmt: skip


def source(tokens: int = 0, cost: int = 0, **changes: object) -> dict[str, Any]:
    return {
        "outstanding": 0, "slots": None, "drained": None, "flowing": 0, "tokens": tokens,
        "requests": 0, "cost": cost, "models": {"m": dict(PAIR)}, **changes,
    }  # fmt: skip


def news(mono: float, started: int = 1, **sources: Any) -> dict[str, Any]:
    return {
        "at": 1_800_000_000.0 + mono, "mono": mono, "started": started, "ready": True,
        "why": None, "live": 1, "waiting": {"interactive": 2, "batch": 0}, "drill": None,
        "sources": sources, "seq": 0, "ended": [],
        "requests": [{
            "id": "req-1", "route": "chat", "tenant": "t", "source": "a", "model": "m",
            "since": 1.25, "phase": "streaming", "tokens": 90,
        }],
    }  # fmt: skip


def open_pair() -> dict[str, Any]:
    opened = {"at": 1_800_000_000.0, "why": "status 500; 3 of 4 failed in 5 s"}
    return {**PAIR, "breaker": "open", "opened": opened, "ttft_p50": None, "ttft_p90": None}


def two_looks() -> tuple[Any, Any]:
    watching = Watching()
    drained = {"since": 1.0, "why": "new driver", "by": "kim"}
    watching.take(news(10.0, a=source(100, 0), b=source(), c=source()))
    after = news(
        12.0,
        a=source(340, 5 * 10**11, outstanding=3, slots=8),
        b=source(models={"m": dict(PAIR), "n": open_pair()}),
        c=source(drained=drained),
    )
    return watching.take(after), after


def test_a_rate_is_a_difference_over_the_gateways_own_time() -> None:
    rows, _ = two_looks()
    assert (rows[0].speed, rows[0].spending) == (120.0, 900.0)
    assert rows[0].speeds == (120.0,)


def test_no_rate_is_made_up_before_the_second_answer_nor_over_a_restart() -> None:
    watching = Watching()
    assert watching.take(news(10.0, a=source(100)))[0].speed is None
    assert watching.take(news(11.0, a=source(150)))[0].speed == 50.0
    restarted = watching.take(news(1.0, started=2, a=source(5)))[0]
    assert (restarted.speed, restarted.spending, restarted.speeds) == (None, None, ())


def test_a_count_that_is_corrected_downwards_is_no_negative_rate() -> None:
    watching = Watching()
    watching.take(news(10.0, a=source(100)))
    assert watching.take(news(11.0, a=source(90)))[0].speed == 0.0


def test_of_several_models_the_one_that_is_worst_off_is_shown() -> None:
    rows, _ = two_looks()
    assert rows[1].worst.model == "n"
    assert [pair.model for pair in rows[1].pairs] == ["m", "n"]


def test_what_is_printed_without_a_terminal() -> None:
    assert plain(*two_looks()) == snapshot("""\
source  tok/s  TTFT p50     p90  in use     $/h  breaker
a         120    210 ms  420 ms     3/8  900.00  closed
b           0         -       -       0    0.00  open     status 500; 3 of 4 failed in 5 s
c           0    210 ms  420 ms       0    0.00  closed   drained: new driver
ready; 1 live, 2 waiting
""")


def test_the_screen_shows_why_a_breaker_opened_last_and_what_to_press() -> None:
    from rich.console import Console

    rows, seen = two_looks()
    console = Console(width=130, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(screen(rows, seen, View(1)))
    shown = console.export_text()
    console.file.close()
    assert "> b" in shown
    assert "b / n: breaker open, last opened 08:00:00 UTC: status 500; 3 of 4 failed" in shown
    assert "drained: new driver" in shown
    assert "req-1" in shown
    assert "d drain   u undrain" in shown


def test_a_name_cannot_speak_to_the_terminal() -> None:
    rows, seen = two_looks()
    seen["requests"][0]["route"] = "\x1b[2J"
    seen["why"], seen["ready"] = "\x1b[2J", False
    from rich.console import Console

    console = Console(width=130, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(screen(rows, seen, View(0)))
    assert "\x1b" not in console.export_text()
    console.file.close()


def shown(view: View, **sources: Any) -> list[str]:
    from rich.console import Console

    seen = news(10.0, **(sources or {"a": source(), "b": source(), "c": source()}))
    seen["live"] = 300
    seen["requests"] *= 30
    rows = Watching().take(seen)
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            width=view.width, height=view.height, color_system=None, record=True, file=nowhere
        )
        console.print(screen(rows, seen, view))
        return console.export_text().splitlines()


@pytest.mark.parametrize("height", [5, 8, 12, 24, 60])
@pytest.mark.parametrize("width", [40, 60, 80, 130])
def test_what_is_asked_and_the_chosen_source_are_seen_on_a_terminal_of_any_size(
    width: int, height: int
) -> None:
    lines = shown(View(2, "drain c?   y yes   any other key: no", None, width, height))
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "drain c?" in lines[-1]
    assert any(line.startswith("> c") for line in lines)
    assert any("live" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 130])
def test_no_heading_and_no_figure_is_cut_where_a_column_can_be_left_out(width: int) -> None:
    lines = shown(View(0, "", None, width, 24))
    assert not any("…" in line for line in lines[1:6])
    assert {"source", "tok/s", "in", "use", "breaker"} <= set(lines[1].split())


def test_of_more_sources_than_fit_the_chosen_one_is_among_those_shown() -> None:
    many = {f"s{n:02}": source() for n in range(40)}
    for chosen in (0, 20, 39):
        lines = shown(View(chosen, "", None, 80, 12), **many)
        assert len(lines) <= 12
        assert any(line.startswith(f"> s{chosen:02}") for line in lines)
        assert lines[-1].strip() == KEYS


def test_what_a_dead_gateway_last_said_is_not_told_as_news() -> None:
    lines = shown(View(0, "no gateway runs here", 1_800_000_010.0, 80, 24))
    assert "no gateway answers; what follows is of 08:00:10 UTC" in lines[0]
    assert "ready" not in lines[0]


@pytest.mark.parametrize(
    ("speeds", "bars"),
    [
        pytest.param([], "    ", id="nothing-yet"),
        pytest.param([0.0, 0.0], "    ", id="silence"),
        pytest.param([1.0, 0.0, 8.0, 4.0], "▁ █▄", id="scaled-to-the-highest"),
        pytest.param([99.0, 0.1, 0.2, 0.2, 0.2], "▁▁▁▁", id="to-that-of-the-minute"),
    ],
)
def test_the_last_seconds_are_bars(speeds: list[float], bars: str) -> None:
    assert spark(speeds, 4) == bars


@pytest.mark.parametrize("options", [[], ["--once"], ["--json"]], ids=["plain", "once", "json"])
def test_where_no_gateway_runs_one_line_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert run(["top", "--state", str(tmp_path), *options]) == 2
    said = capsys.readouterr()
    assert "no gateway runs here. Start one (`tollway up`)" in said.err
    assert (said.err.count("\n"), said.out) == (1, "")


class Fake:
    """An admin socket that answers from memory and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.looks = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        size = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        body = await reader.readexactly(int(size[0].split(b":")[1])) if size else b""
        status, answer = self.answer(path, json.loads(body) if body else None)
        said = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(said), said))
        await writer.drain()
        writer.close()

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        if path.startswith("/live"):
            self.looks += 1
            return 200, news(float(self.looks), a=source(self.looks * 50), b=source())
        self.asked.append((path, body))
        if path == "/drain" and body["source"] == "b" and not body.get("all"):
            words = 'Without "b" nothing serves route r.'
            return 409, {"error": {"message": words, "code": "all_not_meant"}}
        return 200, {"ok": True, "since": 1.0, "routes": ["r"], "alone": [], "was": path[1] == "u"}


async def _with(folder: Path, work: Any) -> tuple[Fake, Any]:
    fake = Fake()
    path = folder / "gateway.sock"
    server = await asyncio.start_unix_server(fake.serve, str(path))
    async with server:
        return fake, await asyncio.to_thread(work, path)


async def test_a_source_is_drained_by_two_keys_and_by_one_it_is_not(tmp_path: Path) -> None:
    def work(path: Path) -> None:
        screen = Screen(path)
        screen._look()
        for key in (b"d", b"n", b"u", b"y"):
            assert screen.press(key)
        assert not screen.press(b"q")

    fake, _ = await _with(tmp_path, work)
    assert [(path, body["source"]) for path, body in fake.asked] == [("/undrain", "a")]


async def test_the_last_source_of_a_route_is_drained_by_who_confirms_that_too(
    tmp_path: Path,
) -> None:
    def work(path: Path) -> str:
        screen = Screen(path)
        screen._look()
        for key in (b"\x1b[B", b"d", b"y"):
            screen.press(key)
        said = screen._said
        screen.press(b"y")
        return said

    fake, said = await _with(tmp_path, work)
    assert "nothing serves route r" in said
    assert [(body["source"], body.get("all")) for _, body in fake.asked] == [
        ("b", None),
        ("b", True),
    ]


async def test_a_gateway_that_answers_again_is_no_longer_said_to_be_gone(tmp_path: Path) -> None:
    def work(path: Path) -> list[str]:
        screen = Screen(path)
        screen._look()
        screen._admin = path.with_name("nobody.sock")
        screen.again()
        gone = screen._trouble
        screen._admin = path
        screen.again()
        return [gone, screen._trouble]

    _, said = await _with(tmp_path, work)
    assert "no gateway" in said[0]
    assert said[1] == ""


async def test_keys_that_are_read_together_are_obeyed_but_answer_no_question_unseen(
    tmp_path: Path,
) -> None:
    def work(path: Path) -> list[bool]:
        screen = Screen(path)
        screen._look()
        assert screen.pressed(b"\x1b[Bjk\x1b[Bdyy")
        assert fake.asked == []
        read = (b"yy", b"y", b"jq", b"")
        return [screen.pressed(keys) for keys in read]

    fake = Fake()
    server = await asyncio.start_unix_server(fake.serve, str(tmp_path / "gateway.sock"))
    async with server:
        said = await asyncio.to_thread(work, tmp_path / "gateway.sock")
    assert said == [True, True, False, False]
    assert [(path, body["source"]) for path, body in fake.asked] == [
        ("/drain", "b"),
        ("/drain", "b"),
    ]


async def test_one_look_as_json_is_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(path: Path) -> int:
        return run(["top", "--json", "--socket", str(path)])

    _, code = await _with(tmp_path, work)
    assert code == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said["sources"]] == ["a", "b"]
    assert said["sources"][0]["speed"] == 50.0


async def test_drain_and_undrain_say_what_they_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(path: Path) -> list[int]:
        return [
            run(["drain", "a", "--why", "x", "--wait", "1s", "--socket", str(path)]),
            run(["undrain", "a", "--socket", str(path)]),
            run(["drain", "b", "--socket", str(path)]),
            run(["drain", "b", "--all", "--socket", str(path), "--json"]),
        ]

    fake, codes = await _with(tmp_path, work)
    assert codes == [0, 0, 2, 0]
    said = capsys.readouterr()
    assert said.out.startswith(
        "a takes no new requests; nothing is in flight there.\n"
        "a is back: requests go there from now on.\n"
    )
    assert 'Without "b" nothing serves route r.' in said.err
    assert fake.asked[0][1]["why"] == "x"


@pytest.mark.parametrize(
    "options", [["a"], ["a", "--wait", "soon"]], ids=["nobody-there", "no-duration"]
)
def test_a_drain_that_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert run(["drain", *options, "--state", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


async def test_on_a_terminal_it_shows_and_drains_and_leaves_the_terminal_as_it_was(
    tmp_path: Path,
) -> None:
    def work(path: Path) -> tuple[int, str, bool]:
        ours, theirs = pty.openpty()
        before = termios.tcgetattr(theirs)
        command = [sys.executable, "-m", "tollway", "top", "--socket", str(path)]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
        child = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        seen = ""
        for awaited, key in (("d drain", b"d"), ("drain a?", b"y"), ("a is drained", b"q")):
            while awaited not in seen:
                seen += os.read(ours, 65536).decode("utf-8", "replace")
            os.write(ours, key)
        code = child.wait(20)
        same = termios.tcgetattr(theirs) == before
        os.close(ours)
        os.close(theirs)
        return code, seen, same

    async with asyncio.timeout(60):
        fake, (code, seen, same) = await _with(tmp_path, work)
    assert (code, same) == (0, True)
    assert "req-1" in seen
    assert fake.asked[0][0] == "/drain"


def test_status_names_what_is_drained_and_how_to_put_it_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drained = {"a": "new\x1b driver", "b": ""}
    _print(Status(True, True, "s", "l", drained=drained, url="u", fleet="f", pid=1), json=False)
    said = capsys.readouterr().out
    assert "  drained    a (new? driver); `tollway undrain a` puts it back\n" in said
    assert "  drained    b; `tollway undrain b` puts it back\n" in said
