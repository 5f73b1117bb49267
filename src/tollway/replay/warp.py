"""Speeds emulators up for a while, through their control endpoint, and back.

Rules
1. Only loopback is asked: the control endpoint answers nobody else.
2. What was changed is changed back, also when the replay is stopped or fails; all are tried.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from tollway.errors import TollwayError
from tollway.replay.answer import Answer
from tollway.replay.client import Client, NoAnswerError

_OK = 200


class _Warped(msgspec.Struct, frozen=True):
    warp: float


@asynccontextmanager
async def warped(urls: Sequence[str], factor: float) -> AsyncIterator[None]:
    """Within this context the emulators at these base URLs run `factor` times as fast.

    Raises:
        TollwayError: one of them cannot be reached or refuses.
    """
    clients = [Client(url) for url in urls]
    before: list[tuple[Client, float]] = []
    try:
        for client in clients:
            found = await _control(client, "GET", "/emulator/status", b"")
            before.append((client, found))
            await _control(client, "POST", "/emulator/warp", _order(factor))
        yield
    finally:
        faults: list[TollwayError] = []
        for client, was in before:
            try:
                await _control(client, "POST", "/emulator/warp", _order(was))
            except TollwayError as error:
                faults.append(error)
        for client in clients:
            client.close()
        if faults:
            raise faults[0]


def _order(factor: float) -> bytes:
    return msgspec.json.encode({"factor": factor})


async def _control(client: Client, method: str, path: str, body: bytes) -> float:
    where = f"http://{client.host}:{client.port}{path}"
    if not client.is_loopback:
        raise TollwayError(f"{where}: not on this machine; only local emulators can be warped.")
    answer = Answer(lambda: 0.0)
    try:
        await client.ask(method, path, answer, body)
        if answer.status != _OK:
            raise NoAnswerError(f"status {answer.status}")
        return msgspec.json.decode(answer.body, type=_Warped).warp
    except (NoAnswerError, msgspec.MsgspecError) as error:
        raise TollwayError(
            f"{where}: no emulator answers there ({error}). --warp needs the emulated sources of "
            "the fleet to run; leave it out, or start them with `tollway up`."
        ) from error
