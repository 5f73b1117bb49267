"""Whether what is declared of tools can ever hold: servers that can be reached, rules that can fit.

Rules
1. A rule that can never fit is a fault: somebody believes that it protects them.
2. A server has one way to be reached, and only what belongs to that way.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import get_args

from tollway.errors import unknown
from tollway.fleet.declared import Declared
from tollway.fleet.findings import Finding, Path
from tollway.fleet.quantities import is_loopback, shown
from tollway.fleet.schema_tools import ToolRuleTable, ToolServerTable, ToolsTable
from tollway.fleet.tooling import Form

_SERVER = re.compile(r"[a-z0-9](?:[a-z0-9-]|_(?!_)){0,31}(?<!_)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_tools(declared: Declared) -> Iterator[Finding]:
    """Every fault of tools beyond their own keys."""
    placed = declared.tools
    if placed.table is None:
        return
    host, _ = placed.table.listen
    if not is_loopback(host):
        mend = "Listen on 127.0.0.1; tokens of tasks would cross the network in the clear."
        problem = f"is {shown(host)}, which other machines reach"
        yield Finding(placed.document, ("tools", "listen"), problem, mend)
    for name, server in placed.table.servers.items():
        yield from _server(declared, placed.document, name, server)
    yield from _rules(declared, placed.document, placed.table)


def _server(
    declared: Declared, document: str, name: str, server: ToolServerTable
) -> Iterator[Finding]:
    path: Path = ("tools", "servers", name)
    if _SERVER.fullmatch(name) is None:
        mend = "Use lower-case letters, digits, dashes and single underscores, 32 at most."
        yield Finding(document, path, "is not a name that a tool's name can begin with", mend)
    if (server.command is None) == (server.url is None):
        problem = "has both a command and a url" if server.url else "has neither command nor url"
        yield Finding(document, path, problem, "Write one of the two.")
    wrong = ("env", "secrets") if server.command is None else ("credential",)
    for key in wrong:
        if server.command is None and server.url is None:
            break
        if getattr(server, key):
            other = "a command" if server.command is None else "a url"
            yield Finding(document, (*path, key), f"is for {other}", "Take it out.")
    yield from _credentials(declared, document, path, server)
    for index, tenant in enumerate(server.tenants or ()):
        if tenant not in declared.names["tenants"]:
            yield _unknown(document, (*path, "tenants", index), tenant, declared.names["tenants"])
    for tool, table in server.tools.items():
        for index, word in enumerate(table.vouches):
            if word not in get_args(Form) and not re.fullmatch(r"field:.+", word):
                mend = "Write email, url, phone, account, id, or field:NAME."
                where = (*path, "tools", tool, "vouches", index)
                yield Finding(document, where, f"is {shown(word)}", mend)


def _credentials(
    declared: Declared, document: str, path: Path, server: ToolServerTable
) -> Iterator[Finding]:
    for variable in (*server.env, *server.secrets):
        if _VARIABLE.fullmatch(variable) is None or (
            variable in server.env and variable in server.secrets
        ):
            where = (*path, "secrets" if variable in server.secrets else "env", variable)
            mend = "Letters, digits and underscores; in one of env and secrets."
            yield Finding(document, where, "is not the name of one variable", mend)
    named: list[tuple[Path, str]] = [
        ((*path, "secrets", variable), name) for variable, name in server.secrets.items()
    ]
    if server.credential is not None:
        named.append(((*path, "credential"), server.credential))
    for where, name in named:
        if name not in declared.names["credentials"]:
            problem = "names no credential of [credentials] (value not shown)"
            yield Finding(document, where, problem, "Name one; never write a secret here.")


def _rules(declared: Declared, document: str, tools: ToolsTable) -> Iterator[Finding]:
    offered = [f"{name}/{tool}" for name, it in tools.servers.items() for tool in it.tools]
    names: dict[str, int] = {}
    for index, rule in enumerate(tools.rules):
        path: Path = ("tools", "rules", index)
        if rule.name in names:
            problem = f"is {shown(rule.name)}, as rules[{names[rule.name]}] is already"
            yield Finding(document, (*path, "name"), problem, "Give it another name.")
        names.setdefault(rule.name, index)
        yield from _rule(declared, document, path, rule, offered)


def _rule(
    declared: Declared, document: str, path: Path, rule: ToolRuleTable, offered: list[str]
) -> Iterator[Finding]:
    for index, glob in enumerate(rule.tools):
        if not any(fnmatchcase(it, glob) for it in offered):
            yield _unknown(document, (*path, "tools", index), glob, offered)
    for index, tenant in enumerate(rule.tenants or ()):
        if tenant not in declared.names["tenants"]:
            known = declared.names["tenants"]
            yield _unknown(document, (*path, "tenants", index), tenant, known)
    if rule.tainted and rule.action != "allow":
        problem = f"is true, and the action is {shown(rule.action)}"
        yield Finding(document, (*path, "tainted"), problem, "It is for allow only.")
    for argument, test in rule.where.items():
        if not test.model_fields_set:
            where = (*path, "where", argument)
            yield Finding(document, where, "asks nothing", "Write what must hold, or take it out.")


def _unknown(document: str, path: Path, word: str, known: Iterable[str]) -> Finding:
    fault = unknown(word, known, "")
    return Finding(document, path, fault.problem, fault.mend or "Write one that is declared.")
