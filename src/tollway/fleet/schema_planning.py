"""The fleet file's tables for planning as pydantic models: see `schema` for the rules.

Rules
1. A table's keys are the fields of the object of the same name in `planning`.
"""

from typing import Annotated, Literal

from pydantic import Field

from tollway.fleet.contract_quantities import Dollars, Megawatts
from tollway.fleet.fields import Count, Duration, Rate, Text
from tollway.fleet.objects import RequestClass
from tollway.fleet.plan_quantities import Factor, Growth, Month, MtokPrice, Percent
from tollway.fleet.planning import Attribute, How
from tollway.fleet.schema_offers import Days, DependsTable, EvidenceTable, Months, YieldTable
from tollway.fleet.table import Table, key

Hours = Annotated[int, Field(ge=1, le=24)]
Pue = Annotated[Factor, Field(ge=1, le=10)]
LeadMonths = Annotated[int, Field(ge=0, le=240)]


class RiskTable(Table):
    """How the expected cost and the worst scenarios are weighed."""

    weight: Percent = key("Of the objective; the rest is the expected cost.", "30%")
    beta: Percent = key("The worst are those beyond this share of them.", "90%")


class BudgetWindowTable(Table):
    """What may be paid in a stretch of months, whatever happens."""

    amount: Dollars = key("USD, not discounted.")
    first: Month = key("The first month.")
    last: Month = key("The last month.")


class FearTable(Table):
    """A contingency that is added, or how those of an attribute are. What is not written is as the
    plan says."""

    attribute: Attribute | None = key("Those of each value of it; the name, if it is one.", None)
    value: Text | None = key("Only that of this value.", None)
    offers: list[Text] = key("Instead: contracts, builds, sources that fall away together.", [])
    models: list[Text] = key("Instead: models that are withdrawn everywhere.", [])
    notice_days: Days | None = key("How long before that is known.", None)
    cover: Percent | None = key("Of the interactive demand that must survive it.", None)
    short: MtokPrice | None = key("What a million tokens short of it cost.", None)
    since: Month | None = key("From when on it counts; always unless written.", None)
    off: bool = key("Whether it is left out.", False)


class QuotaTable(Table):
    """What a plan may count on of an API source, at the prices of the source."""

    tokens_per_minute: Count | None = key("At most so many; without bound unless written.", None)
    emergency: Annotated[int, Field(ge=0, le=10**12)] = key(
        "So many a minute more can be had in a contingency.", 0
    )
    emergency_days: Days = key("How long that takes.", 0)
    price_growth: Growth = key("How its list prices change a year.", "0%")
    depends: DependsTable = key("What else it depends on.", {})


class DepartureTable(Table):
    """A supplier that may leave: a branch of the scenarios."""

    offers: list[Text] = key("Contracts, builds or sources that are gone then.")
    since: Month = key("The first month without them.")
    probability: Percent = key("How likely that is.")
    notice_days: Days = key("How long before that is known.", 0)


class PortabilityTable(Table):
    """What software a model runs on."""

    runs_on: list[Text] = key("The software that it runs on today: cuda, rocm.")
    port_months: dict[str, LeadMonths] = key("Months to bring it to another.", {})


class PlanTable(Table):
    """What is planned, and what must hold."""

    start: Month = key("The first month.")
    months: Annotated[int, Field(ge=1, le=240)] = key("How many.", 36)
    period: Literal["month", "quarter"] = key("How long a step of it is.", "quarter")
    discount: Percent = key("What money costs a year.", "8%")
    risk: RiskTable = key("How much the worst scenarios count.", {})
    cover: Percent = key("Of the interactive demand that survives each contingency.", "100%")
    short: MtokPrice | None = key(
        "What a million tokens short of it cost; the highest `unserved` unless written.", None
    )
    blocks: dict[str, Hours] = key(
        "Hours of the day that are alike, by name, the busiest first; they sum to 24.",
        {"peak": 4, "day": 12, "night": 8},
    )
    limits: dict[str, Percent] = key("Of tokens, that depends on one value of an attribute.", {})
    budgets: dict[str, BudgetWindowTable] = key("What may be paid, by name.", {})
    contingencies: dict[str, FearTable] = key(
        "Each shared attribute makes its own; here they are changed, left out or added.", {}
    )
    sources: dict[str, QuotaTable] = key("What can be had of API sources, by their names.", {})
    departures: dict[str, DepartureTable] = key("Suppliers that may leave, by name.", {})
    software: dict[str, PortabilityTable] = key("What models run on, by their names.", {})


class OutlookTable(Table):
    """How demand may go instead. Outlooks of one name happen together."""

    since: Month = key("From when on; known when a period begins.")
    probability: Percent = key("How likely, of what it branches from.")
    growth: Growth | None = key("A year's growth from then on; as before unless written.", None)
    factor: Factor = key("How many times as much at once.", 1)
    after: Text | None = key("The outlook that it branches from, instead of the expected.", None)


class RecordedTable(Table):
    """Which use in the ledger: all of it unless written."""

    route: Text | None = key("Of which route.", None)
    tenant: Text | None = key("Of which tenant.", None)


class WorkloadTable(EvidenceTable):
    """Demand of one kind."""

    request_class: RequestClass = Field(
        default="interactive", alias="class", description="Whether someone waits for its answers."
    )
    models: Annotated[list[Text], Field(min_length=1)] = key("Any of these serves it.")
    input_tokens: Count = key("A request's, in the mean.")
    output_tokens: Count = key("A request's, in the mean.")
    tokens_per_day: Annotated[int, Field(ge=1, le=10**16)] | None = key(
        "In and out together, when the plan starts.", None
    )
    trace: Text | None = key("Instead: as in a trace, by name or file.", None)
    ledger: RecordedTable | None = key("Instead: as the ledger has it.", None)
    growth: Growth = key("A year's.", "0%")
    seasonality: dict[str, Factor] = key(
        "Times as much in a month of the year, by its number: { 12 = 1.2 }.", {}
    )
    profile: dict[str, Factor] = key("Times as much in a block as in another without one.", {})
    hours: list[Factor] = key("Instead: how much in each of the day's 24 UTC hours.", [])
    ttft: Duration | None = key("Time to the first token that is promised.", None)
    speed: Rate | None = key("Output tokens a second of one stream that are promised.", None)
    precision: Text | None = key("At which it is served on own or leased chips.", None)
    unserved: MtokPrice | None = key(
        "What a million tokens cost that are not served; all must be unless written.", None
    )
    outlooks: dict[str, OutlookTable] = key("How it may go instead, by name.", {})


class SupplyTable(EvidenceTable):
    """Power of a site; supplies are added up."""

    kind: Literal["grid", "on-site", "contract"] = key("Where it comes from.")
    since: Month = key("The first month.")
    until: Month | None = key("The last month.", None)
    mw: Megawatts = key("Megawatts at the meter.")
    kwh: Dollars = key("USD a kWh that is drawn.", "0")
    mw_month: Dollars = key("USD a month for a megawatt that a build takes, drawn or not.", "0")
    capex: Dollars = key("USD to build a megawatt of it that a build takes.", "0")


class SiteTable(EvidenceTable):
    """Where own silicon stands."""

    title: Text | None = key("What it is called.", None)
    region: Text | None = key("Where it is.", None)
    power: Text | None = key("What its power depends on; the site itself unless written.", None)
    jurisdiction: Text | None = key("Whose law holds there.", None)
    pue: Pue = key("Megawatts at the meter for one that the machines draw.", 1.3)
    supply: list[SupplyTable] = key("Its power.", [])


class DebtTable(EvidenceTable):
    """A loan on the chips, which are its collateral."""

    share: Percent = key("Of what the chips cost.")
    rate: Percent = key("Interest a year.")
    months: Months = key("Paid back in so many equal parts, from delivery on.")


class BuildTable(EvidenceTable):
    """Own silicon, in modules."""

    title: Text | None = key("What it is called.", None)
    site: Text = key("Where it stands.")
    how: How = key("How it comes to stand; sets the lead time unless `lead_months` does.")
    chip: Text = key("Which chip, by its catalog name.")
    chips: Count = key("Chips of a module.")
    mw: Megawatts = key("Megawatts of IT load of a module.")
    most: Count = key("How many modules at most.")
    least: Annotated[int, Field(ge=0, le=10**12)] = key("How many at a time at least.", 0)
    since: Month | None = key("The first month in which it can be ordered.", None)
    until: Month | None = key("The last such month.", None)
    lead_months: LeadMonths | None = key("Months from order to service.", None)
    capex: Dollars = key("USD of a module's chips, with hosts and network.")
    facility: Dollars = key("USD of what houses a module.", "0")
    deposit: Percent = key("Of both, due at the order; the rest is at delivery.", "0%")
    opex: Dollars = key("USD a month of a module in service, without power.", "0")
    life_months: Months = key("How long the chips serve, and are written off.", 60)
    facility_months: Months = key("How long the facility is written off.", 168)
    resale: Percent = key("What a sale brings of what is not written off.", "0%")
    lives: dict[str, Months] = key("Other lives of the chips to be compared, by name.", {})
    debt: DebtTable | None = key("A loan on the chips.", None)
    depends: DependsTable = key("What else it depends on.", {})
    yields: list[YieldTable] = key("Tokens that a module makes.", [])
    group: Text | None = key("Of the offers of one group, one at most is ever signed.", None)
