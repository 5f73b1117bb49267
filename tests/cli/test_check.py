# ruff: noqa: E501 - a fault is one line, and is shown whole here
"""`tollway check`, as it is seen."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tollway.cli.app import run
from tollway.inspect.demo import demo_fleet_text

FAULTY = """
version = 1
[gateway]
lisen = "127.0.0.1:8400"
[models.m]
[credentials]
key = "sk-SECRET"
[sources.pool]
kind = "emulated"
listen = "127.0.0.1:8400"
chip = "h10"
serves = { "llama-3.1-8b" = { prices = [{ since = 2026-01-01, input = 0.25, output = "1" }] } }
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(argv)
    return code, out.getvalue(), err.getvalue()


def test_a_sound_file_is_one_line_on_standard_output() -> None:
    Path("fleet.toml").write_text(demo_fleet_text())
    expected = (0, "fleet.toml is sound: 1 model, 3 sources, 3 routes, 1 tenant\n", "")
    assert called("check", "fleet.toml") == expected
    assert called("check") == expected


def test_every_fault_goes_to_standard_error_at_once_and_the_exit_code_is_2() -> None:
    Path("fleet.toml").write_text(FAULTY)
    code, out, err = called("check", "fleet.toml")
    assert (code, out) == (2, "")
    assert err == snapshot("""\
fleet.toml: gateway.lisen is not a key of this table; known: admin_socket, body_timeout, drain, hang_timeout, header_timeout, keep_alive, ledger, listen, max_body, max_connections, max_header_bytes, max_headers, max_streams, recording, workers, write_timeout. Did you mean "listen"?
fleet.toml: models.m is served by no source. Write [sources.NAME.serves.m], or take the model out.
fleet.toml: credentials.key is not a reference to a secret (value not shown). Write where the secret is, "env:NAME" or "file:PATH", and change the secret if it stood here.
fleet.toml: sources.pool.listen is port 8400, which gateway.listen has already. Choose another port.
fleet.toml: sources.pool.chip is "h10"; known: a100, a100-40gb, a100-pcie, ai200, ai250, arc-b60, b200, b300, crescent-island-160, crescent-island-480, dgx-spark, dgx-station and 36 more. Did you mean "h100"?
fleet.toml: sources.pool.serves."llama-3.1-8b" names model "llama-3.1-8b"; known: m. Declare it: [models."llama-3.1-8b"].
fleet.toml: sources.pool.serves."llama-3.1-8b".prices[0].input is 0.25, a float. Money is exact: write it as text, "0.25".
7 faults in fleet.toml
""")
    assert "SECRET" not in err


def test_faults_as_json_are_on_standard_output() -> None:
    Path("fleet.toml").write_text("version = 1\n[models.m]\ncontext = 0\n")
    code, out, err = called("check", "fleet.toml", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == snapshot(
        {
            "ok": False,
            "faults": [
                {
                    "place": "fleet.toml",
                    "problem": "declares no sources",
                    "mend": "Write [sources.NAME]; `tollway init` writes a first file.",
                },
                {
                    "place": "fleet.toml: models.m.context",
                    "problem": "is 0",
                    "mend": "It must be at least 1.",
                },
            ],
            "warnings": [],
        }
    )


def test_a_secret_that_is_not_here_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TW_KEY", raising=False)
    Path("key").write_text("k")
    Path("key").chmod(0o644)
    Path("fleet.toml").write_text(SECRETS)
    code, out, err = called("check", "fleet.toml")
    assert (code, out) == (0, "fleet.toml is sound: 1 model, 2 sources, 1 route, 1 tenant\n")
    assert err.replace(str(Path.cwd()), "DIR") == snapshot("""\
warning: credential env:TW_KEY is not set. Set it: export TW_KEY=...
warning: credential file:DIR/key may be read by anyone. Run: chmod 600 DIR/key
""")
    code, out, err = called("check", "fleet.toml", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["ok"] is True
    assert next(it["place"] for it in json.loads(out)["warnings"]) == "credential env:TW_KEY"


def test_a_model_that_does_not_fit_on_its_emulated_chips_is_a_fault() -> None:
    text = demo_fleet_text().replace('chip = "h200"\ntp = 8', 'chip = "l4"\ntp = 1')
    Path("fleet.toml").write_text(text)
    code, out, err = called("check")
    assert (code, out) == (2, "")
    assert err == snapshot("""\
fleet.toml: sources.h200.serves."llama-3.3-70b" cannot be emulated: llama-3.3-70b in fp8 does not fit on 1 x l4: 72.7 GB of weights / 1 = 72.7 GB a chip, plus 1.7 GB for the runtime, against 24.1 GB x 0.92 = 22.2 GB. Use tp 4, or a smaller precision.
1 fault in fleet.toml
""")


def test_a_file_that_is_not_there_is_named() -> None:
    assert called("check", "no.toml") == snapshot(
        (
            2,
            "",
            """\
no.toml cannot be read: no such file or directory. Name a file that can be read; `tollway init` writes a first one.
1 fault in no.toml
""",
        )
    )


SECRETS = """
version = 1
[models.m]
[credentials]
here = "file:key"
elsewhere = "env:TW_KEY"
[sources.one]
kind = "server"
url = "http://127.0.0.1:8000/v1"
credential = "elsewhere"
serves = { m = {} }
[sources.two]
kind = "server"
url = "http://127.0.0.1:8001/v1"
credential = "here"
serves = { m = {} }
[tenants.t]
"""


def test_faults_of_every_kind_come_in_one_run_beside_the_version_that_is_missing() -> None:
    Path("fleet.toml").write_text(MANY)
    code, _, err = called("check")
    assert code == 2
    assert err == snapshot("""\
warning: fleet.toml: include[0] is "contract/*.toml", which matches no file. Look for a typo, or take it out.
fleet.toml: version is missing. Write version = 1 on the first line.
fleet.toml: gateway.lisen is not a key of this table; known: admin_socket, body_timeout, drain, hang_timeout, header_timeout, keep_alive, ledger, listen, max_body, max_connections, max_header_bytes, max_headers, max_streams, recording, workers, write_timeout. Did you mean "listen"?
fleet.toml: models."llama-3.3-70b".context is 0. It must be at least 1.
fleet.toml: sources.small.serves."llama-3.3-70b" cannot be emulated: llama-3.3-70b in fp8 does not fit on 1 x l4: 72.7 GB of weights / 1 = 72.7 GB a chip, plus 1.7 GB for the runtime, against 24.1 GB x 0.92 = 22.2 GB. Use tp 4, or a smaller precision.
fleet.toml: sources.small.serves."llama-3.3-70b".prices is 3, not a list. Write a list.
fleet.toml: sources.odd.listen is port 8411, which sources.small.listen has already. Choose another port.
fleet.toml: sources.odd.serves."llama-3.3-70b" cannot be emulated: tp 3 does not divide the 64 heads of llama-3.3-70b (64 / 3 = 21.33). Use tp 1, 2, 4, 8, 16.
fleet.toml: sources.unread.tp is "eight", not a whole number. Write a whole number.
fleet.toml: sources.mistyped.tpp is not a key of this table; known: breaker, chip, kind, labels, listen, prefill, region, replicas, scaling, seed, serves, slots, timeouts, tp, vendor. Did you mean "tp"?
fleet.toml: routes.chat.model is "nope"; known: llama-3.3-70b. Declare it in [models].
10 faults in fleet.toml
""")


MANY = """
include = ["contract/*.toml"]
[gateway]
lisen = "127.0.0.1:8400"
[models."llama-3.3-70b"]
context = 0
[sources.small]
kind = "emulated"
listen = "127.0.0.1:8411"
chip = "l4"
serves = { "llama-3.3-70b" = { precision = "fp8", prices = 3 } }
[sources.odd]
kind = "emulated"
listen = "127.0.0.1:8411"
chip = "h200"
tp = 3
serves = { "llama-3.3-70b" = { precision = "fp8" } }
[sources.unread]
kind = "emulated"
listen = "127.0.0.1:8413"
chip = "l4"
tp = "eight"
serves = { "llama-3.3-70b" = { precision = "fp8" } }
[sources.mistyped]
kind = "emulated"
listen = "127.0.0.1:8414"
chip = "l4"
tpp = 8
serves = { "llama-3.3-70b" = { precision = "fp8" } }
[routes.chat]
model = "nope"
"""


def test_a_file_that_cannot_be_read_hides_only_what_refers_to_names() -> None:
    broken = MANY.replace("contract/*", "contract")
    Path("fleet.toml").write_text(broken)
    err = called("check")[2]
    assert 'include[0] is "contract.toml", which is not there' in err
    assert "sources.small.serves" in err
    assert "sources.odd.serves" in err
    assert "routes.chat" not in err


def test_a_glob_that_matches_nothing_is_a_warning() -> None:
    text = demo_fleet_text().replace("version = 1\n", 'version = 1\ninclude = ["none/*.toml"]\n')
    Path("fleet.toml").write_text(text)
    code, out, err = called("check")
    assert (code, out[:19]) == (0, "fleet.toml is sound")
    assert err == (
        'warning: fleet.toml: include[0] is "none/*.toml", which matches no file. '
        "Look for a typo, or take it out.\n"
    )
