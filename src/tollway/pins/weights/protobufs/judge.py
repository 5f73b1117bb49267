"""Which protobuf a file is (ONNX, TensorFlow, Core ML, SentencePiece), and what its graph does.

Rules
1. What a file is, its fields say: all of them must be that message's.
2. ONNX: tensors in other files lie beside it, below its folder; operators are of known domains or
   are functions of the model itself.
3. TensorFlow: no operator that reaches outside of the graph.
"""

import json
from collections.abc import Callable, Iterator

from tollway.pins.weights.archives.names import wrong_name
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.judge import tell_hidden
from tollway.pins.weights.protobufs.operators import is_dangerous
from tollway.pins.weights.protobufs.wire import Field, NotProtobuf, fields, message, text
from tollway.pins.weights.reader import Reader
from tollway.pins.weights.texts.values import judge_values

_MOST_PROBED = 200_000
_MOST_DEPTH = 16
_ONNX = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_DOMAINS = frozenset(
    {
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "com.microsoft",
        "com.microsoft.nchwc",
        "com.ms.internal.nhwc",
    }
)
_ONNX_CODE = frozenset({"PythonOp", "PythonOpGrad", "PyOp", "ATen", "ExternalGradient", "TritonOp"})


def protobuf_kind(reader: Reader) -> str | None:
    """onnx, savedmodel, graphdef, coreml, sentencepiece, kerasmeta; None where it is none."""
    shape: dict[int, int] = {}
    first: Field | None = None
    try:
        for count, it in enumerate(fields(reader)):
            if shape.setdefault(it.number, it.wire) != it.wire or count > _MOST_PROBED:
                return None
            first = first or it
    except NotProtobuf:
        return None
    if first is None:
        return None
    if _fits(shape, _ONNX) and 7 in shape and (1 in shape or 8 in shape):
        return "onnx"
    if _fits(shape, {1: 0, 2: 2}) and 2 in shape and 1 in shape:
        return "savedmodel"
    if _fits(shape, {1: 0, 2: 2, 10: 0}) or (shape.get(1) == 0 and max(shape) >= 200):
        return "coreml"
    if _fits(shape, {1: 2, 2: 2, 3: 2, 4: 2, 5: 2}) and first.number == 1:
        kind = _first(reader, first)
        if kind is not None:
            return kind
    if _fits(shape, {1: 2, 2: 2, 3: 0, 4: 2}) and 1 in shape:
        return "graphdef"
    if max(shape) <= 8 and reader.size < 200 and set(shape.values()) <= {0, 1, 2}:
        return "fingerprint"
    return None


def _fits(shape: dict[int, int], schema: dict[int, int]) -> bool:
    return all(schema.get(number) == wire for number, wire in shape.items())


def _first(reader: Reader, first: Field) -> str | None:
    """What the first of repeated messages says: a SentencePiece, a Keras object, or a node."""
    try:
        inner = {it.number: it.wire for it in fields(message(reader, first))}
    except NotProtobuf:
        return None
    if inner.get(1) == 2 and inner.get(2) == 5 and _fits(inner, {1: 2, 2: 5, 3: 0}):
        return "sentencepiece"
    if inner.get(5) == 2 and inner.get(4) == 2 and inner.get(3) == 2:
        return "kerasmeta"
    return "graphdef" if inner.get(1) == 2 and inner.get(2) == 2 else None


def judge_protobuf(kind: str, reader: Reader, piece: Piece, look: Look) -> None:
    form = {"graphdef": "savedmodel", "kerasmeta": "savedmodel", "fingerprint": "savedmodel"}
    form["sentencepiece"] = "data"
    look.saw(piece.place, form.get(kind, kind))
    judges: dict[str, Callable[[Reader, Piece, Look], None]] = {
        "onnx": _onnx,
        "savedmodel": _savedmodel,
        "graphdef": _graphdef,
        "kerasmeta": _kerasmeta,
        "coreml": _coreml,
    }
    try:
        if kind in judges:
            judges[kind](reader, piece, look)
    except NotProtobuf as error:
        look.finding(piece.place, "graph", str(error))
    tell_hidden(reader, (0, reader.size), piece, look)


# ONNX


def _onnx(reader: Reader, piece: Piece, look: Look) -> None:
    functions: set[str] = set()
    for it in fields(reader):
        if it.number == 25:
            inner = message(reader, it)
            functions |= {text(inner, one) for one in fields(inner) if one.number == 10}
    allowed = _DOMAINS | functions
    for it in fields(reader):
        inner = message(reader, it)
        if it.number == 7:
            _onnx_graph(inner, allowed, piece, look, 0)
        elif it.number == 25:
            for one in fields(inner):
                if one.number == 7:
                    _onnx_node(message(inner, one), allowed, piece, look, 0)
        elif it.number == 20:
            for one in fields(inner):
                if one.wire == 2 and one.number in (1, 2):
                    _onnx_graph(message(inner, one), allowed, piece, look, 0)


def _onnx_graph(
    reader: Reader, allowed: frozenset[str], piece: Piece, look: Look, depth: int
) -> None:
    if depth > _MOST_DEPTH:
        raise NotProtobuf("has graphs nested too deep")
    for it in fields(reader):
        if it.wire != 2:
            continue
        inner = message(reader, it)
        if it.number == 1:
            _onnx_node(inner, allowed, piece, look, depth)
        elif it.number == 5:
            _onnx_tensor(inner, piece, look)
        elif it.number == 15:
            for one in fields(inner):
                if one.number in (1, 2) and one.wire == 2:
                    _onnx_tensor(message(inner, one), piece, look)


def _onnx_node(
    reader: Reader, allowed: frozenset[str], piece: Piece, look: Look, depth: int
) -> None:
    domain = operator = ""
    for it in fields(reader):
        if it.number == 4 and it.wire == 2:
            operator = text(reader, it)
        elif it.number == 7 and it.wire == 2:
            domain = text(reader, it)
        elif it.number == 5 and it.wire == 2:
            _onnx_attribute(message(reader, it), allowed, piece, look, depth)
    if domain not in allowed or operator in _ONNX_CODE:
        look.finding(
            piece.place, "custom-operator", f"has the operator {operator} of the domain {domain!r}"
        )


def _onnx_attribute(
    reader: Reader, allowed: frozenset[str], piece: Piece, look: Look, depth: int
) -> None:
    for it in fields(reader):
        if it.wire != 2:
            continue
        if it.number in (5, 10):
            _onnx_tensor(message(reader, it), piece, look)
        elif it.number in (6, 11):
            _onnx_graph(message(reader, it), allowed, piece, look, depth + 1)
        elif it.number in (22, 23):
            for one in fields(message(reader, it)):
                if one.number in (1, 2) and one.wire == 2:
                    _onnx_tensor(message(message(reader, it), one), piece, look)


def _onnx_tensor(reader: Reader, piece: Piece, look: Look) -> None:
    """Rule 2: where a tensor's bytes lie."""
    external = False
    rows: list[tuple[str, str]] = []
    for it in fields(reader):
        if it.number == 14 and it.wire == 0:
            external = it.value == 1
        if it.number == 13 and it.wire == 2:
            rows.append(_pair(reader, it))
    for key, value in rows:
        if key == "location":
            _location(value, piece, look)
        elif key in ("offset", "length") and not (value.isdigit() and len(value) < 19):
            look.finding(piece.place, "external-file", f"says {key} {value!r:.40}")
    if external and not any(key == "location" for key, _ in rows):
        look.finding(piece.place, "external-file", "has a tensor elsewhere and does not say where")


def _pair(reader: Reader, field: Field) -> tuple[str, str]:
    inner = message(reader, field)
    found = {it.number: text(inner, it) for it in fields(inner) if it.wire == 2}
    return found.get(1, ""), found.get(2, "")


def _location(value: str, piece: Piece, look: Look) -> None:
    wrong = wrong_name(value)
    if wrong or ":" in value:
        look.finding(piece.place, "external-file", f"has a tensor in a file that {wrong or value}")
        return
    folder = piece.place.replace("!", "/").rpartition("/")[0]
    clean = value.removeprefix("./")
    look.declare(f"{folder}/{clean}" if folder else clean)


# TensorFlow


def _savedmodel(reader: Reader, piece: Piece, look: Look) -> None:
    folder = piece.place.rpartition("/")[0]
    look.declare(f"{folder}/variables/" if folder else "variables/")
    for it in fields(reader):
        if it.number == 2:
            meta = message(reader, it)
            for one in fields(meta):
                if one.number == 2 and one.wire == 2:
                    _graphdef(message(meta, one), piece, look)
                if one.number == 1 and one.wire == 2:
                    _meta(message(meta, one), piece, look)


def _meta(reader: Reader, piece: Piece, look: Look) -> None:
    """The operators that the whole needs, by their names in its stripped list."""
    for it in fields(reader):
        if it.number == 2 and it.wire == 2:
            inner = message(reader, it)
            for one in fields(inner):
                if one.number == 1 and one.wire == 2:
                    op = message(inner, one)
                    for name in fields(op):
                        if name.number == 1 and name.wire == 2:
                            _operator(text(op, name), piece, look)


def _graphdef(reader: Reader, piece: Piece, look: Look) -> None:
    for node in _nodes(reader):
        for it in fields(node):
            if it.number == 2 and it.wire == 2:
                _operator(text(node, it), piece, look)


def _nodes(reader: Reader) -> Iterator[Reader]:
    """Of a graph, and of each function in its library."""
    for it in fields(reader):
        if it.number == 1 and it.wire == 2:
            yield message(reader, it)
        if it.number == 2 and it.wire == 2:
            library = message(reader, it)
            for one in fields(library):
                if one.number == 1 and one.wire == 2:
                    function = message(library, one)
                    for part in fields(function):
                        if part.number == 3 and part.wire == 2:
                            yield message(function, part)


def _operator(name: str, piece: Piece, look: Look) -> None:
    if is_dangerous(name):
        look.finding(piece.place, "operator", f"has the operator {name}")


def _kerasmeta(reader: Reader, piece: Piece, look: Look) -> None:
    for it in fields(reader):
        if it.number == 1 and it.wire == 2:
            inner = message(reader, it)
            for one in fields(inner):
                if one.number == 5 and one.wire == 2:
                    try:
                        value = json.loads(text(inner, one, 64 << 20))
                    except (ValueError, RecursionError):
                        look.unread(piece.place, "its metadata is not found as JSON")
                        return
                    judge_values(value, piece.place, look)


def _coreml(reader: Reader, piece: Piece, look: Look) -> None:
    """A custom layer (500 of a network's layer) or a custom model (555) is code of its own."""
    for it in fields(reader):
        if it.number == 555:
            look.finding(piece.place, "custom-operator", "is a custom model: code of its own")
        if it.number in (303, 403, 500) and it.wire == 2:
            network = message(reader, it)
            for one in fields(network):
                if one.number == 1 and one.wire == 2:
                    layer = message(network, one)
                    if any(part.number == 500 for part in fields(layer)):
                        look.finding(piece.place, "custom-operator", "has a custom layer")
