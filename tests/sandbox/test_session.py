"""A run from its task to its receipt, in a sandbox that is made up here."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from msgspec import structs

from tollway.errors import TollwayError
from tollway.fleet.egressing import SecretUse
from tollway.fleet.sandboxing import SandboxSettings
from tollway.gateway.doors import EGRESS_SOCKET, INDEX_SOCKET, MODELS_SOCKET, TOOLS_SOCKET, Doors
from tollway.gateway.log import Log
from tollway.gateway.offer import Offer
from tollway.gateway.private import listen_privately
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.runs import Run, Runs
from tollway.ledger.guarded.tasks import Task, Tasks
from tollway.sandbox.inside import INDEX, MODELS, PROXY, TOOLS
from tollway.sandbox.order import Ended, Kept, Limits, NotBegunError, Order, Streams, TierName
from tollway.sandbox.session import Session, Wanted
from tollway.units import Seconds

FINE = Ended(
    0, "exit", "", Seconds(0.1), out={MODELS: 5}, back={MODELS: 7}, connections={MODELS: 1}
)


@dataclass
class Listening:
    server: asyncio.Server
    path: Path

    async def close(self) -> None:
        self.server.close()
        self.path.unlink(missing_ok=True)


@dataclass
class Keeper:
    """Opens doors behind which nobody says anything."""

    opened: list[tuple[str, ...] | None] = field(default_factory=list)

    async def pem(self, task: Task) -> str:
        return f"certificate of {task.id}"

    async def open(self, task: Task, path: Path, tools: tuple[str, ...] | None) -> Listening:
        self.opened.append(tools)
        return Listening(await listen_privately(asyncio.Protocol, path), path)


class Box:
    """Runs `act` for the command."""

    def __init__(self, tier: "MadeUp", order: Order) -> None:
        self.tier, self.order = tier, order
        self.signals: list[int] = []
        self.closed = False

    async def run(self) -> Ended:
        return await self.tier.act(self)

    def signal(self, number: int) -> None:
        self.signals.append(number)

    async def keep(self, path: str, into: Path) -> Kept:
        if path == "missing":
            raise TollwayError("there is no such path")
        into.write_text("kept")  # noqa: ASYNC240 - a test
        return Kept({into.name: (4, "ff")}, {"link": "is a link"})  # type: ignore[dict-item]

    async def close(self) -> None:
        self.closed = True


class MadeUp:
    """A tier that isolates nothing."""

    name: TierName = "ns"

    def __init__(self, act: Callable[[Box], Awaitable[Ended]]) -> None:
        self.act = act
        self.boxes: list[Box] = []

    def isolates(self) -> tuple[str, ...]:
        return ("nothing",)

    def leaves_open(self) -> tuple[str, ...]:
        return ("everything",)

    def digest(self) -> str:
        return "00"

    async def box(self, order: Order, streams: Streams) -> Box:
        self.boxes.append(Box(self, order))
        return self.boxes[-1]


@dataclass
class Means:
    folder: Path
    book: GuardBook
    offer: Offer
    tier: MadeUp
    utc: Callable[[], float] = time.time


WANTED = Wanted("acme", "key1", "tidy up", ("true",), None, {"MORE": "1"}, (), (), Limits(), False)
USE = SecretUse("github", ("api.github.com",), "GITHUB")
OFFER = Offer(SandboxSettings(), {"github": USE}, "ledger.sqlite", True, True, {"acme": ("key1",)})


@pytest.fixture
def means(tmp_path: Path) -> Iterator[Means]:
    with closing(GuardBook(tmp_path / GUARD_BOOK)) as book:
        yield Means(tmp_path, book, OFFER, MadeUp(fine))


async def fine(_: Box) -> Ended:
    return FINE


@asynccontextmanager
async def served(means: Means, *names: str) -> AsyncIterator[dict[str, tuple[Doors, Keeper]]]:
    found: dict[str, tuple[Doors, Keeper]] = {}
    find = Tasks(means.book).find
    for name in names or (MODELS_SOCKET, EGRESS_SOCKET, TOOLS_SOCKET):
        keeper = Keeper()
        doors = Doors(means.folder / name, keeper, find, time.time, Log(time.time))
        await doors.listen()
        found[name] = (doors, keeper)
    try:
        yield found
    finally:
        for doors, _ in found.values():
            await doors.close()


def run_of(means: Means) -> Run:
    [run] = Runs(means.book).last(10)
    return run


async def test_a_run_finds_its_exits_and_nothing_is_left_of_it(means: Means) -> None:
    async def look(box: Box) -> Ended:
        order = box.order
        assert set(order.exits) == {MODELS, PROXY, TOOLS}
        for path in order.exits.values():
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
        assert order.files["ca.pem"] == f"certificate of {order.task}".encode()
        assert order.environment["OPENAI_BASE_URL"] == "http://127.0.0.1:8400/v1"
        assert order.environment["MORE"] == "1"
        assert order.environment["GITHUB"].startswith("tws_") or order.environment["GITHUB"]
        assert "tt_" not in "".join(order.environment.values())
        return FINE

    means.tier.act = look
    async with served(means):
        over = await Session(WANTED, means, Streams()).run()
    assert over.ending is not None
    assert over.ending.exits["models"].out == 5
    assert run_of(means) == over
    assert not Tasks(means.book).find(over.task, time.time())
    assert means.tier.boxes[0].closed
    assert os.listdir(means.folder / "doors") == []


async def test_doors_of_a_state_folder_with_a_long_path_are_elsewhere_and_gone_too(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("x" * (90 - len(str(tmp_path))))
    seen: list[Path] = []

    async def look(box: Box) -> Ended:
        for path in box.order.exits.values():
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            seen.append(path.parent)
        return FINE

    with closing(GuardBook(folder / GUARD_BOOK)) as book:
        means = Means(folder, book, OFFER, MadeUp(look))
        async with served(means):
            await Session(WANTED, means, Streams()).run()
    assert not seen[0].is_relative_to(folder)
    assert not seen[0].exists()
    assert os.listdir(folder / "doors") == []


async def test_a_fleet_with_an_index_gives_pip_uv_and_npm_an_exit_to_it(means: Means) -> None:
    async def look(box: Box) -> Ended:
        assert box.order.exits[INDEX].name == "index.sock"
        found = box.order.environment
        assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"]
        assert found["UV_DEFAULT_INDEX"] == "http://127.0.0.1:8402/pypi/simple/"
        assert found["NPM_CONFIG_REGISTRY"] == "http://127.0.0.1:8402/npm/"
        return FINE

    means.tier.act = look
    means.offer = structs.replace(means.offer, index=True)
    async with served(means, MODELS_SOCKET, EGRESS_SOCKET, TOOLS_SOCKET, INDEX_SOCKET):
        over = await Session(WANTED, means, Streams()).run()
    assert over.ending is not None
    assert over.ending.code == 0


async def test_tools_are_narrowed_at_their_door_alone(means: Means) -> None:
    async with served(means) as doors:
        wanted = replace(WANTED, tools=("desk/read",))
        await Session(wanted, means, Streams()).run()
        assert doors[TOOLS_SOCKET][1].opened == [("desk/read",)]
        assert doors[MODELS_SOCKET][1].opened == [None]


async def test_without_a_gateway_nothing_runs_and_the_run_says_why(means: Means) -> None:
    with pytest.raises(TollwayError, match=r"models\.sock"):
        await Session(WANTED, means, Streams()).run()
    ending = run_of(means).ending
    assert ending is not None
    assert "nobody answers there" in ending.words
    assert means.tier.boxes == []
    assert os.listdir(means.folder / "doors") == []


async def test_a_door_that_is_closed_ends_the_run(means: Means) -> None:
    async with served(means) as doors:

        async def act(box: Box) -> Ended:
            await doors[EGRESS_SOCKET][0].close()
            while signal.SIGTERM not in box.signals:  # noqa: ASYNC110 - a list is told of nothing
                await asyncio.sleep(0.01)
            return replace(FINE, code=143, why="signal")

        means.tier.act = act
        over = await Session(WANTED, means, Streams()).run()
    assert over.ending is not None
    assert (over.ending.code, over.ending.why) == (125, "lost")
    assert "The door to egress was closed" in over.ending.words


async def test_a_task_that_is_closed_ends_its_run(means: Means) -> None:
    async def act(box: Box) -> Ended:
        Tasks(means.book).close(box.order.task, time.time())
        await asyncio.sleep(60)
        return FINE

    means.tier.act = act
    async with served(means):
        wanted = replace(WANTED, limits=replace(Limits(), grace=Seconds(0.1)))
        over = await Session(wanted, means, Streams()).run()
    assert over.ending is not None
    assert over.ending.why == "lost"
    assert means.tier.boxes[0].signals == [signal.SIGTERM]


async def test_who_does_not_end_when_told_is_ended(means: Means) -> None:
    async def act(_: Box) -> Ended:
        await asyncio.sleep(60)
        return FINE

    means.tier.act = act
    wanted = replace(WANTED, limits=replace(Limits(), grace=Seconds(0.1)))
    async with served(means):
        session = Session(wanted, means, Streams())
        asyncio.get_running_loop().call_later(0.3, session.stop, signal.SIGTERM)
        over = await session.run()
    assert over.ending is not None
    assert (over.ending.code, over.ending.why) == (137, "signal")


async def test_what_is_kept_and_what_is_not_is_written_down(means: Means) -> None:
    outs = (("report", means.folder / "report"), ("missing", means.folder / "other"))
    async with served(means):
        over = await Session(replace(WANTED, outs=outs), means, Streams()).run()
    ending = over.ending
    assert ending is not None
    assert ending.code == 125  # the command ended with 0, and what was wanted is not there
    assert "missing was not kept" in ending.words
    assert ending.kept == {str(means.folder / "report"): (4, "ff")}
    assert set(ending.refused) == {"report/link", "missing"}


async def test_a_command_that_is_not_there_ends_as_in_a_shell(means: Means) -> None:
    async def act(_: Box) -> Ended:
        raise NotBegunError("nope: not found in the sandbox")

    means.tier.act = act
    async with served(means):
        over = await Session(WANTED, means, Streams()).run()
    assert over.ending is not None
    assert (over.ending.code, over.ending.words) == (127, "nope: not found in the sandbox")


async def test_a_run_that_is_broken_off_has_an_end(means: Means) -> None:
    begun = asyncio.Event()

    async def act(_: Box) -> Ended:
        begun.set()
        await asyncio.sleep(60)
        return FINE

    means.tier.act = act
    async with served(means):
        running = asyncio.create_task(Session(WANTED, means, Streams()).run())
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    ending = run_of(means).ending
    assert ending is not None
    assert ending.words == "It was broken off."
    assert means.tier.boxes[0].closed
