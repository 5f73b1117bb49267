"""What passes between agent and server: arguments and answers through the guard's rules.

Rules
1. What is to be redacted or tokenised is redacted, text by text; what is on-prem is blocked, since
   a server of tools has no such label; an answer that a person would be asked about is withheld.
2. Text in an answer is every string in it, structured or not; what is no text (images, sound) is
   read as the letters that it is sent as.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tollway.fleet.guarding import Direction
from tollway.guard.event import Evidence
from tollway.guard.inspection import Guard
from tollway.guard.memory import Memory
from tollway.guard.replace import redacted
from tollway.guard.rules import Asked, Decision
from tollway.guard.tools.arguments import canonical

_LABELS = frozenset({"tools"})


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of a value: `value` as it may go on, None where it may not. `asks` says that a
    person may let it through; `evidence` is what was found."""

    value: Any
    asks: bool = False
    evidence: tuple[Evidence, ...] = ()
    rule: str | None = None


class Passages:
    """The guard, for one process. None of it where the fleet file has no `[guard]`."""

    def __init__(self, guard: Guard | None, directions: tuple[Direction, ...] = ()) -> None:
        """`directions` are what is inspected."""
        self._guard = guard
        self._directions = directions

    def out(self, arguments: Mapping[str, Any], tenant: str, sent: Memory) -> Passed:
        """A call's arguments. `sent` is what the task sent before, so that a secret in pieces is
        found when its last piece comes."""
        return self._pass(arguments, Asked(tenant, None, "out", _LABELS), sent)

    def back(self, answer: object, tenant: str) -> Passed:
        """A server's answer, as JSON."""
        passed = self._pass(answer, Asked(tenant, None, "in", _LABELS))
        return Passed(None, False, passed.evidence, passed.rule) if passed.asks else passed

    def hidden(self, text: str) -> str:
        """A text as a person may be shown it: without secrets. Addresses and accounts stay, since
        they are what is decided."""
        if self._guard is None:
            return text
        data = text.encode("utf-8", "replace")
        found = [it for it in self._guard.scanner.scan(data) if it.kind == "secret"]
        return redacted(data, found).decode("utf-8", "replace")

    def _pass(self, value: Any, asked: Asked, sent: Memory | None = None) -> Passed:
        if self._guard is None or asked.direction not in self._directions:
            return Passed(value)
        body = canonical(value).encode("utf-8", "replace")
        decision = self._guard.inspect(body, asked, sent)
        evidence = _evidence(decision)
        rule = next((it.rule for it in decision.verdicts if it.action == decision.action), None)
        if decision.action == "allow":
            return Passed(value, evidence=evidence, rule=rule)
        if decision.action == "ask":
            return Passed(value, True, evidence, rule)
        if decision.action not in ("redact", "tokenise"):
            return Passed(None, False, evidence, rule)
        replaced = self._replaced(value, asked)
        left = self._guard.inspect(canonical(replaced).encode("utf-8", "replace"), asked)
        # Found only where parts are put together, of one text or of several: nothing to redact.
        if left.action != "allow" or replaced == value:
            return Passed(None, False, evidence, rule)
        return Passed(replaced, False, evidence, rule)

    def _replaced(self, value: Any, asked: Asked) -> Any:
        if isinstance(value, str) and self._guard is not None:
            data = value.encode("utf-8", "replace")
            decision = self._guard.inspect(data, asked)
            found = decision.to_replace("redact") + decision.to_replace("tokenise")
            return redacted(data, found).decode("utf-8", "replace") if found else value
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value).items()
            return {name: self._replaced(inner, asked) for name, inner in pairs}
        if isinstance(value, list):
            return [self._replaced(inner, asked) for inner in cast("list[Any]", value)]
        return value


def _evidence(decision: Decision) -> tuple[Evidence, ...]:
    found = {it.finding.detector: it.finding for it in decision.verdicts}
    return tuple(Evidence(it.detector, it.kind, tuple(it.layers)) for it in found.values())[:20]


def texts_of(value: object) -> Iterator[str]:
    """Every string in an answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, object]", value).values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from texts_of(inner)
