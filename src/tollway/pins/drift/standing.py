"""How a watched model stands, and what a check makes of it.

Rules
1. An alarm stays until a person clears it: a model that comes and goes is not well.
2. Nothing is done about an alarm before the confirmation, and nothing at all where only the alarm
   was asked for.
3. What could not be looked at is "unwatched", with the reason, and never well; an alarm stays one.
4. A model that its source no longer lists is an alarm without any statistics, and needs none.
5. Only a second look alarms. Until it is made the standing is what it was.
"""

from typing import Final, Literal, get_args

import msgspec

from tollway.pins.drift.looking import SUSPECT, Look

StandingName = Literal["watched", "unwatched", "alarm", "differs", "withdrawn"]
"""`differs`: from the others of its group, without an alarm of its own."""

STANDINGS: Final[tuple[str, ...]] = get_args(StandingName)

Action = Literal["alarm", "open-breaker"]


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model's. Times are UTC seconds. `p` and `level` are the last check's; `checks` and
    `calls` count since it is watched; `alarmed` is when it alarmed, None where it has not;
    `suspected` says that a second look is to follow; `confirmed` is the confirmation's p-value,
    None where none was made."""

    name: StandingName = "unwatched"
    why: str = "not checked yet"
    looked: float | None = None
    p: float | None = None
    level: float | None = None
    checks: int = 0
    calls: int = 0
    suspected: bool = False
    alarmed: float | None = None
    confirmed: float | None = None

    @property
    def held(self) -> bool:
        """Whether only a person ends it."""
        return self.name in ("alarm", "withdrawn")


def after_look(old: Standing, look: Look, level: float, utc: float) -> Standing:
    """What a look makes of a standing (rules 1, 3 and 5)."""
    new = msgspec.structs.replace(old, calls=old.calls + look.calls, looked=utc)
    if look.p is None:
        if old.held or old.name == "differs":
            return new
        return msgspec.structs.replace(new, name="unwatched", why=look.why or "", p=None)
    level = level if look.second else SUSPECT
    new = msgspec.structs.replace(new, p=look.p, level=level, checks=old.checks + 1)
    if old.held:
        return new
    new = msgspec.structs.replace(new, suspected=look.suspects)
    if look.suspects:
        return new
    if not look.second or look.p > level:
        if old.name == "differs":
            return new
        return msgspec.structs.replace(new, name="watched", why="")
    why = f"its answers are not its baseline's (p = {look.p:.2g}, level {level:.2g})"
    return msgspec.structs.replace(new, name="alarm", why=why, alarmed=utc)


def after_confirmation(old: Standing, look: Look, level: float, action: Action) -> Standing:
    """What the confirmation of an alarm makes of it (rule 2)."""
    new = msgspec.structs.replace(old, calls=old.calls + look.calls, confirmed=look.p)
    if old.name != "alarm" or action != "open-breaker" or look.p is None or look.p > level:
        return new
    why = f"{old.why}; confirmed by short answers (p = {look.p:.2g})"
    return msgspec.structs.replace(new, name="withdrawn", why=why)


def after_vanishing(old: Standing, model: str, utc: float) -> Standing:
    """What it makes that the source lists its models and `model` is not among them (rule 4)."""
    if old.held:
        return old
    why = f'"{model}" is no longer among the models that its source lists'
    return msgspec.structs.replace(old, name="alarm", why=why, alarmed=utc, looked=utc)


def cleared(old: Standing) -> Standing:
    """What a person makes of it who has looked. What was counted stays."""
    return msgspec.structs.replace(
        old,
        name="unwatched",
        why="cleared; not checked since",
        suspected=False,
        alarmed=None,
        confirmed=None,
    )
