"""The code of a release as it can be compared with another's: paths without the version."""

import re
from collections.abc import Mapping

from tollway.inspect.packages.artifact import Opened
from tollway.pins.code_difference import File

_VERSIONED = re.compile(r"\A[^/]+?-[^/]+\.(dist-info|data)/")
_CHOICE = ("npm", "wheel", "sdist")


def code_of(opened: Mapping[str, Opened]) -> tuple[str, Mapping[str, File]]:
    """The artifact that is compared, and its files: npm's, else a wheel, else the sdist.

    Of several wheels the first by name: a release's wheels differ in machine code.
    """
    by_kind = sorted(opened.items(), key=lambda it: (_CHOICE.index(it[1].kind), it[0]))
    name, chosen = by_kind[0]
    files: dict[str, File] = {}
    for path, member in chosen.files.items():
        shown = _VERSIONED.sub(r"\1/", path) if chosen.kind == "wheel" else path.partition("/")[2]
        files[shown or path] = File(member.sha256, _text(member.data))
    return name, files


def _text(data: bytes | None) -> str | None:
    if data is None or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
