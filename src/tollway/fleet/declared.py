"""Several documents as one declaration: who declared what, and what is declared twice."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from tollway.fleet.credential import Credential
from tollway.fleet.findings import Finding, Path
from tollway.fleet.schema import (
    ApiTable,
    BreakerTable,
    Document,
    EmulatedTable,
    GatewayTable,
    QueueTable,
    RetryTable,
    RouteTable,
    ServerTable,
    TimeoutsTable,
)
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
from tollway.fleet.telemetry import TelemetryTable

T = TypeVar("T")

NAMED = (
    "models", "credentials", "sources", "routes", "tenants", "price_books", "parties", "contracts",
    "workloads", "sites", "builds",
    "secrets",
)  # fmt: skip
"""Tables whose entries have names; entries come from any document."""

_NOT_OF_CHIPS = frozenset(
    (
        "listen", "replicas", "seed", "slots", "vendor", "region", "labels", "timeouts", "breaker",
        "scaling",
    )
)  # fmt: skip
_NOT_OF_SERVED_CHIPS = frozenset(
    ("prices", "prepaid", "upstream_model", "expected_ttft", "expected_speed")
)
"""Keys that have nothing to do with whether a model fits on its chips."""

_MONTHS = (("plan",), ("plan", "start"), ("plan", "months"), ("plan", "period"))
"""Keys that say for which months a plan is."""

SETTINGS = (
    "gateway", "queue", "retry", "timeouts", "breaker", "telemetry", "plan", "guard",
    "egress",
    "tools",
    "sandbox",
    "pins",
    "index",
    "drift",
    "console",
)  # fmt: skip
"""Tables that one document declares whole."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """Something declared, and the document that declares it."""

    document: str
    table: T


@dataclass(frozen=True, slots=True)
class Declared:
    """The declaration as it was read. `names` holds every name written, also those whose entry was
    too faulty to be read, so that a reference to one is not called unknown. `unsure` holds the
    sources of which it could not be read what they serve, `vague` those of which it could not be
    read at which precision or context, `blurred` the sources (name,) and what they serve
    (name, model) of which it could not be read on which chips they run. `undated`: it could not be
    read for which months the plan is."""

    main: str
    names: Mapping[str, frozenset[str]]
    unsure: frozenset[str]
    vague: frozenset[str]
    blurred: frozenset[tuple[str, ...]]
    undated: bool
    gateway: Placed[GatewayTable]
    queue: Placed[QueueTable]
    retry: Placed[RetryTable]
    timeouts: Placed[TimeoutsTable]
    breaker: Placed[BreakerTable]
    telemetry: Placed[TelemetryTable]
    guard: Placed[GuardTable | None]
    egress: Placed[EgressTable | None]
    models: Mapping[str, Placed[ModelTable]]
    credentials: Mapping[str, Placed[Credential]]
    sources: Mapping[str, Placed[ApiTable | ServerTable | EmulatedTable]]
    routes: Mapping[str, Placed[RouteTable]]
    tenants: Mapping[str, Placed[TenantTable]]
    price_books: Mapping[str, Placed[list[TermsTable]]]
    parties: Mapping[str, Placed[PartyTable]]
    contracts: Mapping[str, Placed[ContractTable]]
    plan: Placed[PlanTable | None]
    workloads: Mapping[str, Placed[WorkloadTable]]
    sites: Mapping[str, Placed[SiteTable]]
    tools: Placed[ToolsTable | None]
    sandbox: Placed[SandboxTable]
    pins: Placed[PinsTable | None]
    index: Placed[IndexTable | None]
    drift: Placed[DriftTable | None]
    console: Placed[ConsoleTable | None]
    builds: Mapping[str, Placed[BuildTable]]
    secrets: Mapping[str, Placed[SecretTable]]

    def serving(self, model: str) -> list[str]:
        """The sources that serve a model, in the order of the files."""
        return [name for name, placed in self.sources.items() if model in placed.table.serves]


def gather(
    main: str,
    documents: Mapping[str, Document],
    raw: Mapping[str, Mapping[str, Any]],
    found: Iterable[Finding],
) -> Declared:
    """One declaration of several documents, as far as `found` left it readable; where a name is
    declared twice, the first one holds."""
    named: dict[str, dict[str, Placed[Any]]] = {section: {} for section in NAMED}
    for name, document in documents.items():
        for section in NAMED:
            entries = cast("dict[str, Any]", getattr(document, section))
            for entry, table in entries.items():
                named[section].setdefault(entry, Placed(name, table))
    names = {
        section: frozenset(word for text in raw.values() for word in _written(text, section))
        for section in NAMED
    }
    paths = [it.path for it in found if it.path[:1] == ("sources",)]
    unread = {str(path[1]) for path in paths if _hides_serving(path)}
    return Declared(
        main=main,
        names=names,
        unsure=frozenset(unread) | (names["sources"] - set(named["sources"])),
        vague=frozenset(str(path[1]) for path in paths if path[-1] in ("precision", "context")),
        blurred=frozenset(blurred for path in paths if (blurred := _blurred(path))),
        undated=any(it.path[:2] in _MONTHS for it in found),
        gateway=_setting(documents, main, "gateway", GatewayTable()),
        queue=_setting(documents, main, "queue", QueueTable()),
        retry=_setting(documents, main, "retry", RetryTable()),
        timeouts=_setting(documents, main, "timeouts", TimeoutsTable()),
        breaker=_setting(documents, main, "breaker", BreakerTable()),
        telemetry=_setting(documents, main, "telemetry", TelemetryTable()),
        plan=_setting(documents, main, "plan", None),
        guard=_setting(documents, main, "guard", None),
        egress=_setting(documents, main, "egress", None),
        tools=_setting(documents, main, "tools", None),
        sandbox=_setting(documents, main, "sandbox", SandboxTable()),
        pins=_setting(documents, main, "pins", None),
        index=_setting(documents, main, "index", None),
        drift=_setting(documents, main, "drift", None),
        console=_setting(documents, main, "console", None),
        **named,
    )


def _hides_serving(path: Path) -> bool:
    return len(path) == 2 or path[2:] == ("serves",)


def _blurred(path: Path) -> tuple[str, ...]:
    """The source, or what it serves, whose chips a fault at `path` of `sources` leaves unclear. A
    key that nobody knows may be a mistyped one."""
    words = list(map(str, path[1:]))
    if words[1:2] == ["serves"] and len(words) > 2:
        return () if _NOT_OF_SERVED_CHIPS & set(words[3:4]) else (words[0], words[2])
    return () if _NOT_OF_CHIPS & set(words[1:2]) else tuple(words[:1])


def _setting(documents: Mapping[str, Document], main: str, section: str, absent: T) -> Placed[T]:
    for name, document in documents.items():
        table = cast("T | None", getattr(document, section))
        if table is not None:
            return Placed(name, table)
    return Placed(main, absent)


def _written(raw: Mapping[str, Any], section: str) -> list[str]:
    entries = raw.get(section)
    return list(cast("dict[str, Any]", entries)) if isinstance(entries, dict) else []


def declared_twice(raw: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Names and settings that more than one document declares."""
    first: dict[tuple[str, ...], str] = {}
    for name, text in raw.items():
        paths = [(section, entry) for section in NAMED for entry in _written(text, section)]
        for path in [*paths, *((section,) for section in SETTINGS if section in text)]:
            if path not in first:
                first[path] = name
                continue
            yield Finding(
                name,
                path,
                f"is declared in {first[path]} too",
                "Rename one of the two, or take it out." if len(path) > 1 else "Keep one of them.",
            )
