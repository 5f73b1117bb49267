"""Counts and logs answers that are not of the model that is locked.

Rules
1. Every such answer is counted; the log has a line for each (source, model, difference) once, up to
   `MOST` of them: a provider that moved a name does not fill it.
"""

from typing import Final

from tollway.dispatch.messages import Send
from tollway.gateway.log import Log
from tollway.gateway.metrics import Metrics

MOST: Final = 200


class Unpinned:
    """Told of each by the switchboard's watcher."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._metrics = metrics
        self._log = log
        self._said: set[tuple[str, str, str]] = set()

    def answer(self, action: Send, words: str, refused: bool) -> None:
        """An answer differs from its pin in this way."""
        outcome = "refused" if refused else "flagged"
        self._metrics.unpinned(action.source, action.model, outcome)
        line = (action.source, action.model, words)
        if line in self._said or len(self._said) >= MOST:
            return
        self._said.add(line)
        self._log.say(f"pins: {action.source} {action.model} {words}: {outcome}")
