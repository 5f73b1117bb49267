"""What `tollway simulate --json` and `tollway diff --json` wrote, as far as a page shows it.

Rules
1. It is read strictly: what is missing or of another kind is a fault with its place.
"""

from typing import Any

import msgspec

from tollway.errors import Fault, FaultsFound


class Three(msgspec.Struct, frozen=True):
    """Quantiles, in seconds; None where there was nothing."""

    p50: float | None
    p90: float | None
    p99: float | None


class Row(msgspec.Struct, frozen=True):
    """Requests of one source, or of all. `cost` is pico-dollars, of tokens."""

    source: str | None
    requests: int
    ok: int
    refused: int
    failed: int
    ttft: Three
    latency: Three
    speed_p50: float | None
    input_tokens: int
    output_tokens: int
    cost: int | None


class Ends(msgspec.Struct, frozen=True):
    """An interval, as factors."""

    low: float
    high: float


class Pace(msgspec.Struct, frozen=True):
    """Where a source's speed is from, and how wrong it may be (80%)."""

    origin: str
    tpot: Ends | None
    ttft: Ends | None


class Use(msgspec.Struct, frozen=True):
    """What a source was used for; shares are of 1."""

    source: str
    model: str
    pace: Pace
    work_peak: float | None
    in_flight: float
    chip_hours: float
    near_its_knee: bool


class AtEnd(msgspec.Struct, frozen=True):
    """The same at one end of every pace's interval."""

    ttft: Three
    latency: Three
    promise_kept: float | None


class Between(msgspec.Struct, frozen=True):
    """Both ends."""

    fast: AtEnd
    slow: AtEnd


class Kept(msgspec.Struct, frozen=True):
    """How many of those who were promised something got it."""

    share: float
    asked: int


class Survival(msgspec.Struct, frozen=True):
    """What was answered without a source."""

    source: str
    answered: float
    ttft: Three


class Played(msgspec.Struct, frozen=True):
    """One rehearsal."""

    total: Row
    rows: list[Row]
    sources: list[Use]
    cost_usd: str
    asked: int
    virtual_seconds: float
    chip_hours: float
    notes: list[str]
    stopped: bool
    promise: Kept | None = None
    interval: Between | None = None
    unanswered: float | None = None
    survivals: list[Survival] = []


class Across(msgspec.Struct, frozen=True):
    """A figure over seeds."""

    median: float
    low: float
    high: float


class Pair(msgspec.Struct, frozen=True):
    """A figure of the old fleet and of the new one, over seeds, and its change."""

    old: Across
    new: Across
    change: Across | None


class Passed(msgspec.Struct, frozen=True):
    """A threshold that was passed."""

    what: str
    old: float
    new: float
    allowed: float


class Simulation(Played, frozen=True, kw_only=True):
    """`tollway simulate --json`."""

    fleet: str
    trace: str
    scale: float
    seed: int
    lost: list[str]


class Simulations(msgspec.Struct, frozen=True):
    """`tollway simulate --seeds N --json`."""

    fleet: str
    trace: str
    scale: float
    seeds: list[int]
    interval_chance: float
    figures: dict[str, Across]
    lost: list[str] = []
    not_played: list[Any] = []


class Diff(msgspec.Struct, frozen=True):
    """`tollway diff --json`."""

    old: str
    new: str
    on: str
    scale: float
    seed: int
    old_fleet: Played
    new_fleet: Played
    passed: list[Passed]


class Diffs(msgspec.Struct, frozen=True):
    """`tollway diff --seeds N --json`."""

    old: str
    new: str
    on: str
    scale: float
    seeds: list[int]
    interval_chance: float
    figures: dict[str, Pair]
    passed: dict[str, int]
    not_played: list[Any] = []


Shown = Simulation | Simulations | Diff | Diffs


def read(text: str | bytes, place: str) -> Shown:
    """What a file of either command holds.

    Raises:
        FaultsFound: it is not what they write.
    """
    mend = "Hand over what `tollway simulate --json` or `tollway diff --json` wrote."
    try:
        whole: Any = msgspec.json.decode(text)
        kind = _kind(whole)
        if kind is None:
            raise FaultsFound([Fault(place, "is neither a simulation nor a diff", mend)])
        return msgspec.convert(whole, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        problem = f"is not what it seems to be: {error}"
        raise FaultsFound([Fault(place, problem, mend)]) from None


def _kind(whole: Any) -> type[Shown] | None:
    if not isinstance(whole, dict):
        return None
    if "on" in whole:
        return Diffs if "figures" in whole else Diff
    if "trace" in whole:
        return Simulations if "figures" in whole else Simulation
    return None
