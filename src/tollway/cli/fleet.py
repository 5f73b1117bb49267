"""`tollway fleet`: what a fleet file says, and what it may say."""

import json as json_text
import sys
import tomllib
from datetime import date
from pathlib import Path

from cyclopts import App

from tollway.fleet.reference import json_schema
from tollway.fleet.reference import markdown as reference_page
from tollway.fleet.render import render
from tollway.inspect.fleetfile import read_fleet

fleet = App(
    name="fleet",
    help="Show a fleet file as Tollway reads it, or the schema of fleet files.",
    help_format="plaintext",
)


@fleet.command
def show(file: Path = Path("fleet.toml"), /, *, json: bool = False) -> int:
    """Print a fleet file as one file, includes taken in and every default written out.

    What is printed is a fleet file again.

    Parameters
    ----------
    file
        The fleet file.
    json
        Print the same as JSON.
    """
    declared = read_fleet(file)
    text = render(declared)
    if json:
        tables = {"digest": declared.digest, **tomllib.loads(text)}
        sys.stdout.write(json_text.dumps(tables, indent=2, default=_day, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"# {file}, digest {declared.digest}\n{text}")
    return 0


@fleet.command
def schema(*, markdown: bool = False) -> int:
    """Print the JSON Schema of fleet files, for editors.

    Parameters
    ----------
    markdown
        Print the reference page instead.
    """
    if markdown:
        sys.stdout.write(reference_page())
    else:
        sys.stdout.write(json_text.dumps(json_schema(), indent=2) + "\n")
    return 0


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
