"""Asks a person about a call, and waits for the answer as long as the fleet file says.

Rules
1. The question names all of the call: approving it approves nothing else (`digest`).
2. What decides who, where, which and how much is shown whole; content is shown in short; what a
   detector of the guard knows is shown as its name.
3. Silence denies.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from tollway.fleet.tooling import Tool
from tollway.guard.tools.arguments import canonical, is_under
from tollway.guard.tools.judge import Call
from tollway.ledger.guarded.approvals import Approval, Approvals, Question
from tollway.ledger.guarded.tasks import Task

_POLL = 0.25
_SHORT = 300
_WHOLE = 4000


class Desk:
    """Puts questions, and waits."""

    def __init__(
        self, approvals: Approvals, utc: Callable[[], float], hidden: Callable[[str], str]
    ) -> None:
        """`hidden` takes what a detector knows out of a text."""
        self._approvals = approvals
        self._utc = utc
        self._hidden = hidden

    async def ask(
        self, task: Task, call: Call, tool: Tool, reasons: tuple[str, ...], patience: float
    ) -> Approval:
        """The question as it stands once it was answered, or patience is over."""
        question = self._question(task, call, tool, reasons, patience)
        approval = await asyncio.to_thread(self._approvals.ask, question, self._utc())
        while approval.state(self._utc()) == "pending":
            await asyncio.sleep(min(_POLL, max(approval.silent - self._utc(), 0.0)))
            found = await asyncio.to_thread(self._approvals.find, approval.id)
            approval = approval if found is None else found
        return approval

    async def take(self, approval: Approval) -> bool:
        """Use a yes, once."""
        return await asyncio.to_thread(self._approvals.take, approval.id, self._utc())

    def _question(
        self, task: Task, call: Call, tool: Tool, reasons: tuple[str, ...], patience: float
    ) -> Question:
        shown = self._shown(call.arguments, tool)
        given = ", ".join(f"{name} = {value}" for name, value in shown.items())
        words = f"The task wants to call {call.place} with {given or 'no arguments'}. "
        words += "Why you are asked: " + " ".join(self._hidden(it) for it in reasons)
        if task.request is not None:
            words += f' Its request was: "{_cut(self._hidden(task.request), _SHORT)}"'
        return Question(
            digest=digest_of(task.id, call.server, call.tool, call.arguments),
            concern="tool",
            words=words,
            tenant=task.tenant,
            task=task.id,
            facts={"server": call.server, "tool": call.tool, "arguments": shown},
            waits=patience,
        )

    def _shown(self, arguments: Mapping[str, Any], tool: Tool) -> dict[str, str]:
        return {
            name: _cut(
                self._hidden(json.dumps(value, ensure_ascii=True)),
                _SHORT if is_under(name, tool.content) else _WHOLE,
            )
            for name, value in arguments.items()
        }


def digest_of(task: str, server: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """What names a call whole (rule 1)."""
    whole = canonical([task, server, tool, dict(arguments)])
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
