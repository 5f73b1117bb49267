"""Whether the guard's rules can ever fit: tenants, routes and labels that exist, names told apart.

Rules
1. A rule that can never fit is a fault: somebody believes that it protects them.
"""

from collections.abc import Iterable, Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import shown
from tollway.fleet.schema_guard import GuardRuleTable

_ON_PREM = "on-prem"


def check_guard(declared: Declared) -> Iterator[Finding]:
    """Every fault of the guard beyond its own keys."""
    placed = declared.guard
    if placed.table is None:
        return
    beside = {word for word, it in (("egress", declared.egress), ("tools", declared.tools))
              if it.table is not None}  # fmt: skip
    labels = {label for source in declared.sources.values() for label in source.table.labels}
    aliases = {alias for it in declared.models.values() for alias in it.table.aliases}
    known: dict[str, Iterable[str]] = {
        "tenants": declared.names["tenants"],
        "routes": declared.names["routes"] | declared.names["models"] | aliases,
        "destinations": labels | beside,
    }
    names: dict[str, int] = {}
    for index, rule in enumerate(placed.table.rules):
        path: Path = ("guard", "rules", index)
        if rule.name in names:
            problem = f"is {shown(rule.name)}, as rules[{names[rule.name]}] is already"
            yield Finding(placed.document, (*path, "name"), problem, "Give it another name.")
        names.setdefault(rule.name, index)
        yield from _related(placed.document, path, rule, known)
        left_out = rule.direction is not None and rule.direction not in placed.table.directions
        if left_out and not beside:
            problem = f"is {shown(rule.direction)}, which guard.directions leaves out"
            yield Finding(placed.document, (*path, "direction"), problem, "Inspect it too.")
        if rule.action == "ask" and rule.direction == "in":
            problem = 'is "ask" for what comes in, and an answer does not wait for a person'
            yield Finding(placed.document, (*path, "action"), problem, 'Write "block".')
        if rule.action == _ON_PREM and _ON_PREM not in labels:
            problem = 'is "on-prem", and no source is labelled so'
            mend = 'Write labels = ["on-prem"] on a source of your own.'
            yield Finding(placed.document, (*path, "action"), problem, mend)
        if rule.action == "tokenise" and rule.direction == "in":
            problem = 'is "tokenise" for what comes in, and nothing would turn the tokens back'
            yield Finding(placed.document, (*path, "action"), problem, 'Write "redact".')


def _related(
    document: str, path: Path, rule: GuardRuleTable, known: dict[str, Iterable[str]]
) -> Iterator[Finding]:
    for key, words in known.items():
        for index, word in enumerate(getattr(rule, key) or ()):
            if word not in set(words):
                fault = unknown(word, words, "")
                mend = fault.mend or "Write one that is declared."
                yield Finding(document, (*path, key, index), fault.problem, mend)
