"""What becomes of one call, and why in plain words.

Rules
1. A tool that is not declared is denied. Else the first rule that fits decides, else the default.
2. Before a task has met untrusted content, its user alone speaks through it: what rules allow runs.
3. After that, a call with an effect runs only if the request asks for such an act, and each
   argument that is not content comes from the request or from a directory; else a person is asked.
4. What goes outside may then hold no link, address or account of which that is not so.
5. Untrusted content, sensitive data and an effect outside with nothing that says where it goes: a
   person, always. `all_three = "ask"`: a person whatever it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tollway.fleet.tooling import Tool, ToolAction, ToolSettings
from tollway.guard.tools.arguments import Leaf, TooDeepError, is_under, leaves
from tollway.guard.tools.asked import default_words, is_asked
from tollway.guard.tools.entity import Entity, addresses_of, entity, hidden_links_in, links_in
from tollway.guard.tools.request import Request
from tollway.guard.tools.rules import ReadyRule

Mark = Literal["untrusted", "sensitive", "effect"]

_KINDS = {
    "email": "address", "url": "link", "account": "number", "number": "number", "moment": "time",
    "path": "path", "name": "value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """What an agent asks for. `schema` is the tool's pinned input schema."""

    server: str
    tool: str
    arguments: Mapping[str, Any]
    tenant: str
    schema: Mapping[str, Any]

    @property
    def place(self) -> str:
        """As rules name it."""
        return f"{self.server}/{self.tool}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands when it calls: what it has met, and what was vouched for. `origins` tells
    from which tool's answer an entity is known."""

    request: Request | None
    marks: frozenset[Mark]
    vouched: frozenset[Entity]
    origins: Mapping[Entity, str]

    def vouches(self, value: Leaf) -> bool:
        """Whether a value comes from the request or from a directory."""
        if isinstance(value, bool):
            return False
        if self.request is not None and self.request.names(value):
            return True
        one = entity(value)
        if one is not None and one in self.vouched:
            return True
        parts = addresses_of(value) if isinstance(value, str) else ()
        return bool(parts) and all(map(self.vouches, parts))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a call. `rule` is None where a default decided; `reasons` are sentences for
    a person; `looked_up` says that all its arguments were vouched for, and there were some."""

    action: ToolAction
    rule: str | None
    reasons: tuple[str, ...]
    looked_up: bool = False


def judge(
    settings: ToolSettings, rules: Sequence[ReadyRule], call: Call, standing: Standing
) -> Ruling:
    """What becomes of a call."""
    server = settings.servers.get(call.server)
    tool = None if server is None else server.tools.get(call.tool)
    if server is None or tool is None:
        return Ruling("deny", None, (f"The fleet file declares no tool {call.place}.",))
    if server.tenants is not None and call.tenant not in server.tenants:
        return Ruling("deny", None, (f"Tenant {call.tenant} may not use {call.server}.",))
    try:
        given = tuple(leaves(call.arguments, call.schema))
    except TooDeepError:
        return Ruling("deny", None, ("Its arguments nest deeper than any tool asks for.",))
    looked_up = bool(given) and all(standing.vouches(value) for _, value in given)
    for one in rules:
        if one.fits(call.place, call.tenant, given):
            name = one.rule.name
            if one.rule.action != "allow" or one.rule.tainted:
                said = f'The rule "{name}" says {one.rule.action}.'
                return Ruling(one.rule.action, name, (said,), looked_up)
            return _tainted(settings, tool, given, standing, name, looked_up)
    if settings.default != "by-taint":
        said = f"No rule is about it, and the default is {settings.default}."
        return Ruling(settings.default, None, (said,), looked_up)
    return _tainted(settings, tool, given, standing, None, looked_up)


def is_denied_whatever(
    settings: ToolSettings, rules: Sequence[ReadyRule], server: str, tool: str, tenant: str
) -> bool:
    """Whether no call of a tool can pass for a tenant, so that it need not be offered."""
    declared = settings.servers.get(server)
    if declared is None or tool not in declared.tools:
        return True
    if declared.tenants is not None and tenant not in declared.tenants:
        return True
    for one in rules:
        rule = one.rule
        applies = rule.tenants is None or tenant in rule.tenants
        if applies and any(glob.match(f"{server}/{tool}") for glob in one.tools):
            if rule.action == "deny" and not rule.where:
                return True
            if rule.action != "deny":
                return False
    return settings.default == "deny"


def _tainted(
    settings: ToolSettings,
    tool: Tool,
    given: Sequence[tuple[str, Leaf]],
    standing: Standing,
    rule: str | None,
    looked_up: bool,
) -> Ruling:
    if tool.effect == "none":
        return Ruling("allow", rule, ("It only reads.",), looked_up)
    if "untrusted" not in standing.marks:
        said = "The task has read nothing yet that a stranger may have written."
        return Ruling("allow", rule, (said,), looked_up)
    reasons = (
        *_unasked(tool, standing),
        *_unvouched(tool, given, standing),
        *_outside(settings, tool, given, standing),
    )
    if reasons:
        return Ruling("ask", rule, reasons, looked_up)
    said = "The request asks for it, and what it decides comes from there or from a directory."
    return Ruling("allow", rule, (said,), looked_up)


def _unasked(tool: Tool, standing: Standing) -> tuple[str, ...]:
    if standing.request is None:
        return ("The task was opened without its user's request.",)
    words = tool.asked or default_words(tool.name)
    if is_asked(standing.request.text, words):
        return ()
    return (f"The request asks for nothing like it (none of: {', '.join(words[:8])}).",)


def _unvouched(
    tool: Tool, given: Sequence[tuple[str, Leaf]], standing: Standing
) -> tuple[str, ...]:
    return tuple(
        _came_from(path, value, standing)
        for path, value in given
        if not is_under(path, tool.content) and not standing.vouches(value)
    )


def _outside(
    settings: ToolSettings, tool: Tool, given: Sequence[tuple[str, Leaf]], standing: Standing
) -> tuple[str, ...]:
    if tool.effect != "external":
        return ()
    reasons: list[str] = []
    if settings.links == "vouched":
        for path, value in given:
            if not is_under(path, tool.content) or isinstance(value, bool):
                continue
            text = str(value)
            reasons += [
                _came_from(path, written, standing)
                for written, one in links_in(text)
                if one is None or not standing.vouches(written)
            ]
            reasons += [
                f"{path}: {_shown(written)} may be taken for a link or an address, and is not "
                "plainly written as one."
                for written in hidden_links_in(text)
            ]
    aimed = any(not is_under(path, tool.content) for path, _ in given)
    if "sensitive" in standing.marks and (settings.all_three == "ask" or not aimed):
        reasons.append(
            "The task has read untrusted content and sensitive data, and this goes outside."
        )
    return tuple(reasons)


def _came_from(path: str, value: Leaf, standing: Standing) -> str:
    """Where a value came from, as far as is known."""
    one = entity(value)
    kind = "value" if one is None else _KINDS[one.kind]
    shown = _shown(value)
    origin = None if one is None else standing.origins.get(one)
    if one is None:
        return f"{path}: {shown} holds what cannot be seen, or is not plainly one thing."
    if origin is not None:
        where = f"was found in what {origin} gave"
        return f"{path}: the {kind} {shown} {where}, not in the request."
    return f"{path}: the {kind} {shown} is not in the request, and no directory vouches for it."


def _shown(value: Leaf) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return f'"{text}"' if len(text) <= 200 else f'"{text[:197]}..."'
