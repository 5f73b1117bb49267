"""What the guard did, as it is kept and told: never the secret itself."""

from dataclasses import dataclass
from typing import Literal

Concern = Literal["traffic", "tool", "egress", "credential", "task", "package", "console"]
"""Where it happened: model traffic, a tool call, a connection of a task, a sentinel, a task, a
package of an index, a page of the console."""

Outcome = Literal["allowed", "changed", "asked", "denied"]
"""What became of it. `changed`: it went on without what was found, or only to some places."""


Direction = Literal["out", "in"]
"""`out`: what a client, a task or a tool call sends; `in`: what comes back to it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was found, as `Finding` may be shown."""

    detector: str
    kind: str
    layers: tuple[str, ...] = ()
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One decision about security. `at` is UTC seconds; `place` is where it happened: a route, a
    tool, a host with its port; `request` the gateway's id of a request; `rule` the rule that
    decided, None where a default did; `words` say what happened to a person, without secrets;
    `direction` is that of what was inspected, None where nothing was."""

    at: float
    concern: Concern
    outcome: Outcome
    words: str
    place: str = ""
    tenant: str | None = None
    key: str | None = None
    task: str | None = None
    request: str | None = None
    rule: str | None = None
    approval: str | None = None
    evidence: tuple[Evidence, ...] = ()
    direction: Direction | None = None
