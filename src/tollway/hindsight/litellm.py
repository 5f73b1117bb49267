"""LiteLLM's spend table, LiteLLM_SpendLogs: rows of a CSV, JSON or SQLite copy of it.

Rules
1. A `request_id` that comes twice is one request.
2. `prompt_tokens` include what was read from and written to a provider's cache; how much that was
   is in `metadata`.
3. What LiteLLM answered from its own cache was not bought.
4. Moments without a zone are UTC.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

from tollway.hindsight.records import MALFORMED, Call, Gaps, words
from tollway.units import PICO_PER_DOLLAR, PicoDollars, Seconds, UtcSeconds

TOOL: Final = "litellm"
MOST: Final = 10**12
"""Tokens of a request."""
TABLE: Final = "LiteLLM_SpendLogs"
COLUMNS: Final = frozenset(("request_id", "spend", "prompt_tokens", "completion_tokens"))
WANTED: Final = (
    "request_id",
    "call_type",
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "model",
    "custom_llm_provider",
    "metadata",
    "cache_hit",
    "team_id",
    "session_id",
)
"""The columns that are read; prompts and answers, where they are kept, are not."""

Row = Mapping[str, Any]


class LiteLlm:
    """Reads spend rows; kept by request id (rule 1)."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._calls: dict[str, Call] = {}

    def read_rows(self, place: str, rows: Iterable[Row]) -> None:
        """Read the rows of one file or table."""
        for number, row in enumerate(rows, 1):
            try:
                call = _call(row)
            except MALFORMED:
                self._gaps.note(TOOL, "rows that are not of that form", f"{place}: row {number}")
                continue
            if call is not None:
                self._calls[str(row["request_id"])] = call

    def calls(self) -> Iterator[Call]:
        """The requests read so far."""
        return iter(self._calls.values())


def _call(row: Row) -> Call | None:
    given, generated = _count(row["prompt_tokens"]), _count(row["completion_tokens"])
    if str(row.get("cache_hit", "")).lower() == "true" or not (given or generated):
        return None
    began, ended = _when(row["startTime"]), _when(row.get("endTime") or row["startTime"])
    first = row.get("completionStartTime")
    ttft = None if not first else Seconds(_when(first) - began)
    if ttft is not None and began + ttft >= ended:
        ttft = None  # what was not streamed has no first token: LiteLLM writes its end there
    cached, write, reasoning = _details(row.get("metadata"))
    provider = words(row.get("custom_llm_provider"))
    return Call(
        tool=TOOL,
        model=_bare(str(row["model"]), provider),
        at=UtcSeconds(began),
        input=given,
        cached=min(cached, given),
        write=min(write, max(0, given - cached)),
        output=generated,
        reasoning=reasoning,
        provider=provider,
        project=words(row.get("team_id")),
        first=ttft,
        took=Seconds(ended - began) if ended > began else None,
        stated=_spend(row["spend"]),
    )


def _spend(value: object) -> PicoDollars:
    spend = Decimal(str(value or 0))
    if spend < 0:
        raise ValueError(f"{spend} USD")
    return PicoDollars(int(spend * PICO_PER_DOLLAR))


def _count(value: object) -> int:
    count = int(str(value or 0))
    if not 0 <= count <= MOST:
        raise ValueError(f"{count} tokens")
    return count


def _bare(model: str, provider: str | None) -> str:
    """The model without LiteLLM's prefix of its provider."""
    return model.removeprefix(f"{provider}/") if provider else model


def _details(metadata: object) -> tuple[int, int, int]:
    """Tokens read from the cache, written to it, and of reasoning (rule 2)."""
    found: Any = json.loads(metadata) if isinstance(metadata, str) and metadata else metadata
    if not isinstance(found, dict):
        return 0, 0, 0
    known = cast("dict[str, Any]", found)
    usage: Any = known.get("usage_object") or known.get("additional_usage_values") or {}
    prompt: Any = usage.get("prompt_tokens_details") or {}
    completion: Any = usage.get("completion_tokens_details") or {}
    cached = usage.get("cache_read_input_tokens") or prompt.get("cached_tokens") or 0
    write = usage.get("cache_creation_input_tokens") or prompt.get("cache_creation_tokens") or 0
    return _count(cached), _count(write), _count(completion.get("reasoning_tokens"))


def _when(said: object) -> float:
    """UTC seconds of a date with time, or of milliseconds as SQLite copies hold them."""
    text = str(said)
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC).timestamp()
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
