"""Writes src/tollway/catalog/prices/*.toml from genai-prices' data file.

    scripts/token_prices.py ../shared/data/prices/genai_prices_data_slim.json 2026-11-22

The second argument is the day on which that file was taken. Left out are prices by the hour of the
day, and models that are not priced by text tokens.
"""

import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "tollway" / "catalog" / "prices"
PROVIDERS = (
    "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq",
    "minimax", "mistral", "moonshotai", "novita", "openai", "together", "x-ai", "zhipuai",
)  # fmt: skip
KEYS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "output_mtok": "output",
}
HEAD = """\
# Public token prices of {name}, in USD a million tokens. Written by scripts/token_prices.py.
source = "https://github.com/pydantic/genai-prices"
date = {day}
confidence = "third party"
"""


def patterns(match: dict[str, Any]) -> Iterator[str]:
    """The names that a price is for: `name`, `name*`, `*name` or `*name*`."""
    for kind, value in match.items():
        if kind == "or":
            for one in value:
                yield from patterns(one)
        elif kind == "regex":
            plain = re.sub(r"\\d(\{\d+\})?\$?$", "", value.removeprefix("^"))
            yield plain.replace("\\.", ".") + "*"
        else:
            stars = {"equals": ("", ""), "starts_with": ("", "*"), "ends_with": ("*", "")}
            before, after = stars.get(kind, ("*", "*"))
            yield f"{before}{value}{after}"


def number(value: float) -> str:
    """The price as text, without an exponent."""
    return f"{Decimal(str(value)):f}"


def price(entry: dict[str, Any]) -> str | None:
    """One entry of `prices`; None where it is not told here."""
    constraint = entry.get("constraint") or {}
    if "start_time" in constraint or not {"input_mtok", "output_mtok"} <= set(entry["prices"]):
        return None
    short: list[str] = []
    long: list[str] = []
    above: int | None = None
    if "start_date" in constraint:
        short.append(f"since = {constraint['start_date']}")
    for written, name in KEYS.items():
        value = entry["prices"].get(written)
        if value is None:
            continue
        if isinstance(value, dict):
            (tier,) = value["tiers"]
            above = tier["start"]
            long.append(f'{name} = "{number(tier["price"])}"')
            value = value["base"]
        short.append(f'{name} = "{number(value)}"')
    if above is not None:
        short.append(f"long = {{ above = {above}, {', '.join(long)} }}")
    return "{ " + ", ".join(short) + " }"


def model(entry: dict[str, Any]) -> str | None:
    """One [[models]] table; None where it has no price that is told here."""
    told = entry["prices"]
    prices = told if isinstance(told, list) else [{"prices": told}]
    lines = [line for line in map(price, prices) if line]
    if not lines:
        return None
    names = ", ".join(json.dumps(name) for name in dict.fromkeys(patterns(entry["match"])))
    context = entry.get("context_window")
    rows = ["", "[[models]]", f"name = {json.dumps(entry['id'])}", f"match = [{names}]"]
    rows += [f"context = {context}"] if context else []
    rows.append("prices = [" + ("\n  " + ",\n  ".join(lines) + ",\n" if lines else "") + "]")
    return "\n".join(rows) + "\n"


def main(source: Path, day: str) -> None:
    """Write every provider's file."""
    TARGET.mkdir(exist_ok=True)
    for provider in json.loads(source.read_text()):
        if provider["id"] in PROVIDERS:
            tables = filter(None, map(model, provider["models"]))
            text = HEAD.format(name=provider["name"], day=day) + "".join(tables)
            (TARGET / f"{provider['id']}.toml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
