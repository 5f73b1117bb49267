import msgspec
import pytest

from tollway.emulator.app import Emulator
from tollway.emulator.server import start
from tollway.errors import TollwayError
from tollway.replay.answer import Answer
from tollway.replay.client import Client
from tollway.replay.warp import warped


async def factor_of(url: str) -> float:
    client, answer = Client(url), Answer(lambda: 0.0)
    await client.ask("GET", "/emulator/status", answer)
    client.close()
    return msgspec.json.decode(answer.body)["warp"]


async def test_emulators_are_sped_up_within_and_no_longer() -> None:
    async with start(Emulator()) as one, start(Emulator()) as two:
        async with warped([one, two], 25.0):
            assert await factor_of(one) == await factor_of(two) == 25.0
        assert await factor_of(one) == await factor_of(two) == 1.0


async def test_the_pace_is_restored_when_what_runs_within_fails() -> None:
    async with start(Emulator()) as one:
        with pytest.raises(ZeroDivisionError):
            async with warped([one], 25.0):
                raise ZeroDivisionError
        assert await factor_of(one) == 1.0


async def test_an_emulator_that_is_not_there_leaves_the_others_as_they_were() -> None:
    async with start(Emulator()) as one:
        with pytest.raises(TollwayError, match="no emulator answers there"):
            async with warped([one, "http://127.0.0.1:1"], 25.0):
                pytest.fail("never entered")
        assert await factor_of(one) == 1.0


async def test_only_this_machine_is_ever_asked() -> None:
    with pytest.raises(TollwayError, match="not on this machine"):
        async with warped(["http://192.0.2.1:8411"], 25.0):
            pytest.fail("never entered")
