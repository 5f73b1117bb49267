"""What is decided of one request: it goes on, changed or not, or it is refused and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tollway.guard.event import Evidence
from tollway.guard.reach import Wanted
from tollway.guard.reflection import Reflections
from tollway.guard.sentinel import Parts
from tollway.ledger.guarded.tasks import Task

Sort = Literal["rule", "credential", "pending"]
"""What a refusal is about: a rule, a sentinel, or an approval that nobody has answered yet."""


class RefusedError(Exception):
    """A request is refused. `evidence` is what inspection found."""

    def __init__(
        self, status: int, why: str, *, rule: str | None = None, approval: str | None = None,
        sort: Sort = "rule", evidence: tuple[Evidence, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(why)
        self.status = status
        self.rule = rule
        self.approval = approval
        self.sort: Sort = sort
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Asking:
    """One request that is to be judged. `plain` is the body as it is read, decompressed."""

    task: Task
    wanted: Wanted
    parts: Parts
    plain: bytes


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that may go on. `parts` hold the secrets; `used` are the names of those; `rule` let
    it through. `reflections` are searched for in the answer, None where there is nothing to
    search for, and `instead` is what a task sees in their place."""

    parts: Parts
    rule: str | None
    approval: str | None = None
    used: tuple[str, ...] = ()
    reflections: Reflections | None = None
    instead: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
