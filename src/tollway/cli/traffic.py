"""The traffic that a rehearsal plays: a packaged trace, a file, yesterday, or made-up users.

Rules
1. What `--trace` names is, in this order: a description (`KIND:key=value,…`), `yesterday`, a
   packaged trace, a file.
2. A key that a trace names is known with its terms where the trace carries them; else it belongs
   to the tenant that the rehearsal plays for.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from tollway.errors import TollwayError, did_you_mean, listed
from tollway.fleet.objects import Fleet, KeyTerms
from tollway.fleet.quantities import MalformedError
from tollway.fleet.quantities import duration as read_duration
from tollway.ledger.query import day_start
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path
from tollway.replay.library import load
from tollway.simulator.clients import Size, Talk, arrivals, sessions, users
from tollway.simulator.play import Drain, Loss, Play
from tollway.simulator.recorded import traffic
from tollway.simulator.servegen import Part, busiest, drawn, read_lengths, read_rates
from tollway.simulator.steps import SECOND
from tollway.simulator.trace import Trace, cut, superposed
from tollway.units import Seconds

KEY = "rehearsal"
DAY = 86_400.0
MOST_SCALE = 100_000.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says about traffic."""

    trace: str
    route: str | None
    tenant: str | None
    scale: float
    seed: int
    start: str
    duration: str
    limit: int | None
    state: str | None


def traffic_of(asked: Asked) -> Trace:
    """The trace, cut and scaled.

    Raises:
        TollwayError: there is none, or nothing of it is left.
    """
    if not 0.0 < asked.scale <= MOST_SCALE:
        raise TollwayError(f"--scale is {asked.scale:g}. It is above 0 and at most {MOST_SCALE:g}.")
    if not 0 <= asked.seed < 2**63:
        raise TollwayError(f"--seed is {asked.seed}. It is a whole number from 0 to 2^63.")
    if asked.limit is not None and asked.limit < 1:
        raise TollwayError(f"--limit is {asked.limit}. It is 1 or more.")
    whole = _named(asked)
    begin = seconds("--start", asked.start)
    length = None if asked.duration == "all" else seconds("--duration", asked.duration)
    part = cut(whole, begin, length, asked.limit)
    if not part.requests:
        raise TollwayError(
            f"{asked.trace}: no request from {asked.start} on for {asked.duration}. "
            "Try --start 0s --duration all."
        )
    return superposed(part, asked.scale, asked.seed)


def seconds(option: str, text: str) -> Seconds:
    """Seconds of `10m`, or of 0.

    Raises:
        TollwayError: it is no length of time.
    """
    if text in ("0", "0s"):
        return Seconds(0.0)
    try:
        return read_duration(text)
    except MalformedError as error:
        raise TollwayError(f"{option} {error}") from error


def _named(asked: Asked) -> Trace:
    kind, colon, described = asked.trace.partition(":")
    if colon and kind in KINDS:
        return KINDS[kind](_Words(asked.trace, described), asked.seed)
    if asked.trace == "yesterday":
        return _yesterday(asked.state)
    if colon and not Path(asked.trace).exists() and kind.isalpha():
        hint = did_you_mean(kind, KINDS)
        raise TollwayError(
            f'--trace is "{asked.trace}"; descriptions begin with {listed(KINDS)}. {hint}'.strip()
        )
    return load(asked.trace)


def _yesterday(state: str | None) -> Trace:
    today = day_start(time.time())
    path = ledger_path(None, state, os.environ)
    with closing(open_reader(path)) as ledger:
        heard = ledger.heard(today - DAY, today)
        records = ledger.keys()
    if not heard:
        raise TollwayError(f"{path}: nothing was asked yesterday (UTC). Name a trace.")
    return traffic("yesterday", heard, tuple(record.terms for record in records))


# --- descriptions -----------------------------------------------------------------------------


class _Words:
    """The `key=value` words of a description, each taken once."""

    def __init__(self, whole: str, described: str) -> None:
        self._whole = whole
        self._left: dict[str, str] = {}
        for word in filter(None, described.split(",")):
            name, equals, value = word.partition("=")
            if not equals or name in self._left:
                raise TollwayError(f'--trace is "{whole}": "{word}" is no new KEY=VALUE.')
            self._left[name] = value

    def text(self, name: str, standard: str | None = None) -> str:
        """The value of a word; without a standard it must be there."""
        value = self._left.pop(name, standard)
        if value is None:
            raise TollwayError(f'--trace is "{self._whole}": {name} is missing. Write {name}=….')
        return value

    def number(self, name: str, standard: str | None = None, least: float = 0.0) -> float:
        """A finite number, `least` or more."""
        value = self.text(name, standard)
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if not least <= found < float("inf"):
            raise TollwayError(
                f'--trace is "{self._whole}": {name} is "{value}", not a number of {least:g} or '
                "more."
            )
        return found

    def count(self, name: str, standard: str | None = None) -> int:
        """A whole number, 1 or more."""
        found = self.number(name, standard, 1.0)
        if found != int(found):
            raise TollwayError(f'--trace is "{self._whole}": {name} is not a whole number.')
        return int(found)

    def time(self, name: str, standard: str | None = None) -> Seconds:
        """A length of time, or 0."""
        return seconds(f'--trace is "{self._whole}": {name}', self.text(name, standard))

    def end(self, known: str) -> None:
        """Nothing else was said."""
        for name in self._left:
            hint = did_you_mean(name, known.split())
            raise TollwayError(
                f'--trace is "{self._whole}": {name} is no key of it; known: '
                f"{', '.join(sorted(known.split()))}. {hint}".strip()
            )


def _size(words: _Words) -> Size:
    return Size(words.count("input"), words.count("output"), words.number("spread", "0"))


def _arrivals(words: _Words, seed: int) -> Trace:
    rate, length = words.number("rate", least=1e-6), words.time("for", "10m")
    cv, size = words.number("cv", "1", least=0.01), _size(words)
    words.end("rate for cv input output spread")
    return arrivals(rate, length, size, seed, cv)


def _users(words: _Words, seed: int) -> Trace:
    count, rounds, pause = (
        words.count("count"),
        words.count("rounds", "10"),
        words.time("pause", "0s"),
    )
    size = _size(words)
    words.end("count rounds pause input output spread")
    return users(count, rounds, size, pause, seed)


def _sessions(words: _Words, seed: int) -> Trace:
    talk = Talk(
        turns=words.count("turns", "6"),
        opening=words.count("opening", "2000"),
        said=words.count("said", "200"),
        answer=words.count("answer", "200"),
        pause=words.time("pause", "5s"),
        cv=words.number("spread", "0"),
    )
    count, rate = words.count("count"), words.number("rate", least=1e-6)
    words.end("count rate turns opening said answer pause spread")
    return sessions(count, rate, talk, seed)


def _servegen(words: _Words, seed: int) -> Trace:
    folder, pool = Path(words.text("folder")), words.text("pool")
    clients = words.text("clients", "")
    chosen = tuple(map(int, clients.split("+"))) if clients else None
    start, length = words.text("start", ""), int(words.time("for", "1h"))
    part = Part(
        start=int(start) if start.isdecimal() else 0,
        duration=length,
        clients=chosen,
        scale=words.number("scale", "1", least=1e-6),
    )
    words.end("folder pool clients start for scale")
    table = folder / f"{pool}_client_rates.csv.gz"
    rates = read_rates(str(table), table.read_bytes())
    lengths = {
        int(path.name.split("_chunk")[1].split("_")[0]): read_lengths(str(path), path.read_bytes())
        for path in sorted(folder.glob(f"{pool}_chunk*_lengths.json.gz"))
    }
    if not lengths:
        raise TollwayError(f"{folder}: holds no {pool}_chunk*_lengths.json.gz. Name ServeGen's.")
    if not start:
        part = replace(part, start=busiest(rates, chosen or sorted(rates), length))
    return drawn(f"servegen {pool}", rates, lengths, part, seed)


KINDS: Mapping[str, Callable[[_Words, int], Trace]] = {
    "arrivals": _arrivals,
    "users": _users,
    "sessions": _sessions,
    "servegen": _servegen,
}
"""The first word of a description -> who reads the rest."""


# --- how it is played -------------------------------------------------------------------------


def play_of(
    fleet: Fleet,
    trace: Trace,
    asked: Asked,
    losses: tuple[Loss, ...] = (),
    drains: tuple[Drain, ...] = (),
) -> Play:
    """How the trace is played through a fleet (rule 2).

    Raises:
        TollwayError: the fleet has no such route or tenant.
    """
    route = _route(fleet, trace, asked.route)
    tenant = asked.tenant or next(iter(fleet.tenants), None)
    if tenant is None:
        raise TollwayError("the fleet has no tenant, so that nobody may ask. Write [tenants.NAME].")
    if tenant not in fleet.tenants:
        known = listed(fleet.tenants)
        hint = did_you_mean(tenant, fleet.tenants)
        raise TollwayError(f'--tenant is "{tenant}"; known: {known}. {hint}'.strip())
    carried = {terms.key: terms for terms in trace.keys}
    named = {one.key for one in trace.requests if one.key is not None}
    others = {key: KeyTerms(key, tenant) for key in sorted(named - set(carried))}
    keys = {**carried, **others, KEY: KeyTerms(KEY, tenant)}
    began = day_start(time.time()) if trace.began is None else trace.began
    return Play(route, KEY, tuple(keys.values()), began, asked.seed, losses, drains=drains)


def _route(fleet: Fleet, trace: Trace, said: str | None) -> str:
    known = listed(fleet.routes)
    if said is not None and said not in fleet.routes:
        hint = did_you_mean(said, fleet.routes)
        raise TollwayError(f'--route is "{said}"; known: {known}. {hint}'.strip())
    if said is not None:
        return said
    if "chat" in fleet.routes:
        return "chat"
    if len(fleet.routes) == 1 or all(one.route for one in trace.requests):
        return next(iter(fleet.routes))
    raise TollwayError(f"which route is asked for? Name one with --route; known: {known}.")


def asking_for(trace: Trace, route: str | None) -> Trace:
    """The trace with every request asking for this route, where one is named."""
    if route is None:
        return trace
    import msgspec

    renamed = (msgspec.structs.replace(one, route=route) for one in trace.requests)
    return replace(trace, requests=tuple(renamed))


def losses_of(words: tuple[str, ...], fleet: Fleet) -> tuple[Loss, ...]:
    """`SOURCE@10m` (for good), or `SOURCE@10m..15m`.

    Raises:
        TollwayError: it names no source, or no time.
    """
    return tuple(Loss(*_spell("--lose", word, fleet)) for word in words)


def drains_of(words: tuple[str, ...], fleet: Fleet) -> tuple[Drain, ...]:
    """`SOURCE` (from the start on, for good), `SOURCE@10m`, or `SOURCE@10m..15m`.

    Raises:
        TollwayError: it names no source, or no time.
    """
    return tuple(
        Drain(word, 0) if word in fleet.sources else Drain(*_spell("--drain", word, fleet))
        for word in words
    )


def _spell(option: str, word: str, fleet: Fleet) -> tuple[str, int, int | None]:
    """Which source, from when to when in picoseconds."""
    source, at, times = word.rpartition("@")
    if not at or source not in fleet.sources:
        hint = did_you_mean(source or word, fleet.sources)
        forms = "SOURCE, SOURCE@10m," if option == "--drain" else "SOURCE@10m,"
        raise TollwayError(
            f'{option} is "{word}"; write {forms} or SOURCE@10m..15m. Sources: '
            f"{listed(fleet.sources)}. {hint}".strip()
        )
    begin, _, end = times.partition("..")
    begun = round(seconds(option, begin) * SECOND)
    back = round(seconds(option, end) * SECOND) if end else None
    if back is not None and back <= begun:
        raise TollwayError(f'{option} is "{word}": it ends before it begins.')
    return source, begun, back
