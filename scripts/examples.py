"""Runs the examples of guides and writes what they print into them; `--check` only compares.

Rules
1. In a `console` block a line that begins with `$ ` is run, and what follows is what it printed, to
   standard output and then to standard error. The lines of one page share a folder.
2. A block `toml file=NAME` (or json) is a file in that folder.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
NAMES = ("audit.md", "choose.md", "contracts.md", "feel.md", "plan.md", "predict.md", "rehearse.md")
PAGES = tuple(ROOT / "docs" / "guides" / page for page in NAMES)
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r" file=(\S+)")


def rewritten(page: Path) -> str:
    """The page with its examples as they print now."""
    with TemporaryDirectory() as name:
        folder = Path(name)

        def anew(found: re.Match[str]) -> str:
            info, body = found[1], found[2]
            named = FILE.search(info)
            if named is not None:
                path = folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(body)
            if info != "console":
                return found[0]
            return f"```console\n{_printed(body, folder)}```"

        return FENCE.sub(anew, page.read_text())


def _printed(body: str, folder: Path) -> str:
    commands: list[str] = []
    for line in body.splitlines():
        goes_on = bool(commands) and commands[-1].endswith("\\")
        if line.startswith("$ ") or goes_on:
            commands = [*commands[:-1], f"{commands[-1]}\n{line}"] if goes_on else [*commands, line]
    return "\n".join(f"{command}\n{_run(command[2:], folder)}" for command in commands)


def _run(command: str, folder: Path) -> str:
    words = shlex.split(command.replace("\\\n", " "))
    if words[0] != "tollway" or "|" in words:
        raise SystemExit(f"only tollway is run in examples, and no shell: {command}")
    done = subprocess.run(  # noqa: S603 - our own documentation
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TOLLWAY_STATE": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


if __name__ == "__main__":
    for page in PAGES:
        text = rewritten(page)
        if "--check" in sys.argv and text != page.read_text():
            sys.exit(f"{page} is stale: run `make docs`")
        page.write_text(text)
