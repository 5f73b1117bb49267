"""What the data plane writes down of a request, for another process or a log.

Rules
1. No prompt, no answer, no key: of a request only what is named here.
2. Times are UTC seconds, durations are seconds.
"""

import msgspec


class Tried(msgspec.Struct, array_like=True, gc=False):
    """One attempt. `span` is 16 hexadecimal digits; `model` is the source's own name for it;
    `first` is the time to the first content event of a stream. `error` is what it failed by, None
    where it did not; `status` is the HTTP status of a failure that was one."""

    span: str
    number: int
    source: str
    provider: str
    address: str
    port: int
    model: str
    started: float
    ended: float = 0.0
    first: float | None = None
    error: str | None = None
    status: int | None = None
    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = True
    answered_as: str | None = None
    reasons: tuple[str, ...] = ()


class Served(msgspec.Struct, array_like=True, gc=False):
    """One request. `trace` is 32 hexadecimal digits, `span` and `parent` 16; `sampled` says
    whether its trace is told. `status` is the HTTP status that the client was given, None where it
    had left; `code` is the error code, None where the answer is whole."""

    request: str
    trace: str
    span: str
    parent: str | None
    state: str
    sampled: bool
    tenant: str
    key: str
    route: str
    tag: str | None
    operation: str
    path: str
    stream: bool
    started: float
    ended: float = 0.0
    first: float | None = None
    status: int | None = None
    code: str | None = None
    attempts: tuple[Tried, ...] = ()


class Attempted(msgspec.Struct, frozen=True, gc=False):
    """An attempt that did not answer."""

    source: str
    model: str
    kind: str
    status: int | None


class Line(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One request. `time` is that of its end, UTC; `status` the HTTP status that its client was
    given, where that is known; `cost_usd` is exact; durations are seconds, counts are tokens."""

    time: str
    request: str
    outcome: str
    tenant: str | None
    key: str
    route: str
    operation: str
    stream: bool
    trace: str | None = None
    tag: str | None = None
    status: int | None = None
    code: str | None = None
    source: str | None = None
    model: str | None = None
    upstream_model: str | None = None
    substituted: str | None = None
    attempts: int = 0
    failed: tuple[Attempted, ...] = ()
    ttft: float | None = None
    duration: float = 0.0
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    cost_usd: str = "0"


class Orders(msgspec.Struct, frozen=True):
    """What the telling process is started with. `instance` tells this run from any other."""

    collector: str
    service: str
    version: str
    instance: str
    interval: float


class Told(msgspec.Struct, frozen=True):
    """What the telling process answers: requests told and lost since it last said so, and why
    some were lost, in words of ours."""

    told: int
    lost: int
    why: str | None = None
