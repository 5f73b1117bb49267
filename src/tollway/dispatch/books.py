"""Money and tokens of each request: what it holds, what it cost, how it is booked."""

from typing import Final

from tollway.dispatch import ends
from tollway.dispatch.accounts import Accounts, Refusal
from tollway.dispatch.messages import Failed, FailedAttempt, Outcome, Settle
from tollway.dispatch.requests import Attempt, RequestState
from tollway.fleet.prices import cost_of, plain_cost
from tollway.fleet.usage import Usage
from tollway.policy import retry, spend
from tollway.units import UtcSeconds

HOLD_STEP: Final = 0.25
"""A hold that a running answer outgrows is raised by this share of itself."""

LEAST_STEP: Final = 64
"""Output tokens that a hold is raised by at least, so that it is not raised every second."""


class Books:
    """The accounts, and the arithmetic between a request and them. Money is pico-dollars."""

    __slots__ = ("accounts",)

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def utc(self, now: float) -> UtcSeconds:
        """The wall clock's reading."""
        return UtcSeconds(now + self.accounts.calendar.offset)

    def admit(self, request: RequestState, now: float) -> Refusal | None:
        """Hold output tokens, and the money for them at the dearest candidate, or say why not."""
        event, account = request.arrived, request.account
        if event.operation != "embedding":
            request.held_output = spend.output_to_hold(
                account.learned_output(request.plan.route.model),
                request.plan.reserve_output,
                event.choices,
                event.max_output,
            )
        given, output = request.input_tokens, request.held_output
        utc = self.utc(now)
        candidates, fallbacks = request.options
        for pair in candidates or fallbacks:
            price = pair.price(request.tier, utc)
            request.held = max(request.held, plain_cost(price, given, output))
        tokens = given + output
        return self.accounts.admit(account, tokens, request.held, now)

    def expected(self, request: RequestState) -> Usage:
        """The usage that objectives compare sources by: the median answer of this key and model,
        once it is known."""
        typical = request.account.typical_output(request.plan.route.model)
        held = request.held_output
        output = held if typical is None else min(typical * request.arrived.choices, held)
        return Usage(input=request.input_tokens, output=output)

    def hold_more(self, request: RequestState, attempt: Attempt, now: float) -> bool:
        """Raise the hold of an answer that has outgrown it, where budget and overdraft allow."""
        grown = attempt.tokens - request.held_output + LEAST_STEP
        step = max(int(request.held_output * HOLD_STEP), grown)
        price = attempt.pair.price(request.tier, self.utc(now))
        more = 0 if price is None or attempt.prepaid else step * price.output
        if not self.accounts.hold_more(request.account, more, now):
            return False
        request.held += more
        request.held_output += step
        request.extended += step
        return True

    def note_failure(
        self, request: RequestState, attempt: Attempt, event: Failed, now: float
    ) -> None:
        """Keep a failed attempt for the ledger, and do not try its pair again (a pair that only
        asked for a rest may be tried after it)."""
        cost = self._cost(request, attempt, event.usage, now)
        request.cost += cost
        request.failed.append(
            FailedAttempt(
                attempt.number,
                attempt.pair.source.name,
                attempt.pair.model,
                event.kind,
                event.status,
                event.usage,
                cost,
                now - attempt.sent_at,
            )
        )
        request.last_tried = attempt
        if event.status != retry.TOO_MANY:
            request.tried.append(attempt.pair)

    def settle(
        self,
        request: RequestState,
        outcome: Outcome,
        code: str | None,
        usage: Usage,
        now: float,
    ) -> Settle:
        """Book the request's end. `usage` is that of its running attempt, if it has one."""
        attempt = request.attempt
        if attempt is not None:
            request.cost += self._cost(request, attempt, usage, now)
        counted = request.input_tokens + request.held_output - request.extended
        unused = counted - usage.input - usage.output
        self.accounts.settle(request.account, request.held, request.cost, unused, now)
        shown = attempt or request.last_tried
        return ends.settlement(request, shown, outcome, code, usage, now, self.utc(now))

    def release(self, request: RequestState, now: float) -> None:
        """Undo an admission that the ledger could not write down."""
        tokens = request.input_tokens + request.held_output
        self.accounts.settle(request.account, request.held, 0, tokens, now)

    def _cost(self, request: RequestState, attempt: Attempt, usage: Usage, now: float) -> int:
        """Exact cost of an attempt. What prepaid tokens covered has been paid already; an attempt
        that used nothing is not charged the price a request either."""
        total = usage.input + usage.output
        if attempt.prepaid:
            attempt.pair.draw_prepaid(total - attempt.prepaid, now)
            return 0
        if total == 0:
            return 0
        return cost_of(attempt.pair.price(request.tier, self.utc(now)), usage)
