"""What of an answer may pass, and the tokens in it turned back.

Rules
1. Text goes out once it can be no part of anything unfinished: about a word late.
2. What may not come in ends the answer; what may not stay in it is taken out.
3. Tokens are turned back last: what a client sent itself is not inspected again.
"""

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
from tollway.guard.replace import RestoringStream, Tokens, redacted
from tollway.guard.rules import Asked, Decision
from tollway.guard.stream import Passage, StreamScanner

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

    def whole(self, body: bytes, labels: Labels) -> bytes:
        """A whole answer, as it may come in. Slow where it is long.

        Raises:
            BarredError: see `judge`.
        """
        if self.guard is not None:
            asked = Asked(self.tenant, self.route, "in", labels)
            found = [it.finding for it in self.guard.inspect(body, asked).verdicts]
            take_out = self.judge(found, labels)
            if take_out:
                body = redacted(body, take_out)
                _decode(body)  # a client must not get what is no JSON any more
        return body if self.tokens is None else restored(body, self.tokens)

    def _event(self, outcome: Any, words: str, decision: Decision) -> SecurityEvent:
        rule = decision.verdicts[0].rule
        return SecurityEvent(
            self.utc(), "traffic", outcome, words, self.route, self.tenant, self.key, None,
            self.request, rule, None, evidence_of(decision.verdicts),
        )  # fmt: skip


class Passing:
    """One stream of deltas: what of it may go out now."""

    __slots__ = ("_incoming", "_labels", "_parts")

    def __init__(self, incoming: Incoming, labels: Labels) -> None:
        self._incoming = incoming
        self._labels = labels
        self._parts: dict[tuple[int, int], _Part] = {}

    def take(self, deltas: Sequence[Delta]) -> list[Delta]:
        """What these deltas let out.

        Raises:
            BarredError: the answer may not come in; nothing more of it may go out.
        """
        out: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, Piece):
                part = self._part(delta.choice, delta.index)
                _say(out, delta.choice, delta.index, part.feed(delta.text))
                continue
            if isinstance(delta, Opened):
                self._open(delta)
            elif isinstance(delta, Closed | Signed):
                self._end(out, delta.choice, delta.index)
            elif isinstance(delta, Stopped):
                self._end_all(out, delta.choice)
            elif isinstance(delta, Done):
                self._end_all(out, None)
            out.append(delta)
        return out

    def _open(self, opened: Opened) -> None:
        plain = opened.kind != "tool_call" or opened.custom
        self._parts[opened.choice, opened.index] = _Part(self._incoming, self._labels, plain)

    def _part(self, choice: int, index: int) -> "_Part":
        part = self._parts.get((choice, index))
        if part is None:
            part = self._parts[choice, index] = _Part(self._incoming, self._labels, True)
        return part

    def _end(self, out: list[Delta], choice: int, index: int) -> None:
        part = self._parts.get((choice, index))
        if part is not None:
            _say(out, choice, index, part.end())

    def _end_all(self, out: list[Delta], choice: int | None) -> None:
        for one, index in list(self._parts):
            if choice is None or one == choice:
                self._end(out, one, index)


def _say(out: list[Delta], choice: int, index: int, text: str) -> None:
    if text:
        out.append(Piece(choice, index, text))


class _Part:
    """One part of a stream: scanned, then its tokens turned back."""

    __slots__ = ("_incoming", "_labels", "_restoring", "_scanning")

    def __init__(self, incoming: Incoming, labels: Labels, plain: bool) -> None:
        guard, tokens = incoming.guard, incoming.tokens
        self._incoming = incoming
        self._labels = labels
        self._scanning: StreamScanner | None = None if guard is None else guard.stream()
        self._restoring = None if tokens is None else RestoringStream(tokens, json=not plain)

    def feed(self, text: str) -> str:
        if self._scanning is not None:
            text = self._cleared(self._scanning.feed(text))
        return text if self._restoring is None else self._restoring.feed(text)

    def end(self) -> str:
        text = "" if self._scanning is None else self._cleared(self._scanning.end())
        return (
            text if self._restoring is None else self._restoring.feed(text) + self._restoring.end()
        )

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
