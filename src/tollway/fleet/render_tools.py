"""Tools as a fleet file's text again. See `render`."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from tollway.fleet.credential import Credential
from tollway.fleet.findings import place
from tollway.fleet.tooling import ArgumentTest, Tool, ToolRule, ToolServer, ToolSettings

Names = Mapping[Credential, str]


def credentials_of(tools: ToolSettings | None) -> list[tuple[Credential, str]]:
    """Each credential that a server of tools uses, and the server's name."""
    servers = () if tools is None else tools.servers.values()
    pairs = [(it.credential, it.name) for it in servers if it.credential is not None]
    return pairs + [
        (secret, f"{it.name}.{variable}")
        for it in servers
        for variable, secret in it.secrets.items()
    ]


def blocks(tools: ToolSettings | None, names: Names, times: Mapping[str, str]) -> list[list[str]]:
    """The blocks of the tools; `times` are `patience` and `call_timeout` as text."""
    if tools is None:
        return []
    host = f"[{tools.host}]" if ":" in tools.host else tools.host
    facts: dict[str, Any] = {
        "listen": f"{host}:{tools.port}", "lock": tools.lock, **times,
        "max_result": f"{tools.max_result}B", "default": tools.default, "links": tools.links,
        "all_three": tools.all_three,
    }  # fmt: skip
    found = [_table(("tools",), facts)]
    for server in tools.servers.values():
        found.append(_server(server, names))
        found += [_tool(server.name, tool) for tool in server.tools.values()]
    return found + [_rule(rule) for rule in tools.rules]


def _server(server: ToolServer, names: Names) -> list[str]:
    facts = {
        "command": server.command,
        "url": server.url,
        "env": dict(server.env) or None,
        "secrets": {variable: names[it] for variable, it in server.secrets.items()} or None,
        "credential": None if server.credential is None else names[server.credential],
        "tenants": server.tenants,
    }
    return _table(("tools", "servers", server.name), facts)


def _tool(server: str, tool: Tool) -> list[str]:
    facts = {it.name: getattr(tool, it.name) for it in fields(Tool) if it.name != "name"}
    return _table(("tools", "servers", server, "tools", tool.name), facts)


def _rule(rule: ToolRule) -> list[str]:
    facts = {it.name: getattr(rule, it.name) for it in fields(ToolRule) if it.name != "where"}
    where = {argument: _test(it) for argument, it in rule.where.items()}
    return ["[[tools.rules]]", *_table((), facts | {"where": where or None})]


def _test(test: ArgumentTest) -> dict[str, Any]:
    facts = {it.name: getattr(test, it.name) for it in fields(ArgumentTest)}
    return {key: value for key, value in facts.items() if value is not None}


def _table(path: tuple[str, ...], facts: Mapping[str, Any]) -> list[str]:
    head = [f"[{_key(*path)}]"] if path else []
    return head + [f"{key} = {_value(it)}" for key, it in facts.items() if it is not None]


def _key(*path: str) -> str:
    return place("", path).removeprefix(": ")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        rows = [f"{_key(key)} = {_value(it)}" for key, it in pairs]
        return "{ " + ", ".join(rows) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, cast("tuple[Any, ...]", value))) + "]"
    return json.dumps(value)
