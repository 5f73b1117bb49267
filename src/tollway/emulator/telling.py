"""Tells an utterance at the pace of its stream, as events or as one body, and fails where asked.

Rules
1. A token is one event. Tokens that became ready together are written together.
2. A failure that strikes after n content chunks lets exactly n of them out.
3. A cut ends the connection without the end of its body: the client sees a broken transfer.
"""

from dataclasses import dataclass
from itertools import islice

from tollway.emulator.asks import Refusal
from tollway.emulator.exchange import Exchange
from tollway.emulator.failures import Failure
from tollway.emulator.form import Form
from tollway.emulator.replica import Stream
from tollway.emulator.utterance import Piece, Utterance

_SSE = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
]
_NONE = Failure("none")


def emulated_error() -> Refusal:
    """The error that `error-first` answers with."""
    return Refusal(500, "The engine failed, as it was asked to.", kind="server_error")


@dataclass(slots=True)
class Telling:
    """One answer on its way: what is said, in which form, at whose pace, to whom."""

    exchange: Exchange
    stream: Stream
    form: Form
    said: Utterance
    prompt: int
    failure: Failure | None
    with_usage: bool

    async def as_events(self) -> bool:
        """Stream the answer; whether it was told to its end."""
        await self.exchange.start(200, _SSE)
        told = 0
        opening = self.form.opening()
        while fresh := await self.stream.more():
            events = [self.form.piece(piece) for piece in islice(self.said.pieces, fresh)]
            if self.failure is not None:
                if told == 0:
                    await self.exchange.write(opening)
                if not await self._write_failing(events, told):
                    return False
            else:
                await self.exchange.write((opening if told == 0 else b"") + b"".join(events))
            told += fresh
        if told < self.said.length:
            return False
        ending = self.form.ending(self.said, self.prompt, self.with_usage)
        await self.exchange.write(ending, more=False)
        return True

    async def _write_failing(self, events: list[bytes], told: int) -> bool:
        """Write events one by one until the failure strikes; whether to go on."""
        failure = self.failure or _NONE
        for at, event in enumerate(events, start=told):
            if at == failure.after("cut-after"):
                return False
            if at == failure.after("stall-after"):
                await self.exchange.pause(None)
                return False
            if at == failure.after("malformed-after"):
                await self.exchange.write(event[: len(event) // 2] + b"\n\n")
            else:
                await self.exchange.write(event)
            if failure.kind == "rate" and not await self.exchange.pause(1 / (failure.number or 1)):
                return False
        return True

    async def as_body(self) -> bool:
        """Wait for all tokens, then answer with one body; whether it was told to its end."""
        pieces: list[Piece] = []
        while fresh := await self.stream.more():
            pieces.extend(islice(self.said.pieces, fresh))
        if len(pieces) < self.said.length:
            return False
        body = self.form.whole(pieces, self.said, self.prompt)
        return await send_body(self.exchange, body, self.failure, self.said.length)


async def send_body(
    exchange: Exchange, body: bytes, failure: Failure | None, tokens: int = 0
) -> bool:
    """Answer with one JSON body, of which a failure that strikes later in a stream spoils the
    second half; whether it was told to its end."""
    kind = None if failure is None else failure.kind
    if kind == "malformed-after":
        body = body[: len(body) // 2]
    if (
        kind == "rate"
        and failure is not None
        and not await exchange.pause(tokens / (failure.number or 1))
    ):
        return False
    if kind not in ("cut-after", "stall-after"):
        await exchange.json(body)
        return True
    length = (b"content-length", str(len(body)).encode())
    await exchange.start(200, [(b"content-type", b"application/json"), length])
    await exchange.write(body[: len(body) // 2])
    if kind == "stall-after":
        await exchange.pause(None)
    return False


async def fail_at_once(exchange: Exchange, failure: Failure | None, streamed: bool) -> bool:
    """Play a failure that comes before any content; whether that was the whole answer."""
    if failure is None:
        return False
    if failure.kind == "slow-headers":
        return not await exchange.pause(failure.number)
    if failure.kind == "stall":
        await exchange.pause(None)
        return True
    if failure.kind == "http":
        status = failure.status or 500
        refusal = Refusal(
            status,
            f"The engine answers {status}, as it was asked to.",
            code="rate_limit_exceeded" if status == 429 else None,
            kind="rate_limit_error" if status == 429 else "server_error",
        )
        await exchange.refuse(refusal, _retry_after(failure))
        return True
    if failure.kind == "error-first":
        error = emulated_error().body()
        if streamed:
            await exchange.start(200, _SSE)
            await exchange.write(b"data: " + error + b"\n\n", more=False)
        else:
            await exchange.json(error)
        return True
    return False


def _retry_after(failure: Failure) -> list[tuple[bytes, bytes]]:
    if failure.retry_after is None:
        return []
    return [(b"retry-after", f"{failure.retry_after:g}".encode())]
