"""A real server's log-probabilities, call by call, and what the drift test makes of them later.

`python -m bench.drift_real record URL MODEL FILE --passes 80 --at-once 4` asks every open prompt
once a pass: one after the other, then two at once, up to four. `--load 3` keeps up to three other
requests under way instead, another number of them in each pass, and asks one after the other, as a
check does; `--system TEXT` puts a system prompt before every question. Raw answers are appended to
FILE, a line of JSON a pass.

`python -m bench.drift_real judge BASE FILE... [--baselines 3]` makes baselines of passes of BASE,
as `tollway drift baseline` would have, and holds each pass of each FILE against them as an hourly
check: a first look, and where it suspects a second one over the three passes after it.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tollway.gateway.watching.asker import heard, openai_body
from tollway.pins.drift.asking import LISTED, Asking, Heard, Question, Reply, Unheard, Wave
from tollway.pins.drift.baseline import Baseline
from tollway.pins.drift.gathering import Plan, Subject, gather
from tollway.pins.drift.looking import Look, look, looked
from tollway.pins.drift.prompts import open_prompt, story_prompt
from tollway.pins.drift.spending import level
from tollway.units import Seconds

HOURLY = level(Seconds(3600.0), 1)
PLAN = Plan(stories=0)
MOST_PASSES = 1000
T = TypeVar("T")


# --- recording -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask. `system` goes before every question of a pass."""

    url: str
    model: str
    system: str | None

    def ask(self, body: dict[str, Any]) -> bytes:
        """One request's answer."""
        url = urlsplit(self.url)
        connection = HTTPConnection(url.hostname or "", url.port, timeout=120)
        try:
            sent = json.dumps({**body, "model": self.model})
            path = f"{url.path.rstrip('/')}/chat/completions"
            connection.request("POST", path, sent, {"content-type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def first(self, number: int) -> Heard:
        """The first token's candidates after an open prompt."""
        question = Question(open_prompt(number), logprobs=True)
        body = json.loads(openai_body(question, self.model, LISTED))
        if self.system:
            body["messages"].insert(0, {"role": "system", "content": self.system})
        return heard(self.ask(body))


class Load:
    """Up to so many others who ask the same server."""

    def __init__(self, server: Server, most: int) -> None:
        self.now = 0
        self._server = server
        for number in range(most):
            threading.Thread(target=self._ask, args=(number,), daemon=True).start()

    def _ask(self, number: int) -> None:
        mine = random.Random(number)
        while True:
            time.sleep(mine.random() * 0.5)
            if self.now <= number:
                continue
            words = {"role": "user", "content": story_prompt(mine.randrange(120))}
            self._server.ask(
                {"messages": [words], "max_tokens": mine.randrange(1, 4), "temperature": 1.0}
            )


def record(server: Server, out: Path, passes: int, at_once: int, most: int) -> None:
    """Append so many passes to a file."""
    draws, load = random.Random(f"{out.name} {passes}"), Load(server, most)
    with out.open("a") as file:
        for turn in range(passes):
            order = draws.sample(range(PLAN.candidates), PLAN.candidates)
            load.now = draws.randrange(most + 1)
            abreast = 1 + turn % at_once
            began = time.monotonic()
            with ThreadPoolExecutor(abreast) as pool:
                calls = list(pool.map(server.first, order))
            row = {
                "load": load.now, "at_once": abreast, "took": round(time.monotonic() - began, 2),
                "calls": [
                    [number, list(it.first or ()), [round(v, 5) for v in (it.first or {}).values()]]
                    for number, it in zip(order, calls, strict=True)
                ],
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
            file.flush()


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pass:
    """One answer to each prompt."""

    load: int
    at_once: int
    said: dict[str, Heard]


def read(path: Path) -> list[Pass]:
    """A file's passes."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Pass(
            row["load"], row["at_once"],
            {
                open_prompt(number): Heard("", dict(zip(tokens, values, strict=True)))
                for number, tokens, values in row["calls"]
            },
        )
        for row in rows
    ]  # fmt: skip


def replayed(asking: Asking[T], passes: dict[int, Iterator[Pass]] | Iterator[Pass]) -> T:
    """What comes of it, a wave a pass: of those with as many at once where that is known."""
    wave: Wave = next(asking)
    while True:
        some = passes[wave.at_once] if isinstance(passes, dict) else passes
        said = next(some).said
        replies: Sequence[Reply] = [
            said.get(it.prompt, Unheard("not recorded")) for it in wave.questions
        ]
        try:
            wave = asking.send(replies)
        except StopIteration as over:
            return over.value


def made_of(passes: Sequence[Pass], draws: random.Random) -> Baseline:
    """A baseline of passes drawn of a file."""
    drawn = draws.sample(passes, len(passes))
    kinds = {k: iter([it for it in drawn if it.at_once == k]) for k in range(1, PLAN.at_once + 1)}
    subject = Subject("real", "m", "m", datetime(2026, 1, 1, tzinfo=UTC))
    return replayed(gather(subject, PLAN, draws.randrange), kinds)


def judge(base: Path, files: Sequence[Path], baselines: int) -> None:
    """Print what each baseline makes of each file."""
    known = read(base)
    for number in range(baselines):
        draws = random.Random(number)
        made = made_of(known, draws)
        for path in files:
            passes = read(path)
            checks = [
                replayed(looked(made, draws.randrange), iter([*passes[at:], *passes[:at]]))
                for at in range(len(passes))
            ]
            seconds = [
                replayed(look(made, draws.randrange, second=True), iter(some)).p or 0.0
                for some in _of_one_load(passes)
            ]
            alarms = sum(_alarmed(it) for it in checks)
            sys.stdout.write(
                f"baseline {number}, {path.stem}: {len(checks)} checks, "
                f"{sum(it.second for it in checks)} suspected, {alarms} alarms; "
                f"first look least p {min(_first(made, it, draws) for it in passes):.2g}; "
                f"{len(seconds)} second looks at one load, "
                f"p {min(seconds, default=1.0):.2g} to {max(seconds, default=1.0):.2g}, "
                f"{sum(p <= HOURLY for p in seconds)} of them at {HOURLY:.2g}\n"
            )


def _first(made: Baseline, one: Pass, draws: random.Random) -> float:
    return replayed(look(made, draws.randrange), iter([one])).p or 0.0


def _alarmed(seen: Look) -> bool:
    return seen.second and seen.p is not None and seen.p <= HOURLY


def _of_one_load(passes: Sequence[Pass]) -> Iterator[Sequence[Pass]]:
    """Threes of passes at one load, the worst of accidents: all of a second look in one state."""
    for load in sorted({it.load for it in passes}):
        some = [it for it in passes if it.load == load]
        yield from (some[at : at + 3] for at in range(0, len(some) - 2, 3))


def main() -> None:
    """Record or judge."""
    options = argparse.ArgumentParser()
    orders = options.add_subparsers(dest="order", required=True)
    one = orders.add_parser("record")
    one.add_argument("url")
    one.add_argument("model")
    one.add_argument("file", type=Path)
    one.add_argument("--passes", type=int, default=80)
    one.add_argument("--at-once", type=int, default=1)
    one.add_argument("--load", type=int, default=0)
    one.add_argument("--system")
    two = orders.add_parser("judge")
    two.add_argument("base", type=Path)
    two.add_argument("files", type=Path, nargs="+")
    two.add_argument("--baselines", type=int, default=3)
    given = options.parse_args()
    if given.order == "judge":
        judge(given.base, given.files, given.baselines)
        return
    server = Server(given.url, given.model, given.system)
    record(server, given.file, min(given.passes, MOST_PASSES), given.at_once, given.load)


if __name__ == "__main__":
    main()
