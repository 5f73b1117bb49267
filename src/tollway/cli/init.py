"""`tollway init`: a first fleet file.

Rules
1. Without flags, a terminal is asked; anything else gets the providers whose keys are here.
2. No file is replaced without --force, and what is written passes `tollway check`.
"""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.fleet.parse import parse
from tollway.inspect.demo import demo_fleet_text
from tollway.inspect.firstfile import OwnServer, first_file
from tollway.inspect.newfile import write_new
from tollway.inspect.providers import Provider, provider_table

Ask = Callable[[str, str], str]
"""(question, default) -> answer."""


def init(
    *,
    provider: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    server: str | None = None,
    model: str | None = None,
    demo: Annotated[bool, Parameter(negative="")] = False,
    output: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a first fleet file for the providers whose keys are here.

    Parameters
    ----------
    provider
        A provider to use, whether or not its key is here; may be repeated.
    server
        The URL of an engine of your own with OpenAI's API, as in http://127.0.0.1:8000/v1.
    model
        The model that your engine serves.
    demo
        Write the demonstration of emulated engines, which needs no key.
    output
        Where to write. Default: fleet.toml
    force
        Replace a file that is there.
    """
    known = provider_table().providers
    if not (provider or server or demo) and sys.stdin.isatty():
        provider, server, model, demo, output = interview(known, os.environ, _ask, output)
    path = output or Path("fleet.toml")
    if demo:
        text = demo_fleet_text()
    else:
        own = _own_server(server, model)
        text = _composed(_chosen(known, provider, os.environ, wanted=own is None), own)
    parse({path.name: text}, path.name)
    write_new(path, text, replace=force)
    sys.stdout.write(f"{path}\n")
    named = shlex.quote(str(path))
    sys.stderr.write(f"Wrote {path}. Next: tollway check {named} && tollway up {named}\n")
    return 0


def _composed(chosen: Sequence[Provider], server: OwnServer | None) -> str:
    return first_file(chosen, server, provider_table().taken, datetime.now(UTC).date())


def _chosen(
    known: Sequence[Provider], names: Sequence[str], environ: Mapping[str, str], *, wanted: bool
) -> list[Provider]:
    """The providers named, else those whose keys are here; one at least where `wanted`."""
    by_name = {provider.name: provider for provider in known}
    faults = [unknown(name, by_name, "--provider") for name in names if name not in by_name]
    if faults:
        raise FaultsFound(faults)
    if names or not wanted:
        return [by_name[name] for name in dict.fromkeys(names)]
    found = [provider for provider in known if environ.get(provider.variable)]
    if not found:
        raise TollwayError(
            f"tollway init: found no key of a provider ({known[0].variable} and the like). "
            "Export one, or give --provider NAME, --server URL --model NAME, or --demo."
        )
    return found


def _own_server(url: str | None, model: str | None) -> OwnServer | None:
    if url is None and model is None:
        return None
    if url is None:
        fault = Fault("--model", "says what an engine of yours serves", "Give --server URL too.")
        raise FaultsFound([fault])
    if model is None:
        fault = Fault("--server", "needs the model that it serves", "Give --model NAME too.")
        raise FaultsFound([fault])
    return OwnServer(url, model)


def _ask(question: str, default: str) -> str:
    sys.stderr.write(f"{question} [{default}] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise KeyboardInterrupt
    return answer.strip() or default


Answers = tuple[tuple[str, ...], str | None, str | None, bool, Path]


def interview(
    known: Sequence[Provider], environ: Mapping[str, str], ask: Ask, output: Path | None
) -> Answers:
    """What the flags would have said: providers, server, model, demo, output."""
    here = [provider.name for provider in known if environ.get(provider.variable)]
    names = ", ".join(provider.name for provider in known)
    written = ask(f"Providers ({names}; keys found are the default)", " ".join(here) or "none")
    chosen = () if written == "none" else tuple(written.replace(",", " ").split())
    url = ask("URL of an engine of your own", "none")
    server = None if url == "none" else url
    model = ask("The model that it serves", "local-model") if server else None
    demo = not chosen and server is None
    if demo and ask("Nothing to serve yet. Write the demo of emulated engines?", "yes") != "yes":
        raise TollwayError("tollway init: nothing to write. Name a provider or an engine.")
    path = output or Path(ask("Write to", "fleet.toml"))
    return chosen, server, model, demo, path
