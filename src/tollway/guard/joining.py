"""Puts the pieces of a body's fields together, with those sent before: a secret in halves.

Rules
1. A piece is the first or the last word of a field, or the groups of digits there, or the armour of
   a private key. What a secret begins with (`Detector.begins`), whole or in part, opens a joint;
   so do digits, for which the next piece must be digits too.
2. What fires in a joint counts only where it fires in none of its pieces alone, nor in fewer.
3. The latest pieces are put together first, up to `_MOST_JOINED` bytes a body.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from typing import Any, NamedTuple, cast

import msgspec

from tollway.guard.automaton import Pattern
from tollway.guard.detector import Detector
from tollway.guard.finding import Finding
from tollway.guard.limit import NO_LIMIT, Limit
from tollway.guard.memory import Memory
from tollway.guard.scanner import UNINSPECTED, Scanner

_MOST_JOINED = 32_768
_MOST_FIELDS = 1024
_NEAR = 16
"""How many pieces after a beginning three are put together."""
_LONGEST = 512
_EDGE = 256
_TOLD = 6
"""A piece of so many bytes is looked for where it stands; fewer may be anything."""
_DEEPEST = 16
_AROUND = b" \t\r\n\"'`,;!?()[]{}<>*|"
_LOOSE = (_AROUND + b".:-").decode()
_LOOSELY = r"[\s\"'`,;!?()\[\]{}<>*|.:]*"
_MARKS = b".:"
"""May be of a piece, or of the sentence around it: both are tried."""
_WORD = rb"[0-9A-Za-z_+/=.~:@%-]+"
_GROUPS = rb"[0-9A-Z]{1,19}(?:[ -][0-9A-Z]{1,19})+"
_FIRST = (re.compile(_WORD), re.compile(_GROUPS + rb"(?![0-9A-Za-z])"))
_LAST = (re.compile(_WORD + rb"\Z"), re.compile(rb"(?<![0-9A-Za-z])" + _GROUPS + rb"\Z"))
_ARMOUR = b"-----"
_ENDED = b"-----END"
_HEADER = r"-----BEGIN [^\x00]{0,96}\x00"
_CLOSED = re.compile(rb"[A-Z ]{0,24}-{1,5}\s*[0-9A-Za-z+/=]{16}")
_DIGITS = re.compile(rb"[A-Z]{1,2}|(?:[A-Z]{2})?[0-9][0-9A-Z -]*")
_TELLING = re.compile(rb"[0-9]|[A-Za-z_-][A-Z]|.{16}", re.DOTALL)
"""What goes on with a short beginning has a digit or a capital within, or is long."""
_NAME = re.compile(rb"(?:[a-z]+[_-])?(?:[A-Z]{0,3}[a-z]{2,})+")
"""A name in a program: behind a beginning it looks like a key, and has neither digit nor noise."""
_LONG = 12
_LONGEST_BEGINNING = 32
_MORE_DIGITS = re.compile(rb"-?[0-9A-Z][0-9A-Z -]*")
_MONEY = range(13, 35)
"""How many letters a card's number or an IBAN has."""


class _Piece(NamedTuple):
    """A piece, and the field that it is of; those that came earlier have none."""

    text: bytes
    field: int | None


_Joint = tuple[_Piece, ...]


_ENDS_IN_DIGITS = re.compile(rb"[0-9][0-9 -]{2,}\Z")


class Joining:
    """Detectors, ready to be asked of what is put together."""

    __slots__ = ("_begins", "_cut", "_opens", "_rests", "_scanner", "_starts", "_within")

    def __init__(self, detectors: Iterable[Detector]) -> None:
        asked = [one for one in detectors if _joins(one)]
        begins = sorted({it for one in asked for it in one.begins})
        self._scanner = Scanner(asked)
        self._begins = Pattern(_whole(begins))
        self._opens = Pattern(_opens(begins))
        self._cut = Pattern(_cut(begins))
        self._within = Pattern(_part(begins))
        self._rests = Pattern(_rest(begins))
        self._starts = {
            rest.encode(): tuple(it[: -len(rest)].encode() for it in begins if it.endswith(rest))
            for rest in {it[cut:] for it in begins for cut in range(1, len(it))}
        }

    def found(self, body: bytes, memory: Memory, limit: Limit = NO_LIMIT) -> tuple[Finding, ...]:
        """What is in pieces in this body, or in it and those before it; the memory takes note."""
        fields = self._worth(_fields(body), memory)
        own = _ends_only([_Piece(text, field) for text, field in _pieces(fields)])
        texts = frozenset(one.text for one in own)
        before = [_Piece(text, None) for text in memory.pieces if text not in texts]
        pieces = [*before, *own]
        opened, cut, closing = self._marked(pieces)
        latest = len(pieces) - _NEAR
        memory.keep(
            [it.text for at, it in enumerate(pieces) if at in opened or at >= latest], texts
        )
        every = chain(
            _pairs(pieces, opened, len(before)),
            self._within_beginnings(pieces, cut, closing[bisect_left(closing, len(before)) :]),
            _money(pieces),
            _threes(pieces, opened, len(before)),
        )
        joints = list(_affordable(every))
        return tuple(self._fired(body, texts, joints, limit)) if joints else ()

    def begins(self, text: bytes) -> bool:
        """Whether a text has what a secret begins with in it, or ends within such, or in digits."""
        if _ENDS_IN_DIGITS.search(text) is not None:
            return True
        piece = b"\0" + text + b"\0"
        return any(it.first(piece, 0) is not None for it in (self._begins, self._within))

    def _worth(self, fields: list[str], memory: Memory) -> list[str]:
        """The fields that are worth taking apart, the others empty: all of them behind what a
        secret begins with, and where there is none, which is most bodies, few."""
        edges = [_edges(it) for it in fields]
        text = b"".join(edges)
        sent = b"\0" + b"\0".join(memory.pieces) + b"\0"
        if any(self._opens.first(it, 0) is not None for it in (sent, text)):
            return fields
        starts = [*accumulate(map(len, edges), initial=0)]
        cut = {bisect_right(starts, start) - 1 for start, _ in self._cut.spans(text)}
        return [it if at in cut or _is_of_money(it) else "" for at, it in enumerate(fields)]

    def _marked(self, pieces: Sequence[_Piece]) -> list[list[int]]:
        """The places of those with a beginning in them, those that end within one, and those that
        begin with the rest of one."""
        text = b"".join([b"\0%b\0" % piece.text for piece in pieces])
        starts = [*accumulate((len(piece.text) + 2 for piece in pieces), initial=0)]

        def places(pattern: Pattern) -> list[int]:
            return sorted({bisect_right(starts, end - 1) - 1 for _, end in pattern.spans(text)})

        return [places(it) for it in (self._begins, self._within, self._rests)]

    def _within_beginnings(
        self, pieces: Sequence[_Piece], cut: Sequence[int], closing: Sequence[int]
    ) -> Iterator[_Joint]:
        """Two pieces that were cut within what a secret begins with."""
        for last in closing if cut else ():
            piece = pieces[last]
            for size in range(1, min(len(piece.text), _LONGEST_BEGINNING) + 1):
                ends = self._starts.get(piece.text[:size])
                if ends is not None:
                    for first in (pieces[at] for at in cut if at < last):
                        if first.text.endswith(ends) and first.field != piece.field:
                            yield first, piece

    def _fired(
        self, body: bytes, own: frozenset[bytes], joints: Sequence[_Joint], limit: Limit
    ) -> list[Finding]:
        alone = {one.text: (one,) for one in chain.from_iterable(joints)}
        laid = [*alone.values(), *joints]
        joined = [b"".join(piece.text for piece in joint) for joint in laid]
        starts = [*accumulate((len(text) + 1 for text in joined), initial=0)]
        found: list[Finding] = []
        known: dict[str, list[frozenset[bytes]]] = {}
        text = b"\0".join(joined)
        for one in self._scanner.scan(text, limit):
            if one.detector == UNINSPECTED:
                found.append(replace(one, start=0, end=len(body)))
                continue
            if _NAME.fullmatch(text[one.start : one.end]):
                continue
            within = frozenset(it.text for it in laid[bisect_right(starts, one.start) - 1])
            before = known.setdefault(one.detector, [])
            if not any(fewer <= within for fewer in before):
                before.append(within)
                if len(laid[bisect_right(starts, one.start) - 1]) > 1:
                    found += _placed(body, own & within, one)
        return found


def _ends_only(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Each piece where it is first and where it is last: what comes in every message, in two."""
    first = {one.text: place for place, one in reversed([*enumerate(pieces)])}
    last = {one.text: place for place, one in enumerate(pieces)}
    return [pieces[place] for place in sorted({*first.values(), *last.values()})]


def _joins(detector: Detector) -> bool:
    checked = detector.kind == "financial" and not detector.keywords
    return bool(detector.begins) or checked


def _whole(begins: Sequence[str]) -> str:
    """What has one of them in it. A short one must begin a word."""
    short = {it for it in begins if len(it) <= 4 and "~" not in it and it[0].isalnum()}
    return rf"[^0-9A-Za-z](?:{_any(short)})|{_any({*begins} - short)}"


def _any(words: Iterable[str]) -> str:
    """RE2 that fits any of these; where there are none, nothing."""
    return "|".join(map(re.escape, sorted({*words}))) or r"\z."


def _opens(begins: Sequence[str]) -> str:
    """A first or a last word with one of them in it."""
    whole = _whole(begins)
    return rf"\x00[^\s\x00]*(?:{whole})|(?:{whole})[^\s\x00]*{_LOOSELY}\x00|{_HEADER}"


def _cut(begins: Sequence[str]) -> str:
    """A last word that ends within one of them, or a first one that begins so."""
    ends = _any(it[:cut] for it in begins for cut in range(1, len(it)))
    heads = _any(it[cut:] for it in begins for cut in range(1, len(it)))
    last = rf"[^0-9A-Za-z](?:{ends}){_LOOSELY}\x00"
    first = rf"\x00{_LOOSELY}(?:{heads})(?:[^\s\x00]*[0-9]|[^\s\x00]{{12}})"
    return rf"{last}|{first}|\x00[A-Z -]{{0,48}}-\s*[0-9A-Za-z+/=]{{16}}"


def _part(begins: Sequence[str]) -> str:
    """What ends within one of them."""
    parts = _any(it[:cut] for it in begins for cut in range(1, len(it)))
    return rf"[^0-9A-Za-z](?:{parts})\x00"


def _rest(begins: Sequence[str]) -> str:
    """What begins with the rest of one of them."""
    return rf"\x00(?:{_any(it[cut:] for it in begins for cut in range(1, len(it)))})"


def _affordable(joints: Iterable[_Joint]) -> Iterator[_Joint]:
    left = _MOST_JOINED
    for joint in joints:
        left -= sum(len(piece.text) for piece in joint)
        if left < 0:
            return
        yield joint


def _places(pieces: Sequence[_Piece], opened: Sequence[int], old: int) -> Iterator[tuple[int, int]]:
    """A beginning, and what may go on with it, the latest first."""
    for last in range(len(pieces) - 1, old - 1, -1):
        for first in reversed(opened[: bisect_left(opened, last)]):
            one, other = pieces[first], pieces[last]
            apart = one.field != other.field and one.text != other.text
            if apart and (len(one.text) >= _LONG or _TELLING.search(other.text)):
                yield first, last


def _pairs(pieces: Sequence[_Piece], opened: Sequence[int], old: int) -> Iterator[_Joint]:
    for first, last in _places(pieces, opened, old):
        yield pieces[first], pieces[last]


def _threes(pieces: Sequence[_Piece], opened: Sequence[int], old: int) -> Iterator[_Joint]:
    for first, last in _places(pieces, opened, old):
        ends = (pieces[first].field, pieces[last].field)
        for middle in pieces[first + 1 : min(last, first + 1 + _NEAR)]:
            if middle.field not in ends or middle.field is None:
                yield pieces[first], middle, pieces[last]


def _money(pieces: Sequence[_Piece]) -> Iterator[_Joint]:
    """Digits that come one after another, with no others between them: put together with every
    number sent, dates and counts look like cards by the dozen."""
    more: list[_Piece] = []
    for one in pieces:
        if _MORE_DIGITS.fullmatch(one.text):
            same = bool(more) and more[-1].field == one.field
            if same and more[-1].text in one.text:
                more[-1] = one
            elif not (same and one.text in more[-1].text):
                more.append(one)
    for size in (2, 3):
        for at in range(len(more) - size, -1, -1):
            joint = tuple(more[at : at + size])
            apart = len({piece.field for piece in joint}) == size or joint[0].field is None
            if joint[-1].field is None:
                break
            if _DIGITS.fullmatch(joint[0].text) and apart and sum(map(_digits, joint)) in _MONEY:
                yield joint


def _digits(piece: _Piece) -> int:
    return len(piece.text.replace(b" ", b"").replace(b"-", b""))


def _placed(body: bytes, pieces: Iterable[bytes], one: Finding) -> Iterator[Finding]:
    """A finding of a joint, wherever a piece of it is in the body; all of the body where the pieces
    are too short to be told, or written in another way."""
    why = f"{one.why}, in pieces: another is in another field, or came earlier"
    told = [re.escape(piece) for piece in pieces if len(piece) >= _TOLD]
    places = [it.span() for it in re.finditer(b"|".join(told), body)] if told else []
    for start, end in places or [(0, len(body))]:
        yield replace(one, start=start, end=end, excerpt=f"{end - start} bytes", why=why)


def _fields(body: bytes) -> list[str]:
    """Every text in a body, the latest of very many; of what is no JSON it is one."""
    fields: list[str] = []
    _collect(_parsed(body), fields, 0)
    return fields[-_MOST_FIELDS:] if fields else [body.decode("utf-8", "replace")]


def _edges(field: str) -> bytes:
    """The beginning and the end of a field, each between NUL bytes."""
    edges = field if len(field) < 2 * _EDGE else f"{field[:_EDGE]}\0{field[-_EDGE:]}"
    return b"\0%b\0" % edges.encode("utf-8", "replace")


def _is_of_money(field: str) -> bool:
    """Whether a piece of it may be digits or capitals."""
    first, last = field[:3].lstrip(_LOOSE)[:2], field[-3:].rstrip(_LOOSE)[-2:]
    return first[:1].isdigit() or last[-1:].isdigit() or first.isupper() or last.isupper()


def _pieces(fields: Sequence[str]) -> Iterator[tuple[bytes, int]]:
    """The first and the last piece of each field, with the field's number, in order."""
    ends: dict[str, tuple[bytes, ...]] = {"": ()}
    for number, field in enumerate(fields):
        if field not in ends:
            ends[field] = (*_first(field[:_LONGEST]), *_last(field[-_LONGEST:]))
        for piece in ends[field]:
            yield piece, number


def _first(text: str) -> Iterator[bytes]:
    head = text.encode("utf-8", "replace").lstrip(_AROUND)
    if _CLOSED.search(head, 0, 64):
        yield from (head, b" " + head)
    if head:
        yield from _with_marks(it.match(head) for it in _FIRST[: 2 if head[0] < 91 else 1])


def _last(text: str) -> Iterator[bytes]:
    tail = text.encode("utf-8", "replace").rstrip(_AROUND)
    armour = tail.find(_ARMOUR, max(len(tail) - 96, 0))
    if armour >= 0 and _ENDED not in tail:
        yield tail[armour:]
    elif tail:
        at = _last_word(tail)
        yield from _with_marks(it.search(tail, at) for it in _LAST[: 2 if tail[-1] < 91 else 1])


def _with_marks(found: Iterable[re.Match[bytes] | None]) -> Iterator[bytes]:
    for one in found:
        if one is not None:
            bare = one[0].strip(_MARKS)
            if bare:
                yield bare
            if bare != one[0]:
                yield one[0]


def _last_word(tail: bytes) -> int:
    """Where to look for the last piece from: further back where that may be one of groups."""
    word = tail.rfind(b" ") + 1
    return max(len(tail) - 48, 0) if len(tail) - word <= 8 else max(word, len(tail) - _LONGEST)


def _collect(value: Any, fields: list[str], depth: int) -> None:
    """Every text in a JSON value; JSON within a text, as tools are called with, is one too."""
    if isinstance(value, str):
        inner = _parsed(value) if value[:1] in ("{", "[") else None
        if inner is None:
            fields.append(value)
        elif depth < _DEEPEST:
            _collect(inner, fields, depth + 1)
    elif isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            _collect(one, fields, depth + 1)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            _collect(one, fields, depth + 1)


def _parsed(text: str | bytes) -> Any:
    """A JSON value; None for what is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
