"""How a person answers what waits for them: why, in whose name, and where it is kept."""

import os
import pwd
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Answering:
    """An answer, but for the answer itself.

    Parameters
    ----------
    note
        Why, for the record.
    as_
        Who decided, where that is not who runs the command.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """

    note: str | None = None
    as_: Annotated[str | None, Parameter(name="--as")] = None
    state: str | None = None

    @property
    def who(self) -> str:
        """Who runs the command, by the system's word; `--as` is told beside it."""
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = f"user {os.getuid()}"
        return user if self.as_ is None else f"{user} (as {self.as_})"


AS_IT_IS = Answering()
"""Without a reason, by whoever runs the command."""
