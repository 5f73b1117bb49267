"""Files that are code, or that make a loader run code, whatever else is right about them.

Rules
1. A name only adds a finding: nothing is let through for its name.
"""

from tollway.pins.weights.look import Look, Piece

_CODE = {
    "py": "Python code",
    "pyw": "Python code",
    "pyi": "Python code",
    "pyx": "Python code",
    "ipynb": "a notebook with code",
    "pyc": "compiled Python",
    "pyd": "a library",
    "so": "a library",
    "dll": "a library",
    "dylib": "a library",
    "exe": "a program",
    "com": "a program",
    "scr": "a program",
    "msi": "an installer",
    "sh": "a script",
    "bash": "a script",
    "zsh": "a script",
    "bat": "a script",
    "cmd": "a script",
    "ps1": "a script",
    "vbs": "a script",
    "js": "a script",
    "mjs": "a script",
    "cjs": "a script",
    "ts": "a script",
    "rb": "a script",
    "pl": "a script",
    "php": "a script",
    "lua": "a script",
    "r": "a script",
    "jar": "a program",
    "class": "a program",
    "lnk": "a shortcut",
    "url": "a shortcut",
    "desktop": "a shortcut",
    "hta": "a program",
    "whl": "a package",
    "egg": "a package",
    "deb": "a package",
    "rpm": "a package",
    "cu": "code",
    "c": "code",
    "cpp": "code",
    "rs": "code",
    "go": "code",
    "html": "a page that may hold scripts",
    "htm": "a page that may hold scripts",
    "svg": "an image that may hold scripts",
}
_NAMES = {
    "sitecustomize.py": "code that Python runs at its start",
    "usercustomize.py": "code that Python runs at its start",
}


def judge_name(piece: Piece, look: Look) -> None:
    name = piece.name.lower().rstrip(". ")
    ending = name.rpartition(".")[2] if "." in name else ""
    # A library's version may follow its ending: libx.so.1
    if ".so." in name:
        ending = "so"
    what = _NAMES.get(name) or _CODE.get(ending)
    if what and not (what == "code" and "!" in piece.place and "/code/" in piece.place):
        look.finding(
            piece.place,
            "code",
            f"is {what}",
            "Take the model without it, or read it and keep it under your own version control.",
        )
