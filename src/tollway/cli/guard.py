"""What may pass: try the guard on a file, list its detectors, register documents."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

guard = App(
    name="guard",
    help="Say what of a text may pass, which detectors there are, and register documents.",
)

_NO_FLAG = Parameter(negative="")


@guard.command(name="test")
def try_text(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    fleet: Path | None = None,
    tenant: str | None = None,
    route: str | None = None,
    direction: Literal["out", "in"] = "out",
    label: tuple[str, ...] = (),
    fingerprints: Path | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say what fires in a file, through which layers, and what would be done; exit 1 if any does.

    Parameters
    ----------
    file
        The file, or - for standard input.
    fleet
        A fleet file, for its rules and terms. Default: every detector, and no rules.
    tenant
        Whose request it would be.
    route
        What it would ask for.
    direction
        out to a source, or in from one.
    label
        A label of the source that it would go to; may be given several times.
    fingerprints
        Fingerprints of registered documents. Default: those that the fleet file names.
    state
        The state folder, which keeps the salt. Default: $TOLLWAY_STATE, else .tollway here, else
        the user's.
    json
        Print one JSON object.
    """
    from tollway.cli.guard_report import Question, print_test

    question = Question(file, fleet, tenant, route, direction, label, fingerprints, state)
    return print_test(question, json=json)


@guard.command
def detectors(*, json: Annotated[bool, _NO_FLAG] = False) -> int:
    """List the detectors that ship, with the source of each format.

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from tollway.cli.guard_report import print_detectors

    return print_detectors(json=json)


@guard.command
def fingerprint(
    *file: Path,
    out: Path,
    state: str | None = None,
) -> int:
    """Register documents, so that a verbatim leak of one is found, also in part.

    What is written tells nothing of the documents to who lacks the installation's salt.

    Parameters
    ----------
    file
        Documents, as text.
    out
        Where the fingerprints are kept; documents registered there before stay.
    state
        The state folder, which keeps the salt. Default: $TOLLWAY_STATE, else .tollway here, else
        the user's.
    """
    from tollway.cli.guard_fingerprint import write_fingerprints

    return write_fingerprints(file, out, state)
