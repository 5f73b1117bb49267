"""What an answer says about itself while it is relayed: content, usage, errors, the end."""

from tollway.fleet.usage import Usage
from tollway.gateway.openai import RequestFacts


class StreamMeter:
    """Looks at a streamed answer. (Relays only, so far.)"""

    def __init__(self, facts: RequestFacts, started: float) -> None:
        self._facts = facts
        self.started = False
        self.ended = False
        self.error: str | None = None
        self.error_status: int | None = None
        self.malformed: str | None = None
        self.output_tokens = 0
        self.first_at: float | None = None

    def feed(self, data: bytes, now: float) -> bytes:
        if self.first_at is None:
            self.started, self.first_at = True, now
        self.ended = self.ended or b"[DONE]" in data
        return data

    def finish(self, now: float) -> bytes:
        return b""

    def usage(self) -> Usage:
        return Usage(input=self._facts.input_tokens, output=self.output_tokens, estimated=True)


class BodyMeter:
    """Looks at an answer that is not streamed. (Passes it, so far.)"""

    def __init__(self, facts: RequestFacts) -> None:
        self._facts = facts
        self.error: str | None = None
        self.error_status: int | None = None
        self.malformed: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""

    def finish(self) -> None:
        """The body is whole."""

    def usage(self) -> Usage:
        return Usage(input=self._facts.input_tokens, estimated=True)
