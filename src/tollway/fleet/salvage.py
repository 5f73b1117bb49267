"""Reads one document through the schema: every fault of it, and what is left to check further.

Rules
1. What is faulty is taken out, or stood in for, and the document is read again, until the rest can
   be read: so that one fault never hides another.
2. The value at a credential is never repeated.
"""

from collections.abc import Mapping
from datetime import date
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tollway.errors import did_you_mean, unknown
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import MalformedError, shown
from tollway.fleet.schema import Document
from tollway.fleet.table import Table

_STAND_INS: dict[str, object] = {
    "url": "https://stand-in.invalid",
    "listen": "127.0.0.1:0",
    "chip": "stand-in",
    "model": "stand-in",
    "name": "stand-in",
    "since": date.min,
    "input": "0",
    "output": "0",
    "serves": {"stand-in": {}},
    "of": "input",
    "up_to": 1,
    "price": "0",
    "buyer": "stand-in",
    "tenant": "stand-in",
    "supplier": "stand-in",
    "title": "stand-in",
    "months": 1,
    "share": "0",
    "amount": "0",
    "by": "us",
    "below": "0",
    "credit": "0",
    "guarantor": "stand-in",
    "unit": "stand-in",
    "text": "stand-in",
    "on": date.min,
    "start": date.min,
    "first": date.min,
    "last": date.min,
    "models": ["stand-in"],
    "offers": ["stand-in"],
    "hosts": ["stand-in.invalid"],
    "runs_on": ["stand-in"],
    "input_tokens": 1,
    "output_tokens": 1,
    "tokens_per_hour": 1,
    "probability": "0",
    "kind": "grid",
    "how": "grid",
    "site": "stand-in",
    "workload": "stand-in",
    "chips": 1,
    "mw": 1,
    "most": 1,
    "capex": "0",
    "rate": "0",
    "detectors": ["stand-in"],
    "action": "block",
    "score": 0.0,
}
"""For a required key that is missing. The fleet is refused anyway; nothing of these is shown."""

_KINDS = ("api", "server", "emulated")
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "bool_type": "true or false",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}


def read_document(name: str, raw: Mapping[str, Any]) -> tuple[Document, list[Finding]]:
    """The document as far as it can be read, and everything that is wrong with it by itself."""
    findings: dict[Path, Finding] = {}
    left = _copy(raw)
    while True:
        try:
            return Document.model_validate(left), list(findings.values())
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            finding = _finding(name, detail)
            findings.setdefault(finding.path, finding)
        # From the last list item to the first, so that an index still means what it meant.
        for detail in reversed(details):
            _repair(left, detail)


def _copy(value: Any, depth: int = 16) -> Any:
    """A copy that may be changed. Below `depth` nothing is known to the schema or looked at."""
    if depth == 0:
        return None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _copy(inner, depth - 1) for key, inner in items}
    if isinstance(value, list):
        return [_copy(inner, depth - 1) for inner in cast("list[Any]", value)]
    return value


def _untagged(loc: Path) -> Path:
    """The path in the file: pydantic also names the branch that it took in a union."""
    if loc[:1] == ("sources",) and len(loc) > 2:
        return (*loc[:2], *loc[3:])
    if loc[:1] == ("routes",) and loc[2:3] == ("objectives",) and len(loc) > 4:
        return (*loc[:4], *loc[5:])
    return loc


def _repair(left: dict[str, Any], detail: ErrorDetails) -> None:
    path = _untagged(detail["loc"])
    at: Any = left
    for part in path[:-1]:
        at = at[part]
    last = cast("Any", path[-1])
    if detail["type"] == "missing":
        at[last] = _STAND_INS[last]
    elif detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        at[last]["kind"] = _likely_kind(at[last])
    elif detail["type"] == "model_attributes_type" or isinstance(last, str):
        at.pop(last, None)
    else:
        del at[last]


def _likely_kind(source: Mapping[str, Any]) -> str:
    close = did_you_mean(str(source.get("kind", "")), _KINDS)
    for kind in _KINDS:
        if f'"{kind}"' in close:
            return kind
    if {"chip", "listen", "tp", "replicas"} & set(source):
        return "emulated"
    return "api"


def _finding(document: str, detail: ErrorDetails) -> Finding:
    loc, kind = detail["loc"], detail["type"]
    path = _untagged(loc)
    if path[:1] == ("credentials",) and len(path) == 1:
        return Finding(document, path, "is not a table (value not shown)", "Write [credentials].")
    if kind == "extra_forbidden":
        return _unknown_key(document, loc)
    if kind == "missing":
        return Finding(document, path, "is missing", f"Write it: {_meaning(loc)}")
    if kind.startswith("union_tag"):
        return _kind_of_source(document, path, detail["input"])
    problem, mend = _words(detail)
    return Finding(document, path, problem, mend)


def _words(detail: ErrorDetails) -> tuple[str, str]:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    wrong = context.get("error")
    if isinstance(wrong, MalformedError):
        return wrong.problem, wrong.mend
    if detail["loc"][-1] == "credential":
        return "is not a name (value not shown)", "Name a credential of [credentials]."
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"is {shown(value)}", f"It must be {words} {context[name]:.15g}."
    if kind in _TYPES:
        return f"is {shown(value)}, not {_TYPES[kind]}", f"Write {_TYPES[kind]}."
    if kind == "literal_error":
        words = _words_of(_type_at(detail["loc"]))
        if isinstance(value, str):
            fault = unknown(value, words, "")
            return fault.problem, fault.mend
        return f"is {shown(value)}; known: {', '.join(sorted(words))}", "Write one of them as text."
    if kind in ("string_too_short", "too_short"):
        return "is empty", f"Write it: {_meaning(detail['loc'])}"
    if kind == "string_too_long":
        return f"is {shown(value)}", f"It may have {context['max_length']} characters."
    if kind == "string_pattern_mismatch":
        return f"is {shown(value)}", "Write lower-case letters, digits, dots, dashes: fp8."
    return f"is {shown(value)}", f"{detail['msg']}."


def _kind_of_source(document: str, path: Path, source: Any) -> Finding:
    path = (*path, "kind")
    if "kind" not in source:
        mend = 'Write kind = "api", "server" (an engine that you run) or "emulated".'
        return Finding(document, path, "is missing", mend)
    if isinstance(source["kind"], str):
        fault = unknown(source["kind"], _KINDS, "")
        return Finding(document, path, fault.problem, fault.mend)
    problem = f"is {shown(source['kind'])}; known: {', '.join(sorted(_KINDS))}"
    return Finding(document, path, problem, "Write one of them as text.")


def _unknown_key(document: str, loc: Path) -> Finding:
    table = _type_at(loc[:-1])
    keys = sorted(field.alias or name for name, field in table.model_fields.items())
    word = str(loc[-1])
    problem = f"is not a key of this table; known: {', '.join(keys)}"
    return Finding(document, _untagged(loc), problem, did_you_mean(word, keys))


def _meaning(loc: Path) -> str:
    table = _type_at(loc[:-1])
    if _is_table(table):
        for name, field in table.model_fields.items():
            if (field.alias or name) == loc[-1]:
                words = str(field.description)
                return words[0].lower() + words[1:]
    return "it may not be empty."


def _words_of(kind: Any) -> list[str]:
    return [word for word in get_args(kind) if isinstance(word, str)]


def _type_at(loc: Path) -> Any:
    """The type that the schema has at a tagged path."""
    kind: Any = Document
    for part in loc:
        kind = _step(kind, part)
    return _bare(kind)


def _bare(kind: Any) -> Any:
    """The type without its annotations, and without None beside it."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        kinds = [inner for inner in get_args(kind) if inner is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else kind
    return kind


def _step(kind: Any, part: str | int) -> Any:
    kind = _bare(kind)
    if get_origin(kind) in (Union, UnionType):
        tables = [inner for inner in map(_bare, get_args(kind)) if _is_table(inner)]
        if len(tables) == 1:
            return tables[0]
        return next(
            inner for inner in tables if inner.model_fields["kind"].annotation == Literal[part]
        )
    if _is_table(kind):
        return next(
            field.annotation
            for name, field in kind.model_fields.items()
            if (field.alias or name) == part
        )
    return get_args(kind)[-1]


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Table)
