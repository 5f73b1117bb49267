"""Takes what was found out of a text: for good, or for a token that the answer's reader turns back.

Rules
1. A token is letters, digits and underscores, so that it may stand in a JSON string, a URL or code.
2. The same value has the same token within a task, and another in any other: it is a keyed digest
   of the task and the value. What it stands for is in the task's `Tokens`, and nowhere else.
"""

import re
from base64 import b32encode
from collections.abc import Callable, Iterable
from hashlib import blake2b

import msgspec

from tollway.guard.finding import Finding

_TOKEN = re.compile(rb"TWT_[A-Z0-9]{1,24}_[A-Z2-7]{16}")
LONGEST_TOKEN = 4 + 24 + 1 + 16
_OPEN = re.compile(rb"T(?:W(?:T(?:_(?:[A-Z0-9]{1,24}(?:_[A-Z2-7]{0,16})?)?)?)?)?\Z")


def redacted(data: bytes, findings: Iterable[Finding]) -> bytes:
    """The text with `[redacted:DETECTOR]` in the place of each finding."""
    return replaced(data, findings, _redaction)


def _redaction(finding: Finding, _: bytes) -> bytes:
    return f"[redacted:{finding.detector}]".encode()


def replaced(
    data: bytes, findings: Iterable[Finding], instead: Callable[[Finding, bytes], bytes]
) -> bytes:
    """The text with what `instead` gives for a finding and its bytes, in their place."""
    parts: list[bytes] = []
    at = 0
    for one in _apart(findings):
        start, end = max(one[1], at), min(one[2], len(data))
        if start >= end:
            continue
        parts += [data[at:start], instead(one[0], data[start:end])]
        at = end
    return b"".join((*parts, data[at:]))


def _apart(findings: Iterable[Finding]) -> list[tuple[Finding, int, int]]:
    """Findings as stretches that do not overlap: those that do are one, by the first's name."""
    apart: list[tuple[Finding, int, int]] = []
    for one in sorted(findings, key=lambda it: (it.start, -it.end)):
        start = max(one.start, 0)
        if apart and start < apart[-1][2]:
            first, begin, end = apart[-1]
            apart[-1] = (first, begin, max(end, one.end))
        else:
            apart.append((one, start, one.end))
    return apart


class Tokens:
    """The tokens of one task, and what each stands for."""

    __slots__ = ("_json", "_key", "_task", "_values")

    def __init__(self, key: bytes, task: str, *, json: bool = False) -> None:
        """`key` is the installation's, at most 64 bytes; `task` names the task and its tenant.
        `json`: what is tokenised is JSON, and a value is what its string means, however it is
        escaped there."""
        self._json = json
        self._key = key
        self._task = task.encode()
        self._values: dict[bytes, bytes] = {}

    def tokenised(self, data: bytes, findings: Iterable[Finding]) -> bytes:
        """The text with a token in the place of each finding."""
        return replaced(data, findings, self._token)

    def exchanged(
        self, data: bytes, redact: Iterable[Finding], tokenise: Iterable[Finding]
    ) -> bytes:
        """The text with both done in one pass. Of two that overlap the first one's way holds."""
        gone = set(redact)

        def instead(finding: Finding, value: bytes) -> bytes:
            if finding in gone:
                return _redaction(finding, value)
            return self._token(finding, value)

        return replaced(data, (*gone, *tokenise), instead)

    def _token(self, finding: Finding, value: bytes) -> bytes:
        if self._json:
            value = _meant(value)
        words = b"%d:" % len(self._task) + self._task + value
        digest = blake2b(words, key=self._key, digest_size=10).digest()
        kind = "".join(letter for letter in finding.detector.upper() if letter.isalnum())[:24]
        token = b"TWT_" + kind.encode("ascii", "ignore") + b"_" + b32encode(digest)
        self._values[token] = value
        return token

    def restored(self, data: bytes, *, json: bool = False) -> bytes:
        """The text with its values again; where it is a string's inside of `json`, with escapes. A
        token of another task stays what it is."""
        if b"TWT_" not in data or not self._values:
            return data
        values = self._values

        def value(match: re.Match[bytes]) -> bytes:
            found = values.get(match[0])
            if found is None:
                return match[0]
            return _escaped(found) if json else found

        return _TOKEN.sub(value, data)

    @property
    def plain(self) -> bool:
        """Whether every value is the same in JSON, at any depth."""
        return all(_escaped(value) == value for value in self._values.values())


def _meant(value: bytes) -> bytes:
    """A value without its escapes, of as many levels as there are."""
    while b"\\" in value:
        try:
            inner = msgspec.json.decode(b'"' + value + b'"', type=str)
            value = inner.encode()
        except (msgspec.MsgspecError, UnicodeEncodeError):
            break
    return value


def _escaped(value: bytes) -> bytes:
    try:
        return msgspec.json.encode(value.decode())[1:-1]
    except UnicodeDecodeError:
        return value


class RestoringStream:
    """Turns the tokens of a stream back, also where one is split over pieces."""

    __slots__ = ("_held", "_json", "_tokens")

    def __init__(self, tokens: Tokens, *, json: bool = False) -> None:
        """`json` as in `Tokens.restored`."""
        self._tokens = tokens
        self._json = json
        self._held = b""

    def feed(self, text: str) -> str:
        """What may go out now; at most the beginning of one token is held back."""
        data = self._held + text.encode("utf-8", "surrogatepass")
        found = _OPEN.search(data, max(len(data) - LONGEST_TOKEN, 0))
        whole = found is not None and _TOKEN.fullmatch(found[0]) is not None
        cut = len(data) if found is None or whole else found.start()
        self._held = data[cut:]
        return self._tokens.restored(data[:cut], json=self._json).decode("utf-8", "surrogatepass")

    def end(self) -> str:
        """What is left, when nothing more comes."""
        rest, self._held = self._held, b""
        return self._tokens.restored(rest, json=self._json).decode("utf-8", "surrogatepass")
