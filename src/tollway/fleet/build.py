"""From what was declared to the frozen fleet: defaults filled in, references resolved.

Rules
1. Only a declaration without faults is built.
2. Every model name and alias is a route of its own, unless a route of that name is declared.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tollway.fleet.build_books import price_book
from tollway.fleet.build_console import console_of
from tollway.fleet.build_contracts import contracts, parties
from tollway.fleet.build_egress import egress_of, secrets_of
from tollway.fleet.build_index import index_of
from tollway.fleet.build_pins import pins_of
from tollway.fleet.build_planning import builds, plan_of, sites, workloads
from tollway.fleet.build_tools import tools_of
from tollway.fleet.check_routes import candidate, candidates_of
from tollway.fleet.credential import Credential
from tollway.fleet.declared import Declared
from tollway.fleet.drifting import DriftSettings
from tollway.fleet.guarding import GuardRule, GuardSettings
from tollway.fleet.objects import (
    BreakerTerms,
    Budget,
    Candidate,
    Demand,
    Emulation,
    Fleet,
    GatewaySettings,
    Limits,
    Model,
    Objective,
    PrefillChips,
    Price,
    Queue,
    RetryBudget,
    Route,
    Scaling,
    Serving,
    Silicon,
    Slo,
    Source,
    SourceTimeouts,
    Telemetry,
    Tenant,
)
from tollway.fleet.pinning import PinMode
from tollway.fleet.quality import Quality
from tollway.fleet.sandboxing import SandboxSettings
from tollway.fleet.schema import (
    VERSION,
    ApiTable,
    BreakerTable,
    ClassQueueTable,
    EmulatedTable,
    GatewayTable,
    ObjectiveTable,
    PriceTable,
    QueueTable,
    RouteTable,
    ServerTable,
    ServingTable,
    TimeoutsTable,
)
from tollway.fleet.schema_drift import DriftTable
from tollway.fleet.schema_guard import GuardTable
from tollway.fleet.schema_tenants import TenantTable
from tollway.units import Seconds, Tokens, TokensPerSecond

_TIMEOUTS = SourceTimeouts(
    connect=Seconds(5.0), first_content=Seconds(60.0), idle=Seconds(60.0), total=Seconds(900.0)
)
_BREAKER = BreakerTerms(
    window=Seconds(30.0),
    min_samples=5,
    error_share=0.5,
    open_for=Seconds(10.0),
    probes=1,
    min_speed=None,
    speed_window=Seconds(5.0),
    ttft_deadline=None,
)


def build(declared: Declared, digest: str) -> Fleet:
    """The fleet of a declaration without faults."""
    return Fleet(
        version=VERSION,
        digest=digest,
        gateway=_gateway(declared.gateway.table),
        queue=_queue(declared.queue.table),
        retry=RetryBudget(
            ratio=declared.retry.table.ratio, min_per_second=declared.retry.table.min_per_second
        ),
        models=_models(declared),
        sources=MappingProxyType(
            {name: _source(declared, name, it.table) for name, it in declared.sources.items()}
        ),
        routes=_routes(declared),
        tenants=MappingProxyType(
            {name: _tenant(name, it.table) for name, it in declared.tenants.items()}
        ),
        telemetry=Telemetry(**dict(declared.telemetry.table)),
        price_books=MappingProxyType(
            {name: price_book(name, it.table) for name, it in declared.price_books.items()}
        ),
        parties=parties(declared),
        contracts=contracts(declared),
        plan=plan_of(declared),
        workloads=workloads(declared),
        sites=sites(declared),
        builds=builds(declared),
        guard=_guard(declared.guard.table),
        egress=egress_of(declared.egress.table),
        secrets=secrets_of(declared),
        tools=tools_of(declared),
        sandbox=SandboxSettings(**dict(declared.sandbox.table)),
        pins=pins_of(declared.pins.table),
        index=index_of(declared),
        console=console_of(declared),
        drift=_drift(declared.drift.table),
    )


def _drift(table: DriftTable | None) -> DriftSettings | None:
    if table is None:
        return None
    facts = dict(table)
    models = facts.pop("models")
    return DriftSettings(models=None if models is None else tuple(models), **facts)


def _guard(table: GuardTable | None) -> GuardSettings | None:
    if table is None:
        return None
    rules = tuple(
        GuardRule(
            name=rule.name,
            detectors=tuple(rule.detectors),
            action=rule.action,
            tenants=None if rule.tenants is None else tuple(rule.tenants),
            routes=None if rule.routes is None else tuple(rule.routes),
            direction=rule.direction,
            destinations=None if rule.destinations is None else tuple(rule.destinations),
        )
        for rule in table.rules
    )
    return GuardSettings(
        default=table.default,
        rules=rules,
        terms=tuple(table.terms),
        ignore=tuple(table.ignore),
        fingerprints=table.fingerprints,
        directions=tuple(dict.fromkeys(table.directions)),
        events=table.events,
        patience=table.patience,
    )


def _gateway(table: GatewayTable) -> GatewaySettings:
    host, port = table.listen
    rest = {name: getattr(table, name) for name in type(table).model_fields if name != "listen"}
    return GatewaySettings(host=host, port=port, **rest)


def _queue(table: QueueTable) -> Queue:
    standard = QueueTable()
    interactive = _class_queue(table.interactive, standard.interactive)
    batch = _class_queue(table.batch, standard.batch)
    return Queue(*interactive, *batch)


def _class_queue(table: ClassQueueTable, standard: ClassQueueTable) -> tuple[int, Seconds]:
    length = standard.length if table.length is None else table.length
    wait = standard.wait if table.wait is None else table.wait
    return length or 0, wait or Seconds(0.0)


def _models(declared: Declared) -> Mapping[str, Model]:
    return MappingProxyType(
        {
            name: Model(
                name=name,
                aliases=tuple(it.table.aliases),
                reserve_output=Tokens(it.table.reserve_output),
                context=_tokens(it.table.context),
                quality=MappingProxyType(
                    {
                        use: Quality(**dict(one))
                        for use, one in dict(it.table.quality).items()
                        if one is not None
                    }
                ),
            )
            for name, it in declared.models.items()
        }
    )


def _tokens(count: int | None) -> Tokens | None:
    return None if count is None else Tokens(count)


def _speed(rate: float | None) -> TokensPerSecond | None:
    return None if rate is None else TokensPerSecond(rate)


def _source(declared: Declared, name: str, table: ApiTable | ServerTable | EmulatedTable) -> Source:
    remote = None if isinstance(table, EmulatedTable) else table
    return Source(
        name=name,
        kind=table.kind,
        base_url=remote.url if remote else _own_url(table),
        credential=_credential(declared, remote.credential if remote else None),
        slots=table.slots,
        serves=MappingProxyType(
            {model: _serving(model, serving) for model, serving in table.serves.items()}
        ),
        timeouts=_timeouts(declared.timeouts.table, table.timeouts),
        breaker=_breaker(declared.breaker.table, table.breaker),
        ca_file=remote.ca_file if remote else None,
        vendor=table.vendor,
        region=table.region,
        labels=tuple(table.labels),
        emulation=_emulation(table) if isinstance(table, EmulatedTable) else None,
        silicon=_silicon(table),
        dialects=tuple(remote.dialects) if remote else ("openai",),
    )


def _own_url(table: ApiTable | ServerTable | EmulatedTable) -> str:
    """Where the gateway finds an emulator: one that listens everywhere is asked on loopback."""
    host, port = table.listen if isinstance(table, EmulatedTable) else ("", 0)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def _emulation(table: EmulatedTable) -> Emulation:
    host, port = table.listen
    return Emulation(host=host, port=port, seed=table.seed)


def _silicon(table: ApiTable | ServerTable | EmulatedTable) -> Silicon | None:
    if isinstance(table, ApiTable) or table.chip is None:
        return None
    scaling, prefill = table.scaling, table.prefill
    return Silicon(
        chip=table.chip,
        tp=table.tp,
        replicas=table.replicas,
        scaling=None
        if scaling is None
        else Scaling(scaling.max, scaling.target, scaling.cold_start, scaling.idle),
        prefill=None
        if prefill is None
        else PrefillChips(prefill.chip, prefill.tp, prefill.replicas),
    )


def _credential(declared: Declared, name: str | None) -> Credential | None:
    return None if name is None else declared.credentials[name].table


def _serving(model: str, table: ServingTable) -> Serving:
    return Serving(
        model=model,
        upstream_model=table.upstream_model or model,
        precision=table.precision,
        context=_tokens(table.context),
        prices=tuple(map(_price, table.prices)),
        prepaid=table.prepaid,
        expected_ttft=table.expected_ttft,
        expected_speed=_speed(table.expected_speed),
    )


def _price(table: PriceTable) -> Price:
    return Price(
        since=table.since,
        tier=table.tier,
        hours=table.hours,
        input=table.input,
        cached_input=table.input if table.cached_input is None else table.cached_input,
        cache_write=table.input if table.cache_write is None else table.cache_write,
        output=table.output,
        request=table.request,
    )


def _timeouts(fleet: TimeoutsTable, source: TimeoutsTable) -> SourceTimeouts:
    return SourceTimeouts(
        connect=source.connect or fleet.connect or _TIMEOUTS.connect,
        first_content=source.first_content or fleet.first_content or _TIMEOUTS.first_content,
        idle=source.idle or fleet.idle or _TIMEOUTS.idle,
        total=source.total or fleet.total or _TIMEOUTS.total,
    )


def _breaker(fleet: BreakerTable, source: BreakerTable) -> BreakerTerms:
    # Only min_speed may be zero, and there zero means that the source has no floor.
    floor = fleet.min_speed if source.min_speed is None else source.min_speed
    return BreakerTerms(
        window=source.window or fleet.window or _BREAKER.window,
        min_samples=source.min_samples or fleet.min_samples or _BREAKER.min_samples,
        error_share=source.error_share or fleet.error_share or _BREAKER.error_share,
        open_for=source.open_for or fleet.open_for or _BREAKER.open_for,
        probes=source.probes or fleet.probes or _BREAKER.probes,
        min_speed=_speed(floor or None),
        speed_window=source.speed_window or fleet.speed_window or _BREAKER.speed_window,
        ttft_deadline=source.ttft_deadline or fleet.ttft_deadline,
        thinking=source.thinking or fleet.thinking or _BREAKER.thinking,
    )


def _routes(declared: Declared) -> Mapping[str, Route]:
    """Declared routes first, in the order of the files; then models and their aliases."""
    routes = {alias: _route(declared, alias, it.table) for alias, it in declared.routes.items()}
    for model, it in declared.models.items():
        for alias in (model, *it.table.aliases):
            if alias not in routes:
                plain = RouteTable.model_validate({"model": model})
                routes[alias] = _route(declared, alias, plain)
    return MappingProxyType(routes)


def _route(declared: Declared, alias: str, table: RouteTable) -> Route:
    fallbacks: list[Candidate] = [candidate(word, table.model) for word in table.fallbacks]
    return Route(
        alias=alias,
        model=table.model,
        candidates=tuple(candidates_of(declared, table)),
        fallbacks=tuple(fallbacks),
        objectives=tuple(map(_objective, table.objectives)),
        slo=Slo(ttft=table.slo.ttft, speed=_speed(table.slo.speed)),
        demand=Demand(
            precision=tuple(table.require.precision), min_context=_tokens(table.require.context)
        ),
        deadline=table.deadline,
        tier=table.tier,
        losses=table.losses,
        pins=_pins(declared, table),
    )


def _pins(declared: Declared, table: RouteTable) -> PinMode:
    if table.pins is not None:
        return table.pins
    return "off" if declared.pins.table is None else declared.pins.table.mode


def _objective(written: str | ObjectiveTable) -> Objective:
    if isinstance(written, str):
        return Objective(name=written, tolerance=0.0)
    weights = MappingProxyType(dict(written.weights))
    return Objective(name=written.name, tolerance=written.tolerance, weights=weights)


def _tenant(name: str, table: TenantTable) -> Tenant:
    return Tenant(
        name=name,
        limits=Limits(**dict(table.limits)),
        budget=Budget(**dict(table.budget)),
        routes=None if table.routes is None else tuple(table.routes),
        request_class=table.request_class,
        price_book=table.price_book,
    )
