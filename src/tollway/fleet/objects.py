"""The fleet as frozen objects: models, sources, prices, routes, tenants, settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from tollway.fleet.books import PriceBook
from tollway.fleet.consoling import ConsoleSettings
from tollway.fleet.contract import Contract, Party
from tollway.fleet.credential import Credential
from tollway.fleet.drifting import DriftSettings
from tollway.fleet.egressing import EgressSettings, SecretUse
from tollway.fleet.guarding import GuardSettings
from tollway.fleet.indexing import IndexSettings
from tollway.fleet.pinning import PinMode, PinSettings
from tollway.fleet.planning import Build, Planning, Site
from tollway.fleet.planning import Demand as Workload
from tollway.fleet.quality import Quality
from tollway.fleet.sandboxing import SandboxSettings
from tollway.fleet.tiers import Tier
from tollway.fleet.tooling import ToolSettings
from tollway.units import Bytes, PicoDollars, Seconds, Tokens, TokensPerSecond

SourceKind = Literal["api", "server", "emulated"]
RequestClass = Literal["interactive", "batch"]
Operation = Literal["chat", "completion", "embedding"]
Dialect = Literal["openai", "responses", "anthropic", "gemini"]
"""OpenAI Chat Completions (with completions and embeddings), OpenAI Responses, Anthropic Messages,
Gemini generateContent."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a source charges for a model, from a date on, in one service tier.

    `input`, `cached_input`, `cache_write` and `output` are pico-dollars a token, `request` is
    pico-dollars a request. `hours` is a half-open range of minutes of the UTC day, which may pass
    midnight; None is the whole day. A price with hours wins over one without.
    """

    since: date
    tier: Tier
    hours: tuple[int, int] | None
    input: PicoDollars
    cached_input: PicoDollars
    cache_write: PicoDollars
    output: PicoDollars
    request: PicoDollars


@dataclass(frozen=True, slots=True)
class Serving:
    """A model as one source really serves it.

    `upstream_model` is the name that the source knows it by. `precision` and `context` are None
    where the fleet file does not say. `prepaid` is tokens a minute already paid for.
    `expected_ttft` and `expected_speed` (output tokens a second of one stream) are what dispatch
    assumes until it has observed the source.
    """

    model: str
    upstream_model: str
    precision: str | None
    context: Tokens | None
    prices: tuple[Price, ...]
    prepaid: int | None
    expected_ttft: Seconds | None
    expected_speed: TokensPerSecond | None


@dataclass(frozen=True, slots=True)
class SourceTimeouts:
    """How long a source may take before dispatch gives up on an attempt.

    `connect`: TCP and TLS. `first_content`: from sending to the first content event (reasoning
    counts). `idle`: between two events once content flows. `total`: the whole attempt.
    """

    connect: Seconds
    first_content: Seconds
    idle: Seconds
    total: Seconds


@dataclass(frozen=True, slots=True)
class BreakerTerms:
    """When a (source, model) pair is left alone, and when it is tried again.

    Over the last `window` seconds, once `min_samples` requests ended or were judged slow, a share
    of failures at or above `error_share` opens the breaker for `open_for` seconds; then `probes`
    requests at a time may try it. A stream slower than `min_speed` output tokens a second,
    measured over `speed_window` seconds after its first content, counts as one failure (None: no
    floor). A first content event later than `ttft_deadline` counts as one too (None: only the
    attempt's own timeout does). `thinking` is how long a model may be silent because it reasons
    without showing it: that time counts against neither.
    """

    window: Seconds
    min_samples: int
    error_share: float
    open_for: Seconds
    probes: int
    min_speed: TokensPerSecond | None
    speed_window: Seconds
    ttft_deadline: Seconds | None
    thinking: Seconds = Seconds(0.0)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How many replicas run, as a rehearsal plays it: up to `most`, so that each has about `target`
    requests in flight; a new one answers `cold_start` after it was asked for, and one that has had
    nothing to do for `idle` is given back."""

    most: int
    target: int
    cold_start: Seconds
    idle: Seconds


@dataclass(frozen=True, slots=True)
class PrefillChips:
    """Engines that only prefill, and hand the KV cache to those that decode."""

    chip: str
    tp: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Silicon:
    """What a source runs on: `replicas` engines of `tp` chips each, for each model that it serves.
    `scaling` and `prefill` are for rehearsals only."""

    chip: str
    tp: int
    replicas: int
    scaling: Scaling | None = None
    prefill: PrefillChips | None = None


@dataclass(frozen=True, slots=True)
class Emulation:
    """Where an emulated source listens, and what fixes the words that it makes up."""

    host: str
    port: int
    seed: int


@dataclass(frozen=True, slots=True)
class Source:
    """Somewhere tokens come from.

    `base_url` is scheme, host, port and path prefix (`https://api.openai.com/v1`), without a
    trailing slash. `slots` bounds requests in flight there (None: unbounded). `ca_file` replaces
    the system's trust store for this source. `vendor` and `region` say what it is,
    and `labels` what the guard's rules ask for. `silicon` is None where nothing is said of chips.
    `dialects` are those that it speaks, at least one; a request in another one is put into the
    first.
    """

    name: str
    kind: SourceKind
    base_url: str
    credential: Credential | None
    slots: int | None
    serves: Mapping[str, Serving]
    timeouts: SourceTimeouts
    breaker: BreakerTerms
    ca_file: str | None
    vendor: str | None
    region: str | None
    emulation: Emulation | None
    silicon: Silicon | None = None
    dialects: tuple[Dialect, ...] = ("openai",)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the fleet offers. `reserve_output` is what a request is assumed to generate
    until dispatch has observed this key and model. `quality` is by purpose."""

    name: str
    aliases: tuple[str, ...]
    reserve_output: Tokens
    context: Tokens | None
    quality: Mapping[str, Quality] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective of a route. `tolerance` is relative: candidates within it of the best stay for
    the next objective to choose from. `weights` is for `weighted` only (source -> weight)."""

    name: str
    tolerance: float
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Slo:
    """What a route promises. Candidates that are expected to keep it come before the others."""

    ttft: Seconds | None
    speed: TokensPerSecond | None


@dataclass(frozen=True, slots=True)
class Demand:
    """What a route insists on. A serving that does not state a demanded fact does not qualify."""

    precision: tuple[str, ...]
    min_context: Tokens | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A (source, model) pair that a route may use."""

    source: str
    model: str


@dataclass(frozen=True, slots=True)
class Route:
    """An alias that clients ask for, and how it is served.

    `candidates` are chosen from by `objectives`, in order; `fallbacks` are tried in their order
    once no candidate is left, and may name another model. `deadline` bounds the time from arrival
    to the first content event, queueing and fallbacks included. `losses` says what becomes of what
    a source's dialect cannot carry: it is left out and declared in the answer's header, or such a
    source is not asked. `pins`: whether its models and answers are held against the lock.
    """

    alias: str
    model: str
    candidates: tuple[Candidate, ...]
    fallbacks: tuple[Candidate, ...]
    objectives: tuple[Objective, ...]
    slo: Slo
    demand: Demand
    deadline: Seconds
    tier: Tier
    losses: Literal["declare", "refuse"] = "declare"
    pins: PinMode = "off"


@dataclass(frozen=True, slots=True)
class Limits:
    """None is unlimited. Tokens a minute: input plus reserved output, corrected at the end."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Money a UTC day and a UTC month; None is unlimited. Settled cost may pass a bound by at most
    `overdraft`, because an answer may turn out longer than was reserved for it."""

    day: PicoDollars | None = None
    month: PicoDollars | None = None
    overdraft: PicoDollars = PicoDollars(0)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who pays. `routes` None is every route. `request_class` is what its requests are unless the
    key says otherwise. `price_book` None is not charged."""

    name: str
    limits: Limits
    budget: Budget
    routes: tuple[str, ...] | None
    request_class: RequestClass
    price_book: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """How many may wait for a slot, and how long, in each class."""

    interactive_length: int
    interactive_wait: Seconds
    batch_length: int
    batch_wait: Seconds


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Attempts after the first may be at most `ratio` of first attempts, plus `min_per_second`, so
    that an outage never multiplies load."""

    ratio: float
    min_per_second: float


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How the gateway listens and what it refuses by size or by time."""

    host: str
    port: int
    ledger: str
    admin_socket: str
    header_timeout: Seconds
    body_timeout: Seconds
    keep_alive: Seconds
    write_timeout: Seconds
    drain: Seconds
    max_body: Bytes
    max_header_bytes: Bytes
    max_headers: int
    max_connections: int
    max_streams: int
    recording: str | None
    workers: int = 1
    hang_timeout: Seconds = Seconds(5.0)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the gateway tells of its requests. `otlp` is a collector's URL up to `/v1/traces`, and
    `request_log` is "stdout" or a file; None where there is none. `sample` is a share, 0 to 1."""

    otlp: str | None = None
    service: str = "tollway"
    sample: float = 1.0
    interval: Seconds = Seconds(10.0)
    request_log: str | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything declared. `version` is the file format's; `digest` is sha256 over the text of
    the file and its includes, in hex."""

    version: int
    digest: str
    gateway: GatewaySettings
    queue: Queue
    retry: RetryBudget
    models: Mapping[str, Model]
    sources: Mapping[str, Source]
    routes: Mapping[str, Route]
    tenants: Mapping[str, Tenant]
    telemetry: Telemetry = Telemetry()
    price_books: Mapping[str, PriceBook] = field(default_factory=lambda: MappingProxyType({}))
    parties: Mapping[str, Party] = field(default_factory=lambda: MappingProxyType({}))
    contracts: Mapping[str, Contract] = field(default_factory=lambda: MappingProxyType({}))
    plan: Planning | None = None
    workloads: Mapping[str, Workload] = field(default_factory=lambda: MappingProxyType({}))
    sites: Mapping[str, Site] = field(default_factory=lambda: MappingProxyType({}))
    builds: Mapping[str, Build] = field(default_factory=lambda: MappingProxyType({}))
    guard: GuardSettings | None = None
    egress: EgressSettings | None = None
    secrets: Mapping[str, SecretUse] = field(default_factory=lambda: MappingProxyType({}))
    tools: ToolSettings | None = None
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    pins: PinSettings | None = None
    index: IndexSettings | None = None
    drift: DriftSettings | None = None
    console: ConsoleSettings | None = None


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a virtual key may do, as the ledger keeps it. None in `request_class` and `routes`
    means as the tenant; the tenant's limits and budget hold beside the key's own."""

    key: str
    tenant: str
    limits: Limits = Limits()
    budget: Budget = Budget()
    request_class: RequestClass | None = None
    routes: tuple[str, ...] | None = None
