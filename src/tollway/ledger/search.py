"""What a search of settled requests can ask, and what it finds: newest first, a page at a time."""

from dataclasses import dataclass

WORDS = ("tenant", "key", "route", "source", "model", "outcome", "code")
"""What a search can hold requests to, word for word, of those that repeat."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which requests; None and False do not restrict. `since` is included and `until` is not, both
    UTC seconds of settling. `source` is the one that answered or was last tried.

    `min_cost` is pico-dollars, `min_ttft` and `min_duration` are seconds. `estimated`: their tokens
    were counted here. `fallback`: they were tried more than once. `drilled`: a drill had taken a
    source away from them.
    """

    since: float | None = None
    until: float | None = None
    request: str | None = None
    tenant: str | None = None
    key: str | None = None
    route: str | None = None
    source: str | None = None
    model: str | None = None
    outcome: str | None = None
    code: str | None = None
    tag: str | None = None
    min_cost: int | None = None
    min_ttft: float | None = None
    min_duration: float | None = None
    estimated: bool = False
    fallback: bool = False
    drilled: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in the order of requests: UTC microseconds of settling, then the ledger's number."""

    utc: int
    id: int


@dataclass(frozen=True, slots=True)
class Line:
    """A settled request. Moments are UTC seconds and lengths of time seconds from arrival; money is
    pico-dollars. `cost` is of every attempt, `failed_cost` the part of those that failed. Who asked
    is None where the ledger knows of no reservation."""

    id: int
    request: str
    utc: float
    outcome: str
    code: str | None
    source: str | None
    model: str | None
    upstream_model: str | None
    tier: str | None
    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    estimated: bool
    cost: int
    failed_cost: int
    attempts: int
    ttft: float | None
    duration: float | None
    substituted: str | None
    reserved_utc: float | None
    key: str | None
    tenant: str | None
    route: str | None
    operation: str | None
    tag: str | None
    reserved: int | None
    drilled: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Requests, newest first. `older` is where to go on, None where nothing is left. `back_to` is
    the moment (UTC seconds) to which was looked where that ended before the page was full; None
    where it is full, or everything was looked at."""

    lines: tuple[Line, ...]
    older: Spot | None = None
    back_to: float | None = None


@dataclass(frozen=True, slots=True)
class FailedTry:
    """An attempt of a settled request that did not answer."""

    attempt: int
    source: str
    model: str
    kind: str
    status: int | None
    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    estimated: bool
    cost: int
    duration: float


@dataclass(frozen=True, slots=True)
class Held:
    """A request that is reserved and not settled. `amount` is pico-dollars."""

    request: str
    utc: float
    key: str
    tenant: str
    route: str
    operation: str
    tag: str | None
    amount: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All that the ledger has of one settled request."""

    line: Line
    failed: tuple[FailedTry, ...]
