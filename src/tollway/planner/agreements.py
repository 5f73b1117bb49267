"""Contracts as offers: each in force, or as it would be if it were signed in each period.

Rules
1. A contract without an offer is in force, one unit of it. One on offer begins when its term says,
   or so many months after the period in which it is signed; it never begins before that.
2. Its metered use is priced as if it began at the earliest: an escalator never makes it cheaper
   than it is.
3. A model that its supplier withdraws is served up to the last period that ends before. Which chip
   a contract is about, whether it can be left and what that costs must be stated: in the contract,
   or in a reading of it. Every gap is named at once, with its mend.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tollway.errors import Fault, TollwayError
from tollway.fleet.contract import Clauses, Contract
from tollway.fleet.contract_dates import add_months, begins, start_of
from tollway.fleet.offers import Offer as Terms
from tollway.fleet.planning import Demand
from tollway.planner.metered import price_on
from tollway.planner.portability import software_of
from tollway.planner.program.instance import ALREADY, Line, Offer, Period, Stream
from tollway.planner.provisioned import several_capacities
from tollway.planner.shifted import shifted
from tollway.planner.speeds import Speeds, load_of
from tollway.planner.stated import NotStatedError
from tollway.planner.streams import Size, kept, left, notice_day, runs_to, size_of
from tollway.units import PicoDollars

MINUTES = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """A contract read for a plan: its offer (None: it serves nothing of it), `notes` on what was
    taken for it, and `faults` where what is needed is not stated."""

    offer: Offer | None = None
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def contract_offer(
    contract: Contract,
    clauses: Clauses,
    demands: Mapping[str, Demand],
    periods: Sequence[Period],
    speeds: Speeds,
) -> Drawn:
    """The offer that a contract, under one of its readings, is."""
    try:
        signings = dict(signings_of(contract.offer, clauses, periods))
        if not signings:
            return Drawn(notes=(f"{contract.name} cannot be signed within the plan.",))
        runs, exits = _streams(signings, periods)
        if not any(any(one.capacity) for one in runs.values()):
            return Drawn(notes=(f"{contract.name} gives nothing within the plan.",))
        if mixed := several_capacities(contract, clauses, demands):
            return Drawn(faults=mixed)
        first = signings[min(signings)]
        lines, notes = _lines(contract, first, demands, periods, speeds)
    except NotStatedError as error:
        return Drawn(faults=(_fault(contract, error),))
    except TollwayError as error:
        return Drawn(faults=(Fault(f"contracts.{contract.name}:", str(error)),))
    if not lines:
        words = f"{contract.name} serves nothing of the plan and is left out."
        return Drawn(notes=(*notes, words))
    offer = Offer(
        name=contract.name,
        kind="contract" if exits else "block",
        attributes=attributes_of(contract, clauses, speeds),
        lines=tuple(lines),
        runs=runs,
        exits=exits,
        signed=Fraction(contract.offer is None),
        guarantors=() if "guarantor" in contract.depends else _behind(clauses)[1:],
    )
    return Drawn(_on_terms(offer, contract.offer), notes)


def _on_terms(offer: Offer, terms: Terms | None) -> Offer:
    if terms is None:
        return offer
    return replace(
        offer,
        most=Fraction(terms.most),
        least=Fraction(terms.least),
        whole=terms.whole,
        group=terms.group or "",
        emergency=Fraction(terms.emergency),
        emergency_days=terms.emergency_days,
    )


def signings_of(
    terms: Terms | None, clauses: Clauses, periods: Sequence[Period]
) -> Iterator[tuple[int, Clauses]]:
    """The clauses by the period of signing (rule 1)."""
    if terms is None:
        last = runs_to(clauses)
        if last is None or last >= periods[0].first:
            yield ALREADY, clauses
        return
    said = start_of(clauses)
    for at, period in enumerate(periods):
        if terms.since is not None and period.last < terms.since:
            continue
        if terms.until is not None and period.first >= add_months(terms.until, 1):
            return
        if terms.lead_months is not None:
            start = add_months(period.first, terms.lead_months)
        else:
            start = period.first if said is None else max(said, period.first)
        if start <= periods[-1].last:
            yield at, shifted(clauses, start)


def _streams(
    signings: Mapping[int, Clauses], periods: Sequence[Period]
) -> tuple[dict[int, Stream], dict[tuple[int, int], Stream]]:
    """What is kept by the period of signing, and what is left by the periods of both."""
    runs = {at: kept(one, periods, at) for at, one in signings.items()}
    exits: dict[tuple[int, int], Stream] = {}
    for at, one in signings.items():
        for when in range(max(0, at + 1), len(periods)):
            on = notice_day(one, periods[when], periods)
            if on is None:
                continue
            stream = _settled(left(one, on, periods, at), runs[at], when)
            if _told(stream) != _told(runs[at]):
                exits[at, when] = stream
    return runs, exits


def _settled(gone: Stream, run: Stream, when: int) -> Stream:
    """The stream of an exit as paid: up to the notice as if there were none, and what comes back of
    that, or is owed on top, in the notice's period."""
    back = sum(gone.cash[:when]) - sum(run.cash[:when])
    at_once = PicoDollars(gone.cash[when] + back)
    return replace(gone, cash=(*run.cash[:when], at_once, *gone.cash[when + 1 :]))


def _told(stream: Stream) -> tuple[object, ...]:
    """What of a stream is within the horizon."""
    return stream.capacity, stream.cash, stream.minimums


def _lines(
    contract: Contract,
    clauses: Clauses,
    demands: Mapping[str, Demand],
    periods: Sequence[Period],
    speeds: Speeds,
) -> tuple[list[Line], tuple[str, ...]]:
    size = size_of(clauses)
    lines: list[Line] = []
    notes: dict[str, None] = {}
    declared = {(one.workload, one.model): one.tokens_per_hour for one in contract.yields}
    for demand in demands.values():
        for model in demand.models:
            known = declared.get((demand.name, model))
            try:
                if known is not None:
                    bare = Line(demand.name, model, known, (), known, known)
                else:
                    bare = _made(clauses, size, demand, model, speeds)
            except NotStatedError:
                raise
            except TollwayError as error:
                notes[f"{contract.name} does not serve {demand.name}: {error}"] = None
                continue
            if bare.tokens:
                lines.append(_priced(bare, clauses, size, periods))
    return lines, tuple(notes)


def _made(clauses: Clauses, size: Size, demand: Demand, model: str, speeds: Speeds) -> Line:
    """What one unit makes of a workload with a model, unpriced."""
    if size.tokens_per_minute is not None:
        tokens = provisioned_for(clauses, model, size.tokens_per_minute) * MINUTES
        return Line(demand.name, model, tokens, (), tokens, tokens)
    if size.chip is None or size.chips is None:
        raise NotStatedError("which chip it provides is not stated")
    pace = speeds.pace(size.chip, model, load_of(demand), size.chips)
    value, low, high = pace.of(size.chips)
    return Line(demand.name, model, value, (), low, high, pace.origin)


def provisioned_for(clauses: Clauses, model: str, whole: int) -> int:
    """Tokens a minute that provisioned throughput gives a model; all where none is named."""
    if not clauses.provisioned or any(one.tokens_per_minute for one in clauses.capacity):
        return whole
    return sum(
        one.tokens_per_minute or 0 for one in clauses.provisioned if one.model in (None, model)
    )


def _priced(line: Line, clauses: Clauses, size: Size, periods: Sequence[Period]) -> Line:
    each = Fraction(line.tokens, size.chips or 1)
    start = start_of(clauses) or periods[0].first
    prices = [price_on(clauses, max(one.first, start), each) for one in periods]
    return replace(
        line,
        price=tuple(PicoDollars(round(one)) for one in prices),
        last=_withdrawn(clauses, line.model, periods),
    )


def _withdrawn(clauses: Clauses, model: str, periods: Sequence[Period]) -> int | None:
    """The last period in which a model is served; None: to the end."""
    days = [begins(one.on) for one in clauses.retirement if one.model == model]
    gone = min((day for day in days if day is not None), default=None)
    if gone is None or gone > periods[-1].last:
        return None
    return max((at for at, one in enumerate(periods) if one.last < gone), default=-1)


def attributes_of(contract: Contract, clauses: Clauses, speeds: Speeds) -> dict[str, str]:
    """What a contract depends on: its supplier, its chip, who answers for it, and what it says."""
    found = {"vendor": contract.supplier}
    chip = next((one.chip for one in clauses.capacity if one.chip is not None), None)
    if chip is not None:
        found["chip"] = chip
        software = software_of(speeds.chip(chip).vendor)
        if software is not None:
            found["software"] = software
    if behind := _behind(clauses):
        found["guarantor"] = behind[0]
    return {**found, **contract.depends}


def _behind(clauses: Clauses) -> tuple[str, ...]:
    """Who answers for the supplier, each once."""
    found = (one.guarantor for one in clauses.backstop if one.of in ("them", "either"))
    return tuple(dict.fromkeys(found))


_MENDS = {
    "which chip": 'Say it: capacity = [{ chip = "h200", … }], or declare yields.',
    "capacity": "Say it: capacity = [{ chips = 8, … }].",
    "the notice that the buyer": 'Say it: notice = [{ by = "us", days = 90 }], or none = true.',
    "whether the buyer pays": 'Say it: termination = [{ by = "us", fee = "0" }].',
    "the fee": 'Say it: fee = [{ monthly = "…" }].',
    "the commitment": 'Say it: commitment = { …, on_exit = "due" }.',
    "how metered use draws": 'Say it as a commitment: commitment = { amount = "…", months = 12 }.',
    "the refund": "Say it: prepay = { …, refunded = true }.",
    "the end of the term": "Say it: term = { …, months = 24 }.",
    "the start of the term": "Say it: term = { start = 2027-01-01, … }.",
}
"""What is not stated, as it begins -> what to write."""


def _fault(contract: Contract, error: NotStatedError) -> Fault:
    mend = next((it for start, it in _MENDS.items() if start in error.what), "State it.")
    said = error.what.removesuffix(" is not stated")
    more = ' An assumption of yours has grade = "assumed", in a reading or in the clause itself.'
    return Fault(f"contracts.{contract.name}:", f"a plan needs {said}, not stated", mend + more)
