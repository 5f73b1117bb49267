"""`tollway run`: an agent, or any command, in a fresh sandbox whose only exits are Tollway's.

Rules
1. Standard output and error are the command's; words of ours go to standard error, one line at the
   end. The exit code is the command's; 124 is time, 125 a bound or a
   sandbox that broke, 127 no such command.
2. The tier is the one that was asked for, or nothing runs.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean, unknown
from tollway.sandbox.order import Limits, Mount, Streams, Tier, TierName

if TYPE_CHECKING:
    from tollway.fleet.sandboxing import SandboxSettings
    from tollway.gateway.offer import Offer
    from tollway.ledger.guarded.book import GuardBook
    from tollway.ledger.guarded.runs import Run
    from tollway.sandbox.session import Wanted

_NO_FLAG = Parameter(negative="")
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
_ENDING = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class _Means:
    """See `session.Means`."""

    folder: Path
    book: "GuardBook"
    offer: "Offer"
    tier: Tier
    utc: Callable[[], float]


def run(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    tier: TierName | None = None,
    require: TierName | None = None,
    template: str | None = None,
    task: str | None = None,
    tenant: str | None = None,
    key: str | None = None,
    allow_tool: Annotated[tuple[str, ...], _NO_FLAG] = (),
    no_tools: Annotated[bool, _NO_FLAG] = False,
    mount: Annotated[tuple[str, ...], _NO_FLAG] = (),
    out: Annotated[tuple[str, ...], _NO_FLAG] = (),
    env: Annotated[tuple[str, ...], _NO_FLAG] = (),
    limit: Annotated[tuple[str, ...], _NO_FLAG] = (),
    quiet: Annotated[bool, _NO_FLAG] = False,
    state: str | None = None,
) -> int:
    """Run an agent in a fresh sandbox whose only way out is the gateway, and leave a receipt.

    Parameters
    ----------
    command
        The command, behind --. It starts in /workspace, which is empty and gone at the end.
    tier
        ns: namespaces of this machine's kernel; vm: a virtual machine. Default: sandbox.tier of the
        fleet file.
    require
        vm: run in a vm or not at all, whatever else says otherwise.
    template
        What a vm starts from: a name of `tollway sandbox build`. Default: sandbox.template of the
        fleet file.
    task
        What the user asks for, in the user's words. People and addresses in it may be used.
    tenant
        Who pays. Default: the only tenant with a key.
    key
        The id of the virtual key that pays for models. Default: the tenant's only one.
    allow_tool
        Only this tool, SERVER/TOOL. Again for more. Default: what the fleet file allows.
    no_tools
        No tool at all.
    mount
        SRC:DST shows a file or folder of this machine at DST; SRC:DST:rw lets it be written (ns).
    out
        PATH[:DEST]: keep /workspace/PATH at the end, as DEST, which must not be there yet. Default:
        the same name here.
    env
        NAME takes a variable along, NAME=VALUE sets one. No secrets: see `tollway secrets`.
    limit
        KEY=VALUE: a bound of [sandbox] for this run, as memory=512MiB or time=10m.
    quiet
        No line about the receipt at the end.
    state
        The state folder of the running gateway. Default: $TOLLWAY_STATE, else .tollway here, else
        the user's.
    """
    from tollway.gateway.admin_client import ask_offer
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
    from tollway.ledger.state import ADMIN_SOCKET, state_folder
    from tollway.sandbox.session import Wanted

    if not command:
        raise FaultsFound([Fault("run", "has no command", "Write one: tollway run -- COMMAND")])
    if no_tools and allow_tool:
        raise FaultsFound([Fault("--no-tools", "and --allow-tool exclude each other", "Use one.")])
    mounts, outs = tuple(map(_mount, mount)), tuple(map(_out, out))
    variables = dict(map(_variable, env))
    folder = state_folder(state, os.environ)
    offer = ask_offer(folder / ADMIN_SOCKET)
    payer, pays = _payer(offer, tenant, key)
    wanted = Wanted(
        tenant=payer,
        key=pays,
        request=task,
        argv=command,
        tools=() if no_tools else (allow_tool or None),
        variables=variables,
        mounts=mounts,
        outs=outs,
        limits=_limits(offer.settings, limit),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
    )
    chosen = _tier(offer.settings, tier, require, template)
    with closing(GuardBook(folder / GUARD_BOOK)) as book:
        means = _Means(folder, book, offer, chosen, time.time)
        over = asyncio.run(_run(wanted, means))
    return _told(over, folder, quiet=quiet)


async def _run(wanted: "Wanted", means: _Means) -> "Run":
    from tollway.sandbox.session import Session

    loop = asyncio.get_running_loop()
    session = Session(wanted, means, Streams())
    for number in _FORWARDED:
        loop.add_signal_handler(number, session.signal, number)
    for number in _ENDING:
        loop.add_signal_handler(number, session.stop, number)
    return await session.run()


def _told(over: "Run", folder: Path, *, quiet: bool) -> int:
    ending = over.ending
    if ending is None:
        raise TollwayError(f"run {over.task}: has no end.")
    if ending.words:
        sys.stderr.write(f"tollway run: {ending.words}\n")
    for path, why in list(ending.refused.items())[:20]:
        sys.stderr.write(f"tollway run: not kept: {path}: {why}\n")
    if not quiet:
        from tollway.cli.run_receipt import summary

        sys.stderr.write(f"{summary(over, folder)}\n")
    return ending.code


def _tier(
    settings: "SandboxSettings",
    asked: TierName | None,
    require: TierName | None,
    template: str | None = None,
) -> Tier:
    least: TierName = "vm" if "vm" in (require, settings.require) else "ns"
    name = asked or ("vm" if least == "vm" else settings.tier)
    if name == "ns" and least == "vm":
        whose = "--require" if require == least else "sandbox.require of the fleet file"
        mend = f"Leave --tier out, or write --tier {least}."
        raise FaultsFound([Fault("--tier", f"is {name}, and {whose} is {least}", mend)])
    if name == "ns":
        from tollway.sandbox.ns.tier import tier as ns_tier

        return ns_tier()
    from tollway.sandbox.vm.template import folder_of_templates
    from tollway.sandbox.vm.tier import tier as vm_tier

    return vm_tier(folder_of_templates(), name=template or settings.template)


def _payer(offer: "Offer", tenant: str | None, key: str | None) -> tuple[str, str]:
    keys = offer.keys
    if tenant is None:
        able = [name for name, own in keys.items() if own and (key is None or key in own)]
        if len(able) != 1:
            problem = "is not said" if able else "is not said, and no tenant has such a key"
            mend = f"Name one: {', '.join(able or keys)}. `tollway keys create` makes a key."
            raise FaultsFound([Fault("--tenant", problem, mend)])
        tenant = able[0]
    if tenant not in keys:
        raise FaultsFound([unknown(tenant, keys, "--tenant")])
    own = keys[tenant]
    if key is not None and key not in own:
        hint = did_you_mean(key, own) or "`tollway keys list` shows the ids."
        raise FaultsFound([Fault("--key", f"{key[:20]} is no living key of {tenant}", hint)])
    if key is None and len(own) != 1:
        mend = f"Name one: {', '.join(own)}." if own else "`tollway keys create` makes one."
        raise FaultsFound([Fault("--key", f"is not said, and {tenant} has {len(own)} keys", mend)])
    return tenant, key or own[0]


def _limits(settings: "SandboxSettings", said: tuple[str, ...]) -> Limits:
    from tollway.cli.run_limits import limit_of

    names = [it.name for it in fields(Limits)]
    usual = Limits(**{name: getattr(settings, name) for name in names})
    return replace(usual, **dict(limit_of(one, names) for one in said))


def _mount(said: str) -> Mount:
    words, writable = (said[:-3], True) if said.endswith(":rw") else (said, False)
    source, _, target = words.rpartition(":")
    if not source or not target.startswith("/"):
        raise FaultsFound(
            [Fault("--mount", f'"{said}" is not SRC:DST', "Write /here/data:/data, or with :rw.")]
        )
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise FaultsFound([Fault("--mount", f"{path}: there is no such path", "Check SRC.")])
    return Mount(path, target, writable)


def _out(said: str) -> tuple[str, Path]:
    inside, _, into = said.partition(":")
    inside = inside.removeprefix("/workspace/")
    path = Path(into or Path(inside).name).expanduser().absolute()
    if not inside or inside.startswith("/") or ".." in inside.split("/"):
        mend = "Write a path below /workspace, as report.md or report.md:/here/report.md."
        raise FaultsFound([Fault("--out", f'"{said}" is not below /workspace', mend)])
    if os.path.lexists(path):
        mend = f"Name another: --out {inside}:DEST."
        raise FaultsFound([Fault("--out", f"{path} is there already", mend)])
    return inside, path


def _variable(said: str) -> tuple[str, str]:
    name, given, value = said.partition("=")
    if not name.isidentifier() or not name.isascii():
        raise FaultsFound([Fault("--env", f'"{name[:40]}" is no name', "Write NAME=VALUE.")])
    if given:
        return name, value
    if name not in os.environ:
        raise FaultsFound([Fault("--env", f"{name} is not set here", f"Write {name}=VALUE.")])
    return name, os.environ[name]
