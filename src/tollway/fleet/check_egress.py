"""Whether egress rules and secrets can ever fit: tenants that exist, hosts that are let through.

Rules
1. A secret that can go nowhere is a fault: somebody believes that it is in use.
2. What a key would not be asked for is a fault too: `header` beside another place.
"""

from collections.abc import Iterable, Iterator

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import shown
from tollway.fleet.schema_egress import EgressTable, SecretTable


def check_egress(declared: Declared) -> Iterator[Finding]:
    """Every fault of egress and secrets beyond their own keys."""
    tenants = declared.names["tenants"]
    placed = declared.egress
    names: dict[str, int] = {}
    for index, rule in enumerate(() if placed.table is None else placed.table.allow):
        path: Path = ("egress", "allow", index)
        if rule.name in names:
            problem = f"is {shown(rule.name)}, as allow[{names[rule.name]}] is already"
            yield Finding(placed.document, (*path, "name"), problem, "Give it another name.")
        names.setdefault(rule.name, index)
        yield from _tenants(placed.document, path, rule.tenants, tenants)
    variables: dict[str, str] = {}
    for name, secret in declared.secrets.items():
        path = ("secrets", name)
        yield from _tenants(secret.document, path, secret.table.tenants, tenants)
        yield from _reached(secret.document, path, secret.table, placed.table)
        yield from _placed(secret.document, path, secret.table)
        variable = secret.table.variable or variable_of(name)
        if variable in variables:
            problem = f"gets {variable}, as secrets.{variables[variable]} does already"
            yield Finding(secret.document, (*path, "variable"), problem, "Write another one.")
        variables.setdefault(variable, name)


def variable_of(name: str) -> str:
    """The environment variable of a secret that names none."""
    word = "".join(letter if letter.isalnum() else "_" for letter in name.upper())
    return f"_{word}" if word[:1].isdigit() else word


def _tenants(
    document: str, path: Path, named: Iterable[str] | None, known: Iterable[str]
) -> Iterator[Finding]:
    for index, word in enumerate(named or ()):
        if word not in set(known):
            fault = unknown(word, known, "")
            mend = fault.mend or "Write one that is declared."
            yield Finding(document, (*path, "tenants", index), fault.problem, mend)


def _reached(
    document: str, path: Path, secret: SecretTable, egress: EgressTable | None
) -> Iterator[Finding]:
    if egress is None:
        mend = "Write [egress] with a rule that lets its hosts through."
        yield Finding(document, path, "can go nowhere, since there is no [egress]", mend)
        return
    allowed = [host for rule in egress.allow for host in rule.hosts]
    for index, host in enumerate(secret.hosts):
        if not any(_overlap(host, other) for other in allowed):
            problem = f"is {shown(host)}, which no rule of egress lets through"
            mend = "Write it into the hosts of [[egress.allow]]."
            yield Finding(document, (*path, "hosts", index), problem, mend)


def _overlap(one: str, other: str) -> bool:
    """Whether some host fits both patterns."""
    if "*" in (one, other) or one == other:
        return True
    wide, narrow = (one, other) if one.startswith("*.") else (other, one)
    return wide.startswith("*.") and narrow.endswith(wide[1:])


def _placed(document: str, path: Path, secret: SecretTable) -> Iterator[Finding]:
    if secret.place == "header":
        return
    if secret.template is not None:
        problem = f"is not asked for where place is {shown(secret.place)}"
        yield Finding(document, (*path, "template"), problem, 'Write place = "header".')
    if "header" in secret.model_fields_set:
        problem = f"is not asked for where place is {shown(secret.place)}"
        yield Finding(document, (*path, "header"), problem, 'Write place = "header".')
