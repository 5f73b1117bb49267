"""Says what a call of a tool would get, and why, without making it."""

import json as json_text
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tollway.cli.table import printable
from tollway.errors import Fault, FaultsFound, unknown
from tollway.guard.tools.judge import Call, Mark, Ruling, Standing, judge
from tollway.guard.tools.request import Request
from tollway.guard.tools.rules import ready
from tollway.inspect.fleetfile import read_fleet
from tollway.tools.house import lock_of, settings_of
from tollway.tools.lock import read_lock
from tollway.tools.service import SEPARATOR

_WORDS = {"allow": "It would run.", "ask": "A person would be asked.", "deny": "It is refused."}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which call, of whom, after what."""

    call: str
    fleet: Path
    request: str | None
    tenant: str
    after: tuple[str, ...]


def print_explanation(asked: Asked, *, json: bool) -> int:
    """Print the ruling; 1 where the call would not just run."""
    fleet = read_fleet(asked.fleet)
    settings = settings_of(fleet, asked.fleet)
    if asked.tenant and asked.tenant not in fleet.tenants:
        raise FaultsFound([unknown(asked.tenant, fleet.tenants, "--tenant")])
    name, arguments = _read(asked.call)
    server, _, tool = name.partition(SEPARATOR)
    lock = lock_of(settings, asked.fleet)
    pin = read_lock(lock).get(server, {}).get(tool) if lock.exists() else None
    if pin is None:
        sys.stderr.write(f"{printable(name)}: is not pinned, so it is refused as long.\n")
    call = Call(server, tool, arguments, asked.tenant, {} if pin is None else pin.input_schema)
    request = None if asked.request is None else Request(asked.request)
    standing = Standing(request, _marks(asked.after), frozenset(), {})
    ruling = judge(settings, ready(settings.rules), call, standing)
    _print(call, ruling, json=json)
    return 0 if ruling.action == "allow" and pin is not None else 1


def _marks(after: tuple[str, ...]) -> frozenset[Mark]:
    known: tuple[Mark, ...] = ("untrusted", "sensitive", "effect")
    for word in after:
        if word not in (*known, "nothing"):
            raise FaultsFound([unknown(word, (*known, "nothing"), "--after")])
    if not after:
        return frozenset({"untrusted", "sensitive"})
    return frozenset(it for it in known if it in after)


def _print(call: Call, ruling: Ruling, *, json: bool) -> None:
    if json:
        told = {
            "tool": call.place, "action": ruling.action, "rule": ruling.rule,
            "reasons": list(ruling.reasons),
        }  # fmt: skip
        sys.stdout.write(json_text.dumps(told, indent=2) + "\n")
        return
    rule = "the default" if ruling.rule is None else f'rule "{ruling.rule}"'
    sys.stdout.write(f"{printable(call.place)}: {ruling.action}, by {rule}. ")
    sys.stdout.write(f"{_WORDS[ruling.action]}\n")
    sys.stdout.write("".join(f"  {printable(reason)}\n" for reason in ruling.reasons))


def _read(file: str) -> tuple[str, dict[str, Any]]:
    place = "standard input" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        read = cast("object", json_text.loads(text))
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        fault = Fault(place, f"cannot be read: {why}", "Name a JSON file.")
        raise FaultsFound([fault]) from None
    except ValueError:
        raise FaultsFound([Fault(place, "is not JSON", _SHAPE)]) from None
    told = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    name, arguments = told.get("tool"), told.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise FaultsFound([Fault(place, "is no call", _SHAPE)])
    return name.replace("/", SEPARATOR, 1), cast("dict[str, Any]", arguments)


_SHAPE = 'Write {"tool": "SERVER__TOOL", "arguments": {...}}.'
