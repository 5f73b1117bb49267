"""Looks at every file, and at all that lies in it, as each loader would that takes it.

Rules
1. Structure decides what a file is; its name can only add a reason to deny it.
2. A file is judged as everything that it could be taken for, not only as the first of these.
3. An error in here is Unaudited, never a pass.
"""

from collections.abc import Iterable

from tollway.pins.finding import Findings
from tollway.pins.weights.archives.tars import is_tar
from tollway.pins.weights.archives.unpack import KINDS as PACKED
from tollway.pins.weights.archives.zips import is_zip, zip_end
from tollway.pins.weights.boxes import judge_packed, judge_tar, judge_zip
from tollway.pins.weights.code import judge_name
from tollway.pins.weights.gguf import judge_gguf
from tollway.pins.weights.hdf5 import judge_hdf5
from tollway.pins.weights.look import Budget, Look, Piece, Rules
from tollway.pins.weights.magic import PROGRAMS, UNREAD_ARCHIVES, kind_of
from tollway.pins.weights.npy import judge_npy
from tollway.pins.weights.pickles.allowed import TORCHSCRIPT
from tollway.pins.weights.pickles.judge import is_pickle, judge_pickle, tell_hidden
from tollway.pins.weights.protobufs.judge import judge_protobuf, protobuf_kind
from tollway.pins.weights.reader import Reader, Unreadable
from tollway.pins.weights.safetensors import is_safetensors, judge_safetensors
from tollway.pins.weights.texts.judge import is_text, judge_text
from tollway.pins.weights.tflite import judge_tflite


def examine(pieces: Iterable[Piece], component: str, rules: Rules) -> tuple[Findings, set[str]]:
    """Every piece and what lies in it: what is wrong, and the formats that were seen."""
    if "torchscript" in rules.formats:
        rules = Rules(rules.formats, rules.globals | {TORCHSCRIPT})
    look = Look(component, rules)
    for piece in pieces:
        look.budget = Budget()
        look.waiting.append(piece)
        while look.waiting:
            _examine(look.waiting.pop(), look)
    return look.findings(), look.formats


def _examine(piece: Piece, look: Look) -> None:
    """One piece (rule 3)."""
    try:
        judge_name(piece, look)
        _judge(piece.open(), piece, look)
    except Unreadable as error:
        look.unread(piece.place, str(error))
    except (MemoryError, RecursionError):
        look.unread(piece.place, "it takes more memory than there is")
    except Exception as error:  # noqa: BLE001 - whatever breaks the examiner is no pass (rule 3)
        look.unread(piece.place, f"looking at it failed: {type(error).__name__}: {error}")


def _judge(reader: Reader, piece: Piece, look: Look) -> None:
    if reader.size == 0:
        look.saw(piece.place, "data")
        return
    kind = kind_of(reader)
    zipped = is_zip(reader)
    known = _by_kind(kind, reader, piece, look)
    if zipped:
        judge_zip(reader, piece, look, polyglot=known and zip_end(reader) is not None)
        known = True
    if not known and is_tar(reader):
        judge_tar(reader, piece, look)
        known = True
    if kind != "npy" and is_pickle(reader):
        if not known and is_safetensors(reader):
            judge_safetensors(reader, piece, look)
        look.saw(piece.place, "pickle")
        judge_pickle(reader, piece, look)
        return
    if not known:
        _by_structure(reader, piece, look)


def _by_kind(kind: str | None, reader: Reader, piece: Piece, look: Look) -> bool:
    """Judges a file whose first bytes say what it is; False where they do not."""
    if kind is None:
        return False
    if kind in PROGRAMS or kind == "compiled Python":
        look.finding(piece.place, "program", f"is {kind}")
    elif kind in UNREAD_ARCHIVES:
        look.finding(piece.place, "format", f"is a {kind} archive, which is not opened here")
        tell_hidden(reader, (0, reader.size), piece, look)
    elif kind in PACKED:
        return judge_packed(kind, reader, piece, look)
    elif kind == "gguf":
        look.saw(piece.place, "gguf")
        judge_gguf(reader, piece, look)
    elif kind == "npy":
        judge_npy(reader, piece, look)
    elif kind == "hdf5":
        look.saw(piece.place, "keras")
        judge_hdf5(reader, piece, look)
    elif kind == "tflite":
        look.saw(piece.place, "tflite")
        judge_tflite(reader, piece, look)
    else:
        look.saw(piece.place, "data")
        tell_hidden(reader, (0, reader.size), piece, look)
    return True


def _by_structure(reader: Reader, piece: Piece, look: Look) -> None:
    """Formats without a magic number of their own."""
    if is_safetensors(reader):
        look.saw(piece.place, "safetensors")
        judge_safetensors(reader, piece, look)
        return
    if is_text(reader):
        judge_text(reader, piece, look)
        return
    kind = protobuf_kind(reader)
    if kind is not None:
        judge_protobuf(kind, reader, piece, look)
        return
    tell_hidden(reader, (0, reader.size), piece, look)
    look.unrecognised(piece.place, "it is of no format that is known here")
