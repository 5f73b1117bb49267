"""What the form of a search says, as a search.

Rules
1. The query string is the whole state of the page: who has the link sees the same.
2. What makes no sense is told at its field, and nothing is searched for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from tollway.errors import FaultsFound
from tollway.fleet.quantities import MalformedError, duration
from tollway.ledger.moments import past
from tollway.ledger.search import WORDS, Search, Spot
from tollway.units import pico_from_usd

TEXTS = ("since", "until", "request", *WORDS, "tag", "min_cost", "min_ttft", "min_duration")
FLAGS = ("estimated", "fallback", "drilled")
LIVE = ("route", "source", "model", "request")
"""What live requests can be held to: of the others the ledger knows more than the gateway tells."""

_LONGEST = 200
_MOST = 2**63


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was filled in, and what it means. `before` is where a further page begins."""

    texts: Mapping[str, str]
    flags: frozenset[str]
    search: Search
    before: Spot | None
    faults: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def shows_live(self) -> bool:
        """Whether live requests can be held to the same terms."""
        others = {name for name, text in self.texts.items() if text} - set(LIVE)
        return not others and not self.flags and self.before is None

    def link(self, before: Spot | None = None) -> str:
        """The address of this search, or of its page that begins before a place."""
        pairs = [(name, text) for name, text in self.texts.items() if text]
        pairs += [(name, "on") for name in FLAGS if name in self.flags]
        if before is not None:
            pairs.append(("before", f"{before.utc}-{before.id}"))
        return f"/requests?{urlencode(pairs)}" if pairs else "/requests"


def asked_of(query: Mapping[str, str], now: float) -> Asked:
    """What a query string asks for."""
    texts = {name: query.get(name, "").strip()[:_LONGEST] for name in TEXTS}
    flags = frozenset(name for name in FLAGS if query.get(name))
    faults: dict[str, str] = {}
    values: dict[str, Any] = {
        name: texts[name] or None for name in ("request", *WORDS, "tag")
    } | dict.fromkeys(flags, True)
    readers: dict[str, Callable[[str], object]] = {
        "since": lambda text: past(text, "since", now),
        "until": lambda text: past(text, "until", now),
        "min_cost": _money,
        "min_ttft": _seconds,
        "min_duration": _seconds,
    }
    for name, read in readers.items():
        try:
            values[name] = read(texts[name]) if texts[name] else None
        except FaultsFound as found:
            faults[name] = str(found.faults[0]).partition(" ")[2]
        except (ValueError, MalformedError) as error:
            faults[name] = str(error)
    before = _spot(query.get("before", ""))
    return Asked(texts, flags, Search() if faults else Search(**values), before, faults)


def _money(text: str) -> int:
    try:
        found = pico_from_usd(Decimal(text.removeprefix("$")))
    except InvalidOperation:
        raise ValueError(f'"{text}" is no amount. Write dollars: 0.05.') from None
    if not 0 <= found < _MOST:
        raise ValueError(f'"{text}" is no cost of a request. Write dollars: 0.05.')
    return found


def _seconds(text: str) -> float:
    try:
        return float(duration(text if not text.replace(".", "").isdigit() else f"{text}s"))
    except MalformedError:
        raise ValueError(f'"{text}" is no length of time. Write 500ms, 2s or 1m.') from None


def _spot(text: str) -> Spot | None:
    utc, _, number = text.rpartition("-")
    try:
        found = Spot(int(utc), int(number))
    except ValueError:
        return None
    return found if abs(found.utc) < 2**62 and abs(found.id) < 2**62 else None
