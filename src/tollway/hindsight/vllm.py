"""vLLM's own log: its periodic statistics, and requests logged as JSON with their usage.

Rules
1. A line of statistics gives averages since the one before: tokens are rate x time between two
   lines of one engine, at most MOST_GAP (an idle engine says nothing).
2. Requests are those that were logged since the statistics before: as they arrived, or else as the
   web server answered them.
3. Times have no year and no zone: the year is the one that puts the last line closest before the
   file was last written, and the zone is this machine's. Both are handed in as `moment`.
4. Of lines that tell of requests only their number is taken; a prompt in them is not looked at.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from tollway.hindsight.records import NO_JSON, UNREADABLE, Call, Count, Gaps
from tollway.units import Seconds, UtcSeconds

TOOL: Final = "vllm"
MOST_GAP: Final = 60.0
"""Seconds; vLLM writes its statistics every 10 s while anything runs."""
USUAL_GAP: Final = 10.0
LATEST: Final = 2.5e11
"""UTC seconds; what is later is no date."""
NO_MODEL: Final = "unknown-model"

Moment = Callable[[int, int, int, int, int], float]
"""(month, day, hour, minute, second) -> UTC seconds."""

_STATS = re.compile(
    rb"(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,]\d+)?[^\n]*?(?:Engine (\d+): )?"
    rb"Avg prompt throughput: ([\d.]+) tokens/s, "
    rb"Avg generation throughput: ([\d.]+) tokens/s, Running: (\d+) reqs"
    rb"(?:[^\n]*?Prefix cache hit rate: (?:GPU: )?([\d.]+)%)?"
)
_MODEL = re.compile(rb"served_model_name=\[?'?\"?([^'\",\] ]+)|model='([^']+)'")


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count = 0
    completion_tokens: Count | None = 0
    prompt_tokens_details: dict[str, Any] | None = None


class _Json(msgspec.Struct, gc=False):
    created: Annotated[float, msgspec.Meta(ge=0, le=LATEST)] | None = None
    model: str | None = None
    usage: _Usage | None = None
    message: msgspec.Raw = msgspec.Raw(b"")
    msg: msgspec.Raw = msgspec.Raw(b"")


class Vllm:
    """Reads engine logs; `rates` are (tokens a second, requests running) of each line."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._calls: list[Call] = []
        self._last: dict[tuple[str, bytes], float] = {}
        self._json = msgspec.json.Decoder(_Json)
        self.rates: dict[str, list[tuple[float, int]]] = {}
        self._asked = 0
        self._answered = 0

    def read(self, place: str, lines: Iterable[bytes], moment: Moment) -> None:
        """Read one log."""
        model = NO_MODEL
        for number, raw in enumerate(lines, 1):
            if raw.startswith(b"{"):
                self._object(raw, f"{place}:{number}", place, moment)
            elif b"Avg prompt throughput" in raw:
                self._stats(raw, place, model, moment)
            elif b"Received request " in raw:
                self._asked += 1
            elif b'"POST /v1/' in raw and b'" 200' in raw:
                self._answered += 1
            elif model == NO_MODEL and (found := _MODEL.search(raw)):
                model = (found[1] or found[2]).decode(errors="replace")

    def calls(self) -> Iterator[Call]:
        """What was read so far: one record a line of statistics, one a logged request."""
        return iter(self._calls)

    def _object(self, raw: bytes, where: str, place: str, moment: Moment) -> None:
        try:
            line = self._json.decode(raw)
        except UNREADABLE:
            self._gaps.note(TOOL, NO_JSON, where)
            return
        if line.usage is not None and line.created is not None:
            details = line.usage.prompt_tokens_details or {}
            self._calls.append(
                Call(
                    tool=TOOL,
                    model=line.model or NO_MODEL,
                    at=UtcSeconds(line.created),
                    input=line.usage.prompt_tokens,
                    cached=min(line.usage.prompt_tokens, int(details.get("cached_tokens") or 0)),
                    output=line.usage.completion_tokens or 0,
                )
            )
            return
        text = bytes(line.message) + bytes(line.msg)
        if b"Avg prompt throughput" in text:
            self._stats(raw, place, line.model or NO_MODEL, moment)

    def _stats(self, raw: bytes, place: str, model: str, moment: Moment) -> None:
        found = _STATS.search(raw)
        if found is None:
            self._gaps.note(TOOL, "statistics without a time", place)
            return
        month, day, hour, minute, second = (int(found[at]) for at in range(1, 6))
        try:
            now = moment(month, day, hour, minute, second)
        except ValueError:  # no such day
            self._gaps.note(TOOL, "statistics without a time", place)
            return
        engine = (place, found[6] or b"")
        gap = now - self._last.get(engine, now - USUAL_GAP)
        self._last[engine] = now
        span = gap if 0.0 < gap <= MOST_GAP else USUAL_GAP
        given, made = float(found[7]), float(found[8])
        hit = float(found[10] or 0.0) / 100
        running = int(found[9])
        if made > 0.0 and running:
            self.rates.setdefault(model, []).append((made, running))
        if not (given or made):
            return
        requests = self._asked or self._answered
        self._asked = self._answered = 0
        tokens = round(given * span)
        self._calls.append(
            Call(
                tool=TOOL,
                model=model,
                at=UtcSeconds(now - span),
                period=Seconds(span),
                input=tokens,
                cached=round(tokens * hit),
                output=round(made * span),
                requests=requests,
            )
        )


def nearest_year(stamp: datetime, last: datetime) -> datetime:
    """`stamp` in the latest year that puts it no more than a day after `last`."""
    for year in (last.year + 1, last.year, last.year - 1):
        try:
            there = stamp.replace(year=year)
        except ValueError:  # 29 February
            continue
        if (there - last).total_seconds() <= 86_400.0:
            return there
    return stamp.replace(year=last.year, day=28)
