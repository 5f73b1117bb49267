"""What people type: one file a command; printing and exit codes live only here."""

import sys


def main() -> None:
    """The `tollway` command."""
    from tollway.cli.app import run

    sys.exit(run(sys.argv[1:]))
