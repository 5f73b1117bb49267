"""What goes on in a gateway, for who looks: the console, `tollway top`, one request's life.

Rules
1. It costs what it costs when it is asked for: once a second, while somebody looks.
2. Tokens of a live stream are counted as they were last reported, about a second ago, so that a
   rate made of two answers is smooth; they are exact once it has ended.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import parse_qs

from tollway.gateway.house import House
from tollway.gateway.http import Refusal

_DIGITS = 15


class Seeing(Protocol):
    """A dispatcher that can be looked into."""

    def live(self, after: int, now: float) -> dict[str, object]: ...
    def request(self, request_id: str, now: float) -> dict[str, object] | None: ...


def live(house: House, seeing: Seeing, query: bytes) -> Mapping[str, object]:
    """`GET /live`: sources with their totals since the start, what runs, and what ended after the
    number that the caller has seen.

    Raises:
        Refusal: the query is not `after=N`.
    """
    board = house.board
    now = board.clock()
    seen = seeing.live(_after(query), now)
    metrics = house.watch.metrics
    totals, standings = metrics.by_source(), metrics.standings()
    sources = cast("dict[str, dict[str, Any]]", seen["sources"])
    for name, one in sources.items():
        requests, output, cost = totals.get(name, (0, 0, 0))
        one["requests"] = requests
        one["tokens"] = output + one["flowing"]
        one["cost"] = cost
        for model, pair in one["models"].items():
            pair["drift"] = standings.get((name, model))
    return {
        "at": board.utc(),
        "mono": now,
        "started": house.started,
        "ready": house.not_ready() is None,
        "why": house.not_ready(),
        "connections": house.hands.connections(),
        **seen,
    }


def request(house: House, seeing: Seeing, request_id: str) -> Mapping[str, object]:
    """`GET /requests/ID`: one request's life, from its arrival on.

    Raises:
        Refusal: it is not running, and not among the last that ended.
    """
    found = seeing.request(request_id, house.board.clock())
    if found is None:
        raise Refusal(
            404,
            "not_kept",
            "This request neither runs nor is among the last that ended since the gateway started. "
            "What it used and cost is in the ledger.",
        )
    pauses = house.watch.pauses
    for attempt in cast("list[dict[str, Any]]", found["attempts"]):
        known = pauses.get((request_id, attempt["attempt"]), ())
        attempt["pauses"] = [{"offset": offset, "seconds": gap} for offset, gap in sorted(known)]
    return found


def _after(query: bytes) -> int:
    asked = parse_qs(query.decode("ascii", "replace"), keep_blank_values=True)
    numbers = asked.pop("after", ["0"])
    if asked or len(numbers) != 1 or not numbers[0].isdecimal() or len(numbers[0]) > _DIGITS:
        raise Refusal(400, "bad_query", "The only parameter is `after`, a number, once.")
    return int(numbers[0])
