"""Writes a plan back as a fleet file."""

from pathlib import Path

from tollway.cli.plan_options import Known
from tollway.cli.plan_problem import speeds_of
from tollway.errors import TollwayError
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.inspect.fleetfile import read_documents
from tollway.planner.enacted import enacted, when_all_serves
from tollway.planner.enacted_text import as_toml
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Plan


def check_files(fleet: Path, write: Path | None, report: Path | None) -> None:
    """Before anything is solved: whether the answer can be written, and over nothing declared.

    Raises:
        TollwayError: it cannot.
    """
    if write is not None and write.exists() and _is_of(fleet, write):
        raise TollwayError(f"--write {write} is what the plan is made from. Name another file.")
    for option, file in (("--write", write), ("--report", report)):
        if file is not None and not file.absolute().parent.is_dir():
            raise TollwayError(f"{option} {file}: there is no such folder. Name another file.")


def _is_of(fleet: Path, file: Path) -> bool:
    """Whether `file` is the fleet file, or one beside it that it may include."""
    if file.samefile(fleet):
        return True
    documents = read_documents(fleet)
    return any(
        (fleet.parent / name).exists() and file.samefile(fleet.parent / name) for name in documents
    )


def write_fleet(
    file: Path, fleet: Fleet, made: str, problem: Problem, plan: Plan, known: Known
) -> str:
    """Write the fleet as it is once all that is signed now serves, whole or not at all, and return
    a sentence on it. `made` is the name of the file that it is made from.

    Raises:
        TollwayError: the file cannot be written.
    """
    at = when_all_serves(problem.instance, plan)
    found = enacted(fleet, problem, plan, speeds_of(known), at)
    text = as_toml(found, made)
    parse({file.name: text}, file.name)
    beside = file.with_name(f".{file.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise TollwayError(f"--write {file}: {why}. Name another file.") from None
    return f"{file} is the fleet as planned, on {found.on}."
