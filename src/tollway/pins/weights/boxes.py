"""Archives and packed files: what lies in them is looked at as a thing of its own.

Rules
1. What an archive is (torch's, Keras's, numpy's, TorchScript's) is told by what it holds.
2. Torch's storages are raw bytes by their place beside a `data.pkl`; everything else must be
   something that is known.
"""

import re
import zlib

from tollway.pins.weights.archives.tars import is_tar, read_tar
from tollway.pins.weights.archives.torchtar import is_torch_tar, judge_torch_tar
from tollway.pins.weights.archives.unpack import inflate, unpack
from tollway.pins.weights.archives.zips import Entry, is_zip, read_zip
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.magic import kind_of
from tollway.pins.weights.pickles.judge import is_pickle, tell_hidden
from tollway.pins.weights.reader import Held, Reader, Unreadable, Window

_STORAGE = re.compile(r"(?P<root>(?:[^/]+/)?)(?:data|tensors|constants|xl_model_weights)/\d+")
_MOST_CHECKED = 64 << 20  # bytes of an entry whose CRC is computed
# Two or three bytes say too little among random ones.
_SAFE_KINDS = (None, "zlib", "lzma", "compiled Python", "a Windows program", "a script", "image")


def judge_zip(reader: Reader, piece: Piece, look: Look, polyglot: bool) -> None:
    if polyglot:
        look.finding(piece.place, "polyglot", "is another format and a zip at once")
    entries = read_zip(reader, piece, look)
    if entries is None:
        tell_hidden(reader, (0, reader.size), piece, look)
        return
    names = {it.name for it in entries}
    pickled = {it.rpartition("data.pkl")[0] for it in names if it.endswith("data.pkl")}
    _whole(names, piece, look)
    for entry in entries:
        if entry.folder and entry.size == 0:
            continue
        if entry.link:
            look.finding(piece.place, "archive-link", f"holds a link: {entry.name}")
        elif entry.encrypted:
            look.unread(f"{piece.place}!{entry.name}", "it is encrypted")
        elif _is_storage(entry, pickled):
            _storage(reader, entry, piece, look)
        else:
            _queue(reader, entry, piece, look)


def _whole(names: set[str], piece: Piece, look: Look) -> None:
    """What the archive is as a whole, where that is more than its parts (rule 1)."""
    parts = {it.rpartition("/")[2] for it in names}
    if {"config.json", "metadata.json"} <= parts and "model.weights.h5" in parts:
        look.saw(piece.place, "keras")
    if "constants.pkl" in parts or any("/code/" in f"/{it}" for it in names):
        scripted = look.saw(piece.place, "torchscript")
        if not scripted:
            look.finding(piece.place, "code", "is TorchScript: code that runs when it is loaded")
    if "schema.json" in parts and any(it.endswith(".npy") for it in parts):
        look.saw(piece.place, "skops")


def _is_storage(entry: Entry, pickled: set[str]) -> bool:
    found = _STORAGE.fullmatch(entry.name)
    return found is not None and found["root"] in pickled


def _storage(reader: Reader, entry: Entry, piece: Piece, look: Look) -> None:
    """Raw bytes of tensors. They are looked into: a loader of another kind might be sent here."""
    if entry.method != 0:
        data: Reader = Held(_unpacked(reader, entry, look))
    else:
        data = Window(reader, entry.start, entry.packed)
    place = f"{piece.place}!{entry.name}"
    inner = Piece(place, lambda: data, piece.depth + 1)
    if data.size and is_pickle(data) and data.read(0, 1) == b"\x80":
        tell_hidden(data, (0, data.size), inner, look)
    elif kind_of(data) not in _SAFE_KINDS or is_zip(data) or is_tar(data):
        look.inside(piece, entry.name, lambda: data)
        return
    tell_hidden(data, (0, data.size), inner, look)


def _queue(reader: Reader, entry: Entry, piece: Piece, look: Look) -> None:
    def open_() -> Reader:
        if entry.method == 0:
            if entry.packed != entry.size:
                look.finding(piece.place, "archive-differs", f"says two sizes of {entry.name}")
            data: Reader = Window(reader, entry.start, entry.packed)
        else:
            data = Held(_unpacked(reader, entry, look))
        if data.size <= _MOST_CHECKED:
            crc = zlib.crc32(data.read(0, data.size))
            if crc != entry.crc:
                look.finding(piece.place, "archive-crc", f"has a wrong CRC for {entry.name}")
        return data

    look.inside(piece, entry.name, open_)


def _unpacked(reader: Reader, entry: Entry, look: Look) -> bytes:
    packed = Window(reader, entry.start, entry.packed)
    return inflate(packed, entry.method, entry.size, look.budget)


def judge_tar(reader: Reader, piece: Piece, look: Look) -> None:
    members = read_tar(reader, piece, look)
    names = {it.name.removeprefix("./") for it in members}
    if any(it.endswith((".yaml", ".yml")) for it in names) and any(
        it.endswith((".ckpt", ".pt", ".nemo")) for it in names
    ):
        look.saw(piece.place, "nemo")
    if is_torch_tar(names):
        judge_torch_tar(reader, members, piece, look)
        return
    for it in members:
        look.within(piece, it.name.removeprefix("./"), reader, (it.start, it.size))


def judge_packed(kind: str, reader: Reader, piece: Piece, look: Look) -> bool:
    """A packed file; False where it only looked like one and is to be judged otherwise."""
    try:
        data, behind = unpack(reader, kind, look.budget)
    except Unreadable as error:
        if kind in ("zlib", "lzma") and reader.read(0, 1 << 16).strip(b"\0"):
            # Two bytes say little: what does not unpack at all is judged as what else it may be.
            look.unread(piece.place, str(error))
            return False
        look.unread(piece.place, str(error))
        tell_hidden(reader, (0, reader.size), piece, look)
        return True
    if behind:
        look.finding(piece.place, "trailing", f"has {behind:,} bytes behind its packed ones")
        start = reader.size - behind
        tell_hidden(reader, (start, behind), piece, look)
    look.bytes_within(piece, kind, data)
    return True
