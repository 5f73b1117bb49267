"""`tollway tools`: serve tools to agents; pin, list, explain and annotate them."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

tools = App(name="tools", help="Serve tools to agents under rules; pin, list and explain them.")

_NO_FLAG = Parameter(negative="")


@tools.default
def serve(
    *,
    fleet: Path = Path("fleet.toml"),
    state: str | None = None,
    until_eof: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Serve the tools of a fleet file by MCP, in the foreground, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    until_eof
        End when standard input does.
    """
    from tollway.cli.tools_serve import serve_tools

    return serve_tools(fleet, state, until_eof)


@tools.command
def pin(
    *,
    fleet: Path = Path("fleet.toml"),
    server: tuple[str, ...] = (),
    check: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Pin what servers say of their tools, and show what differs from what was pinned.

    Parameters
    ----------
    fleet
        The fleet file.
    server
        A server to ask; may be given several times. Default: all of them.
    check
        Write nothing; exit 1 where something differs.
    """
    from tollway.cli.tools_pin import pin_tools

    return pin_tools(fleet, server, check=check)


@tools.command(name="list")
def list_tools(
    *,
    fleet: Path = Path("fleet.toml"),
    tenant: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """List the declared tools: what each does, whether it is pinned, and which rules are about it.

    Parameters
    ----------
    fleet
        The fleet file.
    tenant
        Only what this tenant is offered.
    json
        Print one JSON object.
    """
    from tollway.cli.tools_list import print_tools

    return print_tools(fleet, tenant, json=json)


@tools.command
def explain(
    call: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    fleet: Path = Path("fleet.toml"),
    task_request: str | None = None,
    tenant: str = "",
    after: tuple[str, ...] = (),
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say what a call would get, and why, without making it; exit 1 where it would not just run.

    Parameters
    ----------
    call
        A JSON file, or - for standard input: {"tool": "SERVER__TOOL", "arguments": {...}}.
    fleet
        The fleet file.
    task_request
        What the task's user asked for.
    tenant
        Whose task it would be.
    after
        What the task has met before: untrusted, sensitive. Default: both.
    json
        Print one JSON object.
    """
    from tollway.cli.tools_explain import Asked, print_explanation

    return print_explanation(Asked(call, fleet, task_request, tenant, after), json=json)


@tools.command
def annotate(
    *,
    fleet: Path = Path("fleet.toml"),
    server: tuple[str, ...] = (),
) -> int:
    """Draft what tools do from what their servers say of them, as TOML to read and correct.

    A draft is on the careful side. It is a guess from words: read every line of it.

    Parameters
    ----------
    fleet
        The fleet file.
    server
        A server to ask; may be given several times. Default: all of them.
    """
    from tollway.cli.tools_annotate import print_annotations

    return print_annotations(fleet, server)
