"""How the user would type another of our commands, given how this one was typed."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from tollway.ledger.state import state_folder


def this_command(command: str, folder: Path | None = None) -> str:
    """`tollway down`, or `.venv/bin/tollway down` where that is what works from here; with --state
    where the command is for a state folder that it would not find by itself."""
    if folder is not None and folder != state_folder(None, os.environ):
        command = f"{command} --state {shlex.quote(str(folder))}"
    return f"{_program()} {command}"


def _program() -> str:
    typed = Path(sys.argv[0])
    if typed.name != "tollway":
        return "tollway"
    found = shutil.which("tollway")
    if found is not None and Path(found).resolve() == typed.resolve():
        return "tollway"
    shown = os.path.relpath(typed)
    return shlex.quote(str(typed) if shown.startswith("..") else shown)
