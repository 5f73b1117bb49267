# ruff: noqa: E501 - printed lines are shown whole here
"""`tollway fleet`, as it is seen."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tollway.cli.app import run
from tollway.fleet.reference import markdown

SMALL = """
version = 1
include = ["more/*.toml"]
[models.m]
aliases = ["n"]
[sources.own]
kind = "server"
url = "http://127.0.0.1:8000/v1/"
serves = { m = { prices = [{ since = 2026-01-01, input = "0.1", output = "2" }] } }
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fleet.toml").write_text(SMALL)
    Path("more").mkdir()
    Path("more/tenants.toml").write_text('[tenants.t]\nbudget = { day = "5" }\n')


def called(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(argv)
    return code, out.getvalue(), err.getvalue()


def test_show_prints_one_file_with_every_default() -> None:
    assert called("fleet", "show", "fleet.toml") == snapshot(
        (
            0,
            """\
# fleet.toml, digest ab477b7839f11b986ff3427625b80d9f0bc1774f1d51a9bb5fb42497a4407391
version = 1

[gateway]
listen = "127.0.0.1:8400"
ledger = "ledger.sqlite"
admin_socket = "gateway.sock"
header_timeout = "10s"
body_timeout = "60s"
keep_alive = "75s"
write_timeout = "60s"
drain = "30s"
hang_timeout = "5s"
max_body = "32MiB"
max_header_bytes = "32KiB"
max_headers = 100
max_connections = 20000
max_streams = 20000
workers = 1

[queue]
interactive = { length = 1000, wait = "10s" }
batch = { length = 10000, wait = "10m" }

[retry]
ratio = 0.2
min_per_second = 3.0

[telemetry]
service = "tollway"
sample = 1.0
interval = "10s"

[models.m]
aliases = ["n"]
reserve_output = 512

[sources.own]
kind = "server"
url = "http://127.0.0.1:8000/v1"
dialects = ["openai"]
timeouts = { connect = "5s", first_content = "60s", idle = "60s", total = "15m" }
breaker = { window = "30s", min_samples = 5, error_share = 0.5, open_for = "10s", probes = 1, speed_window = "5s" }

[sources.own.serves.m]
upstream_model = "m"
prices = [
  { since = 2026-01-01, tier = "standard", input = "0.10", cached_input = "0.10", cache_write = "0.10", output = "2.00", request = "0.00" },
]

[routes.m]
model = "m"
candidates = ["own:m"]
fallbacks = []
objectives = [{ name = "least-outstanding", tolerance = 0.0 }]
slo = {}
require = {}
deadline = "2m"
tier = "standard"
losses = "declare"

[routes.n]
model = "m"
candidates = ["own:m"]
fallbacks = []
objectives = [{ name = "least-outstanding", tolerance = 0.0 }]
slo = {}
require = {}
deadline = "2m"
tier = "standard"
losses = "declare"

[tenants.t]
limits = {}
budget = { day = "5.00", overdraft = "0.00" }
class = "interactive"
""",
            "",
        )
    )


def test_what_show_prints_shows_the_same_again() -> None:
    _, first, _ = called("fleet", "show")
    Path("again.toml").write_text(first)
    code, second, err = called("fleet", "show", "again.toml")
    assert (code, err) == (0, "")
    assert second.splitlines()[1:] == first.splitlines()[1:]


def test_show_as_json_is_the_same_file() -> None:
    code, out, err = called("fleet", "show", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert len(shown.pop("digest")) == 64
    assert shown["sources"]["own"]["serves"] == snapshot(
        {
            "m": {
                "upstream_model": "m",
                "prices": [
                    {
                        "since": "2026-01-01",
                        "tier": "standard",
                        "input": "0.10",
                        "cached_input": "0.10",
                        "cache_write": "0.10",
                        "output": "2.00",
                        "request": "0.00",
                    }
                ],
            }
        }
    )


def test_show_of_a_faulty_file_says_every_fault() -> None:
    Path("fleet.toml").write_text(SMALL.replace("version = 1", "version = 2\nx = 1"))
    assert called("fleet", "show") == snapshot(
        (
            2,
            "",
            """\
fleet.toml: version is 2; known: 1. This release of Tollway reads version 1.
fleet.toml: x is not a key of this table; known: breaker, builds, console, contracts, credentials, drift, egress, gateway, guard, include, index, models, parties, pins, plan, price_books, queue, retry, routes, sandbox, secrets, sites, sources, telemetry, tenants, timeouts, tools, version, workloads
""",
        )
    )


def test_schema_is_the_json_schema_and_markdown_the_reference_page() -> None:
    code, out, err = called("fleet", "schema")
    assert (code, err) == (0, "")
    schema = json.loads(out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["gateway"]["description"] == "How the gateway listens."
    assert called("fleet", "schema", "--markdown") == (0, markdown(), "")
