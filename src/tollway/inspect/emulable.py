"""Whether what a fleet wants emulated can be: every model fits on its chips and divides over them.

Rules
1. What cannot be judged because of another fault is left out: an unknown chip, an unreadable tp.
"""

from collections.abc import Iterator

from tollway.errors import TollwayError
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.schema import EmulatedTable


def check_emulated(declared: Declared) -> Iterator[Finding]:
    """What each emulated source asks for and cannot be, by the arithmetic of the engine model."""
    for name, placed in declared.sources.items():
        table = placed.table
        if not isinstance(table, EmulatedTable) or (name,) in declared.blurred:
            continue
        for model, serving in table.serves.items():
            if (name, model) in declared.blurred:
                continue
            problem = _why_not(model, table, serving.precision, serving.context)
            if problem:
                said, _, mend = problem.rpartition(". ")
                path: Path = ("sources", name, "serves", model)
                words = f"cannot be emulated: {said or mend}"
                yield Finding(placed.document, path, words, mend if said else "")


def _why_not(
    model: str, table: EmulatedTable, precision: str | None, context: int | None
) -> str | None:
    # Imported here: most fleets emulate nothing.
    from tollway.catalog import chip, chip_names, model_names
    from tollway.catalog import model as shape_of
    from tollway.engine import EngineSettings, deploy

    if model not in model_names() or table.chip not in chip_names():
        return None  # said already
    settings = EngineSettings(precision=precision, context=context)
    try:
        deploy(shape_of(model), chip(table.chip), table.tp, settings)
    except TollwayError as error:
        return str(error)
    return None
