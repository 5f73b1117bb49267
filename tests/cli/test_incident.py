"""`tollway incident` on a fleet with a history and a ledger."""

import json
import os
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from msgspec.structs import replace
from pins_fleet import COMPONENTS, LOCK, TEXT

from tollway.cli.app import run
from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.guard.event import SecurityEvent
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.ledger.sqlite import open_for_gateway
from tollway.pins.lock import Lock, lock_text

GOOD = Lock(component=(*COMPONENTS[:3], replace(COMPONENTS[3], version="1.82.6"), *COMPONENTS[4:]))


def day(number: int) -> float:
    return datetime(2026, 3, number, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(TEXT)
    (tmp_path / "ai.lock").write_text(lock_text(LOCK))
    return tmp_path


def commit(folder: Path, lock: Lock | str, when: float) -> None:
    (folder / "ai.lock").write_text(lock if isinstance(lock, str) else lock_text(lock))
    moment = f"{int(when)} +0000"
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_AUTHOR_DATE": moment,
        "GIT_COMMITTER_DATE": moment, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    for words in (("init", "-q"), ("add", "ai.lock"), (*who, "commit", "-q", "-m", "lock")):
        subprocess.run(["git", *words], cwd=folder, env=environ, check=True)


def used(folder: Path, name: str, tenant: str, key: str, when: float) -> None:
    ledger = open_for_gateway(folder / "ledger.sqlite")
    usage = Usage(input=10, output=5)
    ledger.book(
        [
            Reserve(name, key, tenant, "chat", "chat", 100, 10, 20, when, None),
            Settle(
                request=name, outcome="completed", code=None, source="openai",
                model="gpt-5-2025-08-07", upstream_model="gpt", tier="standard", usage=usage,
                cost=5, attempts=1, failed=(), ttft=0.1, duration=1.0, utc=when,
            ),
        ]
    )  # fmt: skip
    ledger.close()


def test_a_bad_package_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(here, GOOD, day(20))
    commit(here, LOCK, day(24))
    commit(here, GOOD, day(26))
    used(here, "a", "product", "key00001", day(21))
    used(here, "b", "product", "key00001", day(24))
    used(here, "c", "agents", "key00002", day(25))
    assert run(["incident", "litellm-2026", "--state", str(here)]) == 1
    assert capsys.readouterr().out == snapshot("""\
litellm-2026: LiteLLM: a .pth file runs at every start of the interpreter and sends credentials away
AFFECTED pypi:litellm 1.82.8: was in the lock from 2026-03-24T12:00:00Z until 2026-03-26T12:00:00Z

Used by
  the gateway's environment
  sandboxes that installed it

Who used it
  tenant agents, key key00002: 1 requests, 2026-03-25 to 2026-03-25
  tenant product, key key00001: 1 requests, 2026-03-24 to 2026-03-24

Rotate
  env:OPENAI_API_KEY, which the gateway's environment (pypi:litellm) could read
  env:ANTHROPIC_API_KEY, which the gateway's environment (pypi:litellm) could read
  env:MAIL_TOKEN, which the gateway's environment (pypi:litellm) could read
  secret github, which the gateway's environment (pypi:litellm) could read

Run
  tollway keys revoke key00002
  tollway keys revoke key00001
  tollway reload    # after the secrets were made anew
""")


def test_a_release_that_was_never_locked_is_clear(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, GOOD, day(20))
    assert run(["incident", "GHSA-w37p-236h-pfx3"]) == 0
    assert "is not in the lock, and was not in the locks read" in capsys.readouterr().out


def test_without_a_history_nothing_is_cleared(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["incident", "lightning", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["affected"] == []
    assert [it["what"] for it in told["not_audited"]] == ["its history"]


def test_a_commit_whose_lock_cannot_be_read_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, "version = 99\n", day(20))
    commit(here, GOOD, day(21))
    assert run(["incident", "lightning"]) == 3
    assert "has version 99" in capsys.readouterr().out


def test_older_locks_may_be_files_of_a_folder(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "old").mkdir()
    for name, lock, when in (("a", LOCK, day(24)), ("b", GOOD, day(26))):
        file = here / "old" / f"{name}.lock"
        file.write_text(lock_text(lock))
        os.utime(file, (when, when))
    (here / "ai.lock").write_text(lock_text(GOOD))
    assert run(["incident", "litellm@1.82.8", "--history", "old"]) == 1
    assert "from 2026-03-24T12:00:00Z until 2026-03-26T12:00:00Z" in capsys.readouterr().out


def test_an_advisory_is_read_from_its_record_and_one_that_nobody_has_is_not_looked_at(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {
        "id": "GHSA-0000-0000-0000",
        "summary": "It is bad.",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "httpx"}, "versions": ["0.28"]}],
    }
    (here / "osv.json").write_text(json.dumps(record))
    words = ["incident", "GHSA-0000-0000-0000", "--json"]
    assert run(words) == 3
    assert json.loads(capsys.readouterr().out)["affected"] == []
    assert run([*words, "--advisories", "osv.json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["titles"] == ["It is bad."]
    assert [it["component"] for it in told["affected"]] == ["pypi:httpx"]
    (here / "osv.json").write_text("[1]")
    assert run([*words, "--advisories", "osv.json"]) == 2


def test_calls_of_tools_and_installations_by_tasks_are_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used(here, "a", "product", "key00001", day(21))
    commit(here, GOOD, day(20))
    commit(here, LOCK, day(24))

    def call(at: float, place: str, tenant: str) -> SecurityEvent:
        return SecurityEvent(at, "tool", "allowed", "It ran.", place, tenant)

    calls = [call(day(25), "desk/send_mail", "agents")] * 1100
    served = [
        SecurityEvent(day(25), "package", "allowed", "x", "pypi:litellm@1.82.8", task="t1"),
        SecurityEvent(day(25), "package", "denied", "x", "pypi:httpx@0.28", task="t1"),
    ]
    others = [call(day(25), "wiki/search", "agents"), call(day(21), "desk/send_mail", "early")]
    with closing(GuardBook(here / GUARD_BOOK)) as book:
        Events(book).add([*others, *calls, *served])
    (here / "osv.json").write_text(
        '{"id": "MAL-1", "affected": [{"package": {"ecosystem": "npm", "name": "postmark-mcp"}}]}'
    )
    asked = ["incident", "MAL-1", "--advisories", "osv.json", "--state", str(here), "--json"]
    assert run(asked) == 1
    assert json.loads(capsys.readouterr().out)["tool_calls"] == {"agents": 1100, "early": 1}
    assert run(["incident", "litellm@1.82.8", "--state", str(here), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["tool_calls"] == {}
    assert told["served"] == ["t1"]
    assert run(["incident", "httpx", "--state", str(here), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["served"] == []


def test_a_model_names_who_asked_it_and_nobody_else(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used(here, "a", "product", "key00001", day(21))
    name = "model-api:openai/gpt-5-2025-08-07"
    assert run(["incident", name, "--state", str(here), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [it["key"] for it in told["users"]] == ["key00001"]
    assert run(["incident", "weights:llama", "--state", str(here), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["users"] == []
