"""The `[models]` tables: what is offered, and how good its users found it. See `schema`."""

from pydantic import Field

from tollway.fleet.fields import Count, Text
from tollway.fleet.table import Table, key


class QualityTable(Table):
    """A score that you gave a model. Scores are compared with others `of` the same."""

    score: float = Field(
        ge=-1e9, le=1e9, allow_inf_nan=False, description="The score; more is better."
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=1e9,
        allow_inf_nan=False,
        description="The true score is this near, as in half of a confidence interval.",
    )
    of: Text = key("What gave the score, as in `our evaluation of 2026-10, 400 tasks`.")


class QualitiesTable(Table):
    """Scores by what the answers are for."""

    any: QualityTable | None = key("For every use that has none of its own.", None)
    code: QualityTable | None = key("For code that somebody waits for.", None)
    essay: QualityTable | None = key("For text that somebody reads as it comes.", None)
    agent: QualityTable | None = key("For the turns of an agent.", None)
    batch: QualityTable | None = key("For what nobody waits for.", None)


class ModelTable(Table):
    """A model that the fleet offers; its name and aliases are routes that clients may ask for."""

    aliases: list[str] = key("Other names for it.", [])
    reserve_output: Count = key(
        "Output tokens that a request is assumed to need until it is known better.", 512
    )
    context: Count | None = key("The longest input plus output, in tokens.", None)
    quality: QualitiesTable = key("How good its answers are; `tollway choose` goes by it.", {})
