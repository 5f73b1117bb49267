"""Writes docs/reference/cli.md from the commands' own --help; `--check` only compares."""

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from rich.console import Console

from tollway.cli.app import COMMANDS, command_app, help_page

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
WIDTH = 100
HEAD = """\
<!-- Generated from --help by `make docs`; edit the commands' docstrings instead. -->

# Commands

Data goes to standard output and words to standard error. Commands that print data take `--json`.
Exit codes: 0 done, 1 failed, 2 the command line or a file is at fault, 130 interrupted.
"""


def help_of(command: str, *words: str) -> str:
    """What `tollway COMMAND WORDS... --help` prints in a terminal of WIDTH columns."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, no_color=True, force_terminal=False)
    with redirect_stdout(out):
        command_app(command)(
            [command, *words, "--help"], console=console, result_action="return_value"
        )
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


def subcommands(command: str) -> list[str]:
    """The commands of a group; none for a plain command."""
    group = command_app(command)[command]
    return [name for name in group if not name.startswith("-")]


def reference() -> str:
    """The whole page."""
    parts = [HEAD, f"```text\n{help_page().strip()}\n```\n"]
    for command in COMMANDS:
        parts.append(f"## tollway {command}\n\n```text\n{help_of(command)}\n```\n")
        parts += [
            f"### tollway {command} {name}\n\n```text\n{help_of(command, name)}\n```\n"
            for name in subcommands(command)
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == reference() else f"{TARGET} is stale: run `make docs`")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(reference())
