"""A fleet as planned, as the text of a fleet file, with where each part of it comes from."""

import json
from collections.abc import Iterator

from tollway.fleet.findings import place
from tollway.fleet.objects import Fleet
from tollway.fleet.render import render
from tollway.planner.enacted import Enacted, Server

HEAD = (
    "# The fleet as `tollway plan` would have it on {on}, made from {fleet}.\n"
    "# What it says of itself beside a table is the plan's; the rest is as it was declared.\n"
)


def as_toml(found: Enacted, fleet: str) -> str:
    """The whole file. `fleet` is the name of the file that it was made from."""
    said = {_head(path): words for path, words in found.said.items()}
    lines: list[str] = []
    for line in _rendered(found.fleet):
        words = said.get(line)
        if words is not None:
            lines.append(f"# {words}")
        lines.append(line)
    text = HEAD.format(on=found.on, fleet=fleet) + "\n".join(lines)
    return text + "".join("\n\n" + "\n".join(_server(one)) for one in found.servers) + "\n"


def _rendered(fleet: Fleet) -> list[str]:
    return render(fleet).rstrip("\n").split("\n")


def _head(path: tuple[str, ...]) -> str:
    """The line that a table of that path begins with."""
    return f"[{place('', path).removeprefix(': ')}]"


def _server(one: Server) -> Iterator[str]:
    chips = f"{one.replicas * one.tp:,} chips of {one.owner}"
    yield f"# {chips}; their speed is {one.origin}. Write where they answer."
    yield _head(("sources", one.name))
    yield 'kind = "server"'
    yield f'url = "https://{one.name.replace(".", "-")}.invalid/v1"'
    yield f"chip = {json.dumps(one.chip)}"
    yield f"tp = {one.tp}"
    yield f"replicas = {one.replicas}"
    yield f"slots = {one.slots}"
    for name in ("vendor", "region"):
        if name in one.attributes:
            yield f"{name} = {json.dumps(one.attributes[name])}"
    yield ""
    yield _head(("sources", one.name, "serves", one.model))
    if one.precision is not None:
        yield f"precision = {json.dumps(one.precision)}"
    yield f"prepaid = {one.prepaid}"
