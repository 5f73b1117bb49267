"""The fleet file's tables as pydantic models: every key, its type, its default, its meaning.

Rules
1. An unknown key is a fault, and nothing is converted silently: 1 is not true, "1" is not 1.
2. What one key can say about itself is checked here; what two keys say together, in `check_*`.
3. The JSON Schema and the reference page are generated from this file and `schema_*`.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from tollway.fleet.fields import (
    Address,
    Count,
    Day,
    Duration,
    Hours,
    Label,
    Money,
    Rate,
    Reference,
    Share,
    Size,
    Text,
    TokenPrice,
    Url,
)
from tollway.fleet.objects import Dialect
from tollway.fleet.pinning import PinMode
from tollway.fleet.schema_books import TermsTable
from tollway.fleet.schema_console import ConsoleTable
from tollway.fleet.schema_contracts import ContractTable, PartyTable
from tollway.fleet.schema_drift import DriftTable
from tollway.fleet.schema_egress import EgressTable, SecretTable
from tollway.fleet.schema_guard import GuardTable
from tollway.fleet.schema_index import IndexTable
from tollway.fleet.schema_models import ModelTable
from tollway.fleet.schema_pins import PinsTable
from tollway.fleet.schema_planning import BuildTable, PlanTable, SiteTable, WorkloadTable
from tollway.fleet.schema_sandbox import SandboxTable
from tollway.fleet.schema_tenants import TenantTable
from tollway.fleet.schema_tools import ToolsTable
from tollway.fleet.table import Table, key
from tollway.fleet.telemetry import TelemetryTable
from tollway.fleet.tiers import Tier

VERSION = 1
"""The file format that this release reads."""


class GatewayTable(Table):
    """How the gateway listens, and what it refuses by size or by time."""

    listen: Address = key("Where clients connect. Port 0 takes any free port.", "127.0.0.1:8400")
    ledger: Text = key(
        "The ledger's file, relative to the state folder, else to this file's.", "ledger.sqlite"
    )
    admin_socket: Text = key("The Unix socket for reload, status, shutdown.", "gateway.sock")
    recording: Text | None = key("Writes every event and decision to this file.", None)
    header_timeout: Duration = key("For a client to send its headers.", "10s")
    body_timeout: Duration = key("For a client to send its body.", "60s")
    keep_alive: Duration = key("How long an idle client connection stays open.", "75s")
    write_timeout: Duration = key("How long a client may take nothing of its answer.", "60s")
    drain: Duration = key("For requests in flight to end when the gateway stops.", "30s")
    max_body: Size = key("The largest request body.", "32MiB")
    max_header_bytes: Size = key("All header lines of a request together.", "32KiB")
    max_headers: Count = key("Header lines of a request.", 100)
    max_connections: Count = key("Client connections at once.", 20000)
    max_streams: Count = key("Requests in flight at once.", 20000)
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that serve clients. Above 1, one more decides and books for all.",
    )
    hang_timeout: Duration = key(
        "How long one of several workers may hang before it is replaced, at least 1s.", "5s"
    )


class ClassQueueTable(Table):
    """How many requests of a class may wait for a slot, and how long."""

    length: int | None = Field(
        default=None, ge=0, le=10**9, description="Requests that may wait; 0 refuses at once."
    )
    wait: Duration | None = key("The longest wait before a refusal.", None)


class QueueTable(Table):
    """Who may wait for a slot where every candidate is full."""

    interactive: ClassQueueTable = key(
        "Requests that a person waits for.", {"length": 1000, "wait": "10s"}
    )
    batch: ClassQueueTable = key(
        "Requests that nobody waits for.", {"length": 10000, "wait": "10m"}
    )


class RetryTable(Table):
    """The retry budget: attempts after the first, so that an outage never multiplies load."""

    ratio: Share = key("Further attempts, as a share of first attempts.", 0.2)
    min_per_second: float = Field(
        default=3.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="Further attempts a second that are always allowed.",
    )


class TimeoutsTable(Table):
    """How long a source may take. A source's own table overrides the fleet's, key by key."""

    connect: Duration | None = key("TCP and TLS; 5s unless written.", None)
    first_content: Duration | None = key(
        "From sending to the first content event, reasoning included; 60s unless written.", None
    )
    idle: Duration | None = key("Between two events of a stream; 60s unless written.", None)
    total: Duration | None = key("The whole attempt; 15m unless written.", None)


class BreakerTable(Table):
    """When a source is left alone for a model. A source's own table overrides the fleet's, key by
    key."""

    window: Duration | None = key("How far back failures count; 30s unless written.", None)
    min_samples: Count | None = key("Fewer requests prove nothing; 5 unless written.", None)
    error_share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="The share of failures that opens the breaker; 0.5 unless written.",
    )
    open_for: Duration | None = key("Rest before the first probe; 10s unless written.", None)
    probes: Count | None = key("Requests at a time that try again; 1 unless written.", None)
    min_speed: float | None = Field(
        default=None,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="A stream slower than this many output tokens a second counts as a failure; "
        "no floor unless written, and 0 takes the fleet's floor away for one source.",
    )
    speed_window: Duration | None = key("Over which speed is measured; 5s unless written.", None)
    thinking: Duration | None = key(
        "How long a model may think in silence before that counts as slow; none unless written.",
        None,
    )
    ttft_deadline: Duration | None = key(
        "A later first content event counts as a failure; none unless written.", None
    )


class PriceTable(Table):
    """What a source charges, in USD a million tokens, written as text: "0.25"."""

    since: Day = key("The UTC date from which it holds.")
    tier: Tier = key("The service tier that it is for.", "standard")
    hours: Hours | None = key(
        "UTC hours that it holds in; they win over a price without hours.", None
    )
    input: TokenPrice = key("Input tokens.")
    cached_input: TokenPrice | None = key(
        "Input read from the provider's cache; as `input` unless written.", None
    )
    cache_write: TokenPrice | None = key(
        "Input written to the provider's cache; as `input` unless written.", None
    )
    output: TokenPrice = key("Output tokens.")
    request: Money = key("Each request, in USD.", "0")


class ServingTable(Table):
    """A model as this source really serves it."""

    upstream_model: Text | None = key(
        "The source's own name for it; the model's name unless written.", None
    )
    precision: str | None = Field(
        default=None,
        pattern="^[a-z0-9][a-z0-9._-]{0,31}$",
        description="The weights' number format, as in fp8, bf16, mxfp4.",
    )
    context: Count | None = key("The longest input plus output served, in tokens.", None)
    prices: list[PriceTable] = key("What it costs; nothing unless written.", [])
    prepaid: Count | None = key("Tokens a minute that are already paid for.", None)
    expected_ttft: Duration | None = key("TTFT assumed until observed.", None)
    expected_speed: Rate | None = key(
        "Output tokens a second of one stream, assumed until observed.", None
    )


class SourceTable(Table):
    """What every source may say, whatever its kind."""

    serves: dict[str, ServingTable] = Field(
        min_length=1, description="The models it serves, by name."
    )
    slots: Count | None = key("Requests in flight there at once; unbounded unless written.", None)
    timeouts: TimeoutsTable = key("Overrides of the fleet's timeouts.", {})
    breaker: BreakerTable = key("Overrides of the fleet's breaker.", {})
    vendor: Text | None = key("Who runs it; a label.", None)
    region: Text | None = key("Where it is; a label.", None)
    labels: list[Label] = key("What rules of the guard may ask for; `on-prem` is known.", [])


class RemoteTable(SourceTable):
    """What a source at a URL may say."""

    url: Url = key("Where it answers, up to where `/chat/completions` would follow.")
    credential: Text | None = key("The name of its credential in [credentials].", None)
    ca_file: Text | None = key(
        "CA certificates instead of the system's, relative to this file.", None
    )
    dialects: list[Dialect] = Field(
        default=["openai"],
        min_length=1,
        description="What it speaks, its best first: openai (Chat Completions), responses, "
        "anthropic (Messages), gemini.",
    )


class ApiTable(RemoteTable):
    """A provider's API, paid by the token. It wants https unless its host is this machine."""

    kind: Literal["api"] = key("Which kind of source this is.")


class ScalingTable(Table):
    """How many replicas run, by load; only rehearsals go by it."""

    max: int = Field(ge=1, le=1024, description="Replicas at most; `replicas` is the least.")
    target: Count = key("Requests in flight that one replica should have.")
    cold_start: Duration = key("From asking for a replica to its first answer.", "3m")
    idle: Duration = key("How long a replica has nothing to do before it is given back.", "10m")


class PrefillTable(Table):
    """Engines that only prefill, for the others to decode; only rehearsals go by it."""

    chip: Text = key("Their chip, by its catalog name.")
    tp: int = Field(default=1, ge=1, le=1024, description="Chips of one such engine.")
    replicas: int = Field(default=1, ge=1, le=1024, description="How many of them there are.")


class EnginesTable(SourceTable):
    """What a source that is engines on chips may say of them."""

    tp: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Chips that one replica is split over (tensor parallel).",
    )
    replicas: int = Field(default=1, ge=1, le=1024, description="Engines behind the address.")
    scaling: ScalingTable | None = key("How many replicas a rehearsal plays.", None)
    prefill: PrefillTable | None = key("Where a rehearsal prefills, if elsewhere.", None)


class ServerTable(RemoteTable, EnginesTable):
    """An engine that you run: vLLM, SGLang, llama.cpp or another with OpenAI's API."""

    kind: Literal["server"] = key("Which kind of source this is.")
    chip: Text | None = key("The chip that it runs on, by its catalog name; for rehearsals.", None)


class EmulatedTable(EnginesTable):
    """An engine that isn't there: Tollway runs it, at the pace predicted for its chip."""

    kind: Literal["emulated"] = key("Which kind of source this is.")
    listen: Address = key("Where the emulator listens.")
    chip: Text = key("The chip that it pretends to be, by its catalog name.")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Fixes what it makes up.")


Source = Annotated[ApiTable | ServerTable | EmulatedTable, Field(discriminator="kind")]


class ObjectiveTable(Table):
    """One objective of a route, with its terms."""

    name: Text = key(
        "cheapest, fastest, least-outstanding, weighted, prefix-affinity or commitment-first."
    )
    tolerance: float = Field(
        default=0.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="Candidates within this share of the best stay for the next objective.",
    )
    weights: dict[str, Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]] = key(
        "For `weighted`: source -> weight; a candidate without one gets nothing.", {}
    )


def _objective_form(written: object) -> str:
    return "table" if isinstance(written, dict) else "word"


Objective = Annotated[
    Annotated[Text, Tag("word")] | Annotated[ObjectiveTable, Tag("table")],
    Discriminator(_objective_form),
]


class SloTable(Table):
    """What a route promises; candidates expected to keep it come before the others."""

    ttft: Duration | None = key("Time to the first token.", None)
    speed: Rate | None = key("Output tokens a second of one stream.", None)


class DemandTable(Table):
    """What a route insists on. A serving that doesn't state a demanded fact doesn't qualify."""

    precision: list[str] = key("Any of these precisions.", [])
    context: Count | None = key("At least this many tokens of context.", None)


class RouteTable(Table):
    """A name that clients ask for, and how it is served."""

    model: Text = key("The model that it serves.")
    candidates: list[str] | None = key(
        'Sources, or "source:model"; every source that serves the model unless written.', None
    )
    fallbacks: list[str] = key("Tried in this order once no candidate is left.", [])
    objectives: list[Objective] = key(
        "What decides between candidates, in order; names, or tables with terms.",
        ["least-outstanding"],
    )
    slo: SloTable = key("What it promises.", {})
    require: DemandTable = key("What it insists on.", {})
    deadline: Duration = key(
        "From arrival to the first content event, queue and fallbacks included.", "120s"
    )
    tier: Tier = key("Whose price is booked where a request names none; none is sent.", "standard")
    losses: Literal["declare", "refuse"] = key(
        "What a source's dialect cannot carry: declared in the answer, or the source not asked.",
        "declare",
    )
    pins: PinMode | None = key(
        "As `mode` of [pins], for this route; as there unless written.", None
    )


class Document(Table):
    """A fleet file, or a file that it includes."""

    version: Annotated[int, WithJsonSchema({"const": VERSION})] | None = key(
        "The format of this file; the main file states it.", None
    )
    include: list[Text] = key(
        "Further files, as paths or globs within this file's folder; main file only.", []
    )
    gateway: GatewayTable | None = key("How the gateway listens.", None)
    queue: QueueTable | None = key("Who may wait.", None)
    retry: RetryTable | None = key("The retry budget.", None)
    timeouts: TimeoutsTable | None = key("How long any source may take.", None)
    breaker: BreakerTable | None = key("When any source is left alone.", None)
    telemetry: TelemetryTable | None = key("What is told of requests, and to whom.", None)
    guard: GuardTable | None = key("What may pass; nothing is inspected unless written.", None)
    egress: EgressTable | None = key("What tasks may reach; no proxy unless written.", None)
    tools: ToolsTable | None = key("Tools for agents; none unless written.", None)
    sandbox: SandboxTable | None = key("How agents are run.", None)
    pins: PinsTable | None = key("What the lock covers, and who goes by it.", None)
    index: IndexTable | None = key("Packages for tasks and CI; no index unless written.", None)
    drift: DriftTable | None = key("How models behind sources are watched.", None)
    console: ConsoleTable | None = key("Pages for people; no console unless written.", None)
    models: dict[str, ModelTable] = key("The models offered, by name.", {})
    credentials: dict[str, Reference] = key("Where secrets are, by name; never a secret.", {})
    sources: dict[str, Source] = key("Where tokens come from, by name.", {})
    routes: dict[str, RouteTable] = key("Names that clients ask for.", {})
    tenants: dict[str, TenantTable] = key("Who pays, by name.", {})
    price_books: dict[str, list[TermsTable]] = key(
        "What tenants are charged, by name; each a list of dated terms.", {}
    )
    parties: dict[str, PartyTable] = key("Who signs contracts, by name.", {})
    contracts: dict[str, ContractTable] = key("What compute is bought by, by name.", {})
    plan: PlanTable | None = key("What is planned, and what must hold.", None)
    workloads: dict[str, WorkloadTable] = key("Demand to plan for, by name.", {})
    sites: dict[str, SiteTable] = key("Where own silicon may stand, by name.", {})
    builds: dict[str, BuildTable] = key("Own silicon that may be built, by name.", {})
    secrets: dict[str, SecretTable] = key("Where secrets of the broker may go, by name.", {})
