"""Reservations and settlements as bytes, for the journal and for the process that books.

Rules
1. A record in bytes is one value of MessagePack, so that records behind each other are the elements
   of an array.
2. What no bytes can hold (a number over 64 bits, half a surrogate pair) goes on as it is.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

import msgspec

from tollway.dispatch.messages import Reserve, Settle
from tollway.errors import TollwayError

Item = Reserve | Settle
Record = bytes | Reserve | Settle
"""An item in bytes, or as it is."""

_ARRAY: Final = Struct(">BI")
"""MessagePack's head of an array of up to 2^32 - 1 elements."""
_ARRAY_32: Final = 0xDD

encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Reserve | Settle).decode
_decode_all: Final = msgspec.msgpack.Decoder(list[Reserve | Settle]).decode


def item_of(record: Record) -> Item:
    """The item that a record is."""
    return _decode(record) if isinstance(record, bytes) else record


def joined(records: Sequence[bytes]) -> bytes:
    """Records as one piece; `items_of` reads it."""
    return b"".join([_ARRAY.pack(_ARRAY_32, len(records)), *records])


def items_of(piece: bytes) -> list[Item]:
    """What was `joined`."""
    return _decode_all(piece)


def read_records(records: Sequence[bytes]) -> list[Item]:
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
