"""What the user's own sources have taught: constants of their own, and which predictions are stale.

Rules
1. A ledger that cannot be read stops no rehearsal; that nobody knows what is stale is said.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tollway.cli.calibrated import Calibrated, read_calibrated
from tollway.engine.fitted import Constants
from tollway.errors import TollwayError
from tollway.ledger.state import ledger_path
from tollway.simulator.scores import Claim, Learned, Stale, Trio, disproved
from tollway.simulator.scores_told import stale_words

if TYPE_CHECKING:
    from tollway.simulator.supply import Pool

EPOCH = date(1970, 1, 1)


def calibrations(paths: Sequence[Path]) -> dict[Trio, Calibrated]:
    """Each calibration by its model, chip and engine.

    Raises:
        TollwayError: a file is none, or two are of the same.
    """
    found: dict[Trio, Calibrated] = {}
    for path in paths:
        one = read_calibrated(path)
        other = found.setdefault((one.model, one.chip, one.framework), one)
        if other is not one:
            raise TollwayError(
                f"{other.path} and {path} are both of {one.model} on {one.chip} under "
                f"{one.framework}. Hand in one of them."
            )
    return found


def constants_by(found: Mapping[Trio, Calibrated]) -> dict[Trio, Constants]:
    """Their constants."""
    return {trio: one.constants for trio, one in found.items()}


def stale_here(state: str | None) -> dict[Claim, Stale]:
    """What the ledger in the state folder has shown to be stale."""
    return stale_in(ledger_path(None, state, os.environ))


def stale_in(path: Path) -> dict[Claim, Stale]:
    """What this ledger has shown to be stale (rule 1)."""
    if not path.is_file():
        return {}
    from tollway.ledger.scores import read_scores  # a fifth of what `tollway predict` takes

    try:
        return disproved(read_scores(path))
    except (TollwayError, PermissionError) as error:
        sys.stderr.write(f"warning: whether a speed is stale is not known: {error}\n")
        return {}


def learned_of(paths: Sequence[Path], state: str | None) -> tuple[Learned, dict[Claim, Stale]]:
    """What the user's own sources have taught, and how it showed."""
    found = stale_here(state)
    seen = {claim: one.seen for claim, one in found.items()}
    return Learned(constants_by(calibrations(paths)), seen), found


def stale_notes(pools: "Iterable[Pool]", found: dict[Claim, Stale]) -> list[str]:
    """A sentence for each stale pace that these pools have."""
    from tollway.simulator.supply import EnginePool

    claims = dict.fromkeys(pool.claim for pool in pools if isinstance(pool, EnginePool))
    return [stale_words(found[claim]) for claim in claims if claim in found]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days
