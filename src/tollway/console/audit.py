"""What people did here, and what was refused: a line in the log and a security event each.

Rules
1. No key, token or code is ever in it.
2. Refusals are many when somebody tries: beyond a rate they are counted, and the count is told.
3. Where the guard's book cannot be written, the log still has the line, and says what is lost.
"""

from collections.abc import Callable
from pathlib import Path

from tollway.console.clocks import Clocks
from tollway.console.throttle import Throttle
from tollway.console.wording import visible
from tollway.errors import TollwayError
from tollway.guard.event import Outcome, SecurityEvent
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Teller

_AT_ONCE = 30
_EVERY = 4.0


class Audit:
    """Writes to the log and to the guard's book of a state folder."""

    def __init__(
        self, folder: Path, ocsf: Path | None, say: Callable[[str], None], clocks: Clocks
    ) -> None:
        """`ocsf` is the file of [guard] events, None where there is none."""
        self._say = say
        self._utc = clocks.utc
        self._throttle = Throttle(_AT_ONCE, _EVERY, clocks.steady)
        self._book: GuardBook | None = None
        self._teller: Teller | None = None
        try:
            self._book = GuardBook(folder / GUARD_BOOK)
            self._teller = Teller(self._book, say, ocsf)
        except TollwayError as error:
            say(f"console: security events are lost: {error}")

    def close(self) -> None:
        """Write what waits."""
        if self._teller is not None:
            self._teller.close()
        if self._book is not None:
            self._book.close()

    def did(self, who: str, words: str, place: str) -> None:
        """Somebody did something that they may."""
        self._tell("allowed", f"{who} {words}", place)

    def refused(self, words: str, place: str) -> None:
        """Somebody was refused (rule 2)."""
        withheld = self._throttle.withheld
        if not self._throttle.admits():
            return
        if withheld:
            self._throttle.withheld = 0
            words += f" ({withheld} more refusals since the one before)"
        self._tell("denied", words, place)

    def _tell(self, outcome: Outcome, words: str, place: str) -> None:
        text = visible(words)[:2000]
        self._say(f"console: {text} [{visible(place)[:200]}]")
        if self._teller is not None:
            event = SecurityEvent(self._utc(), "console", outcome, text, visible(place)[:200])
            self._teller.tell(event)
