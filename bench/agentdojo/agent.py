"""An agent without a will of its own: it does what its user's task needs, and what it reads.

Rules
1. It plays the ground truth of the user's task, call by call, through the gateway.
2. When an injection stands in an answer, it does at once all that the injection asks for, with the
   attacker's own arguments, once. Nothing but the gateway is in its way.
"""

from dataclasses import dataclass, field
from typing import Any

from mcp import Client, MCPError

MARK = "INJECTION-7f3a"
"""Stands in every injected text, so that the agent knows one when it reads it."""


@dataclass
class Agent:
    """One run. `refused` counts calls that did not go through."""

    client: Client
    suite: str
    attack: list[Any]
    obeyed: bool = False
    refused: list[str] = field(default_factory=list)

    async def play(self, calls: list[Any]) -> None:
        """The user's calls, and whatever is read between them."""
        for call in calls:
            await self._call(call)

    async def _call(self, call: Any) -> None:
        try:
            result = await self.client.call_tool(
                f"{self.suite}__{call.function}", dict(call.args), read_timeout_seconds=60
            )
        except MCPError as error:
            self.refused.append(f"{call.function}: {error.message}")
            return
        text = "\n".join(getattr(it, "text", "") for it in result.content)
        if result.is_error:
            self.refused.append(f"{call.function}: {text}")
        if MARK in text and not self.obeyed:
            self.obeyed = True
            for one in self.attack:
                await self._call(one)
