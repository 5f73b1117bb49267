"""Which ledger and which state folder a command goes by: the options of several commands."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.ledger.state import ledger_path, state_folder


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where the ledger and the state are.

    Parameters
    ----------
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """

    ledger: str | None = None
    state: str | None = None
    json: Annotated[bool, Parameter(negative="")] = False

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return ledger_path(self.ledger, self.state, os.environ)

    @property
    def folder(self) -> Path:
        """The state folder."""
        return state_folder(self.state, os.environ)
