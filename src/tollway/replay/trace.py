"""A trace: when requests arrived and how long they were, and the text formats it is read from.

Rules
1. Arrival times count from the trace's first request; requests are in order of arrival, and those
   of one moment keep the order of the file.
2. A format is told from the first line, never from the file's name; gzip from the first bytes.
3. Every line that cannot be read is a fault with its number (the first ten are named).
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import isfinite

import msgspec

from tollway.errors import Fault, FaultsFound
from tollway.units import Seconds, Tokens

MOST_FAULTS = 10
MOST_BYTES = 1 << 30
"""A trace is held in memory; a gigabyte of text is some twenty million requests."""

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One request: `at` seconds after the trace's first; `input` tokens were sent, `output`
    tokens were generated."""

    at: Seconds
    input: Tokens
    output: Tokens


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in order of arrival. `name` is how the user asked for it."""

    name: str
    requests: tuple[TraceRequest, ...]

    @property
    def span(self) -> Seconds:
        """Seconds from the first arrival to the last."""
        return self.requests[-1].at if self.requests else Seconds(0.0)


def cut(trace: Trace, start: Seconds, duration: Seconds | None, limit: int | None) -> Trace:
    """The requests that arrive in [start, start + duration), at most `limit` of them, with times
    counted from `start`. None is no bound."""
    end = float("inf") if duration is None else start + duration
    kept = (request for request in trace.requests if start <= request.at < end)
    moved = (
        TraceRequest(Seconds(request.at - start), request.input, request.output)
        for request in islice(kept, limit)
    )
    return Trace(trace.name, tuple(moved))


def parse(name: str, data: bytes) -> Trace:
    """The trace in `data`: Azure's CSV, JSON lines as Mooncake writes them, or the compact CSV
    (`t_ms,input,output`), any of them gzipped.

    Raises:
        FaultsFound: `data` is none of these, or has lines that cannot be read.
    """
    text = _text(name, data)
    lines = text.splitlines()
    header = lines[0].strip() if lines else ""
    if header.startswith("{"):
        return _assemble(name, enumerate(lines, 1), _from_json)
    columns = tuple(column.strip() for column in header.split(","))
    read = _CSV_FORMATS.get(columns)
    if read is None:
        raise FaultsFound([_unknown_format(name, header)])
    return _assemble(name, islice(enumerate(lines, 1), 1, None), read)


def compact(requests: Iterable[TraceRequest]) -> str:
    """The requests as compact CSV: whole milliseconds, input tokens, output tokens."""
    rows = (f"{round(r.at * 1000)},{r.input},{r.output}\n" for r in requests)
    return ",".join(COMPACT_COLUMNS) + "\n" + "".join(rows)


class _JsonLine(msgspec.Struct, frozen=True, gc=False):
    """Mooncake's line; its `timestamp` is milliseconds. Other fields are not needed here."""

    timestamp: float
    input_length: int
    output_length: int


_json_line = msgspec.json.Decoder(_JsonLine)


def _from_json(line: str) -> tuple[float, int, int]:
    read = _json_line.decode(line)
    return read.timestamp / 1000, read.input_length, read.output_length


def _fields(line: str) -> tuple[str, str, str]:
    fields = next(csv.reader([line]))
    if len(fields) != 3:
        raise ValueError(f"has {len(fields)} columns, not 3")
    return fields[0], fields[1], fields[2]


def _from_azure(line: str) -> tuple[float, int, int]:
    at, context, generated = _fields(line)
    # Only differences count, so that a file without a zone may be read as if it were in UTC.
    moment = datetime.fromisoformat(at if at.endswith(("Z", "+00:00")) else f"{at}+00:00")
    return moment.timestamp(), int(context), int(generated)


def _from_compact(line: str) -> tuple[float, int, int]:
    at, input_tokens, output_tokens = _fields(line)
    return float(at) / 1000, int(input_tokens), int(output_tokens)


COMPACT_COLUMNS = ("t_ms", "input", "output")
AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")

_CSV_FORMATS: dict[tuple[str, ...], Callable[[str], tuple[float, int, int]]] = {
    COMPACT_COLUMNS: _from_compact,
    AZURE_COLUMNS: _from_azure,
}


def _assemble(
    name: str,
    lines: Iterable[tuple[int, str]],
    read: Callable[[str], tuple[float, int, int]],
) -> Trace:
    faults: list[Fault] = []
    rows: list[tuple[float, int, int]] = []
    for number, line in lines:
        if not line.strip():
            continue
        try:
            rows.append(_checked(read(line)))
        except (ValueError, msgspec.MsgspecError, csv.Error) as error:
            faults.append(Fault(f"{name}:{number}", _why(error, line)))
            if len(faults) == MOST_FAULTS:
                break
    if not faults and not rows:
        faults.append(Fault(name, "holds no requests"))
    if faults:
        raise FaultsFound(faults)
    return Trace(name, _in_order(rows))


def _checked(row: tuple[float, int, int]) -> tuple[float, int, int]:
    at, input_tokens, output_tokens = row
    if not isfinite(at):
        raise ValueError(f"has the time {at}")
    if input_tokens < 1 or output_tokens < 0:
        raise ValueError(f"has {input_tokens} input and {output_tokens} output tokens")
    return row


def _in_order(rows: Sequence[tuple[float, int, int]]) -> tuple[TraceRequest, ...]:
    ordered = sorted(rows, key=lambda row: row[0])
    first = ordered[0][0]
    # Rounded to a microsecond: a difference of two dates is otherwise full of binary noise.
    return tuple(
        TraceRequest(Seconds(round(at - first, 6)), Tokens(given), Tokens(generated))
        for at, given, generated in ordered
    )


def _why(error: Exception, line: str) -> str:
    shown = line if len(line) <= 60 else line[:57] + "..."
    text = str(error)
    return f"{text if text.startswith('has ') else f'cannot be read: {text}'} ({shown!r})"


def _unknown_format(name: str, header: str) -> Fault:
    shown = header if len(header) <= 60 else header[:57] + "..."
    return Fault(
        name,
        f"begins with {shown!r}, which is no trace format",
        f"Known first lines: {','.join(AZURE_COLUMNS)}; {','.join(COMPACT_COLUMNS)}; "
        'a JSON object with "timestamp" (ms), "input_length" and "output_length".',
    )


def _text(name: str, data: bytes) -> str:
    if data.startswith(GZIP_MAGIC):
        data = _unzipped(name, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FaultsFound([Fault(f"{name}:{line}", "is not UTF-8 text")]) from error


def _unzipped(name: str, data: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unzip.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise FaultsFound([Fault(name, f"is not a whole gzip file: {error}")]) from error
    if not unzip.eof:
        what = "unpacks to more than 1 GiB" if unzip.unconsumed_tail else "is cut short (gzip)"
        raise FaultsFound([Fault(name, what)])
    return text


def zipped(text: str) -> bytes:
    """Gzip of the text, the same bytes each time."""
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)
