"""Whether what is declared of drift can be done: a payer that exists, models that are served.

Rules
1. A watch that could never look is a fault: somebody believes that it protects them.
"""

from collections.abc import Iterator
from typing import Final

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding
from tollway.units import Seconds

SHORTEST: Final = Seconds(60.0)


def check_drift(declared: Declared) -> Iterator[Finding]:
    """Every fault of drift beyond its own keys."""
    placed = declared.drift
    table = placed.table
    if table is None:
        return
    if table.tenant not in declared.names["tenants"]:
        fault = unknown(table.tenant, declared.names["tenants"], "")
        mend = fault.mend or "Name one of [tenants]."
        yield Finding(placed.document, ("drift", "tenant"), fault.problem, mend)
    if table.every < SHORTEST:
        problem = f"is {table.every:g} s, and a minute is the least"
        yield Finding(placed.document, ("drift", "every"), problem, 'Write "1h".')
    if declared.unsure:
        return
    served = [f"{name}/{it}" for name, one in declared.sources.items() for it in one.table.serves]
    for index, name in enumerate(table.models or ()):
        if name not in served:
            fault = unknown(name, served, "")
            mend = fault.mend or "Write SOURCE/MODEL."
            yield Finding(placed.document, ("drift", "models", index), fault.problem, mend)
