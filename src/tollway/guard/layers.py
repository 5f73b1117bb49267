"""The decoding layers: which there are, what a text has of each, and every text within a text.

Rules
1. A layer is tried only where its trigger fits. Detectors and triggers are two automata: of both in
   one, the states are the product, and a text unlike those before spends its time in making them.
2. What a layer gives is searched like the text, for detectors and for further layers, to a bounded
   depth and with bounded work. What the bounds leave unread is told, never passed.
3. A run that was decoded once is not decoded again where a layer leaves it as it was.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tollway.guard import escapes, fold, packed
from tollway.guard.automaton import Pattern, Patterns
from tollway.guard.decoded import Decoded, Locate, Work
from tollway.guard.limit import NO_LIMIT, Limit, OverLimitError
from tollway.guard.stretches import First, Undo, by_stretches

_OF_RUNS = frozenset(("base64", "hex", "spaced", "utf-16"))


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far decoding goes: `depth` layers within one another, `texts` of one scan, and `growth`
    bytes made for each byte of the text, with `least` granted to a short one and no more than
    `most` to any. A packed stream of 1 MB that holds 1 GB ends there."""

    depth: int = 6
    texts: int = 200
    growth: int = 24
    least: int = 1 << 21
    most: int = 1 << 26


@dataclass(frozen=True, slots=True)
class Layer:
    """One way to write a text in another: its name, the RE2 pattern of what it looks like, and
    what undoes it. Without a trigger it is always tried."""

    name: str
    trigger: str | None
    decode: Callable[[bytes, Work], Decoded | None]


def layers(packing: packed.Packing) -> tuple[Layer, ...]:
    """Every layer that a pattern can tell. Packed streams are told by their first bytes."""
    undoing: tuple[tuple[str, bytes, str, Undo], ...] = (
        ("url", b"%", escapes.URL_TRIGGER, escapes.url),
        ("escape", b"\\", escapes.ESCAPE_TRIGGER, escapes.escape),
        ("html", b"&", escapes.HTML_TRIGGER, escapes.html),
        ("quoted-printable", b"", escapes.QUOTED_TRIGGER, escapes.quoted_printable),
        ("unicode", b"", fold.FOLD_TRIGGER, fold.fold),
    )
    return (
        *(
            Layer(name, trigger, _stretched(sign, trigger, undo))
            for name, sign, trigger, undo in undoing
        ),
        Layer("spaced", packed.SPACED_TRIGGER, packing.spaced),
        Layer("base64", None, packing.base64),
        Layer("utf-16", packed.UTF16_TRIGGER, packing.utf16),
        Layer("hex", packed.HEX_TRIGGER, packing.hex),
    )


def _is_json(data: bytes) -> bool:
    """Whether it is bounded as JSON is. A backslash in it is an escape, so that what a reader sees
    is the text without escapes, and runs need only be looked for there."""
    ends = data[:16].lstrip()[:1] + data[-16:].rstrip()[-1:]
    return ends in (b"{}", b"[]")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stretched(sign: bytes, trigger: str, undo: Undo) -> Callable[[bytes, Work], Decoded | None]:
    first = _first_after(sign, trigger) if sign else Pattern(trigger).first
    return lambda data, work: by_stretches(data, sign, first, undo, work)


def _first_after(sign: bytes, trigger: str) -> First:
    """The standard library's search is the cheaper one where a pattern begins with one byte."""
    pattern = re.compile(trigger.encode())

    def first(data: bytes, at: int) -> int | None:
        found = pattern.search(data, at)
        return None if found is None else found.start()

    return first


@dataclass(frozen=True, slots=True)
class Text:
    """One text within the text: its bytes, the layers that led to it, and which patterns fit."""

    data: bytes
    layers: tuple[str, ...]
    fitting: Sequence[int]
    back: tuple[Locate, ...] = ()

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where something found here is in the text that was handed in."""
        for locate in self.back:
            start, end = locate(start, end)
        return start, max(end, start + 1)


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that the bounds left unread, and why."""

    layers: tuple[str, ...]
    why: str


class _Seen:
    """Texts, by their sizes: hashing 100 KB takes as long as half a pass over it."""

    __slots__ = ("_by_size",)

    def __init__(self, data: bytes) -> None:
        self._by_size = {len(data): [data]}

    def adds(self, data: bytes) -> bool:
        """Whether it is a new one."""
        same = self._by_size.setdefault(len(data), [])
        if data in same:
            return False
        same.append(data)
        return True


class Unfolding:
    """All texts within a text."""

    __slots__ = ("_bounds", "_layers", "_packing", "_patterns", "_triggered", "_triggers")

    def __init__(self, patterns: Sequence[str], bounds: Bounds) -> None:
        """`patterns` are asked of every text beside the layers' own triggers."""
        self._packing = packed.Packing()
        self._layers = layers(self._packing)
        triggers = {it.name: it.trigger for it in self._layers if it.trigger is not None}
        self._triggered = tuple(triggers)
        self._triggers = Patterns([*triggers.values()])
        self._patterns = Patterns(patterns)
        self._bounds = bounds

    def texts(self, data: bytes, limit: Limit = NO_LIMIT) -> Iterator[Text | Unread]:
        """The text itself and every text within it, outer before inner, each once; then what was
        left unread.

        Raises:
            OutOfMemoryError: a text could not be inspected.
            OverLimitError: the limit of this inspection is reached.
        """
        bounds = self._bounds
        allowed = min(bounds.least + bounds.growth * len(data), bounds.most)
        work = Work(allowed if limit.bytes is None else limit.bytes, limit=limit)
        seen = _Seen(data)
        todo: deque[Text] = deque([self._text(data, (), ())])
        count = 0
        while todo:
            text = todo.popleft()
            limit.look()
            yield text
            for name, decoded in self._decoded(text, work):
                if not seen.adds(decoded.data):
                    continue
                count += 1
                if limit.texts is not None and count > limit.texts:
                    raise OverLimitError
                chain = (*text.layers, name)
                if len(chain) > bounds.depth:
                    yield Unread(chain, f"is encoded more than {bounds.depth} times")
                elif count > bounds.texts:
                    yield Unread(chain, f"holds more than {bounds.texts} encoded texts")
                    return
                else:
                    back = (decoded.locate, *text.back)
                    todo.append(self._text(decoded.data, chain, back))
            if work.exceeded:
                yield Unread(text.layers, "would take more work to decode than is allowed")
                return

    def _text(self, data: bytes, chain: tuple[str, ...], back: tuple[Locate, ...]) -> Text:
        return Text(data, chain, self._patterns.fitting(data), back)

    def _decoded(self, text: Text, work: Work) -> Iterator[tuple[str, Decoded]]:
        told_below = False
        fitting = {self._triggered[index] for index in self._triggers.fitting(text.data)}
        for layer in self._layers:
            if layer.trigger is not None and layer.name not in fitting:
                continue
            if told_below and layer.name in _OF_RUNS:
                continue
            decoded = layer.decode(text.data, work)
            if layer.name == "escape" and decoded is not None and decoded.complete:
                told_below = _is_json(text.data)
            if decoded is not None and decoded.data:
                yield layer.name, decoded
        if not _is_text(text.data):  # a packed stream is not UTF-8
            decoded = self._packing.packed(text.data, work)
            if decoded is not None:
                yield "packed", decoded
