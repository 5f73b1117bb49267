"""Make, list and revoke the virtual keys that clients present.

Rules
1. A key is printed once, alone on standard output; no other command can show it again.
2. A running gateway heeds a new or a revoked key within about half a second.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tollway.cli.invocation import this_command
from tollway.cli.running import read_running
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, unknown
from tollway.fleet.objects import Budget, Fleet, KeyTerms, Limits
from tollway.fleet.quantities import MalformedError, money
from tollway.ledger.keys import KeyRecord, key_digest, key_id, new_key
from tollway.ledger.moments import future, stamp
from tollway.ledger.sqlite import open_for_keys, open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import PicoDollars, format_usd, usd

keys = App(name="keys", help="Make, list and revoke the virtual keys that clients present.")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@ -]{0,63}")
_NO_FLAG = Parameter(negative="")


@keys.command
def create(
    *,
    tenant: str,
    name: str = "",
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    concurrency: int | None = None,
    day: str | None = None,
    month: str | None = None,
    overdraft: str = "0",
    expires: str | None = None,
    class_: Annotated[Literal["interactive", "batch"] | None, Parameter(name="--class")] = None,
    route: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Make a virtual key and print it, once.

    Parameters
    ----------
    tenant
        The tenant who pays. Its own limits and budget hold beside the key's.
    name
        What the key is for, in your words.
    requests_per_minute
        Most requests a minute. Default: as the tenant.
    tokens_per_minute
        Most tokens a minute, input and output. Default: as the tenant.
    concurrency
        Most requests at a time. Default: as the tenant.
    day
        Budget a UTC day in USD, for example 1.00. Default: as the tenant.
    month
        Budget a UTC month in USD. Default: as the tenant.
    overdraft
        By how much, in USD, settled cost may pass a budget.
    expires
        When the key ends: 30d, or a UTC date such as 2027-01-31. Default: never.
    class_
        What its requests are. Default: as the tenant.
    route
        Routes that it may use; may be given several times. Default: as the tenant.
    fleet
        A fleet file, to check tenant and routes against and to find the ledger by.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    now = time.time()
    declared = _declared(fleet)
    limits = Limits(requests_per_minute, tokens_per_minute, concurrency)
    budget, faults = _budget(day, month, overdraft)
    routes = None if route is None else tuple(dict.fromkeys(route))
    faults += [*_limit_faults(limits), *_name_faults(tenant, name, routes, declared)]
    if faults:
        raise FaultsFound(faults)
    key = new_key()
    record = KeyRecord(
        KeyTerms(key_id(key), tenant, limits, budget, class_, routes),
        name,
        key_digest(key.encode()),
        now,
        None if expires is None else future(expires, "--expires", now),
    )
    path = _ledger(fleet, declared, ledger, state)
    with closing(open_for_keys(path)) as store:
        store.add_key(record)
    if fleet is None and ledger is None:
        _warn_of_undeclared(tenant, state_folder(state, os.environ))
    if json:
        _print_json({"key": key, **_facts(record, now)})
    else:
        sys.stdout.write(f"{key}\n")
    sys.stderr.write(
        f"Key {record.id} of tenant {tenant} is in {path}. It is shown this once: the ledger "
        "keeps only its hash.\n"
    )
    return 0


@keys.command(name="list")
def list_keys(
    *,
    tenant: str | None = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """List keys with their terms and what they have spent; never a secret.

    Parameters
    ----------
    tenant
        Only keys of this tenant.
    fleet
        A fleet file, to find the ledger by.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print a JSON list.
    """
    now = time.time()
    with closing(open_reader(_ledger(fleet, _declared(fleet), ledger, state))) as store:
        records = store.keys()
        spent = {line.key: (line.day, line.month) for line in store.opening(now, now).spent}
    records = tuple(r for r in records if tenant is None or r.tenant == tenant)
    if json:
        _print_json([_facts(r, now, spent.get(r.id, (0, 0))) for r in records])
        return 0
    if not records:
        folder = state_folder(state, os.environ) if fleet is None and ledger is None else None
        create = this_command("keys create --tenant NAME", folder)
        sys.stderr.write(f"No keys. `{create}` makes one.\n")
        return 0
    columns = [Column(word) for word in ("id", "tenant", "name", "created", "state", "terms")]
    columns += [Column("today", number=True), Column("this month", number=True)]
    rows = [
        [*_cells(record, now), *(format_usd(amount) for amount in spent.get(record.id, (0, 0)))]
        for record in records
    ]
    print_table(columns, rows)
    return 0


@keys.command
def revoke(
    key: str,
    /,
    *,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
) -> int:
    """End a key for good. What it has spent stays in the books.

    Parameters
    ----------
    key
        The key's id, as `tollway keys list` shows it.
    fleet
        A fleet file, to find the ledger by.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    path = _ledger(fleet, _declared(fleet), ledger, state)
    open_reader(path).close()  # a mistyped path is an error here, and not a new ledger
    with closing(open_for_keys(path)) as store:
        if store.revoke_key(key, time.time()):
            sys.stderr.write(f"Key {key} is revoked.\n")
            return 0
        records = store.keys()
    if key.startswith("tw_"):
        # Not repeated: it may be a whole key, secret and all.
        raise TollwayError("keys revoke: takes a key's id, the 8 characters after tw_.")
    hint = (
        did_you_mean(key, [record.id for record in records]) or "`tollway keys list` shows the ids."
    )
    raise TollwayError(f'keys revoke: "{key}" is not the id of a key in {path}. {hint}')


def _declared(fleet: Path | None) -> Fleet | None:
    if fleet is None:
        return None
    from tollway.inspect.fleetfile import read_fleet

    return read_fleet(fleet)


def _warn_of_undeclared(tenant: str, folder: Path) -> None:
    """A key of a tenant that the fleet running in this state folder doesn't declare: it may yet."""
    from tollway.inspect.fleetfile import read_fleet

    try:
        running = read_running(folder)
        tenants = {} if running is None else read_fleet(running.fleet).tenants
    except TollwayError:
        return  # the key is made all the same
    if running is not None and tenant not in tenants:
        place = f"--tenant, by the fleet that runs here ({running.fleet}),"
        sys.stderr.write(f"warning: {unknown(tenant, tenants, place)}\n")


def _ledger(path: Path | None, fleet: Fleet | None, ledger: str | None, state: str | None) -> Path:
    """--ledger, else the fleet file's own ledger, else the one in the state folder."""
    if ledger is None and path is not None and fleet is not None:
        folder = path.absolute().parent if state is None else state_folder(state, os.environ)
        return folder / fleet.gateway.ledger
    return ledger_path(ledger, state, os.environ)


def _budget(day: str | None, month: str | None, overdraft: str) -> tuple[Budget, list[Fault]]:
    amounts: dict[str, PicoDollars] = {}
    faults: list[Fault] = []
    for option, text in (("day", day), ("month", month), ("overdraft", overdraft)):
        if text is None:
            continue
        try:
            amounts[option] = money(text)
        except MalformedError as error:
            faults.append(Fault(f"--{option}", error.problem, error.mend))
    return Budget(**amounts), faults


def _limit_faults(limits: Limits) -> Iterator[Fault]:
    for option in ("requests_per_minute", "tokens_per_minute", "concurrency"):
        value: int | None = getattr(limits, option)
        if value is not None and not 0 < value < 2**53:
            place = "--" + option.replace("_", "-")
            yield Fault(place, f"is {value}", "A limit is one or more; leave it out for none.")


def _name_faults(
    tenant: str, name: str, routes: tuple[str, ...] | None, fleet: Fleet | None
) -> Iterator[Fault]:
    mend = "Use up to 64 letters, digits, spaces and _ . : @ -"
    if not _NAME.fullmatch(tenant):
        yield Fault("--tenant", f"is {tenant[:80]!a}", mend)
    if name and not _NAME.fullmatch(name):
        yield Fault("--name", f"is {name[:80]!a}", mend)
    if fleet is not None:
        if tenant not in fleet.tenants:
            yield unknown(tenant, fleet.tenants, "--tenant")
        for route in routes or ():
            if route not in fleet.routes:
                yield unknown(route, fleet.routes, "--route")


def _status(record: KeyRecord, now: float) -> str:
    if record.revoked is not None:
        return "revoked"
    return "expired" if record.expires is not None and now >= record.expires else "active"


def _cells(record: KeyRecord, now: float) -> list[str]:
    state = _status(record, now)
    if state == "active" and record.expires is not None:
        state = f"until {stamp(record.expires)[:10]}"
    created = stamp(record.created)[:10]
    return [record.id, record.tenant, record.name, created, state, _terms(record.terms)]


def _terms(terms: KeyTerms) -> str:
    limits, budget = terms.limits, terms.budget
    said = [
        (limits.requests_per_minute, "{:,} requests/min"),
        (limits.tokens_per_minute, "{:,} tokens/min"),
        (limits.concurrency, "{:,} at a time"),
        (budget.day and format_usd(budget.day, 2), "{}/day"),
        (budget.month and format_usd(budget.month, 2), "{}/month"),
        (terms.request_class, "{}"),
        (terms.routes and " ".join(terms.routes), "only {}"),
    ]
    return ", ".join(words.format(value) for value, words in said if value is not None)


def _facts(record: KeyRecord, now: float, spent: tuple[int, int] = (0, 0)) -> dict[str, object]:
    terms = record.terms
    return {
        "id": record.id,
        "tenant": record.tenant,
        "name": record.name,
        "state": _status(record, now),
        "created": stamp(record.created),
        "expires": None if record.expires is None else stamp(record.expires),
        "revoked": None if record.revoked is None else stamp(record.revoked),
        "requests_per_minute": terms.limits.requests_per_minute,
        "tokens_per_minute": terms.limits.tokens_per_minute,
        "concurrency": terms.limits.concurrency,
        "day_usd": _exact(terms.budget.day),
        "month_usd": _exact(terms.budget.month),
        "overdraft_usd": _exact(terms.budget.overdraft),
        "class": terms.request_class,
        "routes": terms.routes,
        "spent_today_usd": _exact(spent[0]),
        "spent_this_month_usd": _exact(spent[1]),
    }


def _exact(amount: int | None) -> str | None:
    return None if amount is None else f"{usd(amount):f}"


def _print_json(value: object) -> None:
    import json

    sys.stdout.write(json.dumps(value, indent=2) + "\n")
