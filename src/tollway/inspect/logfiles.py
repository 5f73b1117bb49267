"""Finds the logs that AI tools leave on a machine, and tells a file's form by its beginning.

Rules
1. Without paths, only the tools' own folders are looked into; with paths, only those.
2. A folder that holds tools' own folders (a home) is read as one: nothing else in it is opened.
3. Of a file that is not in a tool's own folder the form is told from its first bytes, never from
   its name.
4. Codex's files are in order of their names, which begin with the time: parents before children.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tollway.hindsight import claude_code, codex, gemini_cli, litellm
from tollway.hindsight.exports import csv_kind
from tollway.hindsight.records import UNREADABLE, Gaps

PEEK: Final = 1 << 16
GZIP: Final = b"\x1f\x8b"
SQLITE: Final = b"SQLite format 3\x00"
ENDINGS: Final = frozenset(
    (".jsonl", ".json", ".ndjson", ".csv", ".log", ".txt", ".db", ".sqlite", ".sqlite3", ".gz")
)
OTHER: Final = "files"
"""The tool of what belongs to none."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file and its form: a word of `reading.FORMS`, or `csv:` and a kind of export."""

    path: Path
    form: str
    size: int


def find_logs(
    paths: Sequence[Path], home: Path, environ: Mapping[str, str], gaps: Gaps
) -> list[LogFile]:
    """Every log to read (rules 1 to 3). What may not be looked into is noted in `gaps`."""
    if not paths:
        return _of_home(home, environ, gaps)
    found: list[LogFile] = []
    for path in paths:
        if not path.is_dir():
            found += _told(path, gaps, named=True)
        elif path.name in _OWN:
            found += _OWN[path.name](path, gaps)
        else:
            found += _of_home(path, {}, gaps) or list(_below(path, gaps))
    return list({file.path.resolve(): file for file in found}.values())


def _of_home(home: Path, environ: Mapping[str, str], gaps: Gaps) -> list[LogFile]:
    claude = [Path(one) for one in environ.get("CLAUDE_CONFIG_DIR", "").split(",") if one.strip()]
    claude = claude or [home / ".claude", home / ".config" / "claude"]
    own = environ.get("CODEX_HOME")
    found = _codex(Path(own) if own else home / ".codex", gaps)
    for folder in claude:
        found += _claude(folder, gaps)
    return found + _gemini(home / ".gemini", gaps)


def _codex(folder: Path, gaps: Gaps) -> list[LogFile]:
    rollouts = [
        path
        for part in ("sessions", "archived_sessions")
        for path in _files(folder / part, codex.TOOL, gaps)
    ]
    rollouts.sort(key=lambda path: path.name)  # rule 4
    return _sized((path, form) for path in rollouts if (form := _rollout(path, gaps)))


def _claude(folder: Path, gaps: Gaps) -> list[LogFile]:
    sessions = _files(folder / "projects", claude_code.TOOL, gaps)
    return _sized((path, "claude-code") for path in sessions if path.suffix == ".jsonl")


def _rollout(path: Path, gaps: Gaps) -> str | None:
    if not path.name.startswith("rollout-"):
        return None
    if path.suffix == ".jsonl":
        return "codex"
    why = "compressed sessions; unpack them with zstd -d" if path.suffix == ".zst" else OLD_CODEX
    gaps.note(codex.TOOL, why, str(path))
    return None


OLD_CODEX: Final = "sessions of 2025's first versions, which count no tokens"


def _gemini(folder: Path, gaps: Gaps) -> list[LogFile]:
    found: list[tuple[Path, str]] = []
    for path in _files(folder / "tmp", gemini_cli.TOOL, gaps):
        inside = path.relative_to(folder).parts
        if "chats" in inside and path.suffix in (".json", ".jsonl"):
            found.append((path, "gemini-lines" if path.suffix == ".jsonl" else "gemini-chat"))
        elif path.name.startswith("telemetry") and path.suffix in (".log", ".json", ".jsonl"):
            found.append((path, "gemini-telemetry"))
    telemetry = folder / "telemetry.log"
    return _sized([*found, (telemetry, "gemini-telemetry")])


_OWN: Final = {".claude": _claude, ".codex": _codex, ".gemini": _gemini}
"""The folders' usual names -> who lists what is in them."""


def _sized(files: Iterable[tuple[Path, str]]) -> list[LogFile]:
    """The files that are there."""
    found: list[LogFile] = []
    for path, form in files:
        with suppress(OSError):  # gone since the folder was listed, or never there
            found.append(LogFile(path, form, path.stat().st_size))
    return found


def _files(folder: Path, tool: str, gaps: Gaps) -> Iterator[Path]:
    """Every file below a folder, in order; none where there is no such folder."""

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            gaps.note(tool, "folders that may not be looked into", str(error.filename))

    for root, folders, names in os.walk(folder, onerror=refused):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _below(folder: Path, gaps: Gaps) -> Iterator[LogFile]:
    for path in _files(folder, OTHER, gaps):
        if path.suffix.lower() in ENDINGS and path.is_file():
            yield from _told(path, gaps, named=False)


def _told(path: Path, gaps: Gaps, *, named: bool) -> list[LogFile]:
    try:
        form = form_of(_beginning(path))
        size = path.stat().st_size
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or "is not a whole gzip file"
        gaps.note(OTHER, f"files that cannot be opened ({why.lower()})", str(path))
        return []
    if form is None:
        why = "files of no form that is known here" if size else "files with nothing in them"
        gaps.note(OTHER, why if named else f"{why} (below a named folder)", str(path))
        return []
    return [LogFile(path, form, size)]


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(PEEK)
    if not start.startswith(GZIP):
        return start
    import gzip

    with gzip.open(path) as unpacked:
        return unpacked.read(PEEK)


def form_of(start: bytes) -> str | None:
    """The form of a file that begins so; None where it is none that is known."""
    if start.startswith(SQLITE):
        return "litellm-sqlite"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    line = text.partition(b"\n")[0]
    if text.startswith((b"{", b"[")):
        return _form_of_object(line) or _form_of_document(text)
    return _form_of_rows(line) or ("vllm" if any(word in text for word in _VLLM) else None)


_VLLM: Final = (b"Avg prompt throughput", b"Received request ", b"vllm", b'"POST /v1/')


def _form_of_object(line: bytes) -> str | None:
    """Of JSON lines, by the members of the first."""
    try:
        said = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return None
    known = said.keys()
    if {"timestamp", "type", "payload"} <= known:
        return "codex"
    if "messages" in known and "sessionId" in known:
        return "gemini-chat"
    if "sessionId" in known and ("projectHash" in known or "startTime" in known):
        return "gemini-lines"
    if "type" in known and known & {"uuid", "leafUuid", "sessionId", "messageId"}:
        return "claude-code"
    if {"request_id", "spend"} <= known:
        return "litellm-lines"
    if "attributes" in known:
        return "gemini-telemetry"
    return "vllm" if known & {"usage", "message", "msg"} and "data" not in known else None


def _form_of_document(text: bytes) -> str | None:
    """Of one JSON value, by members that occur near its beginning."""
    if b'"sessionId"' in text and b'"messages"' in text:
        return "gemini-chat"
    if b'"request_id"' in text and b'"spend"' in text:
        return "litellm-json"
    if b'"results"' in text and (b'"start_time"' in text or b'"starting_at"' in text):
        return "export"
    return "gemini-telemetry" if b'"attributes"' in text else None


def _form_of_rows(line: bytes) -> str | None:
    """Of CSV, by its columns."""
    columns = next(csv.reader([line.decode("utf-8", "replace").rstrip("\r")]), [])
    if set(columns) >= litellm.COLUMNS:
        return "litellm-csv"
    kind = csv_kind(columns)
    return None if kind is None else f"csv:{kind}"
