"""`tollway import`: another gateway's configuration as a fleet file.

Rules
1. What is written passes `tollway check`; what is not carried as it stands is said, line by line.
2. No key is printed or written.
"""

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tollway.cli.table import printable
from tollway.errors import Fault, FaultsFound

if TYPE_CHECKING:
    from tollway.inspect.litellm.convert import Imported

imports = App(
    name="import",
    help="Write a fleet file from another gateway's configuration: LiteLLM's.",
    help_format="plaintext",
)

_LARGEST = 16 * 2**20


@imports.command
def litellm(
    config: Path,
    /,
    *,
    out: Path = Path("fleet.toml"),
    teams: Path | None = None,
    keys: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a fleet file from LiteLLM's config.yaml, and say line by line what it could not carry.

    Models, prices, weights, fallbacks, aliases, times, breakers, teams and budgets are carried. A
    key in plain text is not: the fleet file names a variable, and you are told which.

    Parameters
    ----------
    config
        LiteLLM's config.yaml.
    out
        Where to write.
    teams
        An export of teams (the JSON that LiteLLM's /team/list answers), for tenants.
    keys
        An export of keys (/key/list with return_full_object), for commands that make them anew.
    force
        Replace a file that is there.
    json
        Print one JSON object with the notes.
    """
    from tollway.inspect.litellm.convert import Given, convert
    from tollway.inspect.newfile import write_new

    given = Given(
        config=(_read(config), config.name),
        teams=None if teams is None else (_read(teams), teams.name),
        keys=None if keys is None else (_read(keys), keys.name),
        environ=os.environ,
        today=datetime.now(UTC).date(),
    )
    made = convert(given)
    write_new(out, made.text, replace=force)
    if json:
        _print_json(out, made)
    else:
        sys.stdout.write(f"{out}\n")
        _say(out, made)
    return 0


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        if len(data) <= _LARGEST:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FaultsFound([Fault(str(path), "is not UTF-8", "Save the file as UTF-8.")]) from None
    raise FaultsFound([Fault(str(path), "is larger than 16 MiB", "Name a configuration.")])


def _say(out: Path, made: "Imported") -> None:
    lines = [printable(str(note)) for note in made.notes]
    lines.append(
        f"Wrote {out}: {made.carried} of {made.listed} deployments; {len(made.notes)} lines are "
        "not carried as they stand."
    )
    if made.unpriced:
        names = ", ".join(made.unpriced[:5]) + (", ..." if len(made.unpriced) > 5 else "")
        lines.append(f"No price stands there for {names}: tollway prices update {_quoted(out)}")
    if made.keys:
        lines += ["LiteLLM keeps no key that could be carried. Make them anew:", *made.keys]
    lines.append(f"Next: tollway check {_quoted(out)} && tollway up {_quoted(out)}")
    sys.stderr.write("\n".join(lines) + "\n")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _print_json(out: Path, made: "Imported") -> None:
    import json

    whole = {
        "out": str(out),
        "carried": made.carried,
        "listed": made.listed,
        "notes": [
            {"file": it.file, "line": it.line, "key": it.key, "why": it.why} for it in made.notes
        ],
        "unpriced": made.unpriced,
        "keys": made.keys,
    }
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")
