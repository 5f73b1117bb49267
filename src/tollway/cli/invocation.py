"""How the user would type another of our commands, given how this one was typed."""

import os
import shutil
import sys
from pathlib import Path


def this_command(command: str) -> str:
    """`tollway down`, or `.venv/bin/tollway down` where that is what works from here."""
    typed = Path(sys.argv[0])
    if typed.name != "tollway":
        return f"tollway {command}"
    found = shutil.which("tollway")
    if found is not None and Path(found).resolve() == typed.resolve():
        return f"tollway {command}"
    shown = os.path.relpath(typed)
    return f"{typed if shown.startswith('..') else shown} {command}"
