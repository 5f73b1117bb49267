"""`tollway qualify`: the user's prompts at each source of a route, judged by the user's checker.

Rules
1. Tollway stores no prompts: the user brings them, and the answers go to the checker alone.
2. Sources are asked through the admin socket, which lets its owner name the source; a key's
   limits and budgets and the ledger hold there too.
3. Exit 1 where a fallback is worse than the first candidate: `replay.qualify` says when.
"""

import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from tollway.cli.given_key import given_key
from tollway.cli.running import read_running
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.gateway.admin_client import ask_source
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ADMIN_SOCKET, ledger_path, state_folder
from tollway.replay.qualify import Prompt, Row, Trial, judge, read_prompts, sample
from tollway.units import PicoDollars, Seconds, format_usd, usd

_CHECK_PATIENCE = 120.0
_LARGEST = 256 * 2**20


def qualify(
    route: str,
    /,
    *,
    prompts: Path,
    check: str,
    sample_: Annotated[int, Parameter(name="--sample")] = 50,
    seed: int = 0,
    at_once: int = 4,
    key: str | None = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    socket: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Ask each source of a route your prompts, and let your checker judge the answers.

    The first candidate is the measure; exit 1 where a fallback is worse than it beyond doubt, or
    does not answer.

    Parameters
    ----------
    route
        The route whose first candidate and fallbacks are asked.
    prompts
        JSON lines: {"prompt": "..."} or chat bodies; a "reference" in them goes to the checker.
    check
        A command; it reads {"prompt", "source", "answer", "reference"} as JSON from its standard
        input, and says by exit code 0 that the answer is acceptable, by 1 that it is not.
    sample_
        How many of the prompts.
    seed
        Which of them.
    at_once
        Prompts under way at a time.
    key
        Where the key is that pays: env:NAME or file:PATH. Default: $TOLLWAY_KEY, else the demo key.
    fleet
        The fleet file. Default: that of the running gateway, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    json
        Print one JSON object.
    """
    for option, count in (("--sample", sample_), ("--at-once", at_once)):
        if not 1 <= count <= 100_000:
            raise FaultsFound([Fault(option, f"is {count}", "Write 1 or more.")])
    folder = state_folder(state, os.environ)
    pairs = _pairs(route, fleet, folder)
    chosen = sample(read_prompts(_text(prompts), str(prompts)), sample_, seed)
    checker = _checker(check)
    admin = socket or folder / ADMIN_SOCKET
    tag = f"qualify-{secrets.token_hex(6)}"
    headers = {"authorization": f"Bearer {given_key(key, folder)}", "x-tollway-tag": tag}
    path = ledger_path(ledger, state, os.environ)
    _announce(len(chosen), pairs, tag)
    trials = _try_all(
        # By prompt and not by source, so that a slow hour is every source's.
        [(pair, prompt) for prompt in chosen for pair in pairs],
        lambda work: _try(admin, route, headers, checker, *work),
        at_once,
    )
    rows = judge(pairs, trials, _costs(path, tag))
    if json:
        sys.stdout.write(_as_json(route, tag, rows, trials))
    else:
        _print(rows)
    return 1 if any(row.worse for row in rows) else 0


def _try_all(
    works: Sequence[tuple[str, Prompt]],
    one: Callable[[tuple[str, Prompt]], Trial],
    at_once: int,
) -> list[Trial]:
    with ThreadPoolExecutor(at_once) as pool:
        trying = [pool.submit(one, work) for work in works]
        try:
            return [each.result() for each in trying]
        except BaseException:
            # A broken checker is broken for all: nothing more is asked, or paid.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _pairs(route: str, fleet: Path | None, folder: Path) -> list[str]:
    running = read_running(folder)
    path = fleet or (Path(running.fleet) if running is not None else Path("fleet.toml"))
    routes = read_fleet(path).routes
    found = routes.get(route)
    if found is None:
        raise FaultsFound([unknown(route, routes, "route")])
    if not found.fallbacks:
        sys.stderr.write(f"Route {route} has no fallback: only its first candidate is asked.\n")
    return [f"{pair.source}:{pair.model}" for pair in (*found.candidates[:1], *found.fallbacks)]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise TollwayError(f"{path}: is larger than 256 MiB. Cut it: a sample is taken anyway.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TollwayError(f"--prompts {path}: cannot be read: {why}.") from error


def _checker(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise TollwayError(f"--check {command!r}: {error}. Mind the quotes.") from None
    if not words:
        raise TollwayError("--check is empty. Name a command that judges an answer.")
    return words


def _announce(count: int, pairs: Sequence[str], tag: str) -> None:
    sys.stderr.write(
        f"{count} prompts at {', '.join(pairs)}: {count * len(pairs)} requests, tag {tag}.\n"
    )


def _try(
    admin: Path,
    route: str,
    headers: Mapping[str, str],
    checker: Sequence[str],
    pair: str,
    prompt: Prompt,
) -> Trial:
    body = {**prompt.body, "model": route}
    began = time.monotonic()
    status, said = ask_source(admin, pair, headers, body)
    latency = Seconds(time.monotonic() - began)
    answer = _answer(said) if status == 200 else None
    if answer is None:
        error = said.get("error")
        code = error.get("code") if isinstance(error, dict) else "no text in the answer"
        if status in (401, 403):
            raise TollwayError(f"The gateway refuses the key: {code}. Name another with --key.")
        return Trial(pair, prompt, None, f"{status} {code}", latency, accepted=False)
    return Trial(pair, prompt, answer, None, latency, _accepts(checker, pair, prompt, answer))


def _answer(said: Mapping[str, Any]) -> str | None:
    try:
        message = said["choices"][0]["message"]
        text = message.get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    if isinstance(text, str):
        return text
    calls = message.get("tool_calls")
    return msgspec.json.encode(calls).decode() if calls else None


def _accepts(checker: Sequence[str], pair: str, prompt: Prompt, answer: str) -> bool:
    told = {
        "prompt": prompt.body["messages"],
        "source": pair,
        "answer": answer,
        "reference": prompt.reference,
    }
    name = f"--check {checker[0]}"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, and no shell
            checker,
            input=msgspec.json.encode(told),
            capture_output=True,
            check=False,
            timeout=_CHECK_PATIENCE,
        )
    except OSError as error:
        raise TollwayError(f"{name}: cannot be run: {error.strerror}.") from error
    except subprocess.TimeoutExpired:
        raise TollwayError(f"{name}: took over {_CHECK_PATIENCE:g} s for one answer.") from None
    if done.returncode in (0, 1) and b"Traceback (most recent call last)" not in done.stderr:
        return done.returncode == 0
    last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no words"])[-1]
    raise TollwayError(
        f"{name}: failed with exit code {done.returncode}: {last[:200]}. It is to say 0 for an "
        "acceptable answer and 1 for another."
    )


def _costs(path: Path, tag: str) -> dict[str, PicoDollars]:
    """Exact costs by pair, once everything of the tag is settled."""
    with closing(open_reader(path)) as store:
        until = time.monotonic() + 10.0
        while True:
            report = store.usage(UsageQuery(by=("source", "model"), tag=tag))
            if not report.open_count or time.monotonic() > until:
                break
            time.sleep(0.05)
    return {f"{row.group[0]}:{row.group[1]}": PicoDollars(row.totals.cost) for row in report.rows}


def _print(rows: Sequence[Row]) -> None:
    columns = [Column("source")]
    columns += [Column(name, number=True) for name in ("asked", "answered", "acceptable", "share")]
    columns += [Column(name, number=True) for name in ("95% interval", "p50", "p90", "cost each")]
    columns.append(Column(""))
    cells = [
        [
            row.pair,
            f"{row.asked:,}",
            f"{row.answered:,}",
            f"{row.accepted:,}",
            f"{row.accepted / row.asked:.1%}" if row.asked else "-",
            f"{row.low:.1%} - {row.high:.1%}",
            _seconds(row.latency_p50),
            _seconds(row.latency_p90),
            format_usd(PicoDollars(row.cost // row.asked), 6) if row.asked else "-",
            "the measure" if row.first and not row.worse else "WORSE" if row.worse else "holds",
        ]
        for row in rows
    ]
    print_table(columns, cells)
    for row in rows:
        if row.failures:
            sys.stderr.write(f"{row.pair} did not answer: {', '.join(row.failures[:5])}.\n")


def _as_json(route: str, tag: str, rows: Sequence[Row], trials: Sequence[Trial]) -> str:
    sources = [
        {
            **{name: getattr(row, name) for name in row.__slots__ if name != "cost"},
            "cost_usd": f"{usd(row.cost):f}",
        }
        for row in rows
    ]
    refused = [
        {"line": trial.prompt.line, "source": trial.pair, "why": trial.why or "not acceptable"}
        for trial in trials
        if not trial.accepted
    ]
    whole = {"route": route, "tag": tag, "sources": sources, "refused": refused}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
