"""What a replay cost, as the gateway settled it: never computed here.

Rules
1. Money comes from the ledger alone, by the replay's tag, so that it is what `tollway usage` says.
2. The last settlements may follow the last answers by a moment: they are waited for, boundedly.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from tollway.replay.answer import Answer
from tollway.replay.client import Client, NoAnswerError

PATIENCE = 5.0
POLL = 0.1


class Totals(msgspec.Struct, frozen=True):
    """Settled requests of one source, or of all; `cost` is pico-dollars."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cost: int = 0


class _BySource(Totals, frozen=True):
    source: str | None = None


class Bill(msgspec.Struct, frozen=True):
    """All that was settled under a tag; `open` requests are not yet. A request counts at the
    source that answered it."""

    total: Totals
    rows: tuple[_BySource, ...] = ()
    open: int = 0

    @property
    def costs(self) -> Mapping[str | None, int]:
        """Source -> pico-dollars, with None for the total."""
        return {**{row.source: row.cost for row in self.rows}, None: self.total.cost}


async def settled(client: Client, tag: str, at_least: int) -> Bill | None:
    """The bill once `at_least` requests of the tag are settled and none is open, or when patience
    ends; None where the gateway does not say."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        bill = await _ask(client, tag)
        late = asyncio.get_running_loop().time() > deadline
        if late or bill is None or (bill.open == 0 and bill.total.requests >= at_least):
            return bill
        await asyncio.sleep(POLL)


async def _ask(client: Client, tag: str) -> Bill | None:
    answer = Answer(lambda: 0.0)
    try:
        async with asyncio.timeout(PATIENCE):
            await client.ask("GET", f"/v1/usage?tag={tag}", answer)
        return msgspec.json.decode(answer.body, type=Bill) if answer.status == 200 else None
    except (NoAnswerError, TimeoutError, msgspec.MsgspecError):
        return None
