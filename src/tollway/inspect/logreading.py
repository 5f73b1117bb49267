"""Reads the logs that were found, line by line, and keeps what was read when it is stopped.

Rules
1. No file of lines is ever held whole; one JSON value is, up to MOST_DOCUMENT.
2. A file that cannot be read takes nothing from the others: it is noted and passed over.
3. Ctrl-C ends the reading, and what was read until then counts.
"""

import csv
import gzip
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from tollway.hindsight.claude_code import TOOL as CLAUDE_CODE
from tollway.hindsight.claude_code import ClaudeCode
from tollway.hindsight.codex import TOOL as CODEX
from tollway.hindsight.codex import Codex
from tollway.hindsight.exports import ANTHROPIC, OPENAI, Exports, decoded
from tollway.hindsight.gemini_cli import TOOL as GEMINI_CLI
from tollway.hindsight.gemini_cli import GeminiCli
from tollway.hindsight.litellm import TABLE, WANTED, LiteLlm
from tollway.hindsight.litellm import TOOL as LITELLM
from tollway.hindsight.records import UNREADABLE, Bill, Call, Gaps
from tollway.hindsight.vllm import TOOL as VLLM
from tollway.hindsight.vllm import Vllm, nearest_year
from tollway.inspect.logfiles import GZIP, LogFile

MOST_LINE: Final = 64 << 20
MOST_DOCUMENT: Final = 256 << 20
STEP: Final = 1 << 20
"""Bytes between two looks at progress."""

Tick = Callable[[int], None]
"""Told how many more bytes were read."""


@dataclass(slots=True)
class Reading:
    """All readers, and which files they have read."""

    gaps: Gaps
    files: Counter[str] = field(default_factory=Counter[str])
    size: int = 0
    stopped: bool = False
    _claude: ClaudeCode = field(init=False)
    _codex: Codex = field(init=False)
    _gemini: GeminiCli = field(init=False)
    _exports: Exports = field(init=False)
    _litellm: LiteLlm = field(init=False)
    vllm: Vllm = field(init=False)

    def __post_init__(self) -> None:
        self._claude = ClaudeCode(self.gaps)
        self._codex = Codex(self.gaps)
        self._gemini = GeminiCli(self.gaps)
        self._exports = Exports(self.gaps)
        self._litellm = LiteLlm(self.gaps)
        self.vllm = Vllm(self.gaps)

    def read(self, files: Sequence[LogFile], tick: Tick) -> None:
        """Read the files in their order (rules 2 and 3)."""
        try:
            for file in files:
                tool = _tool(file.form)
                try:
                    self._read(file, tick)
                except (OSError, EOFError, csv.Error, sqlite3.Error) as error:
                    why = f"files that cannot be read ({_short(error)})"
                    self.gaps.note(tool, why, str(file.path))
                    continue
                self.files[tool] += 1
                self.size += file.size
        except KeyboardInterrupt:
            self.stopped = True

    def calls(self) -> list[Call]:
        """What was read so far, in order of time."""
        readers = (self._claude, self._codex, self._gemini, self._exports, self._litellm, self.vllm)
        found = [call for reader in readers for call in reader.calls()]
        found.sort(key=lambda call: (call.at, call.tool, call.model))
        return found

    @property
    def bills(self) -> list[Bill]:
        """What cost exports name."""
        return self._exports.bills

    def _read(self, file: LogFile, tick: Tick) -> None:
        place, form = str(file.path), file.form
        if form == "litellm-sqlite":
            self._litellm.read_rows(place, _table(file.path, self.gaps))
            tick(file.size)
            return
        lines = self._lines(file, tick)
        if form == "claude-code":
            self._claude.read(place, lines)
        elif form == "codex":
            self._codex.read(place, lines)
        elif form == "gemini-lines":
            self._gemini.read(place, lines)
        elif form == "gemini-telemetry":
            self._gemini.read_telemetry(place, lines)
        elif form == "vllm":
            self.vllm.read(place, lines, _moment(file.path))
        elif form == "litellm-lines":
            self._litellm.read_rows(place, self._objects(place, lines))
        elif form == "litellm-csv":
            self._litellm.read_rows(place, _rows(lines))
        elif form.startswith("csv:"):
            self._exports.read_rows(place, form.removeprefix("csv:"), _rows(lines))
        else:
            self._document(file, lines)

    def _document(self, file: LogFile, lines: Iterator[bytes]) -> None:
        place, tool = str(file.path), _tool(file.form)
        if file.size > MOST_DOCUMENT:
            self.gaps.note(tool, "documents above 256 MiB; split them", place)
            return
        data = b"".join(lines)
        if file.form == "gemini-chat":
            self._gemini.read_document(place, data)
            return
        try:
            value = decoded(data)
        except UNREADABLE:
            self.gaps.note(tool, "documents that are not whole JSON", place)
            return
        listed = value if isinstance(value, list) else [value]
        objects = [one for one in cast("list[Any]", listed) if isinstance(one, dict)]
        if file.form == "export":
            self._exports.read_pages(place, objects)
        else:
            self._litellm.read_rows(place, (row for one in objects for row in _spend(one)))

    def _objects(self, place: str, lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, 1):
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except UNREADABLE:
                if line.strip():
                    why = "lines that are not whole JSON of that form"
                    self.gaps.note(LITELLM, why, f"{place}:{number}")

    def _lines(self, file: LogFile, tick: Tick) -> Iterator[bytes]:
        """A file's lines with their ends, unpacked where it is gzip."""
        with file.path.open("rb", buffering=STEP) as raw:
            packed = raw.read(len(GZIP)) == GZIP
            raw.seek(0)
            source = gzip.GzipFile(fileobj=raw) if packed else raw
            read = told = 0
            for line in iter(lambda: source.readline(MOST_LINE), b""):
                read += len(line)
                if len(line) == MOST_LINE and not line.endswith(b"\n"):
                    self._skip_rest(source, file)
                    continue
                yield line
                if read - told >= STEP and not packed:
                    tick(read - told)
                    told = read
            tick(max(0, file.size - told))

    def _skip_rest(self, source: Any, file: LogFile) -> None:
        self.gaps.note(_tool(file.form), "lines above 64 MiB", str(file.path))
        while (piece := source.readline(MOST_LINE)) and not piece.endswith(b"\n"):
            pass


_TOOLS: Final = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "gemini-chat": GEMINI_CLI,
    "gemini-lines": GEMINI_CLI,
    "gemini-telemetry": GEMINI_CLI,
    "csv:openai-usage": OPENAI,
    "csv:openai-cost": OPENAI,
    "csv:anthropic-usage": ANTHROPIC,
    "csv:anthropic-cost": ANTHROPIC,
    "export": "export",
    "vllm": VLLM,
}


def _tool(form: str) -> str:
    return _TOOLS.get(form, LITELLM)


def _short(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _rows(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    # A spend table may carry whole prompts in columns that are not read; the field that is too
    # long for the csv module's usual bound must not cost the row.
    csv.field_size_limit(MOST_LINE)
    text = (line.decode("utf-8-sig", "replace") for line in lines)
    return cast("Iterator[dict[str, Any]]", csv.DictReader(text))


def _spend(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Spend rows of one JSON object: a row, or an answer that holds them in `data`."""
    rows = value.get("data")
    return cast("list[dict[str, Any]]", rows) if isinstance(rows, list) else [value]


def _table(path: Path, gaps: Gaps) -> Iterator[dict[str, Any]]:
    """The spend table of a SQLite file, without the columns that hold prompts."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        there = {row[1] for row in database.execute(f'PRAGMA table_info("{TABLE}")')}
        columns = [name for name in WANTED if name in there]
        if not columns:
            gaps.note(LITELLM, f"databases without a table {TABLE}", str(path))
            return
        listed = ", ".join(f'"{name}"' for name in columns)
        for row in database.execute(f'SELECT {listed} FROM "{TABLE}"'):  # noqa: S608 - names of ours
            yield dict(zip(columns, row, strict=True))


def _moment(path: Path) -> Callable[[int, int, int, int, int], float]:
    """How a log's times without year and zone are read: this machine's zone, the file's year."""
    last = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    zone = last.tzinfo

    def moment(month: int, day: int, hour: int, minute: int, second: int) -> float:
        stamp = datetime(2000, month, day, hour, minute, second, tzinfo=zone)
        return nearest_year(stamp, last).timestamp()

    return moment
