"""Which quantity is this: unit types, and exact conversions between them.

Rules
1. Money is an integer of pico-dollars (1e-12 USD) inside, a Decimal of USD at the edges, and
   never a float: a token at $0.0375 a million tokens is 37,500 pico-dollars, less than a
   micro-dollar.
2. A price finer than one pico-dollar a token is refused, never rounded.
3. `Seconds` measured on the monotonic clock and `UtcSeconds` on the wall clock are different types.
"""

from decimal import Decimal
from typing import NewType

Seconds = NewType("Seconds", float)
"""A duration, or a reading of a monotonic clock whose zero means nothing."""

Picoseconds = NewType("Picoseconds", int)
"""Virtual time, in 1e-12 s: whole numbers, so that a leap over many steps equals their sum."""

UtcSeconds = NewType("UtcSeconds", float)
"""Seconds since 1970-01-01T00:00:00Z."""

Tokens = NewType("Tokens", int)
Bytes = NewType("Bytes", int)
TokensPerSecond = NewType("TokensPerSecond", float)

PicoDollars = NewType("PicoDollars", int)
"""An amount of money, or a price a token or a request, in 1e-12 USD."""

PartsPerMillion = NewType("PartsPerMillion", int)
"""A share of money, in whole millionths of it, so that a markup is exact."""

PICO_PER_DOLLAR = 10**12
TOKENS_PER_PRICE = 10**6
"""Providers quote USD a million tokens."""


_ORDERS = 30
"""Orders of magnitude that an amount may have, up and down: 1E+999999999 is a few bytes of text
and an integer that no machine holds."""


def _exactly(amount: Decimal, times: int) -> int | None:
    """The product where it is whole. Decimal's own arithmetic would round it to 28 digits.

    Raises:
        ValueError: the amount is beyond `_ORDERS`.
    """
    if amount and abs(amount.adjusted()) > _ORDERS:
        raise ValueError(f"{amount} is not an amount of money")
    above, below = amount.as_integer_ratio()
    whole, rest = divmod(above * times, below)
    return None if rest else whole


def pico_from_usd(usd: Decimal) -> PicoDollars:
    """Exact pico-dollars of an amount in USD.

    Raises:
        ValueError: the amount is not finite, or is finer than one pico-dollar.
    """
    if not usd.is_finite():
        raise ValueError(f"{usd} is not an amount of money")
    whole = _exactly(usd, PICO_PER_DOLLAR)
    if whole is None:
        raise ValueError(f"${usd:f} is finer than a pico-dollar (1e-12 USD)")
    return PicoDollars(whole)


def pico_per_token(usd_per_million: Decimal) -> PicoDollars:
    """Exact pico-dollars a token of a price in USD a million tokens.

    Raises:
        ValueError: the price is not finite, or is finer than one pico-dollar a token.
    """
    if not usd_per_million.is_finite():
        raise ValueError(f"{usd_per_million} is not a price")
    whole = _exactly(usd_per_million, PICO_PER_DOLLAR // TOKENS_PER_PRICE)
    if whole is None:
        raise ValueError(
            f"${usd_per_million:f} a million tokens is finer than a pico-dollar a token"
        )
    return PicoDollars(whole)


def usd(amount: PicoDollars | int) -> Decimal:
    """The exact amount in USD."""
    return Decimal(amount).scaleb(-12)


def format_usd(amount: PicoDollars | int, places: int = 4) -> str:
    """An amount for people, rounded half-even to `places`: `$0.0012`, `-$3.5000`."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(usd(amount)):,.{places}f}"


def places_of(amount: PicoDollars | int) -> int:
    """Decimal places that show an amount in USD exactly, at least four."""
    digits = f"{abs(amount) % PICO_PER_DOLLAR:012d}".rstrip("0")
    return max(4, len(digits))


def exact_usd(amount: PicoDollars | int) -> str:
    """An amount for people with every digit that it has, at least four: `$0.00123475`."""
    return format_usd(amount, places_of(amount))
