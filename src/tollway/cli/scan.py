"""`tollway scan`: a first answer out of what is on this machine already.

Rules
1. Nothing is sent anywhere, no key is needed, and no text of a prompt or an answer is printed,
   saved or kept.
2. Paths of projects are shown only with --show-paths.
3. Exit code 1 means that nothing could be read.
"""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound, unknown

if TYPE_CHECKING:
    from tollway.cli.scan_report import Report

EXIT_NOTHING = 1
EXIT_INTERRUPTED = 130


def scan(
    *paths: Path,
    since: str | None = None,
    until: str | None = None,
    by: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    against: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    silicon: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    save: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    show_paths: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what the AI tools on this machine used, what it cost, and what it would elsewhere.

    Exit code 0: read. 1: nothing could be read.

    Parameters
    ----------
    paths
        Files, or folders of them: session logs of Claude Code, Codex and Gemini CLI, usage and cost
        exports of OpenAI and Anthropic, LiteLLM's spend table, vLLM's logs. Default: the folders of
        those three tools in your home.
    since
        From when on: 2026-11-22, 7d, today, month. Default: the beginning.
    until
        Until when, written likewise; that moment itself is left out. Default: the end.
    by
        day, model, project or tool, or several: day,model. Default: by model, and by day.
    against
        A model to compare with, as PROVIDER:MODEL of the catalogue. Again for more. Default: ten.
    silicon
        Chips to compare with, as 8xh200:MODEL with a model of the catalogue. Again for more.
        Default: two.
    save
        Write a fleet file and a trace into this folder, for `tollway check` and `simulate`.
    force
        Replace files that are there.
    show_paths
        Show whole paths of projects and files.
    json
        Print one JSON object.
    """
    from tollway.cli.scan_progress import Progress
    from tollway.cli.scan_report import Wanted, report_of
    from tollway.hindsight.records import Gaps
    from tollway.inspect.logfiles import find_logs
    from tollway.inspect.logreading import Reading

    now = time.time()
    wanted = Wanted(
        by=_dimensions(by),
        since=_moment(since, "--since", now),
        until=_moment(until, "--until", now),
        against=against,
        silicon=silicon,
        now=now,
    )
    gaps = Gaps()
    files = find_logs(_there(paths), Path.home(), os.environ, gaps)
    reading = Reading(gaps)
    with Progress(sum(file.size for file in files)) as progress:
        reading.read(files, progress.read)
    report = report_of(reading, wanted)
    if not report.calls and not report.bills:
        sys.stderr.write(_nothing(report, bool(paths), show_paths))
        return EXIT_INTERRUPTED if reading.stopped else EXIT_NOTHING
    _show(report, json=json, show_paths=show_paths)
    if save is not None:
        from tollway.cli.scan_save import save_into

        sys.stderr.write(save_into(save, report, replace=force))
    return EXIT_INTERRUPTED if reading.stopped else 0


def _there(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    mend = "Name a file, or a folder of files, that is there."
    faults = [Fault(str(path), "is not there", mend) for path in paths if not path.exists()]
    if faults:
        raise FaultsFound(faults)
    return paths


def _moment(text: str | None, option: str, now: float) -> float | None:
    from tollway.ledger.moments import past

    return None if text is None else past(text, option, now)


def _dimensions(by: tuple[str, ...]) -> tuple[str, ...]:
    from tollway.hindsight.money import DIMENSIONS

    words = tuple(dict.fromkeys(word for part in by for word in part.split(",") if word))
    faults = [unknown(word, DIMENSIONS, "--by") for word in words if word not in DIMENSIONS]
    if faults:
        raise FaultsFound(faults)
    return words


def _show(report: "Report", *, json: bool, show_paths: bool) -> None:
    if json:
        from tollway.cli.scan_json import as_json

        sys.stdout.write(as_json(report, show_paths=show_paths))
    else:
        from tollway.cli.scan_table import print_report

        print_report(report, show_paths=show_paths)
    if report.stopped:
        sys.stderr.write("Stopped: these are the files read until then.\n")


def _nothing(report: "Report", named: bool, show_paths: bool) -> str:
    from tollway.cli.scan_table import unread_lines

    lines = unread_lines(report, show_paths=show_paths)
    if report.read and report.left_out:
        why = f"{report.left_out:,} requests were read, and none of them is in that time.\n"
    elif named:
        why = "tollway scan: nothing in there could be read as usage.\n"
    else:
        why = (
            "tollway scan: found no sessions of Claude Code (~/.claude), Codex (~/.codex) or "
            "Gemini CLI (~/.gemini). Name a file or folder: an export of OpenAI's or Anthropic's "
            "console, a LiteLLM spend table, a vLLM log.\n"
        )
    return "".join([why, *(f"{line}\n" for line in lines)])
