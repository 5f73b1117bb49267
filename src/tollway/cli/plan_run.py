"""Makes a plan: with progress, and on Ctrl-C with the best one so far.

Rules
1. The first Ctrl-C ends the search that runs, and keeps its plan; a second one does not wait.
2. What a thing costs is looked for in turn, each as long as the plan itself took, or its share of
   the time: why we sign, then contingencies, the longest notice last, then our own exits. What
   there is no time for is left out, and counted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tollway.cli.stopping import Stoppable, stopping
from tollway.errors import TollwayError
from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.answers import (
    Reason,
    Solve,
    Worth,
    contingency_prices,
    exits_worth,
    signed_now,
    signing_reasons,
)
from tollway.planner.program.instance import Instance
from tollway.planner.program.solve import Options, Progress, solve

LEAST = 2.0
"""Seconds in which a question is worth asking."""


@dataclass(slots=True)
class Answers:
    """What was found beside the plan; `left` is how many questions there was no time for."""

    reasons: list[Reason] = field(default_factory=list[Reason])
    contingencies: list[Worth] = field(default_factory=list[Worth])
    exits: list[Worth] = field(default_factory=list[Worth])
    left: int = 0


class Watch(Stoppable):
    """Whether to go on, and how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self.what = "plan"

    def __call__(self, at: Progress) -> bool:
        """Say where the solver stands; False once stopped."""
        self.say(lambda: f"{self.what}: {words(at)}")
        return not self.stopped


def words(at: Progress) -> str:
    """`12 s, first year, $351.3M, at most 0.9% from the best`."""
    parts = [f"{at.seconds:.0f} s", at.phase]
    if at.objective is not None:
        parts.append(f"${at.objective / 1e6:,.1f}M")
    if at.gap is not None:
        parts.append(f"at most {at.gap:.1%} from the best")
    elif at.objective is None:
        parts.append("no plan yet")
    return ", ".join(parts)


def watching() -> AbstractContextManager[Watch]:
    """Within this context Ctrl-C stops politely."""
    return stopping(Watch())


def planned(instance: Instance, options: Options, on: Watch) -> Answer | Conflict:
    """The plan, or why there is none."""
    return solve(instance, options, on, time.monotonic)


def answered(instance: Instance, base: Answer, options: Options, on: Watch) -> Answers:
    """Why, and at what price (rule 2)."""
    found = Answers()
    asked = list(_questions(instance, base, found))
    deadline = time.monotonic() + options.seconds
    for done, (what, ask, solves) in enumerate(asked):
        left = deadline - time.monotonic()
        share = left / sum(count for _, _, count in asked[done:])
        if on.stopped or left < LEAST:
            found.left += len(asked) - done
            break
        on.what = what
        # What took the plan so long to prove takes its variants about as long: rather some answers
        # than many attempts.
        seconds = min(left / solves, max(LEAST, share, base.seconds))
        try:
            ask(solver(Options(options.gap, seconds, options.threads), on))
        except TollwayError:  # no plan within its time: the question stays open
            found.left += 1
    return found


Question = tuple[str, Callable[[Solve], None], int]
"""What it is called, how it is asked, and how many problems that solves."""


def _questions(instance: Instance, base: Answer, into: Answers) -> Iterator[Question]:
    if signed_now(instance, base.plan):
        yield (
            "why we sign",
            lambda by: into.reasons.extend(signing_reasons(instance, base, by)),
            2 * len(signed_now(instance, base.plan)),
        )
    for one in sorted(instance.contingencies, key=lambda it: it.notice_days):

        def price(by: Solve, name: str = one.name) -> None:
            into.contingencies.extend(contingency_prices(instance, base, by, (name,)))

        yield f"without: {one.name}", price, 1
    for offer in instance.offers:
        if not offer.exits or offer.kind == "build":
            continue

        def worth(by: Solve, name: str = offer.name) -> None:
            into.exits.extend(exits_worth(instance, base, by, (name,)))

        yield f"without notice to {offer.name}", worth, 1


def solver(options: Options, on: Watch) -> Solve:
    """What a thing is worth is the difference of two bounds: all lumps are whole in them."""
    whole = replace(options, integers="all")
    return lambda instance: solve(instance, whole, on, time.monotonic)
