"""The fleet file of what was carried over, as text that a person goes on with."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tollway.inspect.litellm.deployments import Deployment
from tollway.inspect.litellm.naming import free_name
from tollway.inspect.litellm.settings import Settings
from tollway.inspect.litellm.sources import Source, weights
from tollway.inspect.litellm.teams import Tenant

_DEFAULT = "least-outstanding"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to be written. `today` is the date from which prices hold."""

    today: date
    sources: Sequence[Source]
    settings: Settings
    tenants: Sequence[Tenant]

    @property
    def groups(self) -> list[str]:
        """The models, in the order in which they first appear."""
        names = {name: one.line for it in self.sources for name, one in it.serves.items()}
        return sorted(names, key=lambda name: names[name])


def fleet_text(plan: Plan) -> str:
    """TOML, ending in a newline."""
    credentials = _credentials(plan.sources)
    parts = [
        "# Made by `tollway import litellm`, which said then what has no place here.",
        "version = 1",
        *_settings(plan.settings),
        *_models(plan),
        *_references(credentials),
        *(line for source in plan.sources for line in _source(source, credentials, plan.today)),
        *(line for group in plan.groups for line in _route(plan, group)),
        *_tenants(plan.tenants),
    ]
    return "\n".join(parts) + "\n"


def _text(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


def _seconds(amount: Decimal) -> str:
    """A duration as a fleet file has it: six places at most, a year at most."""
    kept = min(max(amount, Decimal("0.000001")), Decimal(366 * 86400))
    return _text(f"{kept.quantize(Decimal('0.000001')).normalize():f}s")


def _settings(settings: Settings) -> Iterator[str]:
    if settings.max_streams is not None:
        yield f"\n[gateway]\nmax_streams = {settings.max_streams}"
    times = _times(settings.timeout, settings.stream_timeout)
    if times:
        yield "\n[timeouts]"
        yield from times
    if settings.open_for is not None or settings.allowed_fails is not None:
        yield "\n[breaker]"
        if settings.open_for is not None:
            yield f"open_for = {_seconds(settings.open_for)}"
        if settings.allowed_fails is not None:
            yield f'window = "1m"\nmin_samples = {settings.allowed_fails + 1}'


def _times(whole: Decimal | None, stream: Decimal | None) -> list[str]:
    lines = [] if whole is None else [f"total = {_seconds(whole)}"]
    if stream is not None:
        lines += [f"first_content = {_seconds(stream)}", f"idle = {_seconds(stream)}"]
    return lines


def _models(plan: Plan) -> Iterator[str]:
    yield "\n# Models by the names that clients ask for."
    for group in plan.groups:
        yield f"[models.{_text(group)}]"
        aliases = [alias for alias, of in plan.settings.aliases.items() if of == group]
        if aliases:
            yield f"aliases = [{', '.join(map(_text, aliases))}]"


def _credentials(sources: Sequence[Source]) -> dict[str, str]:
    """Reference -> the name of its credential."""
    names: dict[str, str] = {}
    for source in sources:
        reference = source.terms.credential
        if reference is not None and reference not in names:
            names[reference] = free_name(source.name, set(names.values()))
    return names


def _references(credentials: dict[str, str]) -> Iterator[str]:
    if credentials:
        yield "\n# Where keys are, never the keys themselves.\n[credentials]"
        yield from (f"{_text(name)} = {_text(it)}" for it, name in credentials.items())


def _source(source: Source, credentials: dict[str, str], today: date) -> Iterator[str]:
    terms, name = source.terms, _text(source.name)
    yield f"\n[sources.{name}]"
    yield f'kind = "{terms.kind}"\nurl = {_text(terms.url)}'
    if terms.credential is not None:
        yield f"credential = {_text(credentials[terms.credential])}"
    if terms.dialects:
        yield f"dialects = [{', '.join(map(_text, terms.dialects))}]"
    if terms.slots is not None:
        yield f"slots = {terms.slots}"
    if terms.region:
        yield f"region = {_text(terms.region)}"
    times = _times(terms.timeout, terms.stream_timeout)
    if times:
        yield f"timeouts = {{ {', '.join(times)} }}"
    for group, one in source.serves.items():
        yield from _serving(name, group, one, today)


def _serving(source: str, group: str, one: Deployment, today: date) -> Iterator[str]:
    yield f"[sources.{source}.serves.{_text(group)}]"
    if one.upstream != group:
        yield f"upstream_model = {_text(one.upstream)}"
    if one.context is not None:
        yield f"context = {one.context}"
    if one.prices:
        prices = ", ".join(f"{key} = {_text(price)}" for key, price in one.prices)
        yield f"prices = [{{ since = {today}, {prices} }}]"


def _route(plan: Plan, group: str) -> Iterator[str]:
    """A route where more is to be said than that the model is served."""
    settings = plan.settings
    serving = [source.name for source in plan.sources if group in source.serves]
    objective = _objective(plan, group) if len(serving) > 1 else None
    wanted = settings.fallbacks.get(group, list(settings.default_fallbacks))
    fallbacks = [
        f"{source.name}:{other}"
        for other in dict.fromkeys(wanted)
        if other != group
        for source in plan.sources
        if other in source.serves
    ]
    if objective is None and not fallbacks:
        return
    yield f"\n[routes.{_text(group)}]\nmodel = {_text(group)}"
    if objective is not None:
        yield f"objectives = [{objective}]"
    if fallbacks:
        yield f"fallbacks = [{', '.join(map(_text, fallbacks))}]"


def _objective(plan: Plan, group: str) -> str | None:
    """None where the default is meant."""
    objective = plan.settings.objective
    if objective == "weighted":
        given = weights(plan.sources, group)
        serving = [source.name for source in plan.sources if group in source.serves]
        shares = given or dict.fromkeys(serving, Decimal(1))
        top = max(shares.values())
        words = ", ".join(f"{_text(name)} = {float(it / top):.6g}" for name, it in shares.items())
        return f'{{ name = "weighted", weights = {{ {words} }} }}'
    return None if objective == _DEFAULT else _text(objective)


def _tenants(tenants: Sequence[Tenant]) -> Iterator[str]:
    yield "\n# Who pays. Make keys with `tollway keys create --tenant NAME`."
    for tenant in tenants:
        yield f"[tenants.{_text(tenant.name)}]"
        limits = {
            "requests_per_minute": tenant.requests,
            "tokens_per_minute": tenant.tokens,
            "concurrency": tenant.concurrency,
        }
        bounds = [f"{key} = {count}" for key, count in limits.items() if count is not None]
        if bounds:
            yield f"limits = {{ {', '.join(bounds)} }}"
        money = {"day": tenant.day, "month": tenant.month}
        budget = [f"{key} = {_text(amount)}" for key, amount in money.items() if amount is not None]
        if budget:
            yield f"budget = {{ {', '.join(budget)} }}"
        if tenant.routes:
            yield f"routes = [{', '.join(map(_text, tenant.routes))}]"
