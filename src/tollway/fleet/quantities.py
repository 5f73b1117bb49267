"""How quantities are written in a fleet file: durations, sizes, money, hours, addresses.

Rules
1. Every reader takes what TOML gave and returns the quantity, or raises `MalformedError`.
2. Money is text: a TOML float cannot hold $0.10 exactly.
3. A fault about a credential never repeats what was written.
"""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from tollway.fleet.credential import Credential
from tollway.units import (
    Bytes,
    PartsPerMillion,
    PicoDollars,
    Seconds,
    format_usd,
    pico_from_usd,
    pico_per_token,
)

LONGEST: Seconds = Seconds(366 * 86400.0)
MOST_MONEY = PicoDollars(9 * 10**18)
"""The ledger adds pico-dollars up in signed 64 bits, which end at $9,223,372."""
DEAREST_TOKEN = PicoDollars(10**11)
"""$100,000 a million tokens: a hundred times the dearest public price, so a slip of the decimal
point, and small enough that a request of 10 million tokens stays within 64 bits."""

_SECONDS = {"ms": Decimal("0.001"), "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})(B|KB|MB|GB|KiB|MiB|GiB)")
_MONEY = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,30})?")
_CURRENCY = re.compile(r"[^\W\d_]{3,}|[€£¥₹₩₽元円]")
"""What names a currency beside a number: a code, a word, a sign."""
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"[!-~]+")


class MalformedError(ValueError):
    """What was written is not the quantity that belongs there."""

    def __init__(self, problem: str, mend: str) -> None:
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem}. {mend}")


def shown(value: object) -> str:
    """A TOML value as a fault repeats it: short, on one line, nothing nested."""
    if isinstance(value, str):
        short = value if len(value) <= 60 else value[:57] + "..."
        return json.dumps(short, ensure_ascii=not short.isprintable())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "a number of over 20 digits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    return f"{value}"


def duration(value: object) -> Seconds:
    """Seconds of `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"1d"`; more than zero, a year at most."""
    mend = 'Write text with one unit: "250ms", "10s", "5m", "2h", "1d".'
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise MalformedError(f"is {shown(value)}, not a duration", mend)
    seconds = Decimal(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= Decimal(LONGEST):
        raise MalformedError(
            f"is {shown(value)}", "A duration is more than zero and at most a year (366d)."
        )
    return Seconds(float(seconds))


def size(value: object) -> Bytes:
    """Bytes of `"512B"`, `"32KiB"`, `"1MB"`; more than zero, 1 TiB at most."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        mend = 'Write text with a unit: "32KiB", "1MB", "32MiB".'
        raise MalformedError(f"is {shown(value)}, not a size", mend)
    count = int(found[1]) * _BYTES[found[2]]
    if not 0 < count <= 2**40:
        raise MalformedError(f"is {shown(value)}", "A size is more than zero and at most 1024GiB.")
    return Bytes(count)


def other_currency(value: object) -> str | None:
    """The currency that an amount names, if it is not the dollar: "5 EUR", "€5"."""
    if not isinstance(value, str) or not any(map(str.isdigit, value)):
        return None
    named = [found[0] for found in _CURRENCY.finditer(value)]
    return next((word for word in named if word.upper() != "USD"), None)


def _amount(value: object, what: str) -> Decimal:
    if isinstance(value, float | int) and not isinstance(value, bool):
        exact = f"{Decimal(repr(value)):f}" if abs(value) < 10**9 else "0.25"
        why = ", a float" if isinstance(value, float) else ", not text"
        raise MalformedError(
            f"is {shown(value)}{why}", f'Money is exact: write it as text, "{exact}".'
        )
    currency = other_currency(value)
    if currency is not None:
        problem = f"is {shown(value)}, in {currency}, and Tollway counts in one currency, USD"
        raise MalformedError(problem, "Write USD, at a rate of yours.")
    if not isinstance(value, str) or _MONEY.fullmatch(value) is None:
        mend = 'Write USD as a decimal in text: "0.25".'
        raise MalformedError(f"is {shown(value)}, not {what}", mend)
    if value.startswith("-"):
        raise MalformedError(f"is {shown(value)}", f"{what.capitalize()} is zero or more.")
    return Decimal(value)


def money(value: object) -> PicoDollars:
    """Pico-dollars of an amount in USD, written as text."""
    usd = _amount(value, "an amount of money")
    try:
        pico = pico_from_usd(usd)
    except ValueError:
        raise MalformedError(
            f"is {shown(value)}, finer than a pico-dollar", "Write at most 12 decimal places."
        ) from None
    if pico > MOST_MONEY:
        raise MalformedError(
            f"is {shown(value)}", f"The ledger counts to {format_usd(MOST_MONEY, 0)} at most."
        )
    return pico


def token_price(value: object) -> PicoDollars:
    """Pico-dollars a token of a price in USD a million tokens, written as text."""
    usd = _amount(value, "a price")
    try:
        pico = pico_per_token(usd)
    except ValueError:
        raise MalformedError(
            f"is {shown(value)} a million tokens, finer than a pico-dollar a token",
            "Write at most 6 decimal places.",
        ) from None
    if pico > DEAREST_TOKEN:
        raise MalformedError(
            f"is {shown(value)} a million tokens", 'Prices end at "100000" a million tokens.'
        )
    return pico


def markup(value: object) -> PartsPerMillion:
    """Millionths of a share of cost, written as text: `"0.20"` on top of it, `"-0.05"` off it."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        exact = f"{Decimal(repr(value)):f}" if abs(value) < 10**9 else "0.20"
        raise MalformedError(f"is {shown(value)}, not text", f'Write it as text, "{exact}".')
    if not isinstance(value, str) or _MONEY.fullmatch(value) is None:
        mend = 'Write the share of cost as a decimal in text: "0.20" is a fifth on top.'
        raise MalformedError(f"is {shown(value)}, not a markup", mend)
    millionths = Decimal(value).scaleb(6)
    if millionths != int(millionths):
        raise MalformedError(f"is {shown(value)}", "Write at most 6 decimal places.")
    if not -1_000_000 <= millionths <= 1000 * 1_000_000:
        mend = 'A markup lies between "-1" (free) and "1000"; a fifth is "0.20", not "20".'
        raise MalformedError(f"is {shown(value)}", mend)
    return PartsPerMillion(int(millionths))


def day(value: object) -> date:
    """A TOML date. A moment (date with time) is refused: prices change at midnight UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise MalformedError(
        f"is {shown(value)}, not a date", "Write a date without quotes or time: 2026-01-31."
    )


def hours(value: object) -> tuple[int, int]:
    """Minutes of the UTC day of `"16:30-00:30"`: from the first to just before the second, over
    midnight where the second is not later."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    start = int(found[1]) * 60 + int(found[2]) if found else 0
    end = int(found[3]) * 60 + int(found[4]) if found else 0
    if found is None or end > 24 * 60:
        mend = 'Write UTC hours as text: "16:30-00:30".'
        raise MalformedError(f"is {shown(value)}, not hours of the day", mend)
    if start == end:
        mend = "Leave `hours` away where a price holds all day."
        raise MalformedError(f"is {shown(value)}, which covers nothing", mend)
    return start, end


def address(value: object) -> tuple[str, int]:
    """Host and port of `"127.0.0.1:8400"` or `"[::1]:8400"`."""
    malformed = MalformedError(
        f"is {shown(value)}, not an address to listen on", 'Write "HOST:PORT": "127.0.0.1:8400".'
    )
    if not isinstance(value, str):
        raise malformed
    host, _, port = value.rpartition(":")
    if re.fullmatch(r"[0-9]{1,5}", port) is None or int(port) > 65535:
        raise malformed
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host or not _is_ip(host):
            raise malformed
    elif _HOST_NAME.fullmatch(host) is None:
        raise malformed
    return host, int(port)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant by the host."""
    if _is_ip(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def url(value: object) -> str:
    """`http(s)://host[:port][/path]` without a trailing slash, host in lower case.

    User, password, query and fragment are refused without being repeated: keys hide there.
    """
    return _url(
        value,
        'Write "https://HOST/PATH", up to where `/chat/completions` would follow.',
        "Name a credential instead, with `credential`; the URL is host and path only.",
    )


def collector(value: object) -> str:
    """The same, for where telemetry goes."""
    return _url(
        value,
        'Write "http://HOST:4318", up to where `/v1/traces` would follow.',
        "Let a collector of your own hold the key; the URL is host and path only.",
    )


def _url(value: object, mend: str, secret_mend: str) -> str:
    if not isinstance(value, str) or _URL.fullmatch(value) is None:
        raise MalformedError(
            f"is {shown(value) if not isinstance(value, str) else 'not a URL'}", mend
        )
    parts, port = _split(value, mend)
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise MalformedError("holds a user, a query or a fragment (not shown)", secret_mend)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MalformedError("is not an http(s) URL", mend)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def _split(value: str, mend: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(value)
        return parts, parts.port
    except ValueError:
        raise MalformedError("is not a URL", mend) from None


def credential(value: object) -> Credential:
    """Where a secret is: `"env:NAME"` or `"file:PATH"`."""
    mend = (
        'Write where the secret is, "env:NAME" or "file:PATH", '
        "and change the secret if it stood here."
    )
    scheme, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if scheme == "env":
        if _VARIABLE.fullmatch(name) is None:
            raise MalformedError("does not name an environment variable (value not shown)", mend)
        return Credential("env", name)
    if scheme == "file":
        if not name.strip() or not name.isprintable():
            raise MalformedError("does not name a file (value not shown)", mend)
        return Credential("file", name)
    raise MalformedError("is not a reference to a secret (value not shown)", mend)
