"""What a contract states, and what it leaves unsaid: an answer that would need it is refused."""

from datetime import date

from tollway.errors import TollwayError
from tollway.fleet.contract import Clauses, FeeStep, When
from tollway.fleet.contract_dates import end_of, start_of


class NotStatedError(TollwayError):
    """What was asked cannot be answered from what the contract states. `what` names it."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"cannot be answered: {what}.")


def start(clauses: Clauses) -> date:
    """The first day of service.

    Raises:
        NotStatedError: at best a quarter or a year is stated.
    """
    found = start_of(clauses)
    if found is None:
        raise NotStatedError(_unsaid("start", clauses.term and clauses.term.start))
    return found


def end(clauses: Clauses) -> date:
    """The last day of the term.

    Raises:
        NotStatedError: neither it nor a length is stated.
    """
    found = end_of(clauses)
    if found is None:
        raise NotStatedError(_unsaid("end", clauses.term and clauses.term.end))
    return found


def _unsaid(what: str, when: When | None) -> str:
    if when is None:
        return f"the {what} of the term is not stated"
    return f"the {what} of the term is stated as {when} only, without its month"


def not_stated(clauses: Clauses) -> tuple[str, ...]:
    """What a buyer would want to know and the contract does not say, in the order of its life."""
    noticed = {side for one in clauses.notice for side in _sides(one.by)}
    paid = {side for one in clauses.termination for side in _sides(one.by)}
    missing = {
        "first day": start_of(clauses) is None,
        "last day": end_of(clauses) is None,
        "capacity": not clauses.capacity,
        "which chip": not any(step.chip for step in clauses.capacity),
        "fee": not any(_amount(step) for step in clauses.fee) and not clauses.tiers,
        "part of the fee": bool(clauses.fee) and _partly(clauses),
        "when fees are due": clauses.billing is None,
        "notice by us": "us" not in noticed,
        "notice by them": "them" not in noticed,
        "lock-in": clauses.lock_in is None,
        "termination fee (us)": "us" not in paid,
        "termination fee (them)": "them" not in paid,
        "delivery and its misses": not clauses.delivery,
        "SLA credits": not clauses.sla,
    }
    return tuple(what for what, absent in missing.items() if absent)


def _sides(by: str) -> tuple[str, ...]:
    return ("us", "them") if by == "either" else (by,)


def _amount(step: FeeStep) -> bool:
    return step.monthly is not None or step.rate is not None or step.per == "Mtok"


def _partly(clauses: Clauses) -> bool:
    stated = [_amount(step) for step in clauses.fee]
    return any(stated) and not all(stated)


def taken(clauses: Clauses) -> tuple[str, ...]:
    """What was taken for what is not stated, because it moves no amount between months: sentences
    for beside the answer."""
    words: list[str] = []
    term, billing = clauses.term, clauses.billing
    if start_of(clauses) is not None and term and term.start and not term.start.exact:
        words.append(f"The day in {term.start} is not stated: counted from {term.start.first}.")
    if end_of(clauses) is not None and term and term.end and not term.end.exact:
        words.append(f"The day in {term.end} is not stated: counted to {term.end.last}.")
    if billing is None and clauses.fee:
        words.append("When fees are due is not stated: booked at the start of each month.")
    return tuple(words)
