"""One thing that this machine must have for a tier, and whether it has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is what was looked at, `words` what was found, `mend` what to do where not `ok`.

    `package` is the Debian package that brings it, empty where none does. A check that is not
    `needed` tells of something weaker, without which the tier still runs.
    """

    name: str
    ok: bool
    words: str
    mend: str = ""
    package: str = ""
    needed: bool = True
