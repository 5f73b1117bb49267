"""Writes src/tollway/catalog/prices/*.toml from the installed package genai-prices.

    scripts/token_prices.py 2026-11-22

The argument is the day on which the package was installed. Left out are models whose price depends
on the hour of the day, and those that are not priced by text tokens.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers

TARGET = Path(__file__).parent.parent / "src" / "tollway" / "catalog" / "prices"
PROVIDERS = (
    "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq",
    "minimax", "mistral", "moonshotai", "novita", "openai", "together", "x-ai", "zhipuai",
)  # fmt: skip
KEYS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
}
TIERS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("speed", "fast"): "priority",
}
"""What a variant of a price is for -> the tier that it is here."""

FIRST_TOLD = date(2026, 10, 15)
"""When that project began to tell of tiers: they were sold before."""

HEAD = """\
# Public token prices of {name}, in USD a million tokens; a search is in USD a thousand of them.
# Written by scripts/token_prices.py from genai-prices {version}.
source = "https://github.com/pydantic/genai-prices"
date = {day}
confidence = "third party"
"""


def patterns(match: dict[str, Any]) -> Iterator[str]:
    """The names that a price is for: `name`, `name*`, `*name`, `*name*`, or `/a regex/`."""
    for kind, value in match.items():
        if kind.startswith("or"):
            for one in value:
                yield from patterns(one)
        elif kind.startswith("and"):  # begins so, and is not of that kind
            said = {name: text for one in value for name, text in one.items()}
            yield f"/{said['regex']}{re.escape(said['starts_with'])}/"
        elif kind == "regex":
            yield f"/{value}/"
        elif kind in ("equals", "starts_with", "ends_with", "contains"):
            stars = {"equals": ("", ""), "starts_with": ("", "*"), "ends_with": ("*", "")}
            before, after = stars.get(kind, ("*", "*"))
            yield f"{before}{value}{after}"


def number(value: Any) -> str:
    """The price as text, without an exponent."""
    return f"{Decimal(str(value)):f}"


def price(prices: Any, constraint: Any, tier: str | None) -> str | None:
    """One entry of `prices`; None where it is not told here."""
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    since = None if constraint is None else constraint.start_date
    if tier is not None and since is not None and since <= FIRST_TOLD:
        since = None
    short = [] if since is None else [f"since = {since}"]
    short += [] if tier is None else [f'tier = "{tier}"']
    long: list[str] = []
    above: int | None = None
    for written, name in KEYS.items():
        value = getattr(prices, written)
        if value is None:
            continue
        if hasattr(value, "tiers"):
            (step,) = value.tiers
            above = step.start
            long.append(f'{name} = "{number(step.price)}"')
            value = value.base
        short.append(f'{name} = "{number(value)}"')
    if prices.web_searches_kcount is not None:
        short.append(f'searches = "{number(prices.web_searches_kcount)}"')
    if above is not None:
        short.append(f"long = {{ above = {above}, {', '.join(long)} }}")
    return "{ " + ", ".join(short) + " }"


def entries(model: Any) -> Iterator[str | None]:
    """Every price of a model, the standard ones first."""
    told = model.prices if isinstance(model.prices, list) else None
    if told is None:
        yield price(model.prices, None, None)
    for entry in told or ():
        yield price(entry.prices, entry.constraint, None)
    for variant in model.price_variants or ():
        tier = TIERS.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None
        if tier is not None:
            yield price(variant.prices, variant.constraint, tier)


def table(model: Any) -> str | None:
    """One [[models]] table; None where it has no price that is told here."""
    dated = model.prices if isinstance(model.prices, list) else []
    if any(hasattr(entry.constraint, "start_time") for entry in dated):
        return None
    lines = [line for line in entries(model) if line]
    if not lines:
        return None
    names = ", ".join(json.dumps(name) for name in dict.fromkeys(patterns(asdict(model.match))))
    rows = ["", "[[models]]", f"name = {json.dumps(model.id)}", f"match = [{names}]"]
    rows += [f"context = {model.context_window}"] if model.context_window else []
    rows.append("prices = [\n  " + ",\n  ".join(lines) + ",\n]")
    return "\n".join(rows) + "\n"


def main(day: str) -> None:
    """Write every provider's file."""
    TARGET.mkdir(exist_ok=True)
    for provider in providers:
        if provider.id in PROVIDERS:
            tables = filter(None, map(table, provider.models))
            head = HEAD.format(name=provider.name, version=version("genai-prices"), day=day)
            (TARGET / f"{provider.id}.toml").write_text(head + "".join(tables))


if __name__ == "__main__":
    main(sys.argv[1])
