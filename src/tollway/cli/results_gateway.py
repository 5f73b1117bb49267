"""What a gateway saw of its sources, request by request: from its recording, from its ledger.

Rules
1. In a recording a request's time starts when it is sent to the source; the ledger only knows when
   it arrived, so that what it waited before that counts as TTFT.
2. Only streams are timed: an answer that comes as a whole has no time between its tokens.
"""

from contextlib import closing
from pathlib import Path

from tollway.dispatch.messages import Arrived, Content, Finished, Send
from tollway.dispatch.recording import FORMAT, Header, Step, decode_line
from tollway.errors import TollwayError
from tollway.ledger.sqlite import open_reader
from tollway.ledger.timings import Timing


def of_ledger(path: Path, since: float | None = None, model: str | None = None) -> list[Timing]:
    """The requests of a ledger, from `since` (UTC seconds) on; only those of `model`, where it has
    such.

    Raises:
        TollwayError: it is no ledger of this version.
    """
    with closing(open_reader(path)) as ledger:
        found = ledger.timings()
    if since is not None:
        found = [one for one in found if one.arrived >= since]
    return [one for one in found if one.model == model] or found


def of_recording(path: Path) -> list[Timing]:
    """The requests of a recording.

    Raises:
        TollwayError: it cannot be read; the text names the line.
    """
    found: list[Timing] = []
    reading = _Reading()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = decode_line(line, number)
            except TollwayError as error:
                if not line.endswith(b"\n"):
                    break  # the gateway is still writing it, or a crash tore it
                raise TollwayError(f"{path}: {error}") from error
            if isinstance(entry, Header):
                if entry.format != FORMAT:
                    raise TollwayError(
                        f"{path}: line {number} has format {entry.format}; this version reads "
                        f"{FORMAT}. Use the version that wrote it."
                    )
                reading = _Reading()
            elif isinstance(entry, Step):
                found += reading.take(entry)
    return found


class _Reading:
    """The streams that are under way."""

    def __init__(self) -> None:
        self._streams: set[str] = set()
        self._sent: dict[str, tuple[float, Send]] = {}
        self._first: dict[str, float] = {}

    def take(self, step: Step) -> list[Timing]:
        """What has ended with this step."""
        event, ended = step.event, list[Timing]()
        if isinstance(event, Arrived) and event.stream:
            self._streams.add(event.request)
        elif isinstance(event, Content):
            self._first.setdefault(event.request, step.now)
        elif isinstance(event, Finished):
            ended = self._ended(event, step.now)
        for action in step.actions:
            # A second attempt is not timed: what the first one cost is in nobody's account.
            if isinstance(action, Send) and action.request in self._streams:
                if action.attempt == 1:
                    self._sent[action.request] = (step.now, action)
                else:
                    self._sent.pop(action.request, None)
        return ended

    def _ended(self, event: Finished, now: float) -> list[Timing]:
        self._streams.discard(event.request)
        first = self._first.pop(event.request, None)
        sent = self._sent.pop(event.request, None)
        usage = event.usage
        if first is None or sent is None or usage.estimated:
            return []
        at, action = sent
        return [
            Timing(
                source=action.source,
                model=action.model,
                arrived=at,
                ttft=first - at,
                duration=now - at,
                input=usage.input,
                cached_input=usage.cached_input,
                output=usage.output,
            )
        ]
