"""The `[drift]` table: how models behind sources are watched. See `schema`."""

from typing import Annotated

from pydantic import Field

from tollway.fleet.drifting import DriftAction, SameModel
from tollway.fleet.fields import Count, Duration, Money, Text
from tollway.fleet.table import Table, key


class DriftTable(Table):
    """How models behind sources are held against their baselines. Without it none are."""

    tenant: Text = key("Who pays for the calls.")
    every: Duration = key("How often each model is checked, where the budget allows it.", "1h")
    again: Duration = key(
        "How long after a look that suspects the second one comes, which may alarm: an accident of "
        "the moment is to be over by then.",
        "5m",
    )
    calls: Count = key("Calls a UTC day at most, all models together.", 5000)
    budget: Money = key("USD a UTC day at most.", "1.00")
    action: DriftAction = key(
        "What an alarm does once short answers have confirmed it: alarm shows it, open-breaker "
        "also asks the source no more for this model until `tollway drift clear`.",
        "alarm",
    )
    same_model: SameModel = key(
        "Sources of one model and precision are compared with each other: show says which differs, "
        "take-out also opens its breaker, where the others agree.",
        "show",
    )
    models: Annotated[list[Text], Field(min_length=1)] | None = key(
        "SOURCE/MODEL; every one that has a baseline unless written.", None
    )
