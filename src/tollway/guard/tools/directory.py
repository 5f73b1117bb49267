"""What a tool's answer vouches for: values of records that the user's request names.

Rules
1. A list of what there is vouches for nothing by itself: only the record that the request names, or
   the only record of a lookup by what the request names, or what the call itself has just made.
2. A record is named by a text in it that the request names whole; numbers and days name nothing.
3. Where strangers write into the answer, a text that names two records names neither.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tollway.fleet.tooling import Tool
from tollway.guard.tools.entity import Entity, entity, links_in
from tollway.guard.tools.request import Request

_ID = re.compile(r"(?:.*[_-])?(?:id|uuid|guid|key)_?|id|.*I[dD]", re.DOTALL)
_FIELD = re.compile(r"[a-z_][A-Za-z0-9_]*")
"""The name of a member that a program gave, and no name of what is told of."""
_DEEPEST = 16

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Record:
    """The plain members of one object of an answer: (name, value)."""

    members: tuple[tuple[str, Value], ...]


def vouched(tool: Tool, answer: object, request: Request, looked_up: bool) -> frozenset[Entity]:
    """The values that an answer vouches for. `answer` is JSON, or text; `looked_up` says that the
    call's own arguments were all vouched for (and that there were some)."""
    if not tool.vouches:
        return frozenset()
    records = _records_of(answer)
    made = tool.effect != "none"
    only = len(records) == 1 and (looked_up or made)
    counts = Counter(
        text for record in records for text in {_text(it) for _, it in record.members} if text
    )
    found: set[Entity] = set()
    for record in records:
        for name, value in record.members:
            others = [it for it in record.members if it != (name, value)]
            keyed = [] if _FIELD.fullmatch(name) else [(name, name)]
            if only or any(_names(tool, request, counts, it) for _, it in (*others, *keyed)):
                found.update(_believed(tool, name, value))
    return frozenset(found)


def _names(tool: Tool, request: Request, counts: Counter[str], value: Value) -> bool:
    """Whether a text of a record is what the request names (rules 2, 3)."""
    text = _text(value)
    if not text or not any(map(str.isalpha, text)):
        return False
    if tool.reads == "untrusted" and counts[text] > 1:
        return False
    one = entity(text)
    return one is not None and one.kind != "moment" and request.names(text)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _believed(tool: Tool, name: str, value: Value) -> Iterator[Entity]:
    one = entity(value)
    if one is None:
        return
    if f"field:{name}" in tool.vouches or ("id" in tool.vouches and _ID.fullmatch(name)):
        yield one
        return
    forms = [it for it in tool.vouches if it in ("email", "url", "phone", "account")]
    if not forms:
        return
    for found in (one, *(it for _, it in links_in(str(value)) if it is not None)):
        is_number = found.kind == "account" and {"phone", "account"} & set(forms)
        if found.kind in forms or is_number:
            yield found


def _records_of(answer: object) -> list[Record]:
    if isinstance(answer, str):
        try:
            answer = cast("object", json.loads(answer))
        except ValueError:
            return [Record((("", line),)) for line in answer.splitlines() if line.strip()]
    found: list[Record] = []
    _collect("", answer, found, 0)
    return found


def _collect(above: str, value: object, found: list[Record], depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        members: list[tuple[str, Value]] = []
        for name, inner in cast("Mapping[str, Any]", value).items():
            if isinstance(inner, str | int | float) and not isinstance(inner, bool):
                members.append((name, inner))
            elif _is_plain_list(inner):
                members += [(name, it) for it in cast("list[Value]", inner)]
            else:
                _collect(name, inner, found, depth + 1)
        if members:
            found.append(Record(tuple(members)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in cast("Sequence[object]", value):
            _collect(above, inner, found, depth + 1)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        found.append(Record(((above, value),)))


def _is_plain_list(value: object) -> bool:
    if not isinstance(value, list):
        return False
    items = cast("list[object]", value)
    return all(isinstance(it, str | int | float) and not isinstance(it, bool) for it in items)
