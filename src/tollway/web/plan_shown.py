"""What a plan's page is made of."""

from dataclasses import dataclass
from datetime import date

from tollway.planner.decisions import Dated
from tollway.planner.overview import Overview
from tollway.planner.portability import Port
from tollway.planner.program.answer import Answer
from tollway.planner.program.answers import FrontierPoint, Worth
from tollway.planner.program.instance import Instance


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan, and what else was asked of it; what was not asked is empty and said to be. `fleet` is
    the fleet file's name; `dates` are what its contracts say by name; `notes` are sentences on what
    was taken for the problem; `signed` says what the plan is signed by (a digest of the fleet)."""

    fleet: str
    made: date
    instance: Instance
    answer: Answer
    overview: Overview
    frontier: tuple[FrontierPoint, ...] = ()
    prices: tuple[Worth, ...] = ()
    exits: tuple[Worth, ...] = ()
    dates: tuple[tuple[str, Dated], ...] = ()
    ports: tuple[Port, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""
