"""`tollway tasks`: open a task for an agent, list tasks, end one.

Rules
1. A task's token is printed once, on standard output; no other command can show it again.
2. A task that is over is refused everywhere at once.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, unknown

tasks = App(name="tasks", help="Open a task for an agent, list tasks, end one.")

_NO_FLAG = Parameter(negative="")
_LONGEST = 64 * 1024
"""Bytes of a user's request."""


@tasks.command(name="open")
def open_task(
    *,
    tenant: str,
    request: str | None = None,
    key: str | None = None,
    lasts: str = "1h",
    fleet: Path | None = None,
    ca_out: Path | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Open a task and print its token, once, with what an agent's environment needs.

    Parameters
    ----------
    tenant
        Whose task it is.
    request
        What its user asks for, or @FILE. Recipients and addresses that stand in it may be used.
    key
        The id of the virtual key that pays for its models.
    lasts
        How long it may run, for example 30m.
    fleet
        A fleet file, to check the tenant against and to find proxy and tools by.
    ca_out
        Write the certificate there that the task's programs are to trust; the proxy must run.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    from tollway.ledger.guarded.tasks import Tasks
    from tollway.ledger.moments import future

    now = time.time()
    until = future(lasts, "--lasts", now)
    declared = _declared(fleet, tenant)
    wanted = None if request is None else _request(request)
    with _book(state) as book:
        task, token = Tasks(book).open(tenant, now, until - now, wanted, key)
        sentinels = _sentinels(book, declared, task)
    if ca_out is not None:
        _write_ca(state, task.id, ca_out)
    variables = _environment(declared, token, ca_out) | sentinels
    if json:
        _print_json({**_facts(task, now), "token": token, "environment": variables})
        return 0
    sys.stdout.write(f"{token}\n")
    lines = [f"  export {name}={value}\n" for name, value in variables.items()]
    hint = "For its agent:\n" + "".join(lines) if lines else ""
    if declared is not None and declared.egress is not None and ca_out is None:
        hint += f"The certificate that it is to trust: tollway tasks ca {task.id} > ca.pem\n"
    sys.stderr.write(f"Task {task.id} of tenant {tenant} is open. The token is shown this once.\n")
    sys.stderr.write(hint)
    return 0


@tasks.command(name="list")
def list_tasks(
    *,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """List tasks, the latest first, with what each has met.

    Parameters
    ----------
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print a JSON list.
    """
    from tollway.cli.table import Column, print_table, printable
    from tollway.ledger.guarded.tasks import Tasks
    from tollway.ledger.moments import stamp

    now = time.time()
    with _book(state) as book:
        found = Tasks(book).all()
        met = {task.id: Tasks(book).marks(task.id) for task in found}
    if json:
        _print_json([{**_facts(it, now), "met": met[it.id]} for it in found])
        return 0
    if not found:
        sys.stderr.write("No tasks. `tollway tasks open --tenant NAME` opens one.\n")
        return 0
    columns = [Column(it) for it in ("id", "tenant", "state", "opened", "met", "request")]
    rows = [
        [it.id, it.tenant, _standing(it, now), stamp(it.opened), ", ".join(met[it.id]) or "-",
         printable((it.request or "-")[:60])]
        for it in found
    ]  # fmt: skip
    print_table(columns, rows)
    return 0


@tasks.command
def close(task: str, /, *, state: str | None = None) -> int:
    """End a task: its token, its secrets and its connections are refused from now on.

    Parameters
    ----------
    task
        Its id, as `tollway tasks list` shows it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from tollway.ledger.guarded.tasks import Tasks

    with _book(state) as book:
        known = Tasks(book)
        if known.close(task, time.time()):
            sys.stderr.write(f"Task {task} is over.\n")
            return 0
        ids = [it.id for it in known.all()]
    if task.startswith("tt_"):
        # Not repeated: it may be a whole token.
        raise TollwayError("tasks close: takes a task's id, the 8 characters after tt_.")
    hint = did_you_mean(task, ids) or "`tollway tasks list` shows the ids."
    raise TollwayError(f'tasks close: "{task[:40]}" is no task that runs. {hint}')


@tasks.command
def ca(task: str, /, *, state: str | None = None) -> int:
    """Print the certificate that a task's programs are to trust, from the running egress proxy.

    Parameters
    ----------
    task
        Its id, as `tollway tasks list` shows it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    sys.stdout.write(_pem(state, task))
    return 0


def _pem(state: str | None, task: str) -> str:
    from tollway.egress.admin import task_ca
    from tollway.ledger.state import state_folder

    return task_ca(state_folder(state, os.environ), task)


def _write_ca(state: str | None, task: str, path: Path) -> None:
    pem = _pem(state, task)
    try:
        path.write_text(pem)
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        raise FaultsFound([Fault("--ca-out", f"{path}: {why}", "Name another file.")]) from None


@contextmanager
def _book(state: str | None) -> Iterator[Any]:
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
    from tollway.ledger.state import state_folder

    with closing(GuardBook(state_folder(state, os.environ) / GUARD_BOOK)) as book:
        yield book


def _declared(fleet: Path | None, tenant: str) -> Any:
    if fleet is None:
        return None
    from tollway.inspect.fleetfile import read_fleet

    declared = read_fleet(fleet)
    if tenant not in declared.tenants:
        raise FaultsFound([unknown(tenant, declared.tenants, "--tenant")])
    return declared


def _request(words: str) -> str:
    if not words.startswith("@"):
        return words
    path = Path(words[1:])
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        raise FaultsFound([Fault("--request", f"{path}: {why}", "Name a text file.")]) from None
    except UnicodeDecodeError:
        raise FaultsFound([Fault("--request", f"{path}: is no text", "Name a text.")]) from None
    if len(data) > _LONGEST:
        fault = Fault("--request", f"{path}: is over {_LONGEST} bytes", "Say it shorter.")
        raise FaultsFound([fault])
    return text


def _sentinels(book: Any, fleet: Any, task: Any) -> dict[str, str]:
    """What the task gets in the place of secrets that it may use, by environment variable."""
    if fleet is None or not fleet.secrets:
        return {}
    from tollway.broker.broker import mint

    return dict(mint(book, fleet.secrets, task.id, task.tenant, task.opened))


def _environment(fleet: Any, token: str, trusted: Path | None) -> dict[str, str]:
    """What an agent's environment needs; `trusted` is where its certificate is, or will be."""
    found: dict[str, str] = {}
    if fleet is not None and fleet.tools is not None:
        found["TOLLWAY_MCP_URL"] = f"http://{_at(fleet.tools)}/mcp"
        found["TOLLWAY_TASK_TOKEN"] = token
    if fleet is not None and fleet.egress is not None:
        from tollway.egress.environment import environment

        proxy = f"http://task:{token}@{_at(fleet.egress)}"
        found |= environment(proxy, str((trusted or Path("ca.pem")).absolute()))
    return found


def _at(settings: Any) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _standing(task: Any, now: float) -> str:
    if task.closed is not None:
        return "closed"
    return "expired" if now >= task.expires else "open"


def _facts(task: Any, now: float) -> dict[str, Any]:
    from tollway.ledger.moments import stamp

    return {
        "id": task.id,
        "tenant": task.tenant,
        "key": task.key,
        "state": _standing(task, now),
        "opened": stamp(task.opened),
        "expires": stamp(task.expires),
        "closed": None if task.closed is None else stamp(task.closed),
        "request": task.request,
    }


def _print_json(value: object) -> None:
    import json

    sys.stdout.write(json.dumps(value, indent=2) + "\n")
