"""One request between arrival and settlement, as dispatch sees it."""

from typing import Final

from tollway.dispatch.accounts import KeyAccount
from tollway.dispatch.deadlines import Line
from tollway.dispatch.messages import Arrived, FailedAttempt, Room, Settle
from tollway.dispatch.routing import Plan
from tollway.dispatch.sources import Pair
from tollway.fleet.tiers import Tier

RESERVING: Final = "reserving"
WAITING: Final = "waiting"
SENT: Final = "sent"
ANSWERING: Final = "answering"


class Attempt:
    """One try at one source."""

    __slots__ = (
        "before",
        "content_at",
        "judged",
        "mark_at",
        "mark_tokens",
        "number",
        "pair",
        "prepaid",
        "probe",
        "sent_at",
        "silent_left",
        "slow",
        "substituted",
        "tokens",
    )

    def __init__(self, number: int, pair: Pair, now: float, before: "Attempt | None") -> None:
        self.number = number
        # The attempt that failed before this one.
        self.before = before
        self.pair = pair
        self.sent_at = now
        self.content_at: float | None = None
        self.tokens = 0
        # The open window of the token-speed floor, and whether a sample was already counted.
        self.mark_at = now
        self.mark_tokens = 0
        self.silent_left = 0.0
        self.judged = False
        self.slow = False
        # The breaker's half-open round that this attempt probes for, if it does.
        self.probe: int | None = None
        self.prepaid = 0
        self.substituted: str | None = None


class Ending:
    """Why dispatch itself ends a request whose attempt is still being taken down."""

    __slots__ = ("code", "message", "status")

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message


class RequestState:
    """A request's state: where it is, what it holds, and what has been tried for it."""

    __slots__ = (
        "aborting",
        "account",
        "arrived",
        "arrived_at",
        "attempt",
        "attempts",
        "batch",
        "cost",
        "drilled",
        "due_step",
        "due_ttft",
        "due_whole",
        "ending",
        "extended",
        "failed",
        "held",
        "held_output",
        "id",
        "input_tokens",
        "lane",
        "last_tried",
        "options",
        "order",
        "phase",
        "plan",
        "room",
        "settled",
        "tier",
        "tried",
    )

    def __init__(
        self, arrived: Arrived, account: KeyAccount, plan: Plan, order: int, now: float
    ) -> None:
        self.id = arrived.request
        self.arrived = arrived
        self.account = account
        self.plan = plan
        self.order = order
        self.arrived_at = now
        self.phase = RESERVING
        self.batch = False
        self.tier: Tier = arrived.tier or plan.route.tier
        self.due_whole: Line | None = None
        self.due_step: Line | None = None
        self.due_ttft: Line | None = None
        self.options: tuple[tuple[Pair, ...], tuple[Pair, ...]] = ((), ())
        self.tried: list[Pair] = []
        self.lane: tuple[Pair, ...] = ()
        self.attempt: Attempt | None = None
        self.last_tried: Attempt | None = None
        self.attempts = 0
        self.failed: list[FailedAttempt] = []
        self.cost = 0
        self.drilled: str | None = None
        self.room: Room | None = None
        self.input_tokens = arrived.input_tokens
        self.held = 0
        self.held_output = 0
        self.extended = 0
        self.aborting = False
        self.ending: Ending | None = None
        self.settled: Settle | None = None

    # `drilled` is the source that a drill takes away from this request.
    # `extended` is the part of `held_output` that was added while answering: limits were charged
    # without it.

    def untried(self) -> tuple[Pair, ...]:
        """Every pair that may still be tried, candidates first."""
        candidates, fallbacks = self.options
        pairs = candidates + fallbacks if fallbacks else candidates
        if not self.tried:
            return pairs
        return tuple(pair for pair in pairs if pair not in self.tried)
