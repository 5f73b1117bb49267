"""One request as a log tells of it, and what could not be read.

Rules
1. No record holds a word of a prompt or of an answer: only counts, times, names and ids.
2. A request that several lines or files tell of is one record.
3. What a log does not say is None, never zero.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Protocol

import msgspec

from tollway.fleet.tiers import Tier
from tollway.units import PicoDollars, Seconds, UtcSeconds


class Call(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One request to a model, or the `requests` of them that one row of an export sums up.

    `input` includes `cached` (read from the provider's cache), `write` and `write_1h` (written to
    it, to live the provider's usual time or an hour); `output` includes `reasoning`. `at` is when
    it was asked, or when the row's period of `period` seconds begins. `thread` names the
    conversation whose prompts grow from call to call. `first` is seconds to the first token, or
    where `first_block` to the first whole block of the answer; `took` is seconds to its end.
    `stated` is what the log itself says that it cost. `long` is whether its prompt was past the
    length from which a provider charges more, where an export says so.
    """

    tool: str
    model: str
    at: UtcSeconds
    input: int
    output: int
    cached: int = 0
    write: int = 0
    write_1h: int = 0
    reasoning: int = 0
    requests: int = 1
    searches: int = 0
    period: Seconds | None = None
    tier: Tier = "standard"
    provider: str | None = None
    thread: str | None = None
    project: str | None = None
    first: Seconds | None = None
    first_block: bool = False
    took: Seconds | None = None
    stated: PicoDollars | None = None
    long: bool | None = None
    partial: bool = False
    """Its last line has no end: `output` is at least what it says."""


class Bill(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Money that a provider's own cost export names."""

    tool: str
    at: UtcSeconds
    amount: PicoDollars
    item: str


@dataclass(slots=True)
class Unread:
    """Something that was not read, how often, and where first."""

    tool: str
    why: str
    count: int
    first: str


@dataclass(slots=True)
class Gaps:
    """What was not read, by tool and reason."""

    _found: dict[tuple[str, str], Unread] = field(default_factory=dict[tuple[str, str], Unread])

    def note(self, tool: str, why: str, place: str) -> None:
        """One more that was not read."""
        found = self._found.get((tool, why))
        if found is None:
            self._found[tool, why] = Unread(tool, why, 1, place)
        else:
            found.count += 1

    def __iter__(self) -> Iterator[Unread]:
        return iter(self._found.values())


Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
"""Tokens or requests as a log writes them; anything else is a line that makes no sense."""

Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
"""A length of time as a log writes it."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its zone."""

UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What decoding a line may raise; the second where it is nested without end."""

MALFORMED: Final = (
    ArithmeticError, AttributeError, KeyError, OverflowError, TypeError, ValueError,
)  # fmt: skip
"""What reading a decoded row of any form may raise."""

NO_JSON: Final = "lines that are not whole JSON of that form"
CUT_SHORT: Final = "last lines that were cut short"


class LineReader(Protocol):
    """Reads the files of one tool, line by line, and keeps what it has read if it is stopped."""

    def read(self, place: str, lines: Iterable[bytes]) -> None:
        """Read one file. `place` names it."""
        ...

    def calls(self) -> Iterable[Call]:
        """What was read so far, in any order."""
        ...


def words(*values: object) -> str | None:
    """The first of the values that says anything, as text; None where none does."""
    return next((str(value) for value in values if value not in (None, "", [], {})), None)


def broken(line: bytes) -> str:
    """Why a line that cannot be decoded cannot: a last one without its end was cut short."""
    return NO_JSON if line.endswith(b"\n") else CUT_SHORT
