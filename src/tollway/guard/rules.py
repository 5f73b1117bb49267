"""What is done with what was found: the first rule that fits decides, and no rule means block.

Rules
1. Of several findings the strictest action holds for the whole text; each finding keeps its own.
2. `uninspected` is fitted only by a rule that names it: "*" does not let through what nobody read.
   It can be allowed, asked about, kept on-prem or blocked; there is nothing in it to redact.
3. A rule for a destination fits only when the destination is known and has one of its labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tollway.fleet.guarding import Action, Direction, GuardRule, GuardSettings
from tollway.guard.finding import Finding

STRICTNESS: tuple[Action, ...] = ("allow", "redact", "tokenise", "on-prem", "ask", "block")
"""From the mildest to the strictest."""

ON_PREM = "on-prem"
"""The label of sources that `on-prem` lets a text go to."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who sends what where. `labels` are the destination's; None while it is not chosen."""

    tenant: str | None
    route: str | None
    direction: Direction
    labels: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done with one finding, and by which rule; None is the default."""

    finding: Finding
    action: Action
    rule: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a text. `action` is the strictest of the verdicts'."""

    action: Action
    verdicts: tuple[Verdict, ...] = ()

    def permits(self, labels: frozenset[str]) -> bool:
        """Whether a source with these labels may be asked now. What is to be redacted may go once
        it was; what is to be asked about may not go before somebody has said yes."""
        if self.action in ("ask", "block"):
            return False
        kept_here = any(one.action == "on-prem" for one in self.verdicts)
        return ON_PREM in labels or not kept_here

    def to_replace(self, how: Literal["redact", "tokenise"]) -> tuple[Finding, ...]:
        """The findings that are to be replaced in this way."""
        return tuple(one.finding for one in self.verdicts if one.action == how)


ALLOWED = Decision("allow")


def decide(settings: GuardSettings, findings: Sequence[Finding], asked: Asked) -> Decision:
    """What the rules say of what was found."""
    if not findings:
        return ALLOWED
    verdicts = tuple(_verdict(settings, finding, asked) for finding in findings)
    strictest = max(STRICTNESS.index(one.action) for one in verdicts)
    return Decision(STRICTNESS[strictest], verdicts)


def _verdict(settings: GuardSettings, finding: Finding, asked: Asked) -> Verdict:
    for rule in settings.rules:
        if _fits(rule, finding, asked):
            if finding.kind == "uninspected" and rule.action in ("redact", "tokenise"):
                return Verdict(finding, "block", rule.name)
            return Verdict(finding, rule.action, rule.name)
    default: Action = "block" if finding.kind == "uninspected" else settings.default
    return Verdict(finding, default, None)


def _fits(rule: GuardRule, finding: Finding, asked: Asked) -> bool:
    if rule.tenants is not None and asked.tenant not in rule.tenants:
        return False
    if rule.routes is not None and asked.route not in rule.routes:
        return False
    if rule.direction is not None and asked.direction != rule.direction:
        return False
    if rule.destinations is not None and not (asked.labels or frozenset()) & set(rule.destinations):
        return False
    return any(_names(word, finding) for word in rule.detectors)


def _names(word: str, finding: Finding) -> bool:
    if word == "*":
        return finding.kind != "uninspected"
    if word.endswith(":*"):
        return finding.detector.startswith(word[:-1])
    return word in (finding.detector, finding.kind)
