"""The fleet file's contracts as pydantic models: see `schema` for the rules.

Rules
1. Every clause may say where it comes from; one that does not has the contract's own evidence.
2. A table's keys are the fields of the object of the same name in `contract`.
"""

from typing import Annotated, Literal

from pydantic import Field

from tollway.fleet.contract import Per, Side
from tollway.fleet.contract_quantities import Currency, Dollars, Megawatts, Moment, Part
from tollway.fleet.fields import Count, Day, Text, TokenPrice
from tollway.fleet.schema_offers import (
    Days,
    DependsTable,
    EvidenceTable,
    Months,
    OfferTable,
    YieldTable,
)
from tollway.fleet.table import Table, key


class PartyTable(Table):
    """Someone who signs a contract, answers for it, or owns what it is about."""

    title: Text = key("What it is called.")


class TermTable(EvidenceTable):
    """From when to when it holds."""

    start: Moment | None = key("Its first day. Of a month, its first day is taken.", None)
    end: Moment | None = key("Its last day. Of a month, its last day is taken.", None)
    months: Months | None = key("Its length, instead of `end`.", None)


class ExtensionTable(EvidenceTable):
    """How it goes on after its term."""

    months: Months = key("How long one extension is.")
    times: Annotated[int, Field(ge=1, le=100)] = key("How many there may be.", 1)
    by: Literal["us", "them", "both", "automatic"] = key(
        "Whose choice it is; `automatic` comes unless notice is given.", "us"
    )
    notice_days: Days | None = key("How long before the end that must be said.", None)


class CapacityTable(EvidenceTable):
    """What is there from a moment on, until the next step."""

    since: Moment | None = key("From when; the start unless written.", None)
    month: Months | None = key("Instead: from which month of the term, counted from 1.", None)
    chips: Count | None = key("How many chips.", None)
    chip: Text | None = key("Which chip, by its catalog name.", None)
    mw: Megawatts | None = key("Megawatts of IT load.", None)
    tokens_per_minute: Count | None = key("Tokens a minute.", None)


class FeeTable(EvidenceTable):
    """What is owed from a moment on, until the next step. With no amount: it is not stated."""

    since: Moment | None = key("From when; the start unless written.", None)
    month: Months | None = key("Instead: from which month of the term, counted from 1.", None)
    monthly: Dollars | None = key("USD a month.", None)
    rate: Dollars | None = key("Instead: USD for each of what `per` says.", None)
    per: Per | None = key("What the rate is for; by what is there, or Mtok: by what is used.", None)
    metered: bool = key("Whether chips are charged by hours used, not by hours there.", False)


class PriceTierTable(EvidenceTable):
    """A price for part of a month's tokens; the last tier is without end."""

    up_to: Count | None = key("Tokens a month at which it ends.", None)
    price: TokenPrice = key("USD a million tokens.")


class BillingTable(EvidenceTable):
    """Which months a fee is for, and when it is due."""

    months: Literal["calendar", "contract"] = key(
        "Months of the calendar, or counted from the start.", "calendar"
    )
    due: Literal["start", "end"] = key("At which end of such a month it is due.", "start")
    days: Annotated[int, Field(ge=0, le=366)] = key("So many days later.", 0)


class EscalatorTable(EvidenceTable):
    """How fees grow."""

    share: Part = key("By which share, compounding.")
    every_months: Months = key("How often, from the start.", 12)


class MinimumTable(EvidenceTable):
    """Take or pay: the least that a month of metered use costs."""

    amount: Dollars | None = key("USD a month.", None)
    share: Part | None = key("Instead: of what the whole capacity would cost.", None)


class PrepayTable(EvidenceTable):
    """What is paid ahead, and how it comes back as credit."""

    amount: Dollars | None = key("USD.", None)
    share: Part | None = key("Instead: of the fees of the term.", None)
    on: Moment | None = key("When it is paid; at the start unless written.", None)
    credit_after: Annotated[int, Field(ge=0, le=1200)] | None = key(
        "Months of service after which it is credited.", None
    )
    credit_over: Months | None = key(
        "In so many equal monthly parts; as fast as fees allow unless written.", None
    )
    refunded: bool | None = key("Whether the rest comes back at an early exit.", None)


class CommitmentTable(EvidenceTable):
    """A sum that is to be spent."""

    amount: Dollars = key("USD in each period.")
    months: Months | None = key("How long a period is; the whole term unless written.", None)
    true_up: Literal["pay", "lapse", "roll"] | None = key(
        "What becomes of what was not spent: it is paid, it lapses, it is added to the next.", None
    )
    on_exit: Literal["due", "prorated", "released"] | None = key(
        "What is due of a period that an exit cuts short.", None
    )
    models: list[Text] = key("Whose use draws it down; anything's unless written.", [])


class LockInTable(EvidenceTable):
    """For how long nobody may leave. `months = 0` says that there is none."""

    months: Annotated[int, Field(ge=0, le=1200)] | None = key("From the start.", None)
    days: Days | None = key("Instead: days from the start.", None)
    until: Moment | None = key("Instead: its last day.", None)
    holds: Literal["notice", "exit"] = key(
        "What it forbids: to give notice, or that notice takes effect.", "notice"
    )


class NoticeTable(EvidenceTable):
    """A side's right to end the contract without a reason."""

    by: Side = key("Whose right: us (the buyer), them (the supplier), either.")
    days: Days | None = key("From the day of notice to the last day of service.", None)
    months: Months | None = key("Instead: months.", None)
    none: bool = key("Instead: there is no such right.", False)
    not_before: Day | None = key("The first day on which notice may be given.", None)
    ends: Literal["any day", "month end"] = key("When notice may take effect.", "any day")


class TerminationTable(EvidenceTable):
    """What the side pays that ends the contract before its term. "0" says: nothing."""

    by: Side = key("Who pays.")
    fee: Dollars | None = key("USD.", None)
    months_of_fee: Months | None = key("Instead: so many times the last monthly fee.", None)
    remaining: Part | None = key("Instead: of the fees that were left.", None)
    until: Day | None = key("The last day of service that it is due for.", None)


class SlaTable(EvidenceTable):
    """What comes back of a month's fee where it was less available than promised."""

    below: Part = key("Availability below this share.")
    credit: Part = key("Which share of the month's fee comes back.")


class DeliveryTable(EvidenceTable):
    """Capacity promised by a date, and what a miss allows."""

    by: Moment | None = key("When it is due.", None)
    chips: Count | None = key("How many chips.", None)
    mw: Megawatts | None = key("Megawatts.", None)
    grace_days: Days | None = key("How much later it may be.", None)
    grace_months: Months | None = key("Instead: months.", None)
    rights: list[Literal["terminate", "terminate tranche", "accept fewer", "discount"]] = key(
        "What a miss allows us.", []
    )
    discount: Part | None = key("Off the monthly fee while it is late.", None)


class BackstopTable(EvidenceTable):
    """Who answers for a side."""

    guarantor: Text = key("A party.")
    of: Side = key("For whom.", "us")
    amount: Dollars | None = key("Up to how much, in USD.", None)


class ProvisionedTable(EvidenceTable):
    """Provisioned throughput (PTU, GSU, model units), and what it does not guarantee."""

    unit: Text = key("What is bought: PTU, GSU, model unit.")
    units: Count | None = key("How many.", None)
    model: Text | None = key("For which model; any that it may be drawn for unless written.", None)
    tokens_per_minute: Count | None = key("What that carries.", None)
    guarantees: list[Text] = key("What is guaranteed, in a few words each.", [])
    not_guaranteed: list[Text] = key("What is not.", [])
    unused: Literal["lapses", "rolls"] | None = key("What becomes of what is not used.", None)


class RetirementTable(EvidenceTable):
    """A model that the supplier withdraws."""

    model: Text = key("Which model.")
    on: Moment = key("The day from which it is gone.")
    replacement: Text | None = key("What the supplier offers instead.", None)


class ReclaimTable(EvidenceTable):
    """A share of a cluster that its owner may take back."""

    by: Text = key("A party.")
    share: Part = key("Of the capacity.")
    notice_days: Days | None = key("How long before.", None)


class TotalTable(EvidenceTable):
    """What the whole is said to be worth. Nothing is computed from it."""

    amount: Dollars = key("USD.")
    bound: Literal["about", "up to", "at least", "exactly"] = key("How that is meant.", "about")


class RemarkTable(EvidenceTable):
    """A fact that nothing is computed from."""

    text: Text = key("The fact, in your words.")


class ClausesTable(EvidenceTable):
    """What a contract and a reading of it may say. What is left out is not stated."""

    title: Text | None = key("What it is called.", None)
    term: TermTable | None = key("From when to when.", None)
    extension: ExtensionTable | None = key("How it goes on.", None)
    capacity: list[CapacityTable] = key("What is there, in steps.", [])
    fee: list[FeeTable] = key("What is owed, in steps of its own.", [])
    tiers: list[PriceTierTable] = key("Prices of a month's tokens, the first ones first.", [])
    billing: BillingTable | None = key("When fees are due.", None)
    escalator: EscalatorTable | None = key("How fees grow.", None)
    minimum: MinimumTable | None = key("Take or pay.", None)
    prepay: PrepayTable | None = key("What is paid ahead.", None)
    commitment: CommitmentTable | None = key("A sum to be spent.", None)
    lock_in: LockInTable | None = key("For how long nobody may leave.", None)
    notice: list[NoticeTable] = key("Who may leave without a reason, and how.", [])
    termination: list[TerminationTable] = key("What leaving early costs.", [])
    sla: list[SlaTable] = key("Credits for less than was promised.", [])
    delivery: list[DeliveryTable] = key("What is delivered by when, and what a miss allows.", [])
    backstop: list[BackstopTable] = key("Who answers for whom.", [])
    provisioned: list[ProvisionedTable] = key("Provisioned throughput.", [])
    retirement: list[RetirementTable] = key("Models that are withdrawn.", [])
    reclaim: ReclaimTable | None = key("What the owner may take back.", None)
    total: TotalTable | None = key("What the whole is said to be worth.", None)
    remarks: list[RemarkTable] = key("Further facts.", [])


class ReadingTable(ClausesTable):
    """One of several readings: the clauses that it reads otherwise. Each replaces the contract's
    whole clause of that name."""


class ContractTable(ClausesTable):
    """A contract for compute. What it does not say is not stated, and is never made up."""

    buyer: Text = key("The party that buys: us.")
    supplier: Text = key("The party that supplies: them.")
    kind: Text | None = key("What is bought, in a few words.", None)
    currency: Currency = key("What amounts are in.", "USD")
    sources: list[Text] = key("The fleet's sources that run on it.", [])
    offer: OfferTable | None = key("How it can be signed; it is in force unless written.", None)
    depends: DependsTable = key("What else it depends on.", {})
    yields: list[YieldTable] = key("Tokens that a unit of it makes.", [])
    readings: dict[str, ReadingTable] = key("Other readings of it, by name.", {})
