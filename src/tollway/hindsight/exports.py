"""What OpenAI's and Anthropic's consoles and admin APIs export: usage by model, and cost.

Rules
1. A row sums up many requests: it has no speed, and no thread.
2. A cost export names money and no tokens: it is a bill, set beside what tokens would cost and
   never added to it.
3. OpenAI's `input_tokens` include what was read from and written to the cache; Anthropic's do not.

Formats: OpenAI `/v1/organization/usage/completions` and `/costs`; Anthropic
`/v1/organizations/usage_report/messages` and `/cost_report`; the CSV files of both consoles.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from tollway.fleet.tiers import Tier
from tollway.hindsight.records import MALFORMED, Bill, Call, Gaps, words
from tollway.units import PICO_PER_DOLLAR, PicoDollars, Seconds, UtcSeconds

OPENAI: Final = "openai-export"
ANTHROPIC: Final = "anthropic-export"
DAY: Final = 86_400.0
MOST: Final = 10**15
"""Of anything that a row counts."""

Row = Mapping[str, Any]


@dataclass(slots=True)
class Exports:
    """Reads exports; keeps rows and bills apart (rule 2)."""

    gaps: Gaps
    _calls: list[Call] = field(default_factory=list[Call])
    bills: list[Bill] = field(default_factory=list[Bill])

    def calls(self) -> Iterable[Call]:
        """The rows of usage read so far."""
        return iter(self._calls)

    def read_rows(self, place: str, kind: str, rows: Iterable[Row]) -> None:
        """Read the rows of a CSV file; `kind` is one of CSV_KINDS."""
        tool, read = _READERS[kind]
        for number, row in enumerate(rows, 2):
            self._row(tool, read, row, f"{place}:{number}")

    def read_pages(self, place: str, pages: Iterable[Row]) -> None:
        """Read pages, or the buckets of pages, of an admin API."""
        for page in pages:
            try:
                self._page(place, page)
            except MALFORMED:
                self.gaps.note(OPENAI, "pages that are not of that form", place)

    def _page(self, place: str, page: Row) -> None:
        for bucket in cast("list[Row]", page.get("data", [page])):
            for result in cast("list[Row]", bucket.get("results", [])):
                kind = _kind_of(bucket, result)
                if kind is None:
                    self.gaps.note(OPENAI, "results of another kind of usage", place)
                    continue
                tool, read = _READERS[kind]
                times = {key: bucket[key] for key in _TIMES if key in bucket}
                self._row(tool, read, {**result, **times}, place)

    def _row(self, tool: str, read: "_Read", row: Row, place: str) -> None:
        try:
            found = read(row)
        except MALFORMED:
            self.gaps.note(tool, "rows that are not of that form", place)
            return
        if isinstance(found, Bill):
            self.bills.append(found)
        elif found is not None:
            self._calls.append(found)


_TIMES: Final = ("start_time", "end_time", "starting_at", "ending_at")
_Read = Callable[[Row], Call | Bill | None]


def csv_kind(columns: Iterable[str]) -> str | None:
    """Which export has these columns; None where none of them has."""
    known = frozenset(columns)
    return next((kind for kind, needed in CSV_KINDS.items() if needed <= known), None)


def _kind_of(bucket: Row, result: Row) -> str | None:
    if "starting_at" in bucket:
        return "anthropic-cost" if "amount" in result else "anthropic-usage"
    if "amount" in result:
        return "openai-cost"
    return "openai-usage" if "input_tokens" in result else None


def _number(row: Row, *names: str) -> int:
    """The first of the members that is there, as a whole number; 0 where none is."""
    for name in names:
        value = row.get(name)
        if value in (None, ""):
            continue
        count = int(float(value))
        if not 0 <= count <= MOST:
            raise ValueError(f"{name} is {count}")
        return count
    return 0


def _when(row: Row, *names: str) -> float:
    for name in names:
        value = row.get(name)
        if value in (None, ""):
            continue
        text = str(value)
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC).timestamp()
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise KeyError(names[0])


def _money(value: object) -> PicoDollars:
    return PicoDollars(int(Decimal(str(value)) * PICO_PER_DOLLAR))


def _openai_usage(row: Row) -> Call | None:
    given, generated = _number(row, "input_tokens"), _number(row, "output_tokens")
    model = row.get("model")
    if not given and not generated:
        return None
    if not model:
        raise KeyError("model")
    at = _when(row, "start_time", "start_time_iso")
    end = _when({"end": at, **row}, "end_time", "end_time_iso", "end")
    batch = str(row.get("batch", "")).lower() == "true"
    cached = _number(row, "input_cached_tokens")
    return Call(
        tool=OPENAI,
        model=str(model),
        at=UtcSeconds(at),
        period=Seconds(end - at),
        input=given,
        cached=min(cached, given),
        write=_number(row, "input_cache_write_tokens"),
        output=generated,
        requests=_number(row, "num_model_requests"),
        tier="batch" if batch else _tier(row.get("service_tier")),
        provider="openai",
        project=words(row.get("project_name"), row.get("project_id")),
    )


def _anthropic_usage(row: Row) -> Call | None:
    creation = cast("Row", row.get("cache_creation") or {})
    read = _number(row, "cache_read_input_tokens", "usage_input_tokens_cache_read")
    short = _number(creation, "ephemeral_5m_input_tokens") + _number(
        row, "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write"
    )
    hour = _number(creation, "ephemeral_1h_input_tokens") + _number(
        row, "usage_input_tokens_cache_write_1h"
    )
    fresh = _number(row, "uncached_input_tokens", "usage_input_tokens_no_cache")
    generated = _number(row, "output_tokens", "usage_output_tokens")
    if not (read or short or hour or fresh or generated):
        return None
    model = row.get("model") or row.get("model_version")
    if not model:
        raise KeyError("model")
    at = _when(row, "starting_at", "usage_date_utc")
    end = _when({"end": at + DAY, **row}, "ending_at", "end")
    searches = cast("Row", row.get("server_tool_use") or {})
    window = str(row.get("context_window") or "")
    return Call(
        tool=ANTHROPIC,
        model=str(model),
        at=UtcSeconds(at),
        period=Seconds(end - at),
        input=fresh + short + hour + read,
        cached=read,
        write=short,
        write_1h=hour,
        output=generated,
        requests=0,
        searches=_number(searches, "web_search_requests") + _number(row, "web_search_count"),
        tier=_tier(row.get("service_tier") or row.get("usage_type")),
        provider="anthropic",
        project=words(row.get("workspace"), row.get("workspace_id")),
        long=None if not window else ("1M" in window or ">" in window),
    )


def _openai_cost(row: Row) -> Bill:
    amount = row.get("amount")
    value = cast("Row", amount).get("value") if isinstance(amount, dict) else amount
    if value is None:
        value = row["amount_value"]
    at = UtcSeconds(_when(row, "start_time", "start_time_iso"))
    item = str(row.get("line_item") or "all")
    return Bill(tool=OPENAI, at=at, amount=_money(value), item=item)


def _anthropic_cost(row: Row) -> Bill:
    at = UtcSeconds(_when(row, "starting_at", "usage_date_utc"))
    item = str(row.get("model") or row.get("description") or row.get("cost_type") or "all")
    if row.get("cost_usd") not in (None, ""):
        return Bill(tool=ANTHROPIC, at=at, amount=_money(row["cost_usd"]), item=item)
    # The admin API writes cents.
    return Bill(tool=ANTHROPIC, at=at, amount=_money(Decimal(str(row["amount"])) / 100), item=item)


def _tier(said: object) -> Tier:
    word = str(said or "").lower()
    if word in ("batch", "flex", "priority"):
        return cast("Tier", word)
    return "standard"


CSV_KINDS: Final[dict[str, frozenset[str]]] = {
    "anthropic-cost": frozenset(("usage_date_utc", "cost_usd")),
    "anthropic-usage": frozenset(("usage_date_utc", "usage_output_tokens")),
    "openai-usage": frozenset(("start_time", "input_tokens", "output_tokens")),
    "openai-cost": frozenset(("start_time", "amount_value")),
}
"""Kind -> the columns that it cannot do without."""

_READERS: Final[dict[str, tuple[str, _Read]]] = {
    "anthropic-cost": (ANTHROPIC, _anthropic_cost),
    "anthropic-usage": (ANTHROPIC, _anthropic_usage),
    "openai-usage": (OPENAI, _openai_usage),
    "openai-cost": (OPENAI, _openai_cost),
}


def decoded(data: bytes) -> Any:
    """JSON of an export.

    Raises:
        msgspec.MsgspecError: it is no JSON.
    """
    return msgspec.json.decode(data)
