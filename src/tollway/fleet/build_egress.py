"""Egress rules and secrets as frozen objects. See `build`."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tollway.fleet.check_egress import variable_of
from tollway.fleet.declared import Declared
from tollway.fleet.egressing import EgressRule, EgressSettings, SecretUse
from tollway.fleet.schema_egress import EgressRuleTable, EgressTable, SecretTable


def egress_of(table: EgressTable | None) -> EgressSettings | None:
    """The egress settings; None where there is no table."""
    if table is None:
        return None
    facts = dict(table)
    host, port = facts.pop("listen")
    rules = tuple(_rule(rule) for rule in facts.pop("allow"))
    private = tuple(facts.pop("private"))
    return EgressSettings(host=host, port=port, rules=rules, private=private, **facts)


def secrets_of(declared: Declared) -> Mapping[str, SecretUse]:
    """Where each secret may go, by name."""
    return MappingProxyType(
        {name: _secret(name, placed.table) for name, placed in declared.secrets.items()}
    )


def _rule(table: EgressRuleTable) -> EgressRule:
    facts = dict(table)
    lists = {key: _tuple(facts.pop(key)) for key in ("methods", "paths", "tenants")}
    hosts, ports = tuple(facts.pop("hosts")), tuple(facts.pop("ports"))
    return EgressRule(hosts=hosts, ports=ports, **lists, **facts)


def _secret(name: str, table: SecretTable) -> SecretUse:
    facts = dict(table)
    lists = {key: _tuple(facts.pop(key)) for key in ("methods", "paths", "tenants")}
    hosts, ports = tuple(facts.pop("hosts")), tuple(facts.pop("ports"))
    variable = facts.pop("variable") or variable_of(name)
    return SecretUse(name=name, hosts=hosts, ports=ports, variable=variable, **lists, **facts)


def _tuple(words: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
