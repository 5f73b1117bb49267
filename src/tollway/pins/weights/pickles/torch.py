"""Torch's own layouts around a pickle: storages by persistent ids, and the legacy file.

Rules
1. A persistent id is a storage: ("storage", its class, a key, a location, a count and a view).
   Every other is a finding.
2. A legacy file is: the magic number, the protocol, facts of the machine, the object, the keys of
   its storages, and for each key a count and its elements. Nothing lies behind them.
Source: torch/serialization.py, 1.0 to 2.8.
"""

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.values import Items, Name, Persistent
from tollway.pins.weights.reader import Reader

MAGIC = 0x1950A86A20F9469CFC6C
_BYTES = {
    "Float": 4,
    "Double": 8,
    "Half": 2,
    "BFloat16": 2,
    "Long": 8,
    "Int": 4,
    "Short": 2,
    "Char": 1,
    "Byte": 1,
    "Bool": 1,
    "ComplexFloat": 8,
    "ComplexDouble": 16,
    "QUInt8": 1,
    "QInt8": 1,
    "QInt32": 4,
    "QUInt4x2": 1,
    "QUInt2x4": 1,
    "Untyped": 1,
}


def wrong_id(it: object) -> str | None:
    """What is wrong with a persistent id (rule 1), as a clause."""
    if isinstance(it, Persistent):
        it = it.id
    if is_tuple(it) and len(it) in (5, 6) and it[0] == "storage":
        kind, key, location, count = it[1:5]
        if (
            isinstance(kind, Name)
            and kind.module in ("torch", "torch.cuda", "torch.storage")
            and isinstance(key, str | int)
            and isinstance(location, str)
            and isinstance(count, int)
            and count >= 0
        ):
            return None
    if is_tuple(it) and len(it) == 4 and it[0] == "module" and isinstance(it[1], Name):
        return None
    return "asks its loader for an object by an id that is no storage's"


def storages(runs: list[Run]) -> dict[str, int]:
    """Bytes of each storage, by its key."""
    sizes: dict[str, int] = {}
    for run in runs:
        for it in run.persistent:
            if wrong_id(it) is None and is_tuple(it) and it[0] == "storage":
                sizes[str(it[2])] = int(str(it[4])) * (bytes_of(it[1]) or 1)
    return sizes


def bytes_of(kind: object) -> int | None:
    """Bytes of an element of a storage class."""
    name = getattr(kind, "name", "") if isinstance(kind, Name) else ""
    return _BYTES.get(name.removesuffix("Storage").lstrip("_"))


def is_magic(value: object) -> bool:
    return isinstance(value, int) and value == MAGIC


def end_of_storages(reader: Reader, runs: list[Run], start: int) -> int | None:
    """Where the storages behind a legacy file's pickles end; None where they do not fit."""
    keys = runs[-1].value
    sizes = storages(runs)
    if not isinstance(keys, Items) or keys.kind != "list":
        return None
    at = start
    for key in keys.held:
        size = sizes.get(str(key))
        if size is None or len(reader.read(at, 8)) < 8:
            return None
        at += 8 + size
        if at > reader.size:
            return None
    return at
