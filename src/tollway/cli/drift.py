"""`tollway drift`: is the model behind a source still the one that was locked?

Rules
1. Exit 1 where a model differs from its baseline, is gone or ends soon; 3 where one could not be
   looked at; 0 only where every one was, and is as it was.
2. `baseline` and `check` ask the sources themselves, with their credentials, and need no gateway;
   what a gateway watches goes through it, and is in its ledger.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tollway.errors import Fault, FaultsFound, TollwayError, unknown

if TYPE_CHECKING:
    from tollway.fleet.objects import Fleet

drift = App(
    name="drift",
    help="Say whether the models behind sources are still those that were locked.",
)

_NO_FLAG = Parameter(negative="")


@drift.command
def baseline(
    model: str,
    /,
    *,
    out: Path | None = None,
    calls: int = 2500,
    temperature: float = 0.02,
    at_once: int = 4,
    fleet: Path | None = None,
    state: str | None = None,
) -> int:
    """Ask a source's model what it is to be held against later, and write it to a file.

    Where the source lists log-probabilities about 440 calls do; where it doesn't, prompts that are
    nearly a tie are searched for.

    Parameters
    ----------
    model
        SOURCE/MODEL, as the fleet file names them.
    out
        The file. Default: drift/SOURCE--MODEL.json beside the fleet file.
    calls
        Calls at most.
    temperature
        Of prompts that are nearly a tie, where there are no log-probabilities.
    at_once
        Calls at a time at most: 1, then 2, up to so many, since the baseline is to know what load
        does.
    fleet
        The fleet file. Default: that of the running gateway, else fleet.toml.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from secrets import randbelow

    from msgspec.structs import replace

    from tollway.gateway.watching.asker import Straight, drive
    from tollway.gateway.watching.listing import listed
    from tollway.gateway.watching.subjects import origin_of
    from tollway.inspect.baselines import usual_path
    from tollway.pins.drift.baseline import baseline_text
    from tollway.pins.drift.gathering import CannotWatchError, Plan, Subject, gather

    if not 500 <= calls <= 100_000:
        raise FaultsFound([Fault("--calls", f"is {calls}", "Write 500 or more.")])
    if not 0.0 <= temperature <= 2.0:
        raise FaultsFound([Fault("--temperature", f"is {temperature:g}", "Write 0 to 2.")])
    path, declared = _fleet(fleet, state)
    (name,) = _names(declared, (model,))
    origin, upstream_model = origin_of(declared, name)
    source, _, known = name.partition("/")
    plan = Plan(calls=calls, temperature=temperature, at_once=_at_once(at_once))
    subject = Subject(source, known, upstream_model, datetime.now(UTC).replace(microsecond=0))
    sys.stderr.write(f"Asking {name}, {calls} calls at most.\n")
    try:
        made = drive(
            gather(subject, plan, randbelow),
            Straight(origin, upstream_model),
        )
    except CannotWatchError as error:
        sys.stderr.write(f"{name} cannot be watched: {error}.\n")
        return 3
    models = listed(origin)
    made = replace(made, listed=models is not None and upstream_model in models)
    target = out or usual_path(path, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(baseline_text(made))
    sys.stderr.write(
        f"{made.calls} calls; method {made.method}, {len(made.stills or made.ties)} prompts. "
        "`tollway lock` takes the file into the lock.\n"
    )
    sys.stdout.write(f"{target}\n")
    return 0


@drift.command
def check(
    *models: str,
    level: float = 0.001,
    fleet: Path | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Hold models against their baselines now, once; exit 1 where one differs, 3 where one can't.

    Parameters
    ----------
    models
        SOURCE/MODEL. Default: every one of the fleet.
    level
        How often a model that is as it was may be called different: 0.001 is once in 1,000 checks.
    fleet
        The fleet file. Default: that of the running gateway, else fleet.toml.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    from tollway.cli.drift_report import as_json, print_findings
    from tollway.gateway.watching.checking import check_once

    if not 0.0 < level <= 0.5:
        raise FaultsFound([Fault("--level", f"is {level:g}", "Write 0.001.")])
    path, declared = _fleet(fleet, state)
    names = _names(declared, models)
    today = datetime.now(UTC).date()
    findings, rows = check_once(path, declared, names, level, today)
    if json:
        sys.stdout.write(as_json(findings, rows))
    else:
        print_findings(findings, rows)
    return findings.exit_code


@drift.command
def status(
    *,
    state: str | None = None,
    fleet: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say how the models stand that the gateway watches; exit 1 where one alarms, 3 where one is
    not watched.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    fleet
        The fleet file. Default: that of the running gateway, else fleet.toml.
    json
        Print one JSON object.
    """
    from tollway.cli.drift_report import as_json, print_findings
    from tollway.gateway.watching.checking import stand
    from tollway.gateway.watching.state import WatchState
    from tollway.ledger.state import state_folder

    path, declared = _fleet(fleet, state)
    folder = state_folder(state, os.environ)
    kept = WatchState(folder).read()
    findings, rows = stand(path, declared, kept, datetime.now(UTC).date())
    if json:
        sys.stdout.write(as_json(findings, rows))
    else:
        print_findings(findings, rows)
    return findings.exit_code


@drift.command
def clear(model: str, /, *, state: str | None = None, socket: Path | None = None) -> int:
    """End a model's alarm, and let its source be asked for it again.

    Parameters
    ----------
    model
        SOURCE/MODEL, as `tollway drift status` shows it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    socket
        The admin socket. Default: gateway.sock in the state folder.
    """
    from tollway.gateway.admin_client import order
    from tollway.gateway.watching.state import WatchState
    from tollway.ledger.state import ADMIN_SOCKET, state_folder
    from tollway.pins.drift.standing import cleared

    folder = state_folder(state, os.environ)
    # One lock over both, so that the watching process does not withdraw it again in between.
    with WatchState(folder).changing() as kept:
        if model not in kept.standings:
            raise FaultsFound([unknown(model, kept.standings, "MODEL")])
        kept.standings[model] = standing = cleared(kept.standings[model])
        kept.due.pop(model, None)
        kept.canaries.pop(model, None)
        source, _, name = model.partition("/")
        report = {"source": source, "model": name, "standing": standing.name, "said": "cleared"}
        order(socket or folder / ADMIN_SOCKET, "/drift", report)
    sys.stderr.write(f"{model} is cleared, and checked again at its next turn.\n")
    return 0


@drift.command
def watch(
    *,
    fleet: Path,
    state: str | None = None,
    until_eof: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Check models on the schedule of [drift], through the running gateway.

    `tollway serve` runs it where the fleet file has [drift].

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder of the gateway. Default: the fleet file's own folder.
    until_eof
        End when standard input does.
    """
    from tollway.gateway.watching.process import serve

    path = fleet.absolute()
    folder = Path(state).absolute() if state else path.parent
    return serve(path, folder, until_eof=until_eof)


def _fleet(fleet: Path | None, state: str | None) -> "tuple[Path, Fleet]":
    from tollway.cli.running import fleet_path
    from tollway.inspect.fleetfile import read_fleet
    from tollway.ledger.state import state_folder

    path = fleet_path(fleet, state_folder(state, os.environ))
    return path, read_fleet(path)


def _names(fleet: "Fleet", asked: tuple[str, ...]) -> list[str]:
    known = [f"{name}/{it}" for name, one in fleet.sources.items() for it in one.serves]
    faults = [unknown(it, known, "MODEL") for it in asked if it not in known]
    if faults:
        raise FaultsFound(faults)
    return sorted(set(asked) or known)


def _at_once(count: int) -> int:
    if not 1 <= count <= 64:
        raise TollwayError(f"--at-once is {count}. Write 1 to 64.")
    return count
