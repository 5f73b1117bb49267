"""JSON and moments, read so that nobody else can read them otherwise.

Rules
1. A key that is there twice makes a document unreadable: readers differ in which one counts.
2. A moment has its offset; one without is none.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tollway.units import UtcSeconds


def read_object(body: bytes) -> dict[str, Any]:
    """The object that a body holds.

    Raises:
        ValueError: it holds none, or says something twice; the text says why.
    """
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_never)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not whole JSON ({error.msg})") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def moment(text: object) -> UtcSeconds | None:
    """UTC seconds of a moment in ISO 8601, None where it is none (rule 2)."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else UtcSeconds(found.timestamp())


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(it for it in names if names.count(it) > 1)
        raise ValueError(f'it says "{twice[:40]}" twice')
    return found


def _never(word: str) -> float:
    raise ValueError(f"it holds {word}, which is no JSON")
