"""Reads public prices: of the installed package genai-prices, or from a file of its form."""

import json
from dataclasses import asdict
from decimal import Decimal
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from tollway.catalog.public_prices import PublicPrices, public_prices
from tollway.errors import Fault, FaultsFound, TollwayError

_PRICES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "requests_kcount")


def read_public_prices(path: Path | None) -> PublicPrices:
    """The prices in a file, else those of the package.

    Raises:
        TollwayError: the file is not of that form, or there is neither file nor package.
    """
    return _of_package() if path is None else _of_file(path)


def _of_file(path: Path) -> PublicPrices:
    mend = "Name a file of genai-prices, such as its data.json."
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise FaultsFound([Fault(str(path), "is not JSON", mend)]) from None
    return public_prices(data, path.name)


def _of_package() -> PublicPrices:
    try:
        # Not a plain import: a type checker would read a megabyte and a half of data with it.
        providers: Any = import_module("genai_prices.data").providers
    except ImportError:
        raise TollwayError(
            "tollway prices: no public prices here. Install the package genai-prices "
            "(pip install 'tollway[prices]'), or name a file of its form with --data."
        ) from None
    version = metadata.version("genai-prices")
    return public_prices([_provider(it) for it in providers], f"genai-prices {version}")


def _provider(provider: Any) -> dict[str, Any]:
    return {
        "id": provider.id,
        "api_pattern": provider.api_pattern,
        "models": [_model(model) for model in provider.models],
    }


def _model(model: Any) -> dict[str, Any]:
    prices, variants = model.prices, model.price_variants or ()
    return {
        "id": model.id,
        "match": asdict(model.match),
        "prices": [_dated(it) for it in prices] if isinstance(prices, list) else _price(prices),
        "price_variants": [{**_dated(it), "when": it.when} for it in variants],
    }


def _dated(entry: Any) -> dict[str, Any]:
    constraint = None if entry.constraint is None else asdict(entry.constraint)
    return {"constraint": constraint, "prices": _price(entry.prices)}


def _price(price: Any) -> dict[str, Any]:
    return {key: getattr(price, key, None) for key in _PRICES}
