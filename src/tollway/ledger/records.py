"""Reservations and settlements as bytes, for the journal and for the process that books.

Rules
1. A journal's records behind each other are a stream of MessagePack, three values a record: its
   length, its sum, itself. So a half of it is read in one go, and nothing is encoded twice.
2. What no bytes can hold (a number over 64 bits, half a surrogate pair) goes on as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError
from tollway.ledger.journal import Journal, Span

Item = Reserve | Settle

encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Reserve | Settle).decode
_decoder: Any = msgspec.msgpack.Decoder(list[int | Reserve | Settle])
_decode_all: Final[Callable[[bytes], list[Any]]] = _decoder.decode
_ARRAY: Final = b"\xdd"
"""MessagePack's mark of an array whose length follows in four bytes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is booked together: the records at `span` of a journal, and the `rest`, which no journal
    took."""

    rest: Sequence[Item]
    span: Span | None = None
    journal: Journal | None = None

    def __len__(self) -> int:
        return len(self.rest) + (0 if self.span is None else self.span.records)

    def items(self) -> list[Item]:
        """All of it."""
        if self.span is None or self.journal is None:
            return list(self.rest)
        return [*journalled(self.span, self.journal.read(self.span)), *self.rest]


def journalled(span: Span, records: bytes | memoryview) -> list[Item]:
    """The items of records as a journal has them (rule 1)."""
    return _decode_all(b"".join([_array_of(3 * span.records), records]))[2::3]


def joined(records: Sequence[bytes]) -> bytes:
    """Encoded items as one value, for `items_of`."""
    return b"".join([_array_of(len(records)), *records])


def items_of(piece: bytes) -> list[Item]:
    """The items in one value."""
    return _decode_all(piece)


def _array_of(values: int) -> bytes:
    return _ARRAY + values.to_bytes(4, "big")


def read_records(records: Iterable[bytes]) -> list[Item]:
    """What a journal holds.

    Raises:
        TollwayError: a release with other records wrote it.
    """
    try:
        return [_decode(record) for record in records]
    except msgspec.MsgspecError as error:
        raise TollwayError(
            f"The ledger's journal was written by another release, which was killed: {error}. "
            "Start that release once, then this one."
        ) from None
