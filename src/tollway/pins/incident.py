"""What a bad component means for a fleet: since when it was there, what used it, what to rotate.

Rules
1. A component was there from the first lock that has it to the first later one that has not.
2. What a process could read is taken as read: a package runs where the gateway's requirements are
   installed and reads every credential there; a server of tools, and the package that it is of,
   reads its own secrets and nothing else of ours.
3. A lock that cannot be read is named, and clears nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tollway.fleet.credential import Credential
from tollway.fleet.objects import Fleet
from tollway.pins.component import Component, McpServer, ModelApi, called
from tollway.pins.finding import Unaudited
from tollway.pins.lock import Lock
from tollway.pins.sought import Sought


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as it was at a moment (None: now, and uncommitted). `lock` is None where it could not
    be read, and `why` says so; `origin` is a commit or a file."""

    at: datetime | None
    origin: str
    lock: Lock | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a component was in the lock: from `since` (None: nobody knows since when) until
    `until` (None: it still is, where `now` is true)."""

    component: Component
    since: datetime | None
    until: datetime | None
    now: bool


@dataclass(frozen=True, slots=True)
class Rotation:
    """A secret to make anew: what (`env:NAME`, a secret of the broker), and who could read it."""

    secret: str
    reader: str


@dataclass(frozen=True, slots=True)
class Reached:
    """What of the fleet uses the bad components. `sources` and `models` (`source/model`) are what
    the ledger is asked about; `everything` says that any request may have passed it."""

    parts: tuple[str, ...]
    models: tuple[str, ...]
    servers: tuple[str, ...]
    everything: bool
    rotations: tuple[Rotation, ...]
    fallbacks: tuple[str, ...]


def stays(what: Sought, history: Sequence[Held]) -> tuple[tuple[Stay, ...], tuple[Unaudited, ...]]:
    """When what is sought was in the lock, and what could not be looked at.

    `history` is in the order of time, the present lock last.
    """
    begun: dict[str, tuple[Component, datetime | None]] = {}
    found: list[Stay] = []
    left: dict[tuple[str, str], Unaudited] = {}
    for held in history:
        if held.lock is None:
            left[held.origin, ""] = Unaudited("ai.lock", held.origin, held.why)
            continue
        here: dict[str, Component] = {}
        for it in held.lock.component:
            match = what.matches(it)
            key = f"{called(it)}@{it.version}"
            if match == "yes":
                here[key] = it
            elif match == "unknown":
                why = "whether this release is meant cannot be told from its version"
                left["", key] = Unaudited(called(it), it.version or "version", why)
        for key in [it for it in begun if it not in here]:
            component, since = begun.pop(key)
            found.append(Stay(component, since, held.at, now=False))
        for key, component in here.items():
            begun.setdefault(key, (component, held.at))
    found += [Stay(component, since, None, now=True) for component, since in begun.values()]
    return tuple(found), tuple(left.values())


def reached(fleet: Fleet, lock: Lock | None, found: Sequence[Stay]) -> Reached:
    """What uses the components, and what they could read (rule 2)."""
    bad = {called(it.component): it.component for it in found}
    servers = _servers(lock, bad)
    models = sorted(it.name for it in bad.values() if isinstance(it, ModelApi))
    engines = [it for it in bad.values() if it.kind in ("weights", "runtime", "image")]
    if engines:
        models += [
            f"{source.name}/{model}"
            for source in fleet.sources.values()
            if source.kind != "api"
            for model in source.serves
        ]
    loose = [
        it
        for name, it in bad.items()
        if it.kind in ("pypi", "npm") and name not in servers.values()
    ]
    parts = [f"source {it}" for it in sorted({it.partition("/")[0] for it in models})]
    parts += [f"route {it}" for it in _routes(fleet, models)]
    parts += [f"tool server {it}" for it in servers]
    if loose:
        parts += ["the gateway's environment", "sandboxes that installed it"]
    if any(it.kind == "prompt" for it in bad.values()):
        parts.append("requests that carried the prompt")
    fallbacks = tuple(f"{name} -> {it.fallback}" for name, it in bad.items() if it.fallback)
    rotations = tuple(_rotations(fleet, list(servers), loose, models))
    return Reached(
        tuple(parts),
        tuple(dict.fromkeys(models)),
        tuple(servers),
        bool(loose),
        rotations,
        fallbacks,
    )


def _servers(lock: Lock | None, bad: dict[str, Component]) -> dict[str, str]:
    """Servers of tools that are bad or of a bad package: name -> the package, or nothing."""
    locked = [it for it in (lock.component if lock else ()) if isinstance(it, McpServer)]
    locked += [it for it in bad.values() if isinstance(it, McpServer)]
    return {
        it.name: it.package
        for it in sorted(locked, key=lambda it: it.name)
        if called(it) in bad or it.package in bad
    }


def _routes(fleet: Fleet, models: Sequence[str]) -> Iterator[str]:
    for route in fleet.routes.values():
        asked = {f"{it.source}/{it.model}" for it in (*route.candidates, *route.fallbacks)}
        if asked.intersection(models):
            yield route.alias


def _rotations(
    fleet: Fleet, servers: Sequence[str], loose: Sequence[Component], models: Sequence[str]
) -> Iterator[Rotation]:
    seen: set[tuple[str, str]] = set()
    for secret, reader in _readable(fleet, servers, loose, models):
        if (secret, reader) not in seen:
            seen.add((secret, reader))
            yield Rotation(secret, reader)


def _readable(
    fleet: Fleet, servers: Sequence[str], loose: Sequence[Component], models: Sequence[str]
) -> Iterator[tuple[str, str]]:
    own = fleet.tools.servers if fleet.tools else None
    for name in servers:
        server = own.get(name) if own else None
        if server is not None:
            told = [*server.secrets.values(), *([server.credential] if server.credential else [])]
            yield from ((_said(it), f"tool server {name}") for it in told)
    if loose:
        reader = f"the gateway's environment ({called(loose[0])})"
        for source in fleet.sources.values():
            if source.credential is not None:
                yield _said(source.credential), reader
        for server in own.values() if own else ():
            told = [*server.secrets.values(), *([server.credential] if server.credential else [])]
            yield from ((_said(it), reader) for it in told)
        yield from ((f"secret {name}", reader) for name in fleet.secrets)
    for name in {it.partition("/")[0] for it in models}:
        source = fleet.sources.get(name)
        if source is not None and source.credential is not None and source.kind != "api":
            yield _said(source.credential), f"source {name}"


def _said(credential: Credential) -> str:
    return f"{credential.scheme}:{credential.name}"
