"""A recording of a live run, and the proof that a fresh dispatcher decides the same.

A recording is JSON lines: a `Header` first, then one `Step` for each event that was handled and
one `Adopted` for each fleet that was taken on the way.

Rules
1. A recording holds what dispatch was told and what it decided: no prompt, no key, no secret.
2. Replaying it needs the fleet's own text, which the header holds, and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import Action, Event
from tollway.dispatch.opening import Opening
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet

FORMAT = 1

Parse = Callable[[Mapping[str, str], str], Fleet]
"""(documents, name of the main one) -> fleet."""


class Header(msgspec.Struct, frozen=True, tag=True):
    """How a run began: the format, the fleet's documents, the opening, the clock's reading."""

    format: int
    documents: dict[str, str]
    main: str
    opening: Opening
    now: float


class Step(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One event at `now`, and the actions that dispatch answered with."""

    now: float
    event: Event
    actions: list[Action]


class Adopted(msgspec.Struct, frozen=True, tag=True):
    """A new fleet, taken at `now`."""

    now: float
    documents: dict[str, str]
    main: str
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first step at which a fresh dispatcher decided otherwise. `line` counts from 1."""

    line: int
    recorded: Sequence[Action]
    decided: Sequence[Action]


_encoder = msgspec.json.Encoder()
_line = msgspec.json.Decoder(Header | Step | Adopted)


def encode_step(now: float, event: Event, actions: list[Action]) -> bytes:
    """One step as a line, with its line feed."""
    return _encoder.encode(Step(now, event, actions)) + b"\n"


def encode_header(documents: Mapping[str, str], main: str, opening: Opening, now: float) -> bytes:
    """The first line of a recording."""
    return _encoder.encode(Header(FORMAT, dict(documents), main, opening, now)) + b"\n"


def encode_adopted(
    now: float, documents: Mapping[str, str], main: str, actions: list[Action]
) -> bytes:
    """A reload as a line."""
    return _encoder.encode(Adopted(now, dict(documents), main, actions)) + b"\n"


def decode_line(line: bytes, number: int) -> Header | Step | Adopted:
    """One line of a recording.

    Raises:
        TollwayError: the line is not one of a recording of this format.
    """
    try:
        return _line.decode(line)
    except msgspec.MsgspecError as error:
        raise TollwayError(f"recording: line {number} cannot be read: {error}") from error


def verify(lines: Iterable[bytes], parse: Parse) -> tuple[int, Divergence | None]:
    """Replay a recording through a fresh dispatcher.

    Returns how many events were replayed, and the first divergence or None.

    Raises:
        TollwayError: the recording cannot be read; the text names the line.
    """
    dispatcher: Dispatcher | None = None
    steps = 0
    for number, line in enumerate(lines, 1):
        entry = decode_line(line, number)
        if isinstance(entry, Header):
            if entry.format != FORMAT:
                raise TollwayError(
                    f"recording: line {number} has format {entry.format}; this version reads "
                    f"{FORMAT}. Replay it with the version that wrote it."
                )
            # A gateway that starts again appends to its recording: a header begins a new run.
            fleet = parse(entry.documents, entry.main)
            dispatcher = Dispatcher(fleet, entry.opening, entry.now)
            continue
        if dispatcher is None:
            raise TollwayError(f"recording: line {number} comes before the header line.")
        if isinstance(entry, Adopted):
            decided = dispatcher.adopt(parse(entry.documents, entry.main), entry.now)
        else:
            decided = dispatcher.handle(entry.event, entry.now)
            steps += 1
        if decided != entry.actions:
            return steps, Divergence(number, entry.actions, decided)
    return steps, None
