"""Composes a first fleet file: providers, an engine of one's own, one route, one tenant."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tollway.inspect.providers import OfferedModel, Provider

_HEAD = """\
# A first fleet file for Tollway. Check it with `tollway check`; every key is told of in
# docs/reference/fleet-file.md, and `tollway fleet schema` teaches it to your editor.
version = 1

[gateway]
listen = "127.0.0.1:8400"                  # this machine only
"""

_TENANT = """
# Who pays. Make a key for it with `tollway keys create --tenant team`; budgets end at midnight UTC.
[tenants.team]
limits = { requests_per_minute = 600, tokens_per_minute = 2000000, concurrency = 64 }
budget = { day = "20.00", month = "200.00", overdraft = "1.00" }
"""


@dataclass(frozen=True, slots=True)
class OwnServer:
    """An engine that the user runs, and the model that it serves."""

    url: str
    model: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a source."""

    source: str
    model: str


def first_file(
    providers: Sequence[Provider], server: OwnServer | None, taken: date, today: date
) -> str:
    """The text of a fleet file. `taken` is the day of the price table; prices hold from `today`."""
    offers = [Offer("server", server.model)] if server else []
    offers += [Offer(it.name, model.name) for it in providers for model in it.models]
    parts = [_HEAD, *_models(providers, server)]
    if providers:
        parts.append("\n# Where keys are, never the keys themselves.\n[credentials]\n")
        parts += [f'{it.name} = "env:{it.variable}"\n' for it in providers]
    if server:
        parts += _server(server)
    for provider in providers:
        parts += _provider(provider, taken, today)
    parts += [_route(offers), _TENANT]
    return "".join(parts)


def _text(words: str) -> str:
    return json.dumps(words)


def _models(providers: Sequence[Provider], server: OwnServer | None) -> Iterator[str]:
    yield "\n# Models by the names that clients ask for; each is a route of its own.\n"
    contexts: dict[str, int | None] = {server.model: None} if server else {}
    for provider in providers:
        for model in provider.models:
            contexts[model.name] = contexts.get(model.name) or model.context
    for name, context in contexts.items():
        yield f"[models.{_text(name)}]\n"
        if context:
            yield f"context = {context}\n"


def _server(server: OwnServer) -> Iterator[str]:
    yield "\n# An engine of your own. Declare `slots` where it should queue here and not there.\n"
    yield f'[sources.server]\nkind = "server"\nurl = {_text(server.url)}\n'
    yield f"[sources.server.serves.{_text(server.model)}]\n"


def _provider(provider: Provider, taken: date, today: date) -> Iterator[str]:
    yield f'\n[sources.{provider.name}]\nkind = "api"\nurl = {_text(provider.url)}\n'
    yield f'credential = "{provider.name}"\n'
    if provider.dialects != ("openai",):
        yield f"dialects = [{', '.join(map(_text, provider.dialects))}]\n"
    yield f"# USD a million tokens, public prices of {taken}; check them against your contract.\n"
    for model in provider.models:
        yield from _offered(provider.name, model, today)


def _offered(source: str, model: OfferedModel, today: date) -> Iterator[str]:
    yield f"[sources.{source}.serves.{_text(model.name)}]\n"
    if model.upstream != model.name:
        yield f"upstream_model = {_text(model.upstream)}\n"
    if model.context:
        yield f"context = {model.context}\n"
    prices = ", ".join(f'{key} = "{price}"' for key, price in model.prices)
    yield f"prices = [{{ since = {today}, {prices} }}]\n"


def _route(offers: Sequence[Offer]) -> str:
    """The first model, at every source that has it; then the first model of every other source."""
    model = offers[0].model
    serving = {offer.source for offer in offers if offer.model == model}
    fallbacks: dict[str, str] = {}
    for offer in offers:
        if offer.source not in serving:
            fallbacks.setdefault(offer.source, f"{offer.source}:{offer.model}")
    rest = ", ".join(map(_text, fallbacks.values()))
    lines = [
        "\n# Ask for the model `chat`. Fallbacks are other models: an answer then says so in the",
        "# header x-tollway-substituted.",
        "[routes.chat]",
        f"model = {_text(model)}",
        f"fallbacks = [{rest}]",
        'objectives = [{ name = "cheapest", tolerance = 0.1 }, "least-outstanding"]',
    ]
    return "\n".join(lines) + "\n"
