"""What is read out of a request's body, as values."""

from tollway.fleet.objects import Dialect, Operation
from tollway.fleet.tiers import Tier
from tollway.gateway import splice as splicing


class RequestFacts:
    """What dispatch and the meter need of a request, and where to splice it. Never changed.

    `input_tokens` is an estimate. `max_output` is the client's cap, times the number of answers
    that it asked for (`choices`); None where it gave no cap. `wants_usage` says that the client
    asked for a usage event itself. `tier` is the body's own `service_tier`, None where it names
    none of ours. `model_at` is the span of the model's value in the body, `usage_edit` what makes
    a stream report its usage, None where it does already. `dialect` is the one it is written in.
    """

    __slots__ = (
        "choices",
        "dialect",
        "input_tokens",
        "max_output",
        "model",
        "model_at",
        "operation",
        "prefix",
        "stream",
        "tier",
        "usage_edit",
        "wants_usage",
    )

    def __init__(  # noqa: PLR0913 - values read in one place
        self,
        *,
        operation: Operation,
        model: str,
        stream: bool,
        wants_usage: bool,
        input_tokens: int,
        max_output: int | None,
        prefix: int,
        choices: int = 1,
        tier: Tier | None = None,
        model_at: tuple[int, int] = (0, 0),
        usage_edit: splicing.Edit | None = None,
        dialect: Dialect = "openai",
    ) -> None:
        self.operation: Operation = operation
        self.model = model
        self.stream = stream
        self.wants_usage = wants_usage
        self.input_tokens = input_tokens
        self.max_output = max_output
        self.prefix = prefix
        self.choices = choices
        self.tier: Tier | None = tier
        self.model_at = model_at
        self.usage_edit = usage_edit
        self.dialect: Dialect = dialect
