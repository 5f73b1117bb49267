"""Whose turn it is, what is asked then, and what is written down and told of it.

Rules
1. A model's turn is a look at it against its baseline, and a round of its group's canaries. Where
   it is suspect, a turn in between is the second look.
2. A day's calls are counted before they are made, also those of a turn that was cut short.
3. An end of a model is said once a day.
"""

import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.gateway.watching.asker import Through, drive, told
from tollway.gateway.watching.canaries import PROMPTS, compared, round_of
from tollway.gateway.watching.listing import listed
from tollway.gateway.watching.state import WatchState
from tollway.gateway.watching.subjects import origin_of, route_to
from tollway.inspect.baselines import Kept, baselines_of
from tollway.pins import shutdown
from tollway.pins.drift.asking import Question, Reply, Unheard
from tollway.pins.drift.baseline import Baseline
from tollway.pins.drift.groups import grouped
from tollway.pins.drift.looking import Look, calls_of, confirm, look
from tollway.pins.drift.pacing import DAY, group_level, pace
from tollway.pins.drift.spending import CONFIRMED, level
from tollway.pins.drift.standing import (
    Standing,
    after_confirmation,
    after_look,
    after_vanishing,
)

T = TypeVar("T")

_AGAIN: Final = 30.0
"""Seconds after which the gateway is told again what it did not take."""


class Watch:
    """The watch over one fleet. `key` pays; `say` takes lines for the log."""

    def __init__(
        self, path: Path, fleet: Fleet, folder: Path, key: str, say: Callable[[str], None]
    ) -> None:
        if fleet.drift is None:
            raise TollwayError(f"{path}: declares no [drift].")
        self._settings = fleet.drift
        self._fleet = fleet
        self._key = key
        self._say = say
        self._socket = folder / fleet.gateway.admin_socket
        self._state = WatchState(folder)
        names = fleet.drift.models or tuple(
            f"{name}/{it}" for name, one in fleet.sources.items() for it in one.serves
        )
        self._groups = {} if fleet.drift.same_model == "off" else dict(grouped(fleet))
        members = {it for group in self._groups.values() for it in group}
        self._kept = {it.name: it for it in baselines_of(path, fleet, {*names, *members})}
        self._members = members
        costs = [self._cost(it) for it in self._kept.values()]
        self._watched = sum(1 for it in self._kept.values() if it.baseline is not None)
        self._pace = pace(fleet.drift.every, costs, fleet.drift.calls)
        self._untold = set(self._kept)
        self._listed_on: date | None = None

    def plan(self) -> str:
        """What is going to be done, in a line."""
        return (
            f"{self._watched} of {len(self._kept)} models are watched, each every "
            f"{self._pace / 60.0:.0f} minutes; {len(self._groups)} groups are compared"
        )

    def turn(self, utc: float, today: date, over: Callable[[], bool]) -> float:
        """Do what is due; gives the seconds until something is. `over` says that it is to end."""
        if self._listed_on != today:
            self._look_at_lists(utc, today)
            self._listed_on = today
        for name in sorted(self._untold):
            self._tell(name, "")
        kept = self._state.read()
        due = {it: kept.due.get(it, 0.0) for it in self._kept}
        for name in sorted(due, key=lambda it: (due[it], it)):
            if over() or due[name] > utc:
                break
            self._look_at(self._kept[name], utc, today)
        kept = self._state.read()
        waits = [kept.due.get(it, 0.0) - utc for it in self._kept]
        return min([*waits, _AGAIN if self._untold else DAY])

    # --- one model's turn ------------------------------------------------------------------------

    def _look_at(self, one: Kept, utc: float, today: date) -> None:
        name, baseline = one.name, one.baseline
        with self._state.changing() as kept:
            if kept.day != str(today):
                kept.day, kept.calls = str(today), 0
            kept.due[name] = utc + self._pace
            standing = kept.standings.get(name, Standing())
            if standing.name == "withdrawn":
                return
            second = standing.suspected
            cost = self._cost(one, second=second)
            room = kept.calls + cost <= self._settings.calls
            kept.calls += cost if room else 0
        if not room:
            self._take(name, Look(None, 0, "the calls of this day are used up"), utc)
            return
        route = route_to(self._fleet, self._settings.tenant, name)
        if route is None:
            words = f"no route that tenant {self._settings.tenant} may use leads to it"
            self._take(name, Look(None, 0, words), utc)
            return
        asker = _Careful(Through(self._socket, name.replace("/", ":", 1), route, self._key))
        if baseline is None:
            self._take(name, Look(None, 0, one.why), utc)
        else:
            seen = drive(look(baseline, secrets.randbelow, second=second), asker)
            self._take(name, seen, utc)
            self._confirm(name, baseline, asker, utc)
        if name in self._members and not second:
            self._canaries(name, drive(round_of(), asker), utc)

    def _take(self, name: str, seen: Look, utc: float) -> None:
        """Write down and tell what a check brought."""
        limit = level(self._pace, self._watched)
        with self._state.changing() as kept:
            old = kept.standings.get(name, Standing())
            if old.name == "withdrawn":  # by somebody else, in the meantime
                return
            new = kept.standings[name] = after_look(old, seen, limit, utc)
            if new.suspected and seen.suspects:
                kept.due[name] = utc + self._settings.again
        self._tell(name, "" if (old.name, old.why) == (new.name, new.why) else _words(new))

    def _confirm(self, name: str, baseline: Baseline, asker: "_Careful", utc: float) -> None:
        calls = sum(len(it.answers) for it in baseline.stories)
        with self._state.changing() as kept:
            old = kept.standings.get(name, Standing())
            room = kept.calls + calls <= self._settings.calls
            if old.name != "alarm" or old.confirmed is not None or not room:
                return
            kept.calls += calls
        seen = drive(confirm(baseline, secrets.randbelow, CONFIRMED), asker)
        with self._state.changing() as kept:
            old = kept.standings.get(name, Standing())
            new = after_confirmation(old, seen, CONFIRMED, self._settings.action)
            kept.standings[name] = new
        if new.name == "withdrawn":
            self._tell(name, _words(new))
        elif seen.p is not None:
            sure = "confirm it" if seen.p <= CONFIRMED else "do not confirm it"
            self._tell(name, f"short answers {sure} (p = {seen.p:.2g})")

    def _canaries(self, name: str, answers: list[str] | None, utc: float) -> None:
        """Keep a round of canaries, and compare the groups that it completes."""
        if answers is None:
            return
        moved: list[tuple[str, Standing]] = []
        with self._state.changing() as kept:
            rounds = kept.canaries.setdefault(name, [])
            rounds.append(answers)
            kept.asked[name] = kept.asked.get(name, 0) + 1
            pairs = sum(len(it) * (len(it) - 1) // 2 for it in self._groups.values())
            limit = group_level(self._pace, pairs)
            for group, members in self._groups.items():
                if name in members:
                    take_out = self._settings.same_model == "take-out"
                    moved += compared(kept, (group, members), limit, take_out=take_out)
        for member, standing in moved:
            self._tell(member, _words(standing))

    def _cost(self, one: Kept, *, second: bool = False) -> int:
        looks = 0 if one.baseline is None else calls_of(one.baseline, second=second)
        return looks + (PROMPTS if one.name in self._members and not second else 0)

    # --- once a day ------------------------------------------------------------------------------

    def _look_at_lists(self, utc: float, today: date) -> None:
        """What the sources list: models that are gone, and the days on which others will be."""
        for name, one in self._kept.items():
            try:
                origin, model = origin_of(self._fleet, name)
            except TollwayError as error:
                self._say(f"drift: {name}: its source's models cannot be listed: {error}")
                continue
            models = listed(origin)
            self._look_at_end(one, None if models is None else models.get(model), today)
            baseline = one.baseline
            if models is None or baseline is None or not baseline.listed:
                continue
            if baseline.upstream_model not in models:
                self._vanished(name, baseline.upstream_model, utc)

    def _vanished(self, name: str, model: str, utc: float) -> None:
        with self._state.changing() as kept:
            old = kept.standings.get(name, Standing())
            new = kept.standings[name] = after_vanishing(old, model, utc)
        if new is not old:
            self._tell(name, _words(new))

    def _look_at_end(self, one: Kept, announced: date | None, today: date) -> None:
        locked = None if one.component is None else one.component.shutdown
        days = [it for it in (locked, announced) if it is not None]
        end = shutdown.ending(one.name, min(days) if days else None, today)
        if end is None:
            return
        with self._state.changing() as kept:
            if kept.told.get(one.name) == str(today):
                return
            kept.told[one.name] = str(today)
        self._say(f"drift: {one.name} {end}")

    # --- telling ---------------------------------------------------------------------------------

    def _tell(self, name: str, said: str) -> None:
        """Tell the gateway how a model stands by now; again later where it cannot be told."""
        with self._state.changing() as kept:
            # Under the lock: what an operator clears meanwhile is cleared after this.
            standing = kept.standings.get(name, Standing())
            source, _, model = name.partition("/")
            report = {
                "source": source,
                "model": model,
                "standing": standing.name,
                "why": standing.why,
                "said": said,
            }
            lost = isinstance(told(self._socket, "/drift", report), Unheard)
        if lost:
            self._untold.add(name)
            if said:
                self._say(f"drift: {name}: {said}")
        else:
            self._untold.discard(name)


class _Careful:
    """Asks no more once the gateway has refused the key, the budget or the source: what follows
    would be refused too."""

    def __init__(self, asker: Through) -> None:
        self._asker = asker
        self._down: Unheard | None = None
        self._failed = 0

    def ask(self, question: Question) -> Reply:
        """See `Asker`."""
        if self._down is not None:
            return self._down
        reply = self._asker.ask(question)
        self._failed = self._failed + 1 if isinstance(reply, Unheard) else 0
        if self._failed >= 3 and isinstance(reply, Unheard):
            self._down = reply
        return reply


def _words(standing: Standing) -> str:
    names = {
        "watched": "is as its baseline",
        "unwatched": "is not watched",
        "alarm": "ALARM",
        "differs": "differs from the others of its group",
        "withdrawn": "ALARM, and its source is not asked for it any more",
    }
    return names[standing.name] + (f": {standing.why}" if standing.why else "")
