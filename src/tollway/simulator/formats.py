"""The text formats that a trace is read from.

Rules
1. A format is told from the first line, never from the file's name; gzip from the first bytes.
2. Every line that cannot be read is a fault with its number (the first ten are named).
3. Of a log in OpenAI's words a line is one request: `created` (UTC seconds) and `usage`
   (`prompt_tokens`, `completion_tokens`), as in every answer of that API; beside them, where the
   log has them, `model` (the route), `user` (the key), `stream`, `max_completion_tokens` or
   `max_tokens`, and `hash_ids` as in Mooncake's.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from math import isfinite
from typing import Any, Final

import msgspec

from tollway.errors import Fault, FaultsFound
from tollway.simulator.recorded import read_recording
from tollway.simulator.trace import PREFIX_TOKENS, Trace, TraceRequest, in_order
from tollway.units import Seconds, Tokens, UtcSeconds

MOST_FAULTS: Final = 10
MOST_BYTES: Final = 1 << 30
"""A trace is held in memory; a gigabyte of text is some twenty million requests."""

GZIP_MAGIC: Final = b"\x1f\x8b"

Read = Callable[[str], TraceRequest]
"""One line -> a request whose time counts from where the file's do."""


def parse(name: str, data: bytes) -> Trace:
    """The trace in `data`: Azure's CSV, JSON lines as Mooncake or OpenAI's API writes them, the
    compact CSV (`t_ms,input,output`), or a gateway's recording; any of them gzipped.

    Raises:
        FaultsFound: `data` is none of these, or has lines that cannot be read.
    """
    text = _text(name, data)
    lines = text.splitlines()
    header = lines[0].strip() if lines else ""
    if header.startswith("{"):
        return _parse_json(name, lines)
    columns = tuple(column.strip() for column in header.split(","))
    read = _CSV_FORMATS.get(columns)
    if read is None:
        raise FaultsFound([_unknown_format(name, header)])
    return _assemble(name, islice(enumerate(lines, 1), 1, None), read)


def _parse_json(name: str, lines: Sequence[str]) -> Trace:
    found = _keys(lines[0])
    if found.get("type") == "Header":
        return read_recording(name, lines)
    if "usage" not in found:
        return _assemble(name, enumerate(lines, 1), _from_mooncake)
    trace = _assemble(name, enumerate(lines, 1), _from_openai)
    first = min(_from_openai(line).at for line in lines if line.strip())
    return Trace(name, trace.requests, began=UtcSeconds(first))


def _keys(line: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def compact(requests: Iterable[TraceRequest]) -> str:
    """The requests as compact CSV: whole milliseconds, input tokens, output tokens."""
    rows = (f"{round(r.at * 1000)},{r.input},{r.output}\n" for r in requests)
    return ",".join(COMPACT_COLUMNS) + "\n" + "".join(rows)


class _MooncakeLine(msgspec.Struct, frozen=True, gc=False):
    """Mooncake's line; its `timestamp` is milliseconds. Other fields are not needed here."""

    timestamp: float
    input_length: int
    output_length: int
    hash_ids: tuple[int, ...] = ()


class _OpenAiUsage(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: int
    completion_tokens: int = 0


class _OpenAiLine(msgspec.Struct, frozen=True, gc=False):
    created: float
    usage: _OpenAiUsage
    model: str | None = None
    user: str | None = None
    stream: bool = True
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    hash_ids: tuple[int, ...] = ()


_mooncake_line = msgspec.json.Decoder(_MooncakeLine)
_openai_line = msgspec.json.Decoder(_OpenAiLine)


def _from_mooncake(line: str) -> TraceRequest:
    read = _mooncake_line.decode(line)
    lengths = Tokens(read.input_length), Tokens(read.output_length)
    prefix = _whole(read.hash_ids, read.input_length)
    return TraceRequest(Seconds(read.timestamp / 1000), *lengths, prefix=prefix)


def _from_openai(line: str) -> TraceRequest:
    read = _openai_line.decode(line)
    bound = read.max_completion_tokens
    return TraceRequest(
        Seconds(read.created),
        Tokens(read.usage.prompt_tokens),
        Tokens(read.usage.completion_tokens),
        prefix=_whole(read.hash_ids, read.usage.prompt_tokens),
        route=read.model,
        key=read.user,
        stream=read.stream,
        max_output=read.max_tokens if bound is None else bound,
    )


def _whole(ids: tuple[int, ...], tokens: int) -> tuple[int, ...]:
    """The ids of whole blocks; Mooncake's last id is of what is left of the prompt."""
    return ids[: max(0, tokens) // PREFIX_TOKENS]


def _fields(line: str) -> tuple[str, str, str]:
    fields = next(csv.reader([line]))
    if len(fields) != 3:
        raise ValueError(f"has {len(fields)} columns, not 3")
    return fields[0], fields[1], fields[2]


def _from_azure(line: str) -> TraceRequest:
    at, context, generated = _fields(line)
    # Only differences count, so that a file without a zone may be read as if it were in UTC.
    moment = datetime.fromisoformat(at if at.endswith(("Z", "+00:00")) else f"{at}+00:00")
    return TraceRequest(Seconds(moment.timestamp()), Tokens(int(context)), Tokens(int(generated)))


def _from_compact(line: str) -> TraceRequest:
    at, given, generated = _fields(line)
    return TraceRequest(Seconds(float(at) / 1000), Tokens(int(given)), Tokens(int(generated)))


COMPACT_COLUMNS = ("t_ms", "input", "output")
AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")

_CSV_FORMATS: dict[tuple[str, ...], Read] = {
    COMPACT_COLUMNS: _from_compact,
    AZURE_COLUMNS: _from_azure,
}


def _assemble(name: str, lines: Iterable[tuple[int, str]], read: Read) -> Trace:
    faults: list[Fault] = []
    rows: list[TraceRequest] = []
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
    return Trace(name, in_order(rows))


def _checked(row: TraceRequest) -> TraceRequest:
    if not isfinite(row.at):
        raise ValueError(f"has the time {row.at}")
    if row.input < 1 or row.output < 0:
        raise ValueError(f"has {row.input} input and {row.output} output tokens")
    return row


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
        'a JSON object with "timestamp" (ms), "input_length" and "output_length", or with '
        '"created" and "usage", or the header of a recording.',
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
