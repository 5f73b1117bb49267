"""What only a plan asks of a contract or a build, as pydantic models: `schema` has the rules."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.evidence import Grade
from tollway.fleet.fields import Count, Day, Text
from tollway.fleet.plan_quantities import Month, Units
from tollway.fleet.table import Table, key

Months = Annotated[int, Field(ge=1, le=1200)]
Days = Annotated[int, Field(ge=0, le=36600)]


class EvidenceTable(Table):
    """What every clause may say of itself; as the contract unless written."""

    source: Text | None = key("Where it is stated: a URL, or the paper and its page.", None)
    grade: Grade | None = key("How good that is; `assumed` is a scenario and no fact.", None)
    date: Day | None = key("When it was read there.", None)
    note: Text | None = key("What else a reader should know of it.", None)
    about: bool = key("Whether its figures are approximate where they come from.", False)


class OfferTable(EvidenceTable):
    """That it is not signed yet, and when and how it can be. A unit of it is all that the contract
    provides and costs."""

    since: Month | None = key("The first month in which it can be signed.", None)
    until: Month | None = key("The last such month.", None)
    most: Units = key("How many units can be signed in all.", 1)
    least: Units = key("How many at a time at least.", 0)
    whole: bool = key("Whether only whole units can be signed.", True)
    lead_months: Annotated[int, Field(ge=0, le=1200)] | None = key(
        "Months from signing to service; the term's own start unless written.", None
    )
    group: Text | None = key("Of the offers of one group, one at most is signed.", None)
    emergency: Units = key("Further units that can be had in a contingency.", 0)
    emergency_days: Days = key("How long that takes.", 0)


class DependsTable(Table):
    """What it depends on besides what it says elsewhere; what shares a value falls with it."""

    vendor: Text | None = key("Who supplies it.", None)
    chip: Text | None = key("Which chip family.", None)
    region: Text | None = key("Where it stands.", None)
    power: Text | None = key("Which power: a grid, a plant.", None)
    guarantor: Text | None = key("Who answers for it.", None)
    jurisdiction: Text | None = key("Whose law can close it.", None)
    software: Text | None = key("Which software it takes: cuda, rocm.", None)
    site: Text | None = key("Which site.", None)


class YieldTable(EvidenceTable):
    """How many tokens a unit makes, where that is known and need not be predicted."""

    workload: Text = key("Of which workload.")
    model: Text = key("With which of its models.")
    tokens_per_hour: Count = key("Tokens an hour, in and out together.")
