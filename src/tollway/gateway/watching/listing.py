"""Which models a source lists, and when it says that they end."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, cast

import msgspec

from tollway.gateway.upstream import Origin
from tollway.gateway.watching.asker import fetched
from tollway.pins.drift.asking import Unheard

_PATHS: Final = {"anthropic": "/models?limit=1000"}


def listed(origin: Origin) -> Mapping[str, date | None] | None:
    """Model -> its announced last day (UTC; None where none is said), as `GET /models` lists them;
    None where the source has no such list, or cuts it."""
    dialect = origin.source.dialects[0]
    said = fetched(origin, dialect, "GET", _PATHS.get(dialect, "/models"), None, {})
    if isinstance(said, Unheard):
        return None
    return read_listing(said)


def read_listing(said: bytes) -> Mapping[str, date | None] | None:
    """The same of a body; None where it is no whole list."""
    try:
        body = cast("dict[str, Any]", msgspec.json.decode(said))
        if body.get("has_more"):
            return None
        found = {str(it["id"]): _day(it.get("shutdown_date")) for it in body["data"]}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return found or None


def _day(value: object) -> date | None:
    """A day as a date, a moment, or seconds since the epoch."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    if isinstance(value, int | float) and 0 < value < 1e11:
        return datetime.fromtimestamp(value, UTC).date()
    return None
