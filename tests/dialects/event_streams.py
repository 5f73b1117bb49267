"""Streams as bytes and as deltas: cut into events, fed to a reader, gathered into an answer."""

from collections.abc import Iterable, Sequence

from tollway.dialects.deltas import (
    Began,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
    Unread,
    Used,
)
from tollway.dialects.forms import Reader, Writer
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
)
from tollway.dialects.signatures import put_back


def events(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Each event's name and payload."""
    found: list[tuple[bytes, bytes]] = []
    for block in stream.split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line)
        if b"data" in fields:
            found.append((fields.get(b"event", b""), fields[b"data"]))
    return found


def read_all(reader: Reader, stream: bytes) -> list[Delta]:
    """All that a stream says, to its end."""
    deltas = [delta for name, data in events(stream) for delta in reader.read(name, data)]
    return [*deltas, *reader.finish()]


def write_all(writer: Writer, deltas: Iterable[Delta]) -> bytes:
    """A stream written delta by delta."""
    return b"".join(writer.write([delta]) for delta in deltas)


def spoken(answer: Answer, pieces: int = 2) -> list[Delta]:
    """An answer as deltas, each part in up to `pieces` pieces; a part's signature behind its words,
    but ahead of them for calls and texts, which Gemini alone signs."""
    deltas: list[Delta] = [Began(answer.id, answer.model)]
    for at, choice in enumerate(answer.choices):
        for index, part in enumerate(choice.parts):
            deltas.extend(_spoken_part(at, index, part, pieces))
        deltas.append(Stopped(at, choice.stop, choice.stop_sequence))
    if answer.usage is not None:
        deltas.append(Used(answer.usage))
    return [*deltas, Done()]


def _spoken_part(choice: int, index: int, part: Part, pieces: int) -> list[Delta]:
    text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
    size = max(1, -(-len(text) // pieces))
    words = [Piece(choice, index, text[at : at + size]) for at in range(0, len(text), size)]
    signature: Signature | None = getattr(part, "signature", None)
    sealed = isinstance(part, Reasoning) and part.sealed
    signed = [] if signature is None else [Signed(choice, index, signature, sealed)]
    inner = [*words, *signed] if isinstance(part, Reasoning) else [*signed, *words]
    return [_opened(choice, index, part), *inner, Closed(choice, index)]


def _opened(choice: int, index: int, part: Part) -> Opened:
    match part:
        case Text():
            return Opened(choice, index, "text")
        case Refusal():
            return Opened(choice, index, "refusal")
        case Reasoning():
            return Opened(choice, index, "reasoning", part.id or "", summary=part.summary)
        case ToolCall():
            return Opened(choice, index, "tool_call", part.id, part.name, part.custom)
        case _:
            raise AssertionError(part)


def gathered(deltas: Sequence[Delta]) -> Answer:
    """The answer that deltas say; parts that were opened must be closed, and nothing else."""
    begun = next(delta for delta in deltas if isinstance(delta, Began))
    opened: dict[tuple[int, int], Opened] = {}
    texts: dict[tuple[int, int], list[str]] = {}
    signed: dict[tuple[int, int], Signed] = {}
    closed: list[tuple[int, int]] = []
    stops: dict[int, Stopped] = {}
    used = None
    for delta in deltas:
        match delta:
            case Opened(choice, index):
                assert (choice, index) not in opened
                opened[choice, index] = delta
                texts[choice, index] = []
            case Piece(choice, index, text):
                assert (choice, index) not in closed
                texts[choice, index].append(text)
            case Signed(choice, index):
                signed[choice, index] = delta
            case Closed(choice, index):
                assert (choice, index) in opened
                closed.append((choice, index))
            case Stopped(choice):
                stops[choice] = delta
            case Used(usage):
                used = usage
            case _:
                pass
    assert sorted(closed) == sorted(opened)
    assert isinstance(deltas[-1], Done)
    choices = tuple(
        Choice(
            put_back(
                _part(opened[place], "".join(texts[place]), signed.get(place))
                for place in opened
                if place[0] == choice
            ),
            stop.stop,
            stop.stop_sequence,
        )
        for choice, stop in sorted(stops.items())
    )
    unread = tuple(delta.path for delta in deltas if isinstance(delta, Unread))
    return Answer(begun.id, begun.model, choices, used, unread=unread)


def _part(opened: Opened, text: str, signed: Signed | None) -> Part:
    signature = None if signed is None else signed.signature
    match opened.kind:
        case "text":
            return Text(text, signature=signature)
        case "refusal":
            return Refusal(text)
        case "reasoning":
            return Reasoning(
                text,
                opened.summary,
                sealed=signed is not None and signed.sealed,
                signature=signature,
                id=opened.id or None,
            )
        case "tool_call":
            return ToolCall(opened.id, opened.name, text, opened.custom, signature=signature)
