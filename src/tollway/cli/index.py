"""`tollway index`: serve packages to sandboxes, developers and CI; decide on what is held."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tollway.cli.answering import AS_IT_IS, Answering

index = App(name="index", help="Serve packages under rules, and decide on what is held.")

_NO_FLAG = Parameter(negative="")


@index.command
def serve(
    *,
    fleet: Path = Path("fleet.toml"),
    state: str | None = None,
    until_eof: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Serve the index of a fleet file to pip, uv and npm, in the foreground, until SIGTERM or
    Ctrl-C. `tollway serve` runs it where the fleet file has [index].

    Parameters
    ----------
    fleet
        The fleet file.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    until_eof
        End when standard input does.
    """
    from tollway.cli.index_serve import serve_index

    return serve_index(fleet, state, until_eof)


@index.command
def queue(
    *,
    every: Annotated[bool, _NO_FLAG] = False,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Show the releases that somebody asked for and that wait for a person, with the reasons.

    Parameters
    ----------
    every
        Also what was answered, and by whom.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print a JSON list.
    """
    from tollway.cli.index_queue import show_queue

    return show_queue(state, every=every, json=json)


@index.command
def approve(
    release: str,
    /,
    *,
    fleet: Path = Path("fleet.toml"),
    answering: Answering = AS_IT_IS,
) -> int:
    """Have exactly these files served: those of a release that waits, or of one that its index
    offers now.

    Parameters
    ----------
    release
        NAME or NAME@VERSION, as the queue shows it; pypi: or npm: before it where both have it.
    fleet
        The fleet file, which is asked where the queue does not have the release.
    """
    from tollway.cli.index_queue import approve_release

    return approve_release(release, fleet, answering)


@index.command
def deny(
    release: str,
    /,
    *,
    answering: Answering = AS_IT_IS,
) -> int:
    """Say no to a release that waits, or take its approval back.

    Parameters
    ----------
    release
        NAME or NAME@VERSION, as the queue shows it; pypi: or npm: before it where both have it.
    """
    from tollway.cli.index_queue import deny_release

    return deny_release(release, answering)


@index.command
def check(
    *,
    fleet: Path = Path("fleet.toml"),
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Ask the indexes whether what is locked is still there, with the same bytes and publishers;
    exit 1 where something is wrong, 3 where something could not be asked.

    Parameters
    ----------
    fleet
        The fleet file, whose index.lock is looked at.
    json
        Print one JSON object.
    """
    from tollway.cli.index_check import check_lock

    return check_lock(fleet, json=json)
