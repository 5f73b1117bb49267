"""Who may spend what: limits and budgets of keys and tenants, in memory, exact.

Rules
1. A request is admitted by its key and its tenant or by neither: what one of them refuses has used
   nothing of the other.
2. Held plus settled never passes a bound at admission; an answer that outgrows its hold may take
   more, up to bound + overdraft.
3. Money is booked in the UTC day and month in which it settles.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import inf
from typing import Final

from tollway.dispatch.messages import Arrived, ClockSet, KeysChanged
from tollway.dispatch.observed import Observed
from tollway.dispatch.opening import Opening
from tollway.fleet.objects import Budget, Fleet, KeyTerms, Limits, Tenant
from tollway.policy import limit, spend
from tollway.units import format_usd

DAY: Final = 86_400
OUTPUT_FADE: Final = 86_400.0
"""Seconds after which an observed answer length counts 1/e."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request may not pass: HTTP status, code, words, and seconds until it may."""

    status: int
    code: str
    message: str
    retry_after: float | None


def _next_month(today: date) -> date:
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


class Calendar:
    """UTC days and months of the monotonic clock."""

    __slots__ = ("_day_ends", "day", "month", "offset")

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self.day = self.month = -1
        self._day_ends = -inf

    def at(self, now: float) -> None:
        """Bring `day` (days since the epoch) and `month` (months since year 0) up to date."""
        utc = now + self.offset
        if utc < self._day_ends and utc >= self._day_ends - DAY:
            return
        self.day = int(utc // DAY)
        self._day_ends = float((self.day + 1) * DAY)
        today = datetime.fromtimestamp(utc, UTC)
        self.month = today.year * 12 + today.month - 1

    def until_tomorrow(self, now: float) -> float:
        """Seconds until the next UTC day."""
        return self._day_ends - (now + self.offset)

    def until_next_month(self, now: float) -> float:
        """Seconds until the next UTC month."""
        utc = now + self.offset
        first = _next_month(datetime.fromtimestamp(utc, UTC).date())
        return datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp() - utc


class Account:
    """One key's or one tenant's use of its limits and its budget. Money is pico-dollars."""

    __slots__ = (
        "_concurrency",
        "_requests",
        "_tokens",
        "budget",
        "day",
        "has_budget",
        "has_limits",
        "held",
        "limits",
        "month",
        "name",
        "requests_horizon",
        "running",
        "settled_day",
        "settled_month",
        "tokens_horizon",
    )

    def __init__(self, name: str, limits: Limits, budget: Budget) -> None:
        self.name = name
        self.take_terms(limits, budget)
        self.running = 0
        self.held = 0
        self.settled_day = self.settled_month = 0
        self.day = self.month = -1
        self.requests_horizon = self.tokens_horizon = -inf

    def take_terms(self, limits: Limits, budget: Budget) -> None:
        """Go by these limits and this budget from now on."""
        self.limits = limits
        self._concurrency = limits.concurrency
        self._requests = limits.requests_per_minute
        self._tokens = limits.tokens_per_minute
        self.budget = budget
        self.has_budget = budget.day is not None or budget.month is not None
        self.has_limits = limits != Limits()

    def turn(self, calendar: Calendar) -> None:
        """Begin a new day or month where one has begun. A clock that was set back begins none: it
        would forgive what was spent."""
        if calendar.day > self.day:
            self.day, self.settled_day = calendar.day, 0
        if calendar.month > self.month:
            self.month, self.settled_month = calendar.month, 0

    def refuse(self, tokens: int, amount: int, calendar: Calendar, now: float) -> Refusal | None:
        """Why this account refuses a request of so many tokens and so much money; None: it may."""
        refusal = self._refuse_by_limits(tokens, now) if self.has_limits else None
        if refusal is None and self.has_budget:
            return self._refuse_money(amount, calendar, now)
        return refusal

    def _refuse_by_limits(self, tokens: int, now: float) -> Refusal | None:
        requests, per_minute = self._requests, self._tokens
        if self._concurrency is not None and self.running >= self._concurrency:
            return Refusal(
                429,
                "concurrency_limit",
                f"{self.name} has {self.running} requests running; its limit is "
                f"{self._concurrency}. Wait for one to end.",
                1.0,
            )
        if requests is not None:
            wait = limit.wait_for(self.requests_horizon, now, 1, requests)
            if wait > 0.0:
                return self._limited("requests", 1, requests, wait)
        if per_minute is not None:
            wait = limit.wait_for(self.tokens_horizon, now, tokens, per_minute)
            if wait > 0.0:
                return self._limited("tokens", tokens, per_minute, wait)
        return None

    def _limited(self, what: str, amount: int, per_minute: int, wait: float) -> Refusal:
        if wait == inf:
            return Refusal(
                429,
                f"{what}_per_minute_limit",
                f"This request counts {amount} {what}, more than the {per_minute} a minute that "
                f"{self.name} may use at all. Ask for less output or a higher limit.",
                None,
            )
        return Refusal(
            429,
            f"{what}_per_minute_limit",
            f"{self.name} has used its {per_minute} {what} a minute.",
            wait,
        )

    def _refuse_money(self, amount: int, calendar: Calendar, now: float) -> Refusal | None:
        self.turn(calendar)
        budget = self.budget
        if not spend.fits(budget.day, self.settled_day, self.held, amount):
            return self._broke("day", amount, calendar, now)
        if not spend.fits(budget.month, self.settled_month, self.held, amount):
            return self._broke("month", amount, calendar, now)
        return None

    def _broke(self, period: str, amount: int, calendar: Calendar, now: float) -> Refusal:
        if period == "day":
            bound, settled = self.budget.day or 0, self.settled_day
            wait = calendar.until_tomorrow(now)
        else:
            bound, settled = self.budget.month or 0, self.settled_month
            wait = calendar.until_next_month(now)
        return Refusal(
            402,
            f"budget_{period}",
            f"{self.name} has spent {format_usd(settled)} of its {format_usd(bound)} for this UTC "
            f"{period}, and running requests hold {format_usd(self.held)}; this one would hold "
            f"{format_usd(amount)}.",
            # Where the settled money alone leaves room, a running request that ends may free it.
            1.0 if settled < bound and self.held > 0 else wait,
        )

    def admit(self, tokens: int, amount: int, now: float) -> None:
        """Take what `refuse` has just allowed."""
        self.running += 1
        self.held += amount
        if not self.has_limits:
            return
        if self._requests is not None:
            self.requests_horizon = limit.take(self.requests_horizon, now, 1, self._requests)
        if self._tokens is not None:
            self.tokens_horizon = limit.take(self.tokens_horizon, now, tokens, self._tokens)

    def may_hold(self, more: int, calendar: Calendar) -> bool:
        """Whether a running request may hold `more` than it did, within bound + overdraft."""
        if not self.has_budget:
            return True
        budget = self.budget
        self.turn(calendar)
        slack = more - budget.overdraft
        return spend.fits(budget.day, self.settled_day, self.held, slack) and spend.fits(
            budget.month, self.settled_month, self.held, slack
        )

    def settle(self, held: int, cost: int, unused_tokens: int, calendar: Calendar) -> None:
        """Release a request's hold and book its cost; `unused_tokens` of its limit go back."""
        self.turn(calendar)
        self.running -= 1
        self.held -= held
        self.settled_day += cost
        self.settled_month += cost
        if unused_tokens and self._tokens is not None:
            self.tokens_horizon = limit.give_back(self.tokens_horizon, unused_tokens, self._tokens)


class KeyAccount(Account):
    """A key's account: also its terms, and how long its answers have been."""

    __slots__ = ("outputs", "tenant", "terms")

    def __init__(self, terms: KeyTerms, tenant: Account) -> None:
        super().__init__(f"Key {terms.key}", terms.limits, terms.budget)
        self.terms = terms
        self.tenant = tenant
        self.outputs: dict[str, Observed] = {}

    def learned_output(self, model: str) -> float | None:
        """The high quantile of output tokens of this key and model, once there are enough."""
        seen = self.outputs.get(model)
        if seen is None or seen.samples < spend.LEARNED_AFTER:
            return None
        return seen.quantile(spend.RESERVE_QUANTILE)

    def typical_output(self, model: str) -> int | None:
        """The median of output tokens of this key and model, once there are enough."""
        seen = self.outputs.get(model)
        if seen is None or seen.samples < spend.LEARNED_AFTER:
            return None
        median = seen.quantile(0.5)
        return None if median is None else int(median)

    def learn_output(self, model: str, tokens: int, now: float) -> None:
        """Count one whole answer."""
        seen = self.outputs.get(model)
        if seen is None:
            seen = self.outputs[model] = Observed(OUTPUT_FADE, now)
        seen.add(float(tokens), now)


class Accounts:
    """All accounts: a tenant's for each declared tenant, a key's for each usable key."""

    __slots__ = ("calendar", "keys", "tenants")

    def __init__(self, fleet: Fleet, opening: Opening, now: float) -> None:
        self.calendar = Calendar(opening.utc_offset)
        self.calendar.at(now)
        self.tenants: dict[str, Account] = {}
        self.keys: dict[str, KeyAccount] = {}
        self.adopt(fleet)
        self.change_keys(opening.keys)
        for spent in opening.spent:
            for account in (self.keys.get(spent.key), self.tenants.get(spent.tenant)):
                if account is not None:
                    account.turn(self.calendar)
                    account.settled_day += spent.day
                    account.settled_month += spent.month

    def adopt(self, fleet: Fleet) -> None:
        """Take the tenants of a new fleet. A tenant that is gone keeps its account, so that its
        running requests settle, but its keys are refused from now on."""
        for name, tenant in fleet.tenants.items():
            account = self.tenants.get(name)
            if account is None:
                self.tenants[name] = _tenant_account(tenant)
            else:
                account.take_terms(tenant.limits, tenant.budget)

    def keys_changed(self, event: KeysChanged, now: float) -> None:
        """Take the keys that may be used from now on."""
        self.change_keys(event.keys)

    def clock_set(self, event: ClockSet, now: float) -> None:
        """Take the wall clock's new distance."""
        self.calendar.offset = event.utc_offset

    def change_keys(self, keys: tuple[KeyTerms, ...]) -> None:
        """Take a new list of usable keys, keeping what was learned of those that stay."""
        known, self.keys = self.keys, {}
        for terms in keys:
            tenant = self.tenants.get(terms.tenant)
            if tenant is None:
                # The ledger may name a tenant that the fleet does not declare: it has no terms
                # of its own, and its keys are refused at arrival.
                tenant = self.tenants[terms.tenant] = Account(
                    f"Tenant {terms.tenant}", Limits(), Budget()
                )
            account = known.get(terms.key)
            if account is None or account.terms.tenant != terms.tenant:
                account = KeyAccount(terms, tenant)
            account.terms = terms
            account.take_terms(terms.limits, terms.budget)
            self.keys[terms.key] = account

    def admit(self, account: KeyAccount, tokens: int, amount: int, now: float) -> Refusal | None:
        """Let a request pass both its key and its tenant, or say why not."""
        self.calendar.at(now)
        tenant = account.tenant
        refusal = account.refuse(tokens, amount, self.calendar, now) or tenant.refuse(
            tokens, amount, self.calendar, now
        )
        if refusal is None:
            account.admit(tokens, amount, now)
            tenant.admit(tokens, amount, now)
        return refusal

    def hold_more(self, account: KeyAccount, more: int, now: float) -> bool:
        """Raise a running request's hold where both budgets and their overdrafts allow it."""
        self.calendar.at(now)
        if not (
            account.may_hold(more, self.calendar) and account.tenant.may_hold(more, self.calendar)
        ):
            return False
        account.held += more
        account.tenant.held += more
        return True

    def settle(
        self, account: KeyAccount, held: int, cost: int, unused_tokens: int, now: float
    ) -> None:
        """End a request in both accounts."""
        self.calendar.at(now)
        account.settle(held, cost, unused_tokens, self.calendar)
        account.tenant.settle(held, cost, unused_tokens, self.calendar)

    def describe(self, now: float) -> dict[str, object]:
        """Accounts for an operator: running requests, money held and settled (pico-dollars)."""
        self.calendar.at(now)
        described: dict[str, object] = {}
        for account in (*self.tenants.values(), *self.keys.values()):
            account.turn(self.calendar)
            described[account.name] = {
                "running": account.running,
                "held": account.held,
                "settled_day": account.settled_day,
                "settled_month": account.settled_month,
            }
        return described


def _tenant_account(tenant: Tenant) -> Account:
    return Account(f"Tenant {tenant.name}", tenant.limits, tenant.budget)


def class_of(event: Arrived, account: KeyAccount, tenant: Tenant) -> str:
    """The class a request runs in: a request may lower itself to batch, never raise itself."""
    own = account.terms.request_class or tenant.request_class
    return "batch" if event.request_class == "batch" else own
