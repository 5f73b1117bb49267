"""From what was declared of tools to frozen objects, field by field of the same name."""

from types import MappingProxyType

from tollway.fleet.declared import Declared
from tollway.fleet.schema_tools import (
    ArgumentTable,
    ToolRuleTable,
    ToolServerTable,
    ToolTable,
)
from tollway.fleet.tooling import ArgumentTest, Tool, ToolRule, ToolServer, ToolSettings


def tools_of(declared: Declared) -> ToolSettings | None:
    """The tools of a declaration without faults; None where it has none."""
    table = declared.tools.table
    if table is None:
        return None
    host, port = table.listen
    servers = {name: _server(declared, name, it) for name, it in table.servers.items()}
    return ToolSettings(
        host=host,
        port=port,
        lock=table.lock,
        patience=table.patience,
        call_timeout=table.call_timeout,
        max_result=table.max_result,
        default=table.default,
        links=table.links,
        all_three=table.all_three,
        servers=MappingProxyType(servers),
        rules=tuple(map(_rule, table.rules)),
    )


def _server(declared: Declared, name: str, table: ToolServerTable) -> ToolServer:
    known = declared.credentials
    secrets = {variable: known[it].table for variable, it in table.secrets.items()}
    return ToolServer(
        name=name,
        command=_words(table.command),
        url=table.url,
        env=MappingProxyType(dict(table.env)),
        secrets=MappingProxyType(secrets),
        credential=None if table.credential is None else known[table.credential].table,
        tenants=_words(table.tenants),
        tools=MappingProxyType({tool: _tool(tool, it) for tool, it in table.tools.items()}),
    )


def _tool(name: str, table: ToolTable) -> Tool:
    return Tool(
        name=name,
        reads=table.reads,
        sensitive=table.sensitive,
        effect=table.effect,
        content=tuple(table.content),
        asked=_words(table.asked),
        vouches=tuple(table.vouches),
    )


def _rule(table: ToolRuleTable) -> ToolRule:
    tests = {argument: _test(it) for argument, it in table.where.items()}
    return ToolRule(
        name=table.name,
        action=table.action,
        tools=tuple(table.tools),
        tenants=_words(table.tenants),
        where=MappingProxyType(tests),
        tainted=table.tainted,
    )


def _test(table: ArgumentTable) -> ArgumentTest:
    return ArgumentTest(
        one_of=None if table.one_of is None else tuple(table.one_of),
        like=table.like,
        matches=table.matches,
        host=_words(table.host),
        domain=_words(table.domain),
        under=table.under,
        at_most=table.at_most,
    )


def _words(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
