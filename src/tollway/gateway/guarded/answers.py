"""What of an answer may pass, and the tokens in it turned back.

Rules
1. Text goes out once it can be no part of anything unfinished: about a word late.
2. What may not come in ends the answer; what may not stay in it is taken out.
3. Tokens are turned back last: what a client sent itself is not inspected again.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tollway.dialects.deltas import Closed, Delta, Done, Opened, Piece, Signed, Stopped
from tollway.gateway.guarded.clearing import Labels, evidence_of, in_words
from tollway.guard.event import SecurityEvent
from tollway.guard.finding import Finding
from tollway.guard.inspection import Guard
from tollway.guard.limit import Limit, OverLimitError
from tollway.guard.replace import RestoringStream, Tokens, redacted
from tollway.guard.rules import Asked, Decision
from tollway.guard.stream import Passage, StreamScanner

_SHORTLY: Final = Limit(bytes=1 << 20, texts=48)
MOST_QUEUED: Final = 10_000
"""Deltas of one answer that may wait."""

_VECTORS: Final = re.compile(rb'"embedding"\s*:\s*(?:\[[-+0-9.eE,\s]*\]|"[A-Za-z0-9+/=]*")')

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class BarredError(Exception):
    """An answer may not come in; the text says what was found in it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """Whose answer it is. `guard` is None where answers are not inspected and only tokens are
    turned back, `tokens` where there are none. `tell` keeps an event."""

    guard: Guard | None
    request: str
    tenant: str
    key: str
    route: str
    tokens: Tokens | None
    utc: Callable[[], float]
    tell: Callable[[SecurityEvent], None]
    vectors: bool = False
    """Whether it is embeddings: their vectors are left unread."""
    task: str | None = None

    def judge(self, findings: Sequence[Finding] | Passage, labels: Labels) -> tuple[Finding, ...]:
        """What is to be taken out of a text from a source with these labels.

        Raises:
            BarredError: the answer may not come in (rule 2).
        """
        if self.guard is None:
            return ()
        decision = self.guard.decide(findings, Asked(self.tenant, self.route, "in", labels))
        if not decision.verdicts:
            return ()
        redact = (*decision.to_replace("redact"), *decision.to_replace("tokenise"))
        found = in_words(decision.verdicts, excerpts=False)
        if not decision.permits(labels):
            words = f"The answer held what may not come in: {found}."
            self.tell(self._event("denied", words, decision))
            raise BarredError(words)
        if redact:
            words = f"An answer came in changed: {found}"
            self.tell(self._event("changed", words, decision))
        return redact

    def refuse(self, text: str, labels: Labels) -> None:
        """Inspect what is no text and nothing can be taken out of: names, ids, signatures.

        Raises:
            BarredError: it holds anything that may not come in as it is.
        """
        if self.guard is None or not text.strip():
            return
        try:
            found = self.guard.scanner.scan(text.encode("utf-8", "surrogatepass"), _SHORTLY)
        except OverLimitError:
            raise BarredError("A name or a signature in the answer cannot be inspected.") from None
        if found and self.judge(found, labels):
            raise BarredError("The answer held what may not come in, in a name or a signature.")

    def whole(self, body: bytes, labels: Labels, limit: Limit) -> bytes:
        """A whole answer, as it may come in. Slow where it is long.

        Raises:
            BarredError: see `judge`.
            OverLimitError: the limit of this inspection is reached.
        """
        if self.guard is not None:
            asked = Asked(self.tenant, self.route, "in", labels)
            read = _VECTORS.sub(b'"embedding":0', body) if self.vectors else body
            found = [it.finding for it in self.guard.inspect(read, asked, None, limit).verdicts]
            take_out = self.judge(found, labels)
            if take_out and self.vectors:
                raise BarredError("The answer held what may not come in, beside its vectors.")
            if take_out:
                body = redacted(body, take_out)
                _decode(body)  # a client must not get what is no JSON any more
        return body if self.tokens is None else restored(body, self.tokens)

    def _event(self, outcome: Any, words: str, decision: Decision) -> SecurityEvent:
        rule = decision.verdicts[0].rule
        return SecurityEvent(
            self.utc(), "traffic", outcome, words, self.route, self.tenant, self.key, self.task,
            self.request, rule, None, evidence_of(decision.verdicts), "in",
        )  # fmt: skip


class Passing:
    """One stream of deltas: what of it may go out now.

    A client puts the texts of one kind together, whatever stands between them, so they are
    inspected as one text. Where a part ends in what may begin a secret, what follows is kept until
    that is settled; a part that ends in anything else goes out whole.
    """

    __slots__ = ("_choices", "_incoming", "_labels")

    def __init__(self, incoming: Incoming, labels: Labels) -> None:
        self._incoming = incoming
        self._labels = labels
        self._choices: dict[int, _Choice] = {}

    def take(self, deltas: Sequence[Delta]) -> list[Delta]:
        """What these deltas let out.

        Raises:
            BarredError: the answer may not come in; nothing more of it may go out.
        """
        out: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, Piece | Opened | Closed | Signed | Stopped):
                choice = self._choices.get(delta.choice)
                if choice is None:
                    choice = _Choice(self._incoming, self._labels, delta.choice)
                    self._choices[delta.choice] = choice
                choice.take(delta, out)
                continue
            if isinstance(delta, Done):
                for choice in self._choices.values():
                    choice.end(out)
            out.append(delta)
        return out


class _Choice:
    """One answer of a stream. `queue` is what came behind what is `waiting` to be settled."""

    __slots__ = ("_flows", "_incoming", "_labels", "_number", "_parts", "_queue", "_waiting")

    def __init__(self, incoming: Incoming, labels: Labels, number: int) -> None:
        self._incoming = incoming
        self._labels = labels
        self._number = number
        self._flows: dict[str, _Flow] = {}
        self._parts: dict[int, _Flow] = {}
        self._waiting: dict[_Flow, int] = {}
        self._queue: list[Delta] = []

    def take(self, delta: Piece | Opened | Closed | Signed | Stopped, out: list[Delta]) -> None:
        if isinstance(delta, Piece):
            self._take_text(delta, out)
            return
        if isinstance(delta, Opened):
            self._incoming.refuse(f"{delta.name} {delta.id}", self._labels)
            self._parts[delta.index] = self._flow(delta)
        elif isinstance(delta, Stopped):
            self._incoming.refuse(delta.stop_sequence or "", self._labels)
            self.end(out)
        else:
            if isinstance(delta, Signed):
                self._incoming.refuse(delta.signature.data, self._labels)
            self._close(delta.index, out)
        self._say(delta, out)

    def end(self, out: list[Delta]) -> None:
        """Nothing more comes: what waited is settled."""
        for flow, index in self._waiting.items():
            _add(out, self._number, index, flow.end())
        out += self._queue
        self._queue = []
        self._waiting.clear()
        for index in list(self._parts):
            self._close(index, out, last=True)

    def _flow(self, opened: Opened) -> "_Flow":
        """Texts of one kind are one; the arguments of each call are one of their own."""
        call = opened.kind == "tool_call"
        key = f"{opened.kind} {opened.index}" if call else opened.kind
        flow = self._flows.get(key)
        if flow is None:
            json = call and not opened.custom
            flow = self._flows[key] = _Flow(self._incoming, self._labels, json)
        return flow

    def _take_text(self, piece: Piece, out: list[Delta]) -> None:
        flow = self._parts.get(piece.index)
        if flow is None:
            flow = self._parts[piece.index] = self._flow(Opened(piece.choice, piece.index, "text"))
        text = flow.feed(piece.text)
        if text and flow in self._waiting:
            del self._waiting[flow]
            if not self._waiting:
                out += self._queue
                self._queue = []
        if text:
            self._say(Piece(piece.choice, piece.index, text), out)

    def _close(self, index: int, out: list[Delta], *, last: bool = False) -> None:
        flow = self._parts.get(index)
        if flow is None or flow in self._waiting:
            return
        if not last and flow.begins():
            self._waiting[flow] = index
            return
        text = flow.end()
        if text:
            self._say(Piece(self._number, index, text), out)

    def _say(self, delta: Delta, out: list[Delta]) -> None:
        if not self._waiting:
            out.append(delta)
            return
        self._queue.append(delta)
        if len(self._queue) > MOST_QUEUED:
            raise BarredError("Too much came behind what may begin a secret.")


def _add(out: list[Delta], choice: int, index: int, text: str) -> None:
    if text:
        out.append(Piece(choice, index, text))


class _Flow:
    """One text of a stream: scanned, then its tokens turned back."""

    __slots__ = ("_incoming", "_labels", "_restoring", "_scanning")

    def __init__(self, incoming: Incoming, labels: Labels, json: bool) -> None:
        guard, tokens = incoming.guard, incoming.tokens
        self._incoming = incoming
        self._labels = labels
        self._scanning: StreamScanner | None = None if guard is None else guard.stream()
        self._restoring = None if tokens is None else RestoringStream(tokens, json=json)

    def begins(self) -> bool:
        """Whether what is held back may begin a secret that goes on in the next part."""
        guard = self._incoming.guard
        if guard is None or self._scanning is None:
            return False
        return guard.begins(self._scanning.pending)

    def feed(self, text: str) -> str:
        if self._scanning is not None:
            text = self._cleared(self._scanning.feed(text))
        return text if self._restoring is None else self._restoring.feed(text)

    def end(self) -> str:
        text = "" if self._scanning is None else self._cleared(self._scanning.end())
        if self._restoring is None:
            return text
        return self._restoring.feed(text) + self._restoring.end()

    def _cleared(self, passage: Passage) -> str:
        if not passage.findings:
            return passage.text
        take_out = self._incoming.judge(passage, self._labels)
        if not take_out:
            return passage.text
        data = passage.text.encode("utf-8", "surrogatepass")
        return redacted(data, take_out).decode("utf-8", "surrogatepass")


def restored(body: bytes, tokens: Tokens) -> bytes:
    """A JSON body with its tokens turned back, also within strings that hold JSON of their own, as
    the arguments of tool calls do."""
    if b"TWT_" not in body:
        return body
    if tokens.plain:
        return tokens.restored(body)
    return _encode(_walked(_decode(body), tokens))


def _walked(value: Any, tokens: Tokens) -> Any:
    if isinstance(value, str):
        return _text(value, tokens) if "TWT_" in value else value
    if isinstance(value, dict):
        return {key: _walked(one, tokens) for key, one in value.items()}
    if isinstance(value, list):
        return [_walked(one, tokens) for one in value]
    return value


def _text(value: str, tokens: Tokens) -> str:
    if value.lstrip()[:1] in ("{", "["):
        with suppress(msgspec.MsgspecError):
            return _encode(_walked(_decode(value), tokens)).decode()
    return tokens.restored(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
