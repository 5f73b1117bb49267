"""One agent's calls, from the name that it says to the answer that it gets.

Rules
1. A call is judged, sent and its answer marked under the task's lock: of two calls at once, the
   second is judged by what the first has met. While a person is asked the lock is free, and the
   call is judged anew after.
2. What an answer taints is on the disk before the agent gets a byte of it; failures taint as well.
3. An effect is marked before it is sent.
4. A tool whose server describes it otherwise than was pinned is refused, and that is an event.
5. Whatever fails on our side is a refusal.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_types import CallToolResult, TextContent

from tollway.errors import TollwayError
from tollway.fleet.tooling import Tool, ToolSettings
from tollway.guard.event import Evidence, Outcome, SecurityEvent
from tollway.guard.tools.description import Description
from tollway.guard.tools.directory import vouched
from tollway.guard.tools.judge import Call, Ruling, Standing, is_denied_whatever, judge
from tollway.guard.tools.rules import ReadyRule
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.tools.asking import Desk
from tollway.tools.declared import SEPARATOR
from tollway.tools.lock import Pins
from tollway.tools.memory import Known, Memory
from tollway.tools.passage import Passages, Passed, texts_of
from tollway.tools.upstream import UpstreamError
from tollway.tools.verified import Servers

_MOST_CALLS = 32
"""Of one task at once. They are made one after the other, so more of them only hold memory."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds from one reload to the next."""

    settings: ToolSettings
    rules: tuple[ReadyRule, ...]
    pins: Pins
    passages: Passages
    servers: Servers


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a task, which may be held to some tools, by `server/tool`; None is all."""

    task: Task
    only: frozenset[str] | None = None

    def may(self, place: str) -> bool:
        """Whether this tool is one of its."""
        return self.only is None or place in self.only


@dataclass(frozen=True, slots=True)
class Told:
    """One decision, as it becomes an event."""

    outcome: Outcome
    words: str
    place: str
    rule: str | None = None
    approval: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """One call in hand: whose, under which policy, and what is known of its task."""

    policy: Policy
    task: Task
    known: Known
    call: Call

    @property
    def tool(self) -> Tool:
        """What the fleet file says of it."""
        return self.policy.settings.servers[self.call.server].tools[self.call.tool]


class Refused(Exception):  # noqa: N818 - what is the case, not a fault
    """The call is not made; the text is for the agent, `told` for the book."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.words)
        self.told = told


class Service:
    """Serves the calls of every task of one state folder."""

    def __init__(
        self,
        policy: Policy,
        tasks: Tasks,
        desk: Callable[[Policy], Desk],
        tell: Callable[[SecurityEvent], None],
        utc: Callable[[], float],
    ) -> None:
        self.policy = policy
        self._tasks = tasks
        self._desk = desk
        self._tell = tell
        self._utc = utc
        self._memory = Memory()

    def places(self) -> frozenset[str]:
        """Every tool that is declared, as `server/tool`."""
        servers = self.policy.settings.servers.items()
        return frozenset(f"{server}/{name}" for server, it in servers for name in it.tools)

    def listed(self, caller: Caller) -> list[tuple[str, Tool, Description]]:
        """The tools that a caller may see, by the names that it calls them by, as pinned."""
        policy = self.policy
        found: list[tuple[str, Tool, Description]] = []
        for server, declared in policy.settings.servers.items():
            for name, tool in declared.tools.items():
                pin = policy.pins.get(server, {}).get(name)
                hidden = not caller.may(f"{server}/{name}") or is_denied_whatever(
                    policy.settings, policy.rules, server, name, caller.task.tenant
                )
                if pin is not None and not hidden:
                    found.append((f"{server}{SEPARATOR}{name}", tool, pin))
        return found

    async def call(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """What the agent gets: the answer, or a refusal with its reason. Never raises."""
        policy, task = self.policy, caller.task
        server, _, tool = name.partition(SEPARATOR)
        call = Call(server, tool, arguments, task.tenant, {})
        known = self._memory.of(task)
        if known.calls >= _MOST_CALLS:
            return _said(f"Refused: {_MOST_CALLS} calls of this task wait already.")
        known.calls += 1
        try:
            if not caller.may(call.place):  # in whatever way it was written: it is what was read
                words = "Refused: this task was not given this tool."
                raise Refused(Told("denied", words, call.place))
            return await self._decided(_Case(policy, task, known, call))
        except Refused as refused:
            self._note(task, refused.told)
            return _said(refused.told.words)
        except TollwayError as error:
            told = Told("denied", f"Refused: {call.place} cannot be judged: {error}", call.place)
            self._note(task, told)
            return _said(f"Refused: {call.place} cannot be judged now.")
        finally:
            known.calls -= 1

    async def _decided(self, case: _Case) -> CallToolResult:
        approved: str | None = None
        while True:
            async with case.known.lock:
                ruling, ready = await self._judged(case)
                if ruling.action == "deny":
                    raise Refused(_refusal(case.call, ruling))
                if ruling.action == "allow" or approved is not None:
                    return await self._made(replace(case, call=ready), ruling, approved)
            approved = await self._approved(replace(case, call=ready), ruling)

    async def _judged(self, case: _Case) -> tuple[Ruling, Call]:
        """The ruling, and the call as it would be sent."""
        policy, call, known = case.policy, case.call, case.known
        declared = policy.settings.servers.get(call.server)
        if declared is None or call.tool not in declared.tools:
            return judge(policy.settings, policy.rules, call, _NOBODY), call
        pin = await self._pinned(policy, call)
        passed = await asyncio.to_thread(
            policy.passages.out, call.arguments, case.task.tenant, known.sent
        )
        if passed.value is None:
            raise Refused(_leak(call, passed))
        ready = replace(call, arguments=passed.value, schema=pin.input_schema)
        marks = await asyncio.to_thread(self._tasks.marks, case.task.id)
        standing = Standing(
            known.request, frozenset(marks), frozenset(known.vouched), known.origins
        )
        ruling = await asyncio.to_thread(judge, policy.settings, policy.rules, ready, standing)
        if passed.asks and ruling.action != "deny":
            reasons = (f"Its arguments hold {_named(passed)}.",)
            if ruling.action == "ask":
                reasons += ruling.reasons
            ruling = Ruling("ask", ruling.rule or passed.rule, reasons, ruling.looked_up)
        return ruling, ready

    async def _pinned(self, policy: Policy, call: Call) -> Description:
        pin = policy.pins.get(call.server, {}).get(call.tool)
        try:
            same = pin is not None and await policy.servers.is_as_pinned(call.server, pin)
        except UpstreamError as error:
            raise Refused(Told("denied", f"Failed: {error}", call.place)) from None
        if pin is None or not same:
            why = "is new" if pin is None else "is not what was pinned"
            words = f"Refused: what {call.server} says of {call.tool} {why}."
            raise Refused(Told("denied", f"{words} Run: tollway tools pin", call.place))
        return pin

    async def _approved(self, case: _Case, ruling: Ruling) -> str:
        """The id of a yes that was used up for this call."""
        desk, call, why = self._desk(case.policy), case.call, " ".join(ruling.reasons)
        self._note(case.task, Told("asked", f"{call.place}: {why}", call.place, ruling.rule))
        patience = float(case.policy.settings.patience)
        approval = await desk.ask(case.task, call, case.tool, ruling.reasons, patience)
        state = approval.state(self._utc())
        if state == "granted" and await desk.take(approval):
            return approval.id
        said = "a person denied it" if state == "denied" else "nobody approved this in time"
        words = f"Refused: {said}. {why} (approval {approval.id})"
        raise Refused(Told("denied", words, call.place, ruling.rule, approval.id))

    async def _made(self, case: _Case, ruling: Ruling, yes: str | None) -> CallToolResult:
        task, tool, place = case.task, case.tool, case.call.place
        alive = await asyncio.to_thread(self._tasks.find, task.id, self._utc())
        if alive is None:
            raise Refused(Told("denied", "Refused: the task is over.", place))
        if tool.effect != "none":
            await asyncio.to_thread(self._mark, task, "effect", place)
        words = f"{place}: {'a person approved it.' if yes else ' '.join(ruling.reasons)}"
        self._note(task, Told("allowed", words, place, ruling.rule, yes))
        call = case.call
        try:
            answer = await case.policy.servers.call(call.server, call.tool, call.arguments)
        except UpstreamError as error:
            await asyncio.to_thread(self._taint, task, tool, place)
            maybe = " It may have taken effect." if error.sent and tool.effect != "none" else ""
            told = await asyncio.to_thread(case.policy.passages.back, str(error), task.tenant)
            return _said(f"Failed: {told.value or call.server}.{maybe}")
        await asyncio.to_thread(self._taint, task, tool, place)
        return await self._delivered(case, ruling, answer)

    async def _delivered(
        self, case: _Case, ruling: Ruling, answer: CallToolResult
    ) -> CallToolResult:
        policy, task, place = case.policy, case.task, case.call.place
        plain: dict[str, Any] = {
            "content": [it.model_dump(by_alias=True, exclude_none=True) for it in answer.content],
            "structuredContent": answer.structured_content,
        }
        if len(answer.model_dump_json()) > policy.settings.max_result:
            words = f"Withheld: the answer of {place} is larger than tools.max_result."
            raise Refused(Told("denied", words, place))
        passed = await asyncio.to_thread(policy.passages.back, plain, task.tenant)
        if passed.value is None:
            words = f"Withheld: the answer of {place} holds {_named(passed)}."
            raise Refused(Told("denied", words, place, passed.rule, None, passed.evidence))
        if passed.value != plain:
            words = f"{place}: its answer went on without {_named(passed)}."
            self._note(task, Told("changed", words, place, passed.rule, None, passed.evidence))
        if not answer.is_error:
            await asyncio.to_thread(_believe, case, passed.value, ruling.looked_up)
        if case.tool.reads == "untrusted":
            texts = list(texts_of(passed.value))
            await asyncio.to_thread(case.known.meet, texts, place)
        return CallToolResult.model_validate({**passed.value, "isError": answer.is_error})

    def _taint(self, task: Task, tool: Tool, place: str) -> None:
        if tool.reads == "untrusted":
            self._mark(task, "untrusted", place)
        if tool.sensitive:
            self._mark(task, "sensitive", place)

    def _mark(self, task: Task, mark: Any, place: str) -> None:
        self._tasks.mark(task.id, mark, place, self._utc())

    def _note(self, task: Task, told: Told) -> None:
        self._tell(
            SecurityEvent(
                at=self._utc(),
                concern="tool",
                outcome=told.outcome,
                words=self.policy.passages.hidden(told.words),
                place=told.place,
                tenant=task.tenant,
                key=task.key,
                task=task.id,
                rule=told.rule,
                approval=told.approval,
                evidence=told.evidence,
            )
        )


def _believe(case: _Case, answer: Mapping[str, Any], looked_up: bool) -> None:
    """Note what of an answer is vouched for."""
    if case.known.request is not None:
        structured = answer["structuredContent"]
        body = _text_of(answer["content"]) if structured is None else structured
        case.known.vouch(vouched(case.tool, body, case.known.request, looked_up))


_NOBODY = Standing(None, frozenset(), frozenset(), {})


def _refusal(call: Call, ruling: Ruling) -> Told:
    return Told("denied", f"Refused: {' '.join(ruling.reasons)}", call.place, ruling.rule)


def _leak(call: Call, passed: Passed) -> Told:
    words = f"Refused: the arguments of {call.place} hold {_named(passed)}."
    return Told("denied", words, call.place, passed.rule, None, passed.evidence)


def _named(passed: Passed) -> str:
    return ", ".join(it.detector for it in passed.evidence) or "what may not pass"


def _said(words: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=True)


def _text_of(content: list[dict[str, Any]]) -> str:
    return "\n".join(it["text"] for it in content if it.get("type") == "text")
