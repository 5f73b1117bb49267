"""The fleet file's tenants as pydantic models: see `schema` for the rules."""

from pydantic import Field

from tollway.fleet.fields import Count, Money, Text
from tollway.fleet.objects import RequestClass
from tollway.fleet.table import Table, key


class LimitsTable(Table):
    """What a tenant may use at a time; unlimited unless written."""

    requests_per_minute: Count | None = key("Requests a minute.", None)
    tokens_per_minute: Count | None = key("Input plus reserved output tokens a minute.", None)
    concurrency: Count | None = key("Requests in flight.", None)


class BudgetTable(Table):
    """Money, in USD written as text; unlimited unless written."""

    day: Money | None = key("A UTC day.", None)
    month: Money | None = key("A UTC month.", None)
    overdraft: Money = key("How far answers longer than reserved may pass a bound.", "0")


class TenantTable(Table):
    """Who pays. Virtual keys belong to a tenant, and live in the ledger only."""

    limits: LimitsTable = key("What it may use.", {})
    budget: BudgetTable = key("What it may spend.", {})
    routes: list[str] | None = key("The routes that it may ask for; all unless written.", None)
    request_class: RequestClass = Field(
        default="interactive",
        alias="class",
        description="Whether someone waits for its answers, unless a key says otherwise.",
    )
    price_book: Text | None = key("What it is charged by; nothing unless written.", None)
