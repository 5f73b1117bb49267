"""The fleet as one fleet file again: includes taken in, every default written out.

Rules
1. What is rendered parses to the same fleet, apart from its digest.
2. Credentials are named after the first source that uses them.
"""

import json
from collections.abc import Mapping
from decimal import Decimal

from tollway.fleet.books import Rate, Terms
from tollway.fleet.credential import Credential
from tollway.fleet.findings import place
from tollway.fleet.guarding import GuardRule, GuardSettings
from tollway.fleet.objects import (
    BreakerTerms,
    Fleet,
    GatewaySettings,
    PrefillChips,
    Price,
    RetryBudget,
    Route,
    Serving,
    Silicon,
    Source,
    Telemetry,
    Tenant,
)
from tollway.fleet.pinning import PinMode
from tollway.fleet.render_console import blocks as console_blocks
from tollway.fleet.render_console import credentials_of as console_credentials
from tollway.fleet.render_contracts import blocks as contract_blocks
from tollway.fleet.render_drift import blocks as drift_blocks
from tollway.fleet.render_egress import blocks as egress_blocks
from tollway.fleet.render_index import blocks as index_blocks
from tollway.fleet.render_index import credentials_of as index_credentials
from tollway.fleet.render_models import blocks as model_blocks
from tollway.fleet.render_pins import blocks as pin_blocks
from tollway.fleet.render_planning import blocks as plan_blocks
from tollway.fleet.render_sandbox import blocks as sandbox_blocks
from tollway.fleet.render_tools import blocks as tool_blocks
from tollway.fleet.render_tools import credentials_of
from tollway.fleet.tooling import ToolSettings
from tollway.units import PartsPerMillion, PicoDollars, Seconds, usd

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_SIZE_KEYS = ("max_body", "max_header_bytes")
_TIME_KEYS = (
    "header_timeout", "body_timeout", "keep_alive", "write_timeout", "drain", "hang_timeout",
)  # fmt: skip


def render(fleet: Fleet) -> str:
    """TOML text, ending in a newline."""
    names = _credential_names(fleet)
    blocks = [
        [f"version = {fleet.version}"],
        _gateway(fleet.gateway),
        _queue(fleet),
        _retry(fleet.retry),
        _telemetry(fleet.telemetry),
    ]
    if fleet.guard is not None:
        blocks.append(_guard(fleet.guard))
    blocks += model_blocks(fleet.models)
    if names:
        references = {name: _text(f"{it.scheme}:{it.name}") for it, name in names.items()}
        blocks.append(_table(("credentials",), references))
    for source in fleet.sources.values():
        blocks.append(_source(source, names))
        blocks += [_serving(source.name, serving) for serving in source.serves.values()]
    usual = None if fleet.pins is None else fleet.pins.mode
    blocks += [_route(route, usual) for route in fleet.routes.values()]
    blocks += [_tenant(tenant) for tenant in fleet.tenants.values()]
    blocks += [_terms(book.name, it) for book in fleet.price_books.values() for it in book.terms]
    blocks += contract_blocks(fleet.parties, fleet.contracts)
    blocks += plan_blocks(fleet)
    blocks += egress_blocks(fleet)
    blocks += sandbox_blocks(fleet)
    blocks += pin_blocks(fleet.pins)
    blocks += index_blocks(fleet.index, names)
    blocks += drift_blocks(fleet.drift)
    blocks += console_blocks(fleet.console, names)
    blocks += tool_blocks(fleet.tools, names, _tool_times(fleet.tools))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _guard(guard: GuardSettings) -> list[str]:
    facts: dict[str, str | None] = {
        "default": _text(guard.default),
        "terms": _list(guard.terms),
        "ignore": _list(guard.ignore),
        "fingerprints": None if guard.fingerprints is None else _text(guard.fingerprints),
        "directions": _list(guard.directions),
        "events": None if guard.events is None else _text(guard.events),
        "patience": _time(guard.patience),
    }
    if guard.rules:
        facts["rules"] = "[\n" + "".join(f"  {_rule(rule)},\n" for rule in guard.rules) + "]"
    return _table(("guard",), facts)


def _rule(rule: GuardRule) -> str:
    lists = {key: getattr(rule, key) for key in ("detectors", "tenants", "routes", "destinations")}
    facts = {key: None if words is None else _list(words) for key, words in lists.items()}
    direction = None if rule.direction is None else _text(rule.direction)
    named = {"name": _text(rule.name), "action": _text(rule.action), "direction": direction}
    return _inline(named | facts)


def _credential_names(fleet: Fleet) -> Mapping[Credential, str]:
    names: dict[Credential, str] = {}
    for source in fleet.sources.values():
        if source.credential is not None:
            names.setdefault(source.credential, source.name)
    for credential, name in credentials_of(fleet.tools):
        names.setdefault(credential, name if name not in names.values() else f"tools.{name}")
    for credential, name in (*index_credentials(fleet.index), *console_credentials(fleet.console)):
        names.setdefault(credential, name)
    return names


def _tool_times(tools: ToolSettings | None) -> Mapping[str, str]:
    if tools is None:
        return {}
    times = {"patience": tools.patience, "call_timeout": tools.call_timeout}
    return {key: words.strip('"') for key, it in times.items() if (words := _time(it))}


def _table(path: tuple[str, ...], facts: Mapping[str, str | None]) -> list[str]:
    """A table, without the keys that say nothing."""
    head = place("", path).removeprefix(": ")
    rows = [f"{_key(key)} = {value}" for key, value in facts.items() if value is not None]
    return [f"[{head}]", *rows]


def _key(word: str) -> str:
    return place("", (word,)).removeprefix(": ")


def _inline(facts: Mapping[str, str | None]) -> str:
    rows = [f"{_key(key)} = {value}" for key, value in facts.items() if value is not None]
    return "{ " + ", ".join(rows) + " }" if rows else "{}"


def _text(words: str) -> str:
    return json.dumps(words)


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(_text, words)) + "]"


def _time(seconds: Seconds | None) -> str | None:
    if seconds is None:
        return None
    for length, unit in _UNITS:
        if seconds >= 2 * length and seconds % length == 0:
            return _text(f"{int(seconds) // length}{unit}")
    exact = Decimal(repr(float(seconds)))
    if exact < 1:
        return _text(f"{(exact * 1000).normalize():f}ms")
    return _text(f"{exact.normalize():f}s")


def _size(count: int) -> str:
    for length, unit in _SIZES:
        if count % length == 0:
            return _text(f"{count // length}{unit}")
    return _text(f"{count}B")


def _money(amount: PicoDollars | None) -> str | None:
    return None if amount is None else _text(_digits(usd(amount)))


def _digits(amount: Decimal) -> str:
    """At least two decimals, as money is written; more where it has them."""
    text = f"{amount.normalize():f}"
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<2}"


def _gateway(gateway: GatewaySettings) -> list[str]:
    facts: dict[str, str | None] = {"listen": _address(gateway.host, gateway.port)}
    for key in ("ledger", "admin_socket", "recording"):
        value: str | None = getattr(gateway, key)
        facts[key] = None if value is None else _text(value)
    facts |= {key: _time(getattr(gateway, key)) for key in _TIME_KEYS}
    facts |= {key: _size(getattr(gateway, key)) for key in _SIZE_KEYS}
    for key in ("max_headers", "max_connections", "max_streams", "workers"):
        facts[key] = f"{getattr(gateway, key)}"
    return _table(("gateway",), facts)


def _address(host: str, port: int) -> str:
    return _text(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _queue(fleet: Fleet) -> list[str]:
    queue = fleet.queue
    interactive = {"length": f"{queue.interactive_length}", "wait": _time(queue.interactive_wait)}
    batch = {"length": f"{queue.batch_length}", "wait": _time(queue.batch_wait)}
    return _table(("queue",), {"interactive": _inline(interactive), "batch": _inline(batch)})


def _retry(retry: RetryBudget) -> list[str]:
    facts = {"ratio": f"{retry.ratio!r}", "min_per_second": f"{retry.min_per_second!r}"}
    return _table(("retry",), facts)


def _telemetry(telemetry: Telemetry) -> list[str]:
    log = telemetry.request_log
    facts = {
        "otlp": None if telemetry.otlp is None else _text(telemetry.otlp),
        "service": _text(telemetry.service),
        "sample": f"{telemetry.sample!r}",
        "interval": _time(telemetry.interval),
        "request_log": None if log is None else _text(log),
    }
    return _table(("telemetry",), facts)


def _source(source: Source, names: Mapping[Credential, str]) -> list[str]:
    facts: dict[str, str | None] = {"kind": _text(source.kind)}
    if source.emulation is None:
        facts["url"] = _text(source.base_url)
        if source.credential is not None:
            facts["credential"] = _text(names[source.credential])
        facts["ca_file"] = None if source.ca_file is None else _text(source.ca_file)
        facts["dialects"] = _list(source.dialects)
    else:
        emulation = source.emulation
        facts["listen"] = _address(emulation.host, emulation.port)
        facts["seed"] = f"{emulation.seed}"
    if source.silicon is not None:
        facts |= _silicon(source.silicon)
    facts["slots"] = None if source.slots is None else f"{source.slots}"
    facts["vendor"] = None if source.vendor is None else _text(source.vendor)
    facts["region"] = None if source.region is None else _text(source.region)
    facts["labels"] = _list(source.labels) if source.labels else None
    times = ("connect", "first_content", "idle", "total")
    facts["timeouts"] = _inline({key: _time(getattr(source.timeouts, key)) for key in times})
    facts["breaker"] = _breaker(source.breaker)
    return _table(("sources", source.name), facts)


def _silicon(silicon: Silicon) -> dict[str, str | None]:
    scaling, prefill = silicon.scaling, silicon.prefill
    facts = _chips(silicon)
    if scaling is not None:
        times = {"cold_start": _time(scaling.cold_start), "idle": _time(scaling.idle)}
        counts = {"max": f"{scaling.most}", "target": f"{scaling.target}"}
        facts["scaling"] = _inline({**counts, **times})
    if prefill is not None:
        facts["prefill"] = _inline(_chips(prefill))
    return facts


def _chips(of: Silicon | PrefillChips) -> dict[str, str | None]:
    return {"chip": _text(of.chip), "tp": f"{of.tp}", "replicas": f"{of.replicas}"}


def _breaker(terms: BreakerTerms) -> str:
    return _inline(
        {
            "window": _time(terms.window),
            "min_samples": f"{terms.min_samples}",
            "error_share": f"{terms.error_share!r}",
            "open_for": _time(terms.open_for),
            "probes": f"{terms.probes}",
            "min_speed": None if terms.min_speed is None else f"{terms.min_speed!r}",
            "speed_window": _time(terms.speed_window),
            "ttft_deadline": _time(terms.ttft_deadline),
            "thinking": _time(terms.thinking or None),
        }
    )


def _serving(source: str, serving: Serving) -> list[str]:
    rate = serving.expected_speed
    facts = {
        "upstream_model": _text(serving.upstream_model),
        "precision": None if serving.precision is None else _text(serving.precision),
        "context": None if serving.context is None else f"{serving.context}",
        "prepaid": None if serving.prepaid is None else f"{serving.prepaid}",
        "expected_ttft": _time(serving.expected_ttft),
        "expected_speed": None if rate is None else f"{rate!r}",
        "prices": None,
    }
    if serving.prices:
        rows = "".join(f"  {_price(price)},\n" for price in serving.prices)
        facts["prices"] = f"[\n{rows}]"
    return _table(("sources", source, "serves", serving.model), facts)


def _price(price: Price) -> str:
    facts: dict[str, str | None] = {
        "since": price.since.isoformat(),
        "tier": _text(price.tier),
        "hours": None if price.hours is None else _text("-".join(map(_clock, price.hours))),
    }
    for key in ("input", "cached_input", "cache_write", "output"):
        facts[key] = _token_price(getattr(price, key))
    return _inline({**facts, "request": _money(price.request)})


def _token_price(price: PicoDollars) -> str:
    return _text(_digits(Decimal(price).scaleb(-6)))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _route(route: Route, usual: PinMode | None) -> list[str]:
    objectives = [
        _inline(
            {
                "name": _text(objective.name),
                "tolerance": f"{objective.tolerance!r}",
                "weights": _inline({name: f"{it!r}" for name, it in objective.weights.items()})
                if objective.weights
                else None,
            }
        )
        for objective in route.objectives
    ]
    speed, context = route.slo.speed, route.demand.min_context
    slo = {"ttft": _time(route.slo.ttft), "speed": None if speed is None else f"{speed!r}"}
    demand = {
        "precision": _list(route.demand.precision) if route.demand.precision else None,
        "context": None if context is None else f"{context}",
    }
    facts: dict[str, str | None] = {
        "model": _text(route.model),
        "candidates": _list(tuple(f"{it.source}:{it.model}" for it in route.candidates)),
        "fallbacks": _list(tuple(f"{it.source}:{it.model}" for it in route.fallbacks)),
        "objectives": "[" + ", ".join(objectives) + "]",
        "slo": _inline(slo),
        "require": _inline(demand),
        "deadline": _time(route.deadline),
        "tier": _text(route.tier),
        "losses": _text(route.losses),
        "pins": None if route.pins == (usual or "off") else _text(route.pins),
    }
    return _table(("routes", route.alias), facts)


def _tenant(tenant: Tenant) -> list[str]:
    limits = ("requests_per_minute", "tokens_per_minute", "concurrency")
    counts: dict[str, int | None] = {key: getattr(tenant.limits, key) for key in limits}
    budget = {key: _money(getattr(tenant.budget, key)) for key in ("day", "month", "overdraft")}
    facts = {
        "limits": _inline({key: None if it is None else f"{it}" for key, it in counts.items()}),
        "budget": _inline(budget),
        "routes": None if tenant.routes is None else _list(tenant.routes),
        "class": _text(tenant.request_class),
        "price_book": None if tenant.price_book is None else _text(tenant.price_book),
    }
    return _table(("tenants", tenant.name), facts)


def _terms(book: str, terms: Terms) -> list[str]:
    facts: dict[str, str | None] = {
        "since": terms.since.isoformat(),
        "monthly": _money(terms.monthly),
        "included": _money(terms.included),
        "markup": _markup(terms.markup),
    }
    if terms.rates:
        facts["rates"] = "[\n" + "".join(f"  {_rate(rate)},\n" for rate in terms.rates) + "]"
    head, *rows = _table(("price_books", book), facts)
    return [f"[{head}]", *rows]


def _rate(rate: Rate) -> str:
    names = {"model": rate.model, "source": rate.source, "tier": rate.tier}
    facts = {key: None if name is None else _text(name) for key, name in names.items()}
    facts["markup"] = None if rate.markup is None else _markup(rate.markup)
    steps: list[str] = []
    for kind, ladder in rate.ladders.items():
        *below, last = ladder
        facts[kind] = _money(last.price) if kind == "request" else _token_price(last.price)
        for step in below:
            of = {"of": _text(kind), "up_to": f"{step.up_to}", "price": _token_price(step.price)}
            steps.append(_inline(of))
    return _inline({**facts, "steps": "[" + ", ".join(steps) + "]" if steps else None})


def _markup(millionths: PartsPerMillion) -> str:
    return _text(_digits(Decimal(millionths).scaleb(-6)))
