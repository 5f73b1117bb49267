"""What `tollway plan` may be told besides its fleet file."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from tollway.errors import TollwayError


@Parameter(name="*", group=Group("Another plan than the file's", sort_key=1))
@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is planned otherwise than the fleet file says.

    Parameters
    ----------
    period
        Decide by month or by quarter.
    life
        A life of own chips, by its name in builds.NAME.lives.
    without
        Do not prepare for a contingency, by a name that the answer gives it. Again for more.
    reading
        CONTRACT=READING, for a contract that is read in several ways. Again for more.
    """

    period: Literal["month", "quarter"] | None = None
    life: str | None = None
    without: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    reading: Annotated[tuple[str, ...], Parameter(negative="")] = ()


@Parameter(name="*", group=Group("Asked instead of the plan", sort_key=4))
@dataclass(frozen=True, slots=True)
class Instead:
    """One question about the plan, answered in its place.

    Parameters
    ----------
    lose
        A vendor, or anything that the plan prepares for, gives notice on its first day. Month by
        month what is left, with the TTFT of a rehearsal.
    bridge
        A contract that we may leave: when it stops paying.
    lives
        Lease or own, by the lives of own chips that the builds declare.
    """

    lose: str | None = None
    bridge: str | None = None
    lives: Annotated[bool, Parameter(negative="")] = False

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return self.lose is not None or self.bridge is not None or self.lives

    def checked(self) -> "Instead":
        """Itself.

        Raises:
            TollwayError: two questions at once.
        """
        asked = [self.lose is not None, self.bridge is not None, self.lives]
        if sum(asked) > 1:
            raise TollwayError("--lose, --bridge and --lives are three questions. Ask one.")
        return self


@Parameter(name="*", group=Group("How far to look", sort_key=2))
@dataclass(frozen=True, slots=True)
class Effort:
    """How good a plan has to be, and what it may take.

    Parameters
    ----------
    gap
        Stop once no plan can be better by more than this share.
    time
        Or after this long. Why, and at what price, is looked for as long again.
    threads
        Cores to use.
    quick
        Leave out why, and at what price: the plan alone.
    """

    gap: str = "1%"
    time: str = "60s"
    threads: int = 2
    quick: Annotated[bool, Parameter(negative="")] = False


@Parameter(name="*", group=Group("What is known of speeds and demand", sort_key=3))
@dataclass(frozen=True, slots=True)
class Known:
    """Where speeds and demand are known from.

    Parameters
    ----------
    calibrated
        What `tollway calibrate` wrote from a source's own results. Again for more.
    catalog
        A folder of your own chips and models (*.toml, *.json).
    state
        The state folder, for the ledger and for what is stale. Default: $TOLLWAY_STATE, else
        .tollway here.
    """

    calibrated: Annotated[tuple[Path, ...], Parameter(negative="")] = ()
    catalog: Path | None = None
    state: str | None = None


def share(option: str, text: str) -> Fraction:
    """A share of 1, written as 2% or 0.02.

    Raises:
        TollwayError: it is none.
    """
    try:
        found = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        found = Fraction(-1)
    if not 0 <= found < 1:
        raise TollwayError(f'{option} is "{text}". Write a share: 2%, or 0.02.')
    return found


def pairs(option: str, words: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` words, each name once.

    Raises:
        TollwayError: a word is none.
    """
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value or name in found:
            raise TollwayError(f'{option} is "{word}". Write CONTRACT=READING, each contract once.')
        found[name] = value
    return found
