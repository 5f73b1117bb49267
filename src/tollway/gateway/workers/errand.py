"""A request that a worker has in hand, as the accountant sees it.

Rules
1. What dispatch decides about it is said to its worker.
2. If the worker goes, the request has used what can be known of it: its input where a source was
   asked, and the output tokens that were last told; marked estimated.
"""

from tollway.dispatch.messages import (
    Abort,
    Arrived,
    Cancelled,
    Content,
    EndWithError,
    Failed,
    Finished,
    Progressed,
    Reject,
    Relay,
    Send,
)
from tollway.fleet.usage import Usage
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.workers.frames import Wire

Happened = Content | Progressed | Finished | Failed | Cancelled


class Errand:
    """One request of a worker; it stands where an exchange stands in a gateway of one process."""

    __slots__ = ("_asked", "_attempt", "_board", "_input", "_output", "bucket", "id", "wire")

    def __init__(self, board: Switchboard, wire: Wire, event: Arrived) -> None:
        self.id = event.request
        self.bucket = 0
        self.wire = wire
        self._board = board
        self._input = event.input_tokens
        self._output = 0
        self._asked = False
        self._attempt = 0

    # --- what dispatch asks for ------------------------------------------------------------------

    def send(self, action: Send) -> None:
        """An attempt begins."""
        self._asked = True
        self._output = 0
        self._attempt = action.attempt
        self.wire.say(action)

    def abort(self, action: Abort) -> None:
        """The attempt is to be given up; the worker will say `Failed`."""
        self.wire.say(action)

    def reject(self, action: Reject) -> None:
        """The last word to the client."""
        self._end(action)

    def relay(self) -> None:
        """The last word: the source's own error."""
        self._end(Relay(self.id, self._attempt))

    def end_with_error(self, action: EndWithError) -> None:
        """The last word, in a stream."""
        self._end(action)

    def _end(self, action: Reject | Relay | EndWithError) -> None:
        self._board.closed(self)
        self.wire.say(action)

    # --- what happens ----------------------------------------------------------------------------

    def happened(self, event: Happened) -> None:
        """Keep what rule 2 needs of an event."""
        if isinstance(event, Progressed):
            self._output = event.output_tokens
        elif isinstance(event, Content):
            self._output = max(self._output, 1)
        elif isinstance(event, Failed):
            self._asked = False

    def stop(self) -> None:
        """The worker is gone (rule 2)."""
        self._board.closed(self)
        used = Usage(input=self._input, output=self._output, estimated=True)
        self._board.tell(Cancelled(self.id, used if self._asked else Usage()))

    def break_down(self) -> None:
        """A fault of ours."""
        self.wire.say(Reject(self.id, 500, "internal_error", "The gateway failed."))
        self.stop()

    def check(self, now: float) -> None:
        """Timeouts are the worker's to enforce."""

    def progress(self) -> None:
        """Progress is the worker's to tell."""
