"""Logs are read line by line, and what cannot be read takes nothing from the rest."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from left_logs import (
    START,
    Home,
    answered,
    asked,
    claude_usage,
    json_line,
    litellm_rows,
    spend_database,
    vllm_log,
    whole_home,
)

from tollway.hindsight.records import Call, Gaps
from tollway.inspect.logfiles import LogFile, find_logs
from tollway.inspect.logreading import Reading


def quiet(more: int) -> None:
    """Nobody looks."""


def read(*paths: Path, tick: Callable[[int], None] = quiet) -> Reading:
    gaps = Gaps()
    reading = Reading(gaps)
    reading.read(find_logs(paths, Path("/nowhere"), {}, gaps), tick)
    return reading


def test_every_form_of_a_spend_table_says_the_same(tmp_path: Path) -> None:
    rows = litellm_rows(Home(tmp_path), 5)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    flat = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in r.items()} for r in rows]
    writer.writerows(flat)
    (tmp_path / "a.json").write_text(json.dumps({"data": rows}))
    (tmp_path / "b.jsonl").write_text("".join(map(json_line, rows)))
    (tmp_path / "c.csv").write_text(text.getvalue())
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text.getvalue().encode()))
    spend_database(tmp_path / "e.db", rows)
    told = [read(path).calls() for path in sorted(tmp_path.iterdir())]
    assert len(told[0]) == 5
    assert all(one == told[0] for one in told)
    together = read(*tmp_path.iterdir())
    assert together.calls() == told[0]
    assert not list(together.gaps)


def test_a_database_without_a_spend_table_is_named(tmp_path: Path) -> None:
    import sqlite3

    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE x (y)").connection.close()
    (one,) = read(tmp_path / "a.db").gaps
    assert one.why == "databases without a table LiteLLM_SpendLogs"


def test_times_without_year_and_zone_are_those_of_the_file_and_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        path = tmp_path / "vllm.log"
        path.write_text(vllm_log(2))
        os.utime(path, (START.timestamp(), START.timestamp()))
        assert read(path).calls()[0].at == START.timestamp() - 9 * 3_600 - 10
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_large_file_is_never_held_whole(tmp_path: Path) -> None:
    line = json_line({**asked("s", START), "toolUseResult": "x" * 200_000}).encode()
    path = tmp_path / "s.jsonl"
    path.write_bytes(line * 200)
    tracemalloc.start()
    read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 40_000_000
    assert peak < 5_000_000


def test_a_line_past_all_bounds_is_noted_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.inspect.logreading.MOST_LINE", 2_000)
    path = tmp_path / "s.jsonl"
    long = json_line({**asked("s", START), "toolUseResult": "x" * 9_000})
    answer = json_line(answered("s", "m", START, claude_usage(1, 2, 3, 4)))
    path.write_text(long + answer)
    reading = read(path)
    assert [call.output for call in reading.calls()] == [4]
    assert [(one.why, one.count) for one in reading.gaps] == [("lines above 64 MiB", 1)]


def test_all_bytes_are_told_to_who_looks(tmp_path: Path) -> None:
    whole_home(tmp_path)
    told: list[int] = []
    reading = read(tmp_path, tmp_path / "exports", tick=told.append)
    assert sum(told) == reading.size > 0


def test_what_was_read_before_an_interrupt_is_kept(tmp_path: Path) -> None:
    whole_home(tmp_path)
    files = find_logs((), tmp_path, {}, Gaps())

    def interrupt(more: int) -> None:
        if reading.files["codex"]:
            raise KeyboardInterrupt

    reading = Reading(Gaps())
    reading.read(files, interrupt)
    assert reading.stopped
    assert {call.tool for call in reading.calls()} == {"codex", "claude-code"}


def test_a_file_that_may_not_be_read_takes_nothing_from_the_others(tmp_path: Path) -> None:
    path = Home(tmp_path).write("a.jsonl", [answered("s", "m", START, claude_usage(1, 2, 3, 4))])
    gone = LogFile(tmp_path / "gone.jsonl", "claude-code", 10)
    reading = Reading(Gaps())
    reading.read([gone, LogFile(path, "claude-code", 10)], quiet)
    calls: list[Call] = reading.calls()
    assert [call.output for call in calls] == [4]
    assert [(one.count, one.first) for one in reading.gaps] == [(1, str(gone.path))]
