"""Writes what `tollway scan` has read as a fleet file and a trace."""

import shlex
from pathlib import Path

from tollway.cli.scan_report import Report
from tollway.errors import TollwayError
from tollway.hindsight.money import ALIASES
from tollway.hindsight.saved import Endpoint, fleet_text, in_trace, trace_lines
from tollway.inspect.newfile import write_new, write_new_lines
from tollway.inspect.providers import provider_table

FLEET, TRACE = "fleet.toml", "trace.jsonl"


def save_into(folder: Path, report: Report, *, replace: bool) -> str:
    """Write both files; the words that say so.

    Raises:
        TollwayError: nothing can be in a trace, or a file is there already.
    """
    calls = in_trace(report.calls)
    if not calls:
        raise TollwayError(
            "tollway scan --save: exports and averages tell of no single request, so that there is "
            "no trace to write. Add session logs or a LiteLLM spend table."
        )
    folder.mkdir(parents=True, exist_ok=True)
    fleet, trace = folder / FLEET, folder / TRACE
    write_new(fleet, fleet_text(calls, report.prices, _endpoints(), report.taken), replace=replace)
    write_new_lines(trace, trace_lines(calls), replace=replace)
    one, other = shlex.quote(str(fleet)), shlex.quote(str(trace))
    return (
        f"Wrote {fleet} and {trace}: {len(calls):,} requests, without text. Next:\n"
        f"  tollway check {one} && tollway simulate {one} --trace {other}\n"
    )


def _endpoints() -> dict[str, Endpoint]:
    """Where the providers that `tollway init` knows answer, by the catalogue's names."""
    return {
        ALIASES.get(one.name, one.name): Endpoint(one.url, one.variable)
        for one in provider_table().providers
    }
