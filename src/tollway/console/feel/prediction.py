"""A prediction that is felt: the question as the Twin page reads it, the answer as a stream.

Rules
1. What is asked is checked by the code that checks it for Twin, so that a link from there is
   understood, and is answered with the same numbers.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from starlette.datastructures import QueryParams

from tollway.console.hand import Job
from tollway.console.twin.grids import is_over, name_of
from tollway.console.twin.query import COUNTS, WORDS, read
from tollway.console.twin.shown import OVER
from tollway.errors import Fault, FaultsFound, TollwayError

USUAL = {"users": "64", "input": "1024", "output": "1024", "tp": "1"}
"""What is taken where the address says nothing."""


def job_of(said: QueryParams, ledger: str) -> Job:
    """The question of an address.

    Raises:
        FaultsFound: parts of it are not understood.
    """
    by = "rate" if said.get("rate") else "users"
    names = {
        "model": "model",
        "in": "input",
        "out": "output",
        "prefix": "prefix",
        "at": by,
        **{f"{name}1": name for name in (*COUNTS, *WORDS)},
    }
    typed = {its: said.get(mine) or USUAL.get(mine, "") for its, mine in names.items()}
    query = read({**typed, "by": by}, "")
    missing = [
        Fault(name, "is not named", "Name one of the catalogue.")
        for name in ("model", "chip")
        if not said.get(name)
    ]
    faults = [Fault(names[its], words) for its, words in query.faults.items()]
    if missing or faults:
        raise FaultsFound([*missing, *faults])
    prefix, given, made = query.prefix or 0.0, query.input or 1, query.output or 1
    return Job(replace(query.set_ups[1], prefix=prefix), given, made, (query.load(),), ledger)


def felt(job: Job, found: Mapping[str, Any]) -> dict[str, object]:
    """A stream's figures, of what `tollway predict --json` says.

    Raises:
        TollwayError: there is no answer.
    """
    if found["ttft_s"] is None:
        raise TollwayError(" ".join(found["refused"]))
    speed, wait = found["user_tokens_s"], found["ttft_s"]
    rate, users = found["rate"], found["concurrency"]
    load = f"{users:,} users" if rate is None else f"{rate:g} requests a second"
    given, made = found["input_tokens"], found["output_tokens"]
    over = f" {OVER}" if is_over(dict(found)) else ""
    return {
        "name": f"{job.set_up.model} on {name_of(job.set_up)}",
        "rate": speed["value"],
        "low": speed["low"],
        "high": speed["high"],
        "ttft": wait["value"],
        "ttft_low": wait["low"],
        "ttft_high": wait["high"],
        "firsts": [wait["value"]],
        "origin": f"predicted (provenance: {found['provenance']}) with {load} of {given:,} "
        f"tokens in and {made:,} out; 80% interval {speed['low']:.1f} to {speed['high']:.1f} "
        f"tokens/s, TTFT {wait['low']:.2f} to {wait['high']:.2f} s.{over}",
    }
