"""Texts: which are configurations that a loader acts on, and what they say.

Rules
1. A text is UTF-8 without control characters; everything else is none.
2. JSON is read whatever its name; what is called JSON and is none is Unaudited.
"""

import json
import re
from collections.abc import Iterator
from typing import cast

import yaml

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.reader import Reader
from tollway.pins.weights.templates.judge import judge_template
from tollway.pins.weights.texts.values import judge_values

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_CHUNK = 1 << 20
_MOST_TEXT = 1 << 29
_MOST_PARSED = 256 << 20
_MOST_YAML = 4 << 20
_TAGS = ("tag:yaml.org,2002:", "!")
_PLAIN_TAGS = frozenset(
    {"str", "int", "float", "bool", "null", "seq", "map", "set", "omap", "pairs", "timestamp"}
    | {"binary", "merge"}
)
_TARGETED = re.compile(r"^\s*_target_\s*:", re.MULTILINE)
_XML_DECLARED = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def is_text(reader: Reader) -> bool:
    """Rule 1."""
    if reader.size > _MOST_TEXT:
        return False
    at = 0
    carried = b""
    while at < reader.size:
        data = carried + reader.read(at, _CHUNK)
        at += _CHUNK
        try:
            text, carried = data.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            if len(data) - error.start > 3 or at >= reader.size:
                return False
            text, carried = data[: error.start].decode("utf-8"), data[error.start :]
        if _CONTROL.search(text):
            return False
    return not carried


def judge_text(reader: Reader, piece: Piece, look: Look) -> None:
    name = piece.name.lower()
    ending = name.rpartition(".")[2]
    if reader.size > _MOST_PARSED:
        look.unread(piece.place, f"it is a text of {reader.size:,} bytes")
        return
    text = reader.read(0, reader.size).decode("utf-8", "replace").removeprefix("\ufeff")
    start = text.lstrip()[:200]
    if ending == "pth":
        look.finding(piece.place, "code", "is a path file, of which Python runs import lines")
        return
    if ending in ("jinja", "jinja2", "j2") or ("chat_template" in name and ending != "json"):
        look.saw(piece.place, "data")
        judge_template(text.encode(), piece.place, look)
        return
    called = start.startswith(("{", "[")) or ending in ("json", "jsonl")
    if called and _json(text, ending, piece, look):
        return
    if start.startswith("<") and ("<?xml" in start or ending in ("xml", "pmml")):
        _xml(text, piece, look)
        return
    look.saw(piece.place, "data")
    if (
        ending in ("yaml", "yml")
        or "!!python" in text
        or re.search(r"^\s*_target_\s*:", text, re.MULTILINE)
    ):
        _yaml(text, piece, look)


def _json(text: str, ending: str, piece: Piece, look: Look) -> bool:
    """Judges a JSON; False where it is none and is not called one."""
    try:
        values = [json.loads(text)]
    except RecursionError:
        look.finding(piece.place, "bomb", "is a JSON that is nested too deep")
        return True
    except ValueError:
        if ending == "json":
            look.saw(piece.place, "data")
            look.unread(piece.place, "it is called JSON and is none")
            return True
        if ending != "jsonl":
            return False
        values = _lines(text, piece, look)
    look.saw(piece.place, "data")
    for value in values:
        judge_values(value, piece.place, look)
    # Where a key stands twice, readers differ: what only the first says counts too.
    for twice in _twice(text):
        judge_values(twice, piece.place, look)
    return True


def _lines(text: str, piece: Piece, look: Look) -> list[object]:
    out: list[object] = []
    for line in text.splitlines():
        try:
            out.append(json.loads(line or "null"))
        except (ValueError, RecursionError):
            look.unread(piece.place, "it has a line that is no JSON")
            break
    return out


def _twice(text: str) -> list[object]:
    """Objects with a key twice, as they are when the first counts."""
    out: list[object] = []

    def pairs(rows: list[tuple[str, object]]) -> dict[str, object]:
        held = dict(rows)
        if len(held) != len(rows):
            out.append(dict(reversed(rows)))
        return held

    try:
        json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    return out


def _xml(text: str, piece: Piece, look: Look) -> None:
    if _XML_DECLARED.search(text):
        look.finding(piece.place, "xml", "declares entities or a document type")
    if not re.search(r"<net\b", text):
        look.saw(piece.place, "data")
        return
    look.saw(piece.place, "openvino")
    look.declare(f"{piece.place.rpartition('.')[0]}.bin")
    if re.search(r"version\s*=\s*[\"'](extension|custom|experimental)", text):
        look.finding(piece.place, "custom-operator", "has layers that an extension library runs")


def _yaml(text: str, piece: Piece, look: Look) -> None:
    if len(text) > _MOST_YAML:
        look.unread(piece.place, f"it is a YAML of {len(text):,} characters")
        return
    keys: list[str] = []
    anchors = 0
    try:
        for event in cast("Iterator[object]", yaml.parse(text, Loader=yaml.SafeLoader)):  # type: ignore[reportUnknownMemberType]
            tag = getattr(event, "tag", None)
            if isinstance(tag, str) and not _plain(tag):
                look.finding(piece.place, "yaml-tag", f"has the tag {tag}")
            anchors += isinstance(event, yaml.AliasEvent)
            if isinstance(event, yaml.ScalarEvent):
                keys = [*keys[-1:], str(event.value)]
                _target(keys, piece, look)
            else:
                keys = []
    except RecursionError:
        look.finding(piece.place, "bomb", "is a YAML that is nested too deep")
    except yaml.YAMLError:
        look.unread(piece.place, "it is called YAML and is none")
    if anchors > 10_000:
        look.finding(piece.place, "bomb", f"has {anchors:,} references")


def _target(keys: list[str], piece: Piece, look: Look) -> None:
    if len(keys) == 2 and keys[0] == "_target_":
        judge_values({"_target_": keys[1]}, piece.place, look)
    if len(keys) == 2 and keys[0] == "trust_remote_code" and keys[1].lower() in ("true", "yes"):
        look.finding(piece.place, "remote-code", "asks for trust_remote_code")


def _plain(tag: str) -> bool:
    rest = tag.removeprefix(_TAGS[0])
    return (rest != tag and rest in _PLAIN_TAGS) or tag == "!"
