"""A plan's page of the hand-worked plan, with everything that may be asked of it."""

from datetime import date
from fractions import Fraction

from planner_plans import ANSWER, INSTANCE

from tollway.planner.decisions import Dated
from tollway.planner.overview import overview
from tollway.planner.portability import Port
from tollway.planner.program.answer import Between
from tollway.planner.program.answers import FrontierPoint, Worth
from tollway.web.plan_shown import Shown

USD = 10**12
FRONTIER = tuple(
    FrontierPoint(
        Fraction(weight, 10),
        ANSWER,
        Fraction(expected * 1000 * USD),
        Fraction(cvar * 1000 * USD),
        Fraction(0),
        Fraction(slack * 1000 * USD),
    )
    for weight, expected, cvar, slack in ((0, 4400, 6500, 60), (3, 4500, 6000, 50))
)
WORTH = Worth("beta gives notice", Between(Fraction(0), Fraction(50_000 * USD)), None)
DATED = Dated(date(2027, 3, 31), "decide", "Give notice by 2027-03-31 & be out.")


def shown() -> Shown:
    return Shown(
        fleet='fleet <"1">.toml',
        made=date(2026, 11, 22),
        instance=INSTANCE,
        answer=ANSWER,
        overview=overview(INSTANCE, ANSWER),
        frontier=FRONTIER,
        prices=(WORTH,),
        exits=(WORTH,),
        dates=(("lease", DATED),),
        ports=(Port("m", "rocm", 6, declared=False),),
        notes=("api declares no quota: it is taken to be without bound.",),
        digest="ab" * 32,
    )
