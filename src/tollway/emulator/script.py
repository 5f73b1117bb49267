"""Scripted transcripts: what to answer, so that an agent can run against the emulator.

Rules
1. The first line whose conditions all hold answers; where none does, the answer is prose.
2. Conditions are `match` (a regular expression found in the text of the last message), `role` (of
   the last message) and `turn` (1 for the first answer of a conversation).
3. Arguments of a tool call are streamed in pieces that split JSON in the middle, as engines do.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tollway.emulator.asks import Message
from tollway.emulator.utterance import Piece, ToolCall, Utterance
from tollway.errors import TollwayError

_ARGUMENT_PIECE = 8
_WORDS = re.compile(r"\s*\S+|\s+$")


class ScriptedCall(msgspec.Struct, forbid_unknown_fields=True):
    """A tool call to answer with; `arguments` is a table, or text to send as it is."""

    name: str
    arguments: dict[str, Any] | str = {}


class ScriptedTurn(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a script."""

    match: str | None = None
    role: str | None = None
    turn: int | None = None
    text: str = ""
    reasoning: str = ""
    tool_calls: list[ScriptedCall] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    turn: list[ScriptedTurn]


@dataclass(frozen=True, slots=True)
class Script:
    """The lines of a script, in their order, each with its compiled condition."""

    lines: tuple[tuple[re.Pattern[str] | None, ScriptedTurn], ...]

    def answer(self, messages: Sequence[Message], seed: int) -> Utterance | None:
        """What the script says to a conversation; None where no line applies."""
        last = messages[-1]
        turn = 1 + sum(message.role == "assistant" for message in messages)
        for pattern, line in self.lines:
            if line.role not in (None, last.role) or line.turn not in (None, turn):
                continue
            if pattern is None or pattern.search(last.text()):
                return _utterance(line, seed)
        return None


def read_script(path: Path) -> Script:
    """A script from a file: TOML with [[turn]] tables, or JSON lines where it ends in .jsonl.

    Raises:
        TollwayError: it cannot be read; the message names file, line or key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            lines = [
                msgspec.json.decode(line, type=ScriptedTurn)
                for line in text.splitlines()
                if line.strip()
            ]
        else:
            lines = msgspec.convert(tomllib.loads(text), type=_File).turn
        return make_script(lines)
    except OSError as error:
        raise TollwayError(f"{path}: {error.strerror}. Name a file that can be read.") from None
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TollwayError(f"{path}: {error}. See `tollway emulate --help`.") from None
    except re.error as error:
        raise TollwayError(
            f"{path}: match {error.pattern!r} is no regular expression: {error}."
        ) from None


def make_script(lines: Sequence[ScriptedTurn]) -> Script:
    """A script of these lines.

    Raises:
        re.error: a `match` is no regular expression.
    """
    return Script(
        tuple((None if one.match is None else re.compile(one.match), one) for one in lines)
    )


def _utterance(line: ScriptedTurn, seed: int) -> Utterance:
    pieces = [Piece("reasoning_content", word) for word in _WORDS.findall(line.reasoning)]
    reasoning = len(pieces)
    pieces += [Piece("content", word) for word in _WORDS.findall(line.text)]
    calls: list[ToolCall] = []
    for at, call in enumerate(line.tool_calls):
        written = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        made = ToolCall(at, f"call_{seed:016x}{at}", call.name, written)
        calls.append(made)
        pieces.append(Piece("tool", "", made, opens=True))
        pieces += [
            Piece("tool", written[start : start + _ARGUMENT_PIECE], made)
            for start in range(0, len(written), _ARGUMENT_PIECE)
        ]
    if not pieces:
        pieces = [Piece("content", "")]
    finish = "tool_calls" if calls else "stop"
    return Utterance(iter(pieces), len(pieces), finish, tuple(calls), reasoning)
