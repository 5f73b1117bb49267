"""The `[tools]` table: which tools agents may call, what they do, and under which rules."""

from typing import Annotated, Literal

from pydantic import Field

from tollway.fleet.fields import Address, Duration, Size, Text, Url
from tollway.fleet.table import Table, key
from tollway.fleet.tooling import Effect, Reads, ToolAction

Words = Annotated[list[Text], Field(min_length=1)]
Scalar = Annotated[bool | int | float | str, Field()]


class ToolTable(Table):
    """What one tool does. Every default is the cautious one."""

    reads: Reads = key(
        "Who may have written what its answer holds: nothing (it only reports), trusted (the user, "
        "the operator, the system), untrusted (anybody else too).",
        "untrusted",
    )
    sensitive: bool = key("Whether its answer may hold what must not leak.", True)
    effect: Effect = key(
        "none (it only reads), internal (what is the user's own), external (others notice, "
        "receive, pay; a URL is fetched).",
        "external",
    )
    content: list[Text] = key(
        "Arguments that are only data. Every other one decides who, where, which or how much, and "
        'is checked. Dots go into tables ("items.note"), lists are looked through.',
        [],
    )
    asked: Words | None = key(
        "Verbs with which a request asks for it; from the tool's name unless written.", None
    )
    vouches: list[Text] = key(
        "What of its answer may be believed for a record that the request names: email, url, "
        "phone, account, id, or field:NAME.",
        [],
    )


class ToolServerTable(Table):
    """A server of tools. One of `command` and `url` must be written."""

    command: Words | None = key("The program and its arguments; MCP over stdio.", None)
    url: Url | None = key("Where it answers; MCP over streamable HTTP.", None)
    env: dict[str, str] = key("Variables that the command is given; no others of ours are.", {})
    secrets: dict[str, Text] = key("Variables of the command from [credentials], by name.", {})
    credential: Text | None = key("The bearer token for `url`, named in [credentials].", None)
    tenants: Words | None = key("Who may use it; anyone unless written.", None)
    tools: dict[str, ToolTable] = key("Its tools. One that is not written here is refused.", {})


class ArgumentTable(Table):
    """What must hold of an argument; all that is written, and of every value of a list."""

    one_of: list[Scalar] | None = key("It is one of these.", None)
    like: Text | None = key('A glob over it whole: "report-*.pdf".', None)
    matches: Text | None = key("RE2 over it whole.", None)
    host: Words | None = key('It is a URL of one of these hosts; "*.example.com".', None)
    domain: Words | None = key("It is an e-mail address of one of these domains.", None)
    under: Text | None = key("It is a path within this folder, `..` resolved.", None)
    at_most: float | None = key("It is a number up to this.", None)


class ToolRuleTable(Table):
    """What is done with a call. The first rule that fits decides."""

    name: Text = key("What the rule is called where a decision is explained.")
    action: ToolAction = key(
        "allow, which leaves to taint what follows untrusted content; ask a person; deny.", "deny"
    )
    tools: Words = key('Globs of "SERVER/TOOL".', ["*"])
    tenants: Words | None = key("Whose calls; anyone's unless written.", None)
    where: dict[str, ArgumentTable] = key("What must hold of arguments, by name.", {})
    tainted: bool = key("Whether `allow` holds after untrusted content too.", False)


class ToolsTable(Table):
    """Tools for agents. Without this table none are offered."""

    listen: Address = key("Where agents connect, by MCP over HTTP.", "127.0.0.1:4002")
    lock: Text = key("Pinned descriptions, relative to this file's folder.", "tools.lock")
    patience: Duration = key("How long a call waits for a person before it is denied.", "60s")
    call_timeout: Duration = key("How long a server may take for a call.", "60s")
    max_result: Size = key("The largest answer of a call.", "1MiB")
    default: Literal["by-taint", "ask", "deny"] = key(
        "What is done with calls that no rule fits. by-taint: allowed, and after untrusted content "
        "only what the request asks for.",
        "by-taint",
    )
    links: Literal["vouched", "free"] = key(
        "Whether links, addresses and accounts in content that goes outside must be vouched for "
        "after untrusted content.",
        "vouched",
    )
    all_three: Literal["vouched", "ask"] = key(
        "An effect outside after untrusted content and sensitive data: allowed where everything is "
        "vouched for, or asked of a person whatever it is.",
        "vouched",
    )
    servers: dict[str, ToolServerTable] = key("Servers of tools, by name.", {})
    rules: list[ToolRuleTable] = key("In order.", [])
