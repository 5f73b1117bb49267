"""Protocol buffers on the wire: fields by number, without a schema.

Source: protobuf.dev, Encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tollway.pins.weights.reader import Cursor, Reader, Window

MOST_FIELDS = 5_000_000


class NotProtobuf(ValueError):  # noqa: N818 - it is what the bytes are not
    """Why bytes are no message, as a clause."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its number, its wire type (0 a varint, 1 and 5 fixed, 2 bytes), and its value: the
    number, or where its bytes lie."""

    number: int
    wire: int
    value: int
    size: int = 0


def fields(reader: Reader) -> Iterator[Field]:
    """A message's fields in their order; NotProtobuf where it is none."""
    cursor = Cursor(reader)
    seen = 0
    while cursor.position < reader.size:
        seen += 1
        if seen > MOST_FIELDS:
            raise NotProtobuf("has too many fields")
        try:
            yield _field(cursor)
        except EOFError:
            raise NotProtobuf("ends within a field") from None


def _field(cursor: Cursor) -> Field:
    key = _varint(cursor)
    number, wire = key >> 3, key & 7
    if number == 0 or number >= 1 << 29:
        raise NotProtobuf("has a field without a number")
    if wire == 0:
        return Field(number, wire, _varint(cursor))
    if wire in (1, 5):
        size = 8 if wire == 1 else 4
        return Field(number, wire, int.from_bytes(cursor.take(size), "little"))
    if wire == 2:
        size = _varint(cursor)
        start = cursor.position
        cursor.skip(size)
        return Field(number, wire, start, size)
    raise NotProtobuf(f"has a field of the unknown wire type {wire}")


def _varint(cursor: Cursor) -> int:
    value = shift = 0
    while shift < 70:
        byte = cursor.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise NotProtobuf("has a number that does not end")


def message(reader: Reader, field: Field) -> Window:
    """The bytes of a field of wire type 2."""
    return Window(reader, field.value, field.size)


def text(reader: Reader, field: Field, limit: int = 1 << 20) -> str:
    return reader.read(field.value, min(field.size, limit)).decode("utf-8", "replace")
