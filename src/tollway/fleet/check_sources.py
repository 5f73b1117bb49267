"""Whether sources can be used: what they refer to, where they listen, what they cost."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import urlsplit

from tollway.catalog import chip_names, model_names
from tollway.errors import did_you_mean, listed, unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path, place
from tollway.fleet.quantities import is_loopback, shown
from tollway.fleet.schema import (
    ApiTable,
    EmulatedTable,
    PriceTable,
    ServerTable,
)

Endpoint = tuple[str, int]


def check_each_source(declared: Declared) -> Iterator[Finding]:
    """Every fault of sources beyond their own keys, as far as it depends on no other name."""
    for name, placed in declared.sources.items():
        source = placed.table
        if isinstance(source, EmulatedTable):
            yield from _emulated(name, placed.document, source)
        else:
            yield from _remote(name, placed.document, source)
        if not isinstance(source, ApiTable):
            yield from _silicon(name, placed.document, source)
        for model, serving in source.serves.items():
            path: Path = ("sources", name, "serves", model, "prices")
            yield from _prices(placed.document, path, serving.prices)


def check_sources(declared: Declared) -> Iterator[Finding]:
    """What of sources does not go with the rest of the fleet: names that nobody declares, models
    that nobody serves, addresses that are taken."""
    for name, placed in declared.sources.items():
        source = placed.table
        for model in source.serves:
            path: Path = ("sources", name, "serves", model)
            if model not in declared.names["models"]:
                fault = unknown(model, declared.names["models"], "")
                mend = fault.mend or f"Declare it: [models.{_quoted(model)}]."
                yield Finding(placed.document, path, _no_model(declared, model), mend)
        if not isinstance(source, EmulatedTable):
            yield from _own_address(declared, name, placed.document, source)
            yield from _credential(declared, name, placed.document, source)
    yield from _unserved(declared)
    yield from _ports(declared)


def _quoted(model: str) -> str:
    return place("", (model,)).removeprefix(": ")


def _no_model(declared: Declared, model: str) -> str:
    problem = unknown(model, declared.names["models"], "").problem
    return problem.replace("is ", "names model ", 1)


def _emulated(name: str, document: str, source: EmulatedTable) -> Iterator[Finding]:
    if source.listen[1] == 0:
        mend = "Choose a port: the gateway must know where to find it."
        yield Finding(document, ("sources", name, "listen"), "has port 0", mend)
    for model in source.serves:
        if model not in model_names():
            words = listed(model_names())
            problem = f"cannot be emulated: the catalog doesn't know the model; known: {words}"
            mend = did_you_mean(model, model_names()) or "Emulate a model that it knows."
            yield Finding(document, ("sources", name, "serves", model), problem, mend)


def _silicon(name: str, document: str, source: ServerTable | EmulatedTable) -> Iterator[Finding]:
    path: Path = ("sources", name)
    chips: dict[Path, str | None] = {("chip",): source.chip}
    if source.prefill is not None:
        chips["prefill", "chip"] = source.prefill.chip
    for key, chip in chips.items():
        if chip is not None and chip not in chip_names():
            fault = unknown(chip, chip_names(), "")
            yield Finding(document, (*path, *key), fault.problem, fault.mend)
    if source.chip is None:
        for key in ("tp", "replicas", "scaling", "prefill"):
            if key in source.model_fields_set:
                mend = "Write the chip that it runs on too."
                yield Finding(document, (*path, key), "says nothing without a chip", mend)
    if source.scaling is not None and source.prefill is not None:
        problem = "is not rehearsed beside scaling"
        yield Finding(document, (*path, "prefill"), problem, "Take one of them out.")
    if source.scaling is not None and source.scaling.max < source.replicas:
        problem = f"is {source.scaling.max}, fewer than the {source.replicas} replicas"
        yield Finding(document, (*path, "scaling", "max"), problem, "Write as many or more.")


def _remote(name: str, document: str, source: ApiTable | ServerTable) -> Iterator[Finding]:
    parts = urlsplit(source.url)
    host = parts.hostname or ""
    if isinstance(source, ApiTable) and parts.scheme == "http" and not is_loopback(host):
        problem = f"is {shown(source.url)}: plain http shows prompts and keys to the network"
        mend = 'Write https://, or kind = "server" for an engine in your own network.'
        yield Finding(document, ("sources", name, "url"), problem, mend)
    for dialect in set(source.dialects):
        if source.dialects.count(dialect) > 1:
            problem = f"has {shown(dialect)} twice"
            yield Finding(document, ("sources", name, "dialects"), problem, "Write it once.")


def _own_address(
    declared: Declared, name: str, document: str, source: ApiTable | ServerTable
) -> Iterator[Finding]:
    parts = urlsplit(source.url)
    host = parts.hostname or ""
    gateway = declared.gateway.table.listen
    there = host, parts.port or (443 if parts.scheme == "https" else 80)
    if _clash(there, gateway) and (is_loopback(host) or host == gateway[0]):
        problem = f"is {shown(source.url)}, the gateway's own address"
        mend = "Name the engine's address."
        yield Finding(document, ("sources", name, "url"), problem, mend)


def _credential(
    declared: Declared, name: str, document: str, source: ApiTable | ServerTable
) -> Iterator[Finding]:
    if source.credential is not None and source.credential not in declared.names["credentials"]:
        # The name is not repeated: a secret put here by mistake must not reach a log.
        known = sorted(declared.names["credentials"])
        mend = did_you_mean(source.credential, known) or "Declare it in [credentials]."
        problem = f"names no credential (value not shown); known: {', '.join(known) or 'none'}"
        yield Finding(document, ("sources", name, "credential"), problem, mend)


def _unserved(declared: Declared) -> Iterator[Finding]:
    if declared.unsure:
        return  # a source that could not be read may serve it
    for model, placed in declared.models.items():
        if not declared.serving(model) and declared.sources:
            mend = f"Write [sources.NAME.serves.{_quoted(model)}], or take the model out."
            yield Finding(placed.document, ("models", model), "is served by no source", mend)


def _ports(declared: Declared) -> Iterator[Finding]:
    taken: list[tuple[Endpoint, str]] = [(declared.gateway.table.listen, "gateway.listen")]
    for name, placed in declared.sources.items():
        if not isinstance(placed.table, EmulatedTable):
            continue
        listen = placed.table.listen
        path: Path = ("sources", name, "listen")
        for other, where in taken:
            if listen[1] and _clash(listen, other):
                yield Finding(
                    placed.document,
                    path,
                    f"is port {listen[1]}, which {where} has already",
                    "Choose another port.",
                )
                break
        taken.append((listen, place("", path).removeprefix(": ")))


def _clash(one: Endpoint, other: Endpoint) -> bool:
    """Whether two addresses cannot both be listened on. Names are taken to mean this machine."""
    if one[1] != other[1]:
        return False
    hosts = {_host(one[0]), _host(other[0])}
    return len(hosts) == 1 or "any" in hosts


def _host(host: str) -> str:
    try:
        ip = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return host
    return "any" if ip.is_unspecified else str(ip)


def _prices(document: str, path: Path, prices: Sequence[PriceTable]) -> Iterator[Finding]:
    for index, price in enumerate(prices):
        for earlier, other in enumerate(prices[:index]):
            if (price.since, price.tier) != (other.since, other.tier):
                continue
            if _overlap(price.hours, other.hours):
                yield Finding(
                    document,
                    (*path, index, "since"),
                    f"is {price.since}, and prices[{earlier}] holds for tier {price.tier} "
                    "at the same time",
                    "Give them different dates, tiers or hours.",
                )
                break


def _overlap(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    """Hours win over no hours, so that those two never compete."""
    if one is None or other is None:
        return one is other
    spans = sorted(span for hours in (one, other) for span in _spans(hours))
    return any(after[0] < before[1] for before, after in pairwise(spans))


def _spans(hours: tuple[int, int]) -> list[tuple[int, int]]:
    start, end = hours
    return [(start, end)] if start < end else [(start, 24 * 60), (0, end)]
