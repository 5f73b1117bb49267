"""What answers threats to routes, tenants and sources.

Rules
1. Whether a finding is held is asked of the guard's own rules, for each tenant and each source that
   the route may use: the mildest answer is the route's.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tollway.fleet.guarding import Direction, GuardSettings
from tollway.fleet.objects import Route, Source
from tollway.fleet.quantities import is_loopback
from tollway.guard.finding import Finding, Kind
from tollway.guard.rules import STRICTNESS, Asked, decide
from tollway.pins.component import ModelApi
from tollway.pins.concentration import losses
from tollway.pins.threats_judged import (
    Control,
    Facts,
    Verdict,
    answered,
    inapplicable,
    opened,
    unjudged,
)
from tollway.units import usd

_UNKNOWN_SECRETS = (
    "Secrets of a form that no detector knows, and what people put in their own words, pass."
)


def leaks_out(facts: Facts, name: str) -> Verdict:
    """Whether secrets in what clients send are held before they reach a source."""
    return _leaks(facts, facts.fleet.routes[name], "out")


def leaks_in(facts: Facts, name: str) -> Verdict:
    """Whether secrets in what a source answers are held before they reach a client."""
    return _leaks(facts, facts.fleet.routes[name], "in")


def _leaks(facts: Facts, route: Route, direction: Direction) -> Verdict:
    guard = facts.fleet.guard
    said = "What clients send" if direction == "out" else "What sources answer"
    if guard is None:
        return opened(
            f"{said} over this route is not read.", 'Write [guard] with default = "block".'
        )
    if direction not in guard.directions:
        why = f"{said} over this route is not read: guard.directions leaves {direction!r} out."
        return opened(why, 'Write guard.directions = ["out", "in"].', _directions(guard))
    kinds: tuple[Kind, ...] = ("secret", "uninspected")
    mildest = [_mildest(facts, guard, route, direction, kind) for kind in kinds]
    controls = tuple(control for _, control in mildest)
    loose = [kind for kind, (passes, _) in zip(kinds, mildest, strict=True) if passes]
    if loose:
        things = {"secret": "a secret", "uninspected": "what could not be read"}
        why = f"{said} over this route may hold {' and '.join(things[it] for it in loose)}."
        mend = 'Write a rule of [[guard.rules]] before it, with action = "block" or "redact".'
        return opened(why, mend, *controls)
    left = _UNKNOWN_SECRETS
    if guard.ignore:
        left += f" These detectors are not asked: {', '.join(guard.ignore)}."
    return answered(*controls, residual=left)


def _directions(guard: GuardSettings) -> Control:
    return Control("what is read", "guard.directions", ", ".join(guard.directions))


def _mildest(
    facts: Facts, guard: GuardSettings, route: Route, direction: Direction, kind: Kind
) -> tuple[bool, Control]:
    """Whether the mildest action lets it pass, and the rule that says so (rule 1)."""
    found = Finding(kind, kind, 0, 0, (), "")
    sources = {it.source for it in (*route.candidates, *route.fallbacks)}
    labels = sorted({facts.fleet.sources[it].labels for it in sources})
    verdicts = [
        decide(guard, [found], Asked(tenant, route.alias, direction, frozenset(at))).verdicts[0]
        for tenant in facts.fleet.tenants or (None,)
        for at in labels
    ]
    verdict = min(verdicts, key=lambda it: (STRICTNESS.index(it.action), it.rule or ""))
    what = f"guard on {kind}s" if kind == "secret" else "guard on what it cannot read"
    if verdict.rule is None:
        key = "guard.default" if kind == "secret" else "guard"
        return verdict.action == "allow", Control(what, key, verdict.action)
    at = next(n for n, rule in enumerate(guard.rules) if rule.name == verdict.rule)
    what = f"{what}, rule {verdict.rule!r}"
    return verdict.action == "allow", Control(what, f"guard.rules[{at}].action", verdict.action)


def cascades(facts: Facts, name: str) -> Verdict:
    """Whether one loss takes the route away."""
    lost = [it for it in losses(facts.fleet, facts.lock) if name in it.routes]
    if lost:
        shown = ", ".join(f"{it.what} {it.name}" for it in lost[:4])
        more = f" and {len(lost) - 4} more" if len(lost) > 4 else ""
        why = f"Losing any one of these leaves nothing that serves it: {shown}{more}."
        return opened(why, f"Write routes.{name}.fallbacks with a source that shares none of them.")
    route = facts.fleet.routes[name]
    served = [it.source for it in (*route.candidates, *route.fallbacks)]
    sources = sorted(set(served))
    breaker = facts.fleet.sources[served[0]].breaker
    opens = f"{breaker.error_share:.0%} of {breaker.min_samples} and more"
    return answered(
        Control("other sources", f"routes.{name}", ", ".join(sources)),
        Control("breaker", f"sources.{served[0]}.breaker", opens),
        residual="Two losses at once, and what the fleet file does not say sources share.",
    )


def consumes(facts: Facts, name: str) -> Verdict:
    """Whether a tenant's use is bounded in money or in tokens."""
    tenant = facts.fleet.tenants[name]
    key = f"tenants.{name}"
    rates = [
        Control("rate limit", f"{key}.limits.{word}", str(value))
        for word in ("requests_per_minute", "tokens_per_minute", "concurrency")
        if (value := getattr(tenant.limits, word)) is not None
    ]
    budgets = [
        Control("budget", f"{key}.budget.{word}", f"{usd(value)} USD")
        for word in ("day", "month")
        if (value := getattr(tenant.budget, word)) is not None
    ]
    if not budgets and tenant.limits.tokens_per_minute is None:
        why = "Neither its money nor its tokens are bounded."
        return opened(why, f'Write {key}.budget = {{ day = "USD" }}.', *rates)
    left = "Up to the bound anybody with one of its keys may spend it."
    if not rates:
        left += " Nothing bounds how fast: it may be gone at once."
    return answered(*budgets, *rates, residual=left)


def transport(facts: Facts, name: str) -> Verdict:
    """Whether a source's credential goes over a line that others read."""
    source = facts.fleet.sources[name]
    if source.credential is None:
        return inapplicable("No credential is sent to it.")
    where = Control("where the credential is", f"sources.{name}.credential", _reference(source))
    parts = urlsplit(source.base_url)
    line = Control("line", f"sources.{name}.url", f"{parts.scheme}://{parts.hostname}")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        mend = f"Write sources.{name}.url with https."
        return opened("Its credential goes over plain http.", mend, where)
    left = "Whoever reads the gateway's environment or its files as the same user has it."
    return answered(where, line, residual=left)


def _reference(source: Source) -> str:
    credential = source.credential
    return "" if credential is None else f"{credential.scheme}:{credential.name}"


def swapped(facts: Facts, name: str) -> Verdict:
    """Whether a model may change under its name; `name` is `source/model`."""
    if facts.lock is None:
        return opened("There is no lock: nothing says which model this was.", "Run: tollway lock")
    found = facts.lock.find(f"model-api:{name}")
    if not isinstance(found, ModelApi):
        return opened("It is not in the lock.", "Run: tollway lock")
    snapshot = Control("snapshot", "version", found.version or "none")
    source, _, model = name.partition("/")
    if found.moving and not found.answers:
        mend = f"Name a dated snapshot in sources.{source}.serves.{model!r}.upstream_model."
        return opened("Its id is an alias that its vendor may point elsewhere.", mend, snapshot)
    if found.moving:
        snapshot = Control("answers as", "answers", ", ".join(found.answers))
    using = sorted(_using(facts, source, model))
    if not using:
        return answered(snapshot, residual="No route asks it.")
    routes = facts.fleet.routes
    loose = [it for it in using if routes[it].pins != "enforce"]
    held = [Control("held to the lock", f"routes.{it}.pins", routes[it].pins) for it in using]
    if loose:
        why = f"Answers of another model are not refused on {', '.join(loose)}."
        return opened(why, 'Write [pins] with mode = "enforce".', snapshot, *held)
    left = "A vendor that answers by another model under the same id and fingerprint."
    return answered(snapshot, *held, residual=left)


def drifts(facts: Facts, name: str) -> Verdict:
    """Whether a change behind a model's name would be noticed."""
    found = None if facts.lock is None else facts.lock.find(f"model-api:{name}")
    if not isinstance(found, ModelApi) or found.baseline is None:
        mend = f"Run: tollway drift baseline {name}"
        return opened("No baseline of its behaviour is in the lock.", mend)
    baseline = Control("baseline", "baseline", found.baseline.path)
    drift = facts.fleet.drift
    if drift is None or (drift.models is not None and name not in drift.models):
        mend = "Write [drift]." if drift is None else "Add it to drift.models."
        return opened("Nobody probes it against its baseline.", mend, baseline)
    often = Control("probes", "drift.every", f"{drift.every:.0f} s")
    return answered(baseline, often, residual="Changes that the probes' prompts do not show.")


def _using(facts: Facts, source: str, model: str) -> Iterator[str]:
    for route in facts.fleet.routes.values():
        if any(
            (it.source, it.model) == (source, model) for it in (*route.candidates, *route.fallbacks)
        ):
            yield route.alias


def obeys(facts: Facts, name: str) -> Verdict:
    """Whether a model that a route asks obeys what it reads."""
    return unjudged(
        "Nothing here sees whether a model obeys a text that it was only to read. What an obeyed "
        "text may do is judged at the tool servers, the sandbox and the egress rules."
    )


def is_wrong(facts: Facts, name: str) -> Verdict:
    """Whether answers are true."""
    return unjudged("Nothing here checks whether an answer is true.")


def is_rendered(facts: Facts, name: str) -> Verdict:
    """What clients do with answers."""
    return unjudged("What a client does with an answer (shows it, runs it) is not seen here.")
