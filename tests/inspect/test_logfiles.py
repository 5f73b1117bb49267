"""Which files are logs, told from where they are or how they begin."""

import gzip
import json
from pathlib import Path

import pytest
from left_logs import (
    ANTHROPIC_COLUMNS,
    COST_COLUMNS,
    OPENAI_COLUMNS,
    START,
    Home,
    asked,
    codex_line,
    json_line,
    litellm_rows,
    stamp,
    vllm_log,
    whole_home,
)

from tollway.hindsight.records import Gaps
from tollway.inspect.logfiles import find_logs, form_of

GEMINI = {"sessionId": "g", "projectHash": "h", "startTime": stamp(START)}
BEGINNINGS = {
    "claude-code": json_line(asked("s", START)),
    "codex": json_line(codex_line(START, "session_meta", {"id": "a"})),
    "gemini-lines": json_line(GEMINI),
    "gemini-chat": json.dumps({**GEMINI, "messages": []}, indent=2),
    "gemini-telemetry": json.dumps({"hrTime": [1], "attributes": {"event.name": "x"}}, indent=2),
    "csv:openai-usage": OPENAI_COLUMNS,
    "csv:anthropic-usage": "\ufeff" + ANTHROPIC_COLUMNS,
    "csv:anthropic-cost": COST_COLUMNS,
    "csv:openai-cost": "start_time,end_time,amount_value,amount_currency,line_item\n",
    "export": '{"object":"page","data":[{"start_time":1,"end_time":2,"results":[]}]}',
    "litellm-json": json.dumps(litellm_rows(Home(Path()), 1)),
    "litellm-lines": json_line(litellm_rows(Home(Path()), 1)[0]),
    "litellm-csv": "request_id,call_type,spend,prompt_tokens,completion_tokens\r\n",
    "vllm": vllm_log(1),
}


@pytest.mark.parametrize("form", BEGINNINGS)
def test_a_form_is_told_from_the_first_bytes(form: str) -> None:
    assert form_of(BEGINNINGS[form].encode()) == form


@pytest.mark.parametrize("text", ["", "hello\n", "[1, 2]", '{"a": 1}', "a,b\n1,2\n", "\x00\x01"])
def test_what_is_no_log_has_no_form(text: str) -> None:
    assert form_of(text.encode()) is None


def test_without_paths_the_tools_own_folders_are_looked_into(tmp_path: Path) -> None:
    whole_home(tmp_path)
    found = find_logs((), tmp_path, {}, Gaps())
    assert sorted(file.form for file in found) == [
        "claude-code",
        "claude-code",
        "codex",
        "gemini-chat",
        "gemini-lines",
    ]
    moved = {"CLAUDE_CONFIG_DIR": str(tmp_path / "none"), "CODEX_HOME": str(tmp_path / "none")}
    assert {file.form for file in find_logs((), tmp_path, moved, Gaps())} == {
        "gemini-chat",
        "gemini-lines",
    }


def test_a_home_that_is_named_is_read_as_one(tmp_path: Path) -> None:
    whole_home(tmp_path)
    assert find_logs((tmp_path,), Path("/nowhere"), {}, Gaps()) == find_logs(
        (), tmp_path, {}, Gaps()
    )


def test_a_folder_of_exports_is_read_and_what_is_none_is_counted(tmp_path: Path) -> None:
    whole_home(tmp_path)
    gaps = Gaps()
    (tmp_path / "exports" / "notes.txt").write_text("buy milk")
    (tmp_path / "exports" / "photo.png").write_bytes(b"\x89PNG")
    found = find_logs((tmp_path / "exports",), tmp_path, {}, gaps)
    assert [file.form for file in found] == [
        "csv:anthropic-usage",
        "csv:openai-usage",
        "litellm-json",
    ]
    assert [(one.count, Path(one.first).name) for one in gaps] == [(1, "notes.txt")]


def test_parents_of_codex_sessions_come_before_their_forks(tmp_path: Path) -> None:
    home = Home(tmp_path)
    line = codex_line(START, "session_meta", {"id": "a"})
    home.write(".codex/sessions/2026/11/11/rollout-2026-11-11T09-00-00-b.jsonl", [line])
    home.write(".codex/archived_sessions/rollout-2026-11-10T09-00-00-a.jsonl", [line])
    found = find_logs((), tmp_path, {}, Gaps())
    assert [file.path.name[-7:] for file in found] == ["a.jsonl", "b.jsonl"]


def test_sessions_that_are_compressed_or_too_old_are_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write(".codex/sessions/rollout-2026-11-11T09-00-00-b.jsonl.zst", "x")
    home.write(".codex/sessions/rollout-2025-04-11-c.json", "{}")
    gaps = Gaps()
    assert find_logs((), tmp_path, {}, gaps) == []
    assert sorted(one.why for one in gaps) == [
        "compressed sessions; unpack them with zstd -d",
        "sessions of 2025's first versions, which count no tokens",
    ]


def test_a_gzip_file_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "spend.gz"
    path.write_bytes(gzip.compress(BEGINNINGS["litellm-lines"].encode()))
    assert [file.form for file in find_logs((path,), tmp_path, {}, Gaps())] == ["litellm-lines"]
    path.write_bytes(path.read_bytes()[:20])
    gaps = Gaps()
    assert find_logs((path,), tmp_path, {}, gaps) == []
    assert [one.why for one in gaps] == ["files that cannot be opened (is not a whole gzip file)"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = Home(tmp_path).write("a.jsonl", [asked("s", START)])
    assert len(find_logs((path, tmp_path, path), tmp_path, {}, Gaps())) == 1


def test_a_tools_own_folder_that_is_named_is_read_as_that_tools(tmp_path: Path) -> None:
    home = whole_home(tmp_path)
    home.write(".claude/todos/a.json", "[]")
    gaps = Gaps()
    for name, forms in ((".claude", 2), (".codex", 1), (".gemini", 2)):
        assert len(find_logs((tmp_path / name,), tmp_path, {}, gaps)) == forms
    assert not list(gaps)
