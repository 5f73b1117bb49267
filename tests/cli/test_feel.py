"""`tollway feel`: the rate in a pty, keys, the way out, and the arithmetic."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bench.feel import BOUND, Measured, Track
from bench.screen import Screen, bare

from tollway.cli.app import run
from tollway.cli.feel_source import Watching
from tollway.feel.texts import endless
from tollway.feel.tokens import tokens
from tollway.gateway.metrics import Metrics

PATIENCE = 60.0


class Sitting:
    """`tollway feel` at a terminal of our own."""

    def __init__(self, argv: list[str], size: tuple[int, int], folder: Path) -> None:
        self.screen = Screen(*size)
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.environ.update(TERM="xterm-256color", NO_COLOR="1", TOLLWAY_STATE=str(folder))
            os.execv(sys.executable, [sys.executable, "-m", "tollway", "feel", *argv])
        self.resize(*size)
        self.before = termios.tcgetattr(self.master)
        self.code: int | None = None

    def resize(self, width: int, height: int) -> None:
        self.screen = Screen(width, height)
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def until(self, seen: Callable[[Screen], object]) -> None:
        """Read until the screen is so."""
        give_up = time.monotonic() + PATIENCE
        while not seen(self.screen):
            assert time.monotonic() < give_up, "\n".join(self.screen.rows)
            if select.select([self.master], [], [], 1.0)[0]:
                self.screen.feed(os.read(self.master, 1 << 16).decode("utf-8", "replace"))

    def end(self) -> int:
        """Read to the end; the exit code."""
        give_up = time.monotonic() + PATIENCE
        while self.code is None:
            assert time.monotonic() < give_up
            if select.select([self.master], [], [], 0.1)[0]:
                with suppress(OSError):
                    self.screen.feed(os.read(self.master, 1 << 16).decode("utf-8", "replace"))
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code


Sit = Callable[..., Sitting]


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Sit]:
    sat: list[Sitting] = []

    def begin(*argv: str, size: tuple[int, int] = (80, 24)) -> Sitting:
        sat.append(Sitting(list(argv), size, tmp_path))
        return sat[-1]

    yield begin
    for one in sat:
        if one.code is None:
            with suppress(ProcessLookupError):
                os.kill(one.child, signal.SIGKILL)
                os.waitpid(one.child, 0)
        os.close(one.master)


def streams(screen: Screen) -> bool:
    return "lighthouse" in bare(screen.rows)


def test_text_streams_under_a_heading_with_the_rate_that_was_shown(sit: Sit) -> None:
    sitting = sit("100", "--ttft", "0")
    sitting.until(lambda screen: re.search(r"100 tokens/s asked, \d+\.\d shown", screen.rows[0]))
    sitting.until(streams)
    assert sitting.screen.other
    assert not sitting.screen.cursor
    assert "space pause" in sitting.screen.rows[23]


@pytest.mark.parametrize(
    ("way", "code"),
    [("q", 0), ("\x03", 130), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
    ids=["q", "ctrl-c", "sigterm", "sigint"],
)
def test_the_terminal_is_given_back_on_every_way_out(
    sit: Sit, way: str | signal.Signals, code: int
) -> None:
    sitting = sit("200", "--ttft", "0")
    sitting.until(streams)
    assert termios.tcgetattr(sitting.master)[3] & termios.ICANON == 0
    if isinstance(way, str):
        sitting.press(way)
    else:
        os.kill(sitting.child, way)
    assert sitting.end() == code
    assert not sitting.screen.other
    assert sitting.screen.cursor
    assert termios.tcgetattr(sitting.master)[3] == sitting.before[3]


def test_ctrl_z_gives_the_terminal_back_and_takes_it_again_when_the_job_goes_on(sit: Sit) -> None:
    sitting = sit("200", "--ttft", "0")
    sitting.until(streams)
    sitting.press("\x1a")  # the kernel does not stop a session without a shell: it goes on at once
    sitting.until(lambda screen: screen.left == 1)
    sitting.until(lambda screen: screen.other and "shown" in screen.rows[0])
    sitting.press("q")
    assert sitting.end() == 0
    assert sitting.screen.left == 2


def test_keys_pause_nudge_choose_presets_and_switch_modes(sit: Sit) -> None:
    sitting = sit("30", "--ttft", "0")
    sitting.until(streams)
    for keys, words in (
        (" ", "paused"),
        (" \x1b[A", "33 tok"),
        ("\x1b[C", "60 tok"),
        ("\x1b[D\x1b[D", "20 tok"),
        ("9", "800 tok"),
        ("-", "727.3 tok"),
    ):
        sitting.press(keys)
        sitting.until(lambda screen, words=words: words in screen.rows[0])
    sitting.press("m")
    sitting.until(lambda screen: screen.rows[-1].startswith("think mode"))
    sitting.until(lambda screen: "[thinks]" in bare(screen.rows))


def test_streams_run_side_by_side_each_at_its_rate(sit: Sit) -> None:
    sitting = sit("--beside", "30", "120", "--ttft", "0", "--mode", "code", size=(120, 24))
    sitting.until(
        lambda screen: re.search(r"30 tok.*\d shown.*\|.*120 tok.*\d shown", screen.rows[0])
    )

    def letters(screen: Screen) -> tuple[int, int]:
        left, right = zip(*(row.split(" | ", 1) for row in screen.rows[1:-1]), strict=True)
        return len(bare(left)), len(bare(right))

    sitting.until(lambda screen: letters(screen)[1] > 2 * letters(screen)[0] > 200)


def test_the_terminal_says_where_a_rate_is_from_until_it_is_nudged(sit: Sit) -> None:
    sitting = sit("--predict", "llama-3.3-70b", "--chip", "h200", "--tp", "4", size=(150, 24))
    sitting.until(lambda screen: "predicted (provenance: measured) with 64 users" in screen.rows[1])
    sitting.press("3")
    sitting.until(lambda screen: "as nudged by hand" in screen.rows[1])


@pytest.mark.parametrize("size", [(20, 6), (9, 3), (1, 1), (40, 24), (200, 60)], ids=str)
def test_any_size_of_terminal_will_do_and_it_may_change(sit: Sit, size: tuple[int, int]) -> None:
    sitting = sit("--beside", "100", "200", "--ttft", "0")
    sitting.until(lambda screen: "shown" in screen.rows[0])
    sitting.resize(*size)
    os.kill(sitting.child, signal.SIGWINCH)
    # What was on its way at the old size is gone once the program starts with a bare screen.
    sitting.until(lambda screen: screen.cleared and all(screen.rows[: size[1]]))
    assert all(len(row) <= size[0] for row in sitting.screen.rows)
    sitting.press("q")
    assert sitting.end() == 0


def test_reasoning_and_tools_are_told_in_words(sit: Sit) -> None:
    thinking = sit("800", "--ttft", "0", "--mode", "think")
    thinking.until(lambda screen: "[answers]" in bare(screen.rows))
    working = sit("800", "--ttft", "0", "--mode", "agent")
    working.until(lambda screen: "[calls]" in bare(screen.rows) and "waits" in screen.rows[0])
    working.until(lambda screen: "[tool]" in bare(screen.rows))


def called(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: PLW1510 - some are refused
        [sys.executable, "-m", "tollway", "feel", *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_without_a_terminal_one_answer_is_written_as_it_comes(tmp_path: Path) -> None:
    done = called("2000", "--ttft", "0", "--state", str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith("Why do harbour towns keep their old lighthouses?\nA lighthouse")
    assert "more hardly matters from" in done.stdout
    assert "Brysbaert 2019" in done.stderr


def test_side_by_side_without_a_terminal_is_refused(tmp_path: Path) -> None:
    done = called("--beside", "30", "60", "--state", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == ("Side by side needs a terminal. Name one rate, or ask for --json.\n")


def test_json_is_the_arithmetic_with_its_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["feel", "--beside", "10", "100", "--mode", "think", "--requests", "1000", "--json"]
    assert run([*argv, "--tokens", "500", "--ttft", "1", "--state", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out)
    slow, fast = said["streams"]
    assert (slow["waiting_s"], fast["waiting_s"]) == (51.0, 6.0)
    assert fast["waiting_a_day_s"] == pytest.approx(6000.0)
    assert fast["enough_tokens_per_second"] == pytest.approx(4500.0)
    assert "Brysbaert 2019" in said["given"]["reading"]["source"]
    assert said["given"]["rest"]["judgement"] is True


def test_a_prediction_is_felt_with_its_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["feel", "--predict", "llama-3.3-70b", "--chip", "h200", "--tp", "4", "--json"]
    assert run([*argv, "--state", str(tmp_path)]) == 0
    (one,) = json.loads(capsys.readouterr().out)["streams"]
    low, high = one["interval"]
    assert low < one["tokens_per_second"] < high
    assert "with 64 users of 1,024 tokens in and 1,024 out; 80% interval" in one["origin"]
    for name in ("waiting", "whole_answer"):
        fast, slow = one[f"{name}_interval_s"]
        assert fast < one[f"{name}_s"] < slow


def test_a_prediction_is_felt_as_predict_says_it_at_any_precision_and_layout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--json", "--state", str(tmp_path)]
    said = ["--chip", "h200", "--tp", "4", "--precision", "fp8", "--engine", "sglang"]
    said += ["--prefix-share", "0.5", "--pp", "2", "--in", "3000", "--out", "200"]
    assert run(["feel", "--predict", "llama-3.3-70b", *said, *where]) == 0
    (felt,) = json.loads(capsys.readouterr().out)["streams"]
    argv = ["predict", "--model", "llama-3.3-70b", "--concurrency", "64", *said, "--json"]
    assert run(argv) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert felt["tokens_per_second"] == answer["user_tokens_s"]["value"]
    assert felt["interval"] == [answer["user_tokens_s"][end] for end in ("low", "high")]
    assert felt["ttft_interval_s"] == [answer["ttft_s"][end] for end in ("low", "high")]
    assert felt["provenance"] == answer["provenance"]
    assert felt["title"] == "llama-3.3-70b on 8 x h200, fp8"


def test_seconds_a_day_have_an_interval_where_the_speed_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["feel", "--predict", "llama-3.3-70b", "--chip", "h200", "--tp", "4", "--json"]
    assert run([*argv, "30", "--requests", "500", "--state", str(tmp_path)]) == 0
    predicted, named = json.loads(capsys.readouterr().out)["streams"]
    fast, slow = predicted["waiting_a_day_interval_s"]
    assert fast < predicted["waiting_a_day_s"] < slow
    assert [fast, slow] == [500 * one for one in predicted["waiting_interval_s"]]
    assert named["waiting_a_day_interval_s"] is None


def counted(*speeds: float) -> str:
    """A gateway's page of metrics after a stream of the source `pool` at each speed."""
    metrics = Metrics()
    for speed in speeds:
        metrics.first_content("pool", "m", 0.3)
        metrics.stream_ended(("pool", "m"), [0] * 7 + [40] + [0] * 7, 40 * 0.08, speed)
    return metrics.render().decode()


@pytest.mark.parametrize(
    ("pages", "speed", "words"),
    [
        (
            [[200.0] * 90, [200.0] * 90 + [25.0] * 10],
            25.0,
            "10 answers that ended in the last 10 s",
        ),
        ([[200.0] * 11, [200.0] * 11 + [25.0]], 185.4, "12 answers that ended since the gateway's"),
        ([[200.0] * 90, [25.0] * 12], 25.0, "12 answers that ended in the last 10 s"),
    ],
    ids=["now", "too few", "started again"],
)
def test_a_source_is_watched_for_a_while_and_only_that_is_felt(
    pages: list[list[float]], speed: float, words: str
) -> None:
    seen_at, said = [0.0], iter(counted(*one) for one in pages)
    watching = Watching(lambda: next(said), lambda: seen_at[-1], seen_at.append)
    seen = watching.observed("pool", None, 10.0)
    assert seen is not None
    assert seen_at == [0.0, 10.0]
    assert seen.speed == pytest.approx(speed, rel=0.001)
    assert words in seen.words
    assert seen.words.startswith("measured: ")


def test_nobody_waits_where_nothing_was_ever_answered_or_no_gateway_answers() -> None:
    slept: list[float] = []
    for said in ("", None):
        watching = Watching(lambda said=said: said, sleep=slept.append)
        assert watching.observed("pool", None, 9.0) is None
    assert not slept
    ended = iter([counted(*[50.0] * 12), None])  # it stopped meanwhile
    seen = Watching(lambda: next(ended), sleep=lambda _: None).observed("pool", None, 9.0)
    assert seen is not None
    assert seen.window == "since the gateway's start"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["3"], "--rate is 3. Write 5 to 2000 tokens a second."),
        (["--beside", "30", "9000"], "--beside is 9000. Write 5 to 2000 tokens a second."),
        (["--mode", "cod"], 'Did you mean "code"?'),
        (["--ttft", "-1"], "--ttft is -1. Write 0 to 60 seconds."),
        (["--seconds", "0"], "--seconds is 0. Write more than 0, to 86400."),
        (["--tokens", "0"], "--tokens is 0. Write 1 to 10000000."),
        (["--requests", "-3"], "--requests is -3. Write 0 or more a day."),
        (["--predict", "m"], "--predict MODEL and --chip CHIP belong together"),
        (["--source", "pool", "--watch", "-1"], "--watch is -1. Write 0 to 3600 seconds."),
        (["--source", "pool"], "which no streamed answer is known; known: none."),
        (["--beside", "5", "6", "7", "8", "9"], "5 streams do not fit side by side."),
    ],
    ids=lambda it: it[-2 if len(it) > 3 else 0].strip("-") if isinstance(it, list) else "",
)
def test_what_cannot_be_felt_is_refused_with_the_mend(
    argv: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["feel", *argv, "--json", "--state", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_the_benchs_track_knows_which_token_a_screen_shows() -> None:
    track = Track("text", 400)
    shown, letters = 0, ""
    for token, _ in zip(tokens(endless("text")), range(300), strict=False):
        shown += token.generated and not token.opens
        letters += token.text
    assert track.paced(bare(["You: " + letters])[-60:]) == shown
    assert track.paced("no such letters") is None


def test_the_bench_calls_a_rate_off_that_is_above_the_bound() -> None:
    assert abs(Measured(100.0, 104.0, 50).off) > BOUND
    assert abs(Measured(100.0, 102.0, 50).off) < BOUND
