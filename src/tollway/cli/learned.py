"""What the user's own sources have taught: constants of their own, and which predictions are stale.

Rules
1. A ledger that cannot be read stops no rehearsal; that nobody knows what is stale is said.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tollway.cli.calibrated import Calibrated, read_calibrated
from tollway.engine.fitted import Constants
from tollway.errors import TollwayError
from tollway.ledger.state import ledger_path
from tollway.simulator.scores import Claim, Learned, Stale, Trio, disproved

if TYPE_CHECKING:
    from tollway.simulator.supply import Pool

EPOCH = date(1970, 1, 1)
DAY = 86_400


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
    """What the ledger in the state folder has shown to be stale (rule 1)."""
    path = ledger_path(None, state, os.environ)
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


def stale_words(one: Stale) -> str:
    """What makes it stale, in a sentence."""
    last = one.last
    ratios = " and ".join(
        f"{name.upper()} x{ratio:.2f}" for name, ratio in sorted(one.seen.items())
    )
    return (
        f"{last.claim.model} on {last.claim.chip} is stale: on {listed_days(one.days)} "
        f"{last.source} had {ratios} of what was predicted, outside the 80% interval. "
        "`tollway twin` says more, and how to mend it."
    )


def listed_days(days: Sequence[int]) -> str:
    """`2026-11-20 and 2026-11-21`."""
    words = [day_words(day) for day in days]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def day_words(day: int) -> str:
    """`2026-11-20`."""
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days
