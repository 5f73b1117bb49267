"""What a worker and the accountant say, in bytes; and what a worker decides on its own."""

import asyncio
from typing import Any

import pytest
from gateway_rig import live

from tollway.dispatch.messages import Arrived, Cancelled, Content, Failed, Finished, Reject, Send
from tollway.fleet.usage import Usage
from tollway.gateway.counts import Counts
from tollway.gateway.metrics import Metrics
from tollway.gateway.workers.desk import Desk
from tollway.gateway.workers.frames import Counted, Hello, Wire, decode_down, decode_up
from tollway.gateway.workers.memory import Memory

SEND = Send("r", 1, "a", "m", "m-up", "standard")
SAID = [
    Hello(2, 77),
    Arrived("r", "k", "chat", "chat", True, 7, None, 2**64 - 1, 2**64 - 1, tag="t"),
    Content("r", 1),
    Counted(3, Counts([("x", ("a", "b"), 2)], [("y", ("a",), [0, 1], 0.5)])),
    Failed("r", 1, "status", Usage(output=3), 500, 1.5, "words"),
]


class Pipe(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        self.data += bytes(data)

    def abort(self) -> None:
        self.aborted = True


def wire(heard: list[Any]) -> tuple[Wire, Pipe]:
    made, pipe = Wire(decode_up, lambda _, said: heard.append(said), lambda _: None), Pipe()
    made.connection_made(pipe)
    return made, pipe


@pytest.mark.parametrize("size", [1, 3, 4, 5, 10_000])
def test_frames_of_any_cut_are_read_whole_and_in_order(size: int) -> None:
    @live
    async def run() -> None:
        heard: list[Any] = []
        sender, pipe = wire([])
        for message in SAID:
            sender.say(message)
        await asyncio.sleep(0)
        sender.say(SAID[0])
        sender.flush()
        receiver, _ = wire(heard)
        data = pipe.data + pipe.data[:3]  # and the beginning of another one
        for at in range(0, len(data), size):
            receiver.data_received(data[at : at + size])
        assert heard == [SAID, SAID[:1]]

    run()


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\0\0\0\1\x90"[:4] + b"\xc1", b"\0\0\0\2\x91\x80"]
)
def test_what_is_no_frame_ends_the_connection(data: bytes) -> None:
    @live
    async def run() -> None:
        heard: list[Any] = []
        receiver, pipe = wire(heard)
        receiver.data_received(data)
        assert pipe.aborted
        assert heard == []

    run()


class Ear(Wire):
    """Remembers what it is to say."""

    def __init__(self) -> None:
        super().__init__(decode_down, lambda _, __: None, lambda _: None)
        self.said: list[object] = []

    def say(self, message: object) -> None:
        self.said.append(message)


def arrived(request: str) -> Arrived:
    return Arrived(request, "k", "chat", "chat", True, 7, None, 0, 0)


@live
async def test_without_an_accountant_what_no_source_was_asked_for_is_refused() -> None:
    desk = Desk()
    desk.wire = ear = Ear()
    for request in ("asked", "waiting", "failed"):
        assert desk.handle(arrived(request), 0.0) == []
    desk.decided(SEND.__class__("asked", 1, "a", "m", "m", "standard"))
    desk.decided(SEND.__class__("failed", 1, "a", "m", "m", "standard"))
    desk.handle(Failed("failed", 1, "cut", Usage()), 0.0)
    told = len(ear.said)
    refused = desk.lose(["asked", "waiting", "failed"])
    assert [(each.request, each.status) for each in refused if isinstance(each, Reject)] == [
        ("failed", 503),
        ("waiting", 503),
    ]
    assert [type(each) for each in desk.handle(arrived("new"), 0.0)] == [Reject]
    assert desk.left == {"asked"}
    # A new accountant does not know it, and is not told of it.
    desk.wire = ear
    assert desk.handle(Content("asked", 1), 0.0) == []
    assert desk.handle(Finished("asked", 1, Usage()), 0.0) == []
    assert desk.left == set()
    assert len(ear.said) == told
    assert desk.handle(arrived("next"), 0.0) == []
    assert ear.said[-1] == arrived("next")


@live
async def test_what_fails_without_an_accountant_has_no_fallback() -> None:
    desk = Desk()
    desk.wire = Ear()
    desk.handle(arrived("r"), 0.0)
    desk.decided(SEND)
    assert desk.lose(["r"]) == []
    assert [type(each) for each in desk.handle(Failed("r", 1, "cut", Usage()), 0.0)] == [Reject]
    assert desk.handle(Cancelled("gone", Usage()), 0.0) == []
    assert desk.left == set()


def test_counts_of_several_processes_add_up_to_those_of_one() -> None:
    whole, parts = Metrics(), [Metrics(), Metrics()]
    for number in range(10):
        for metrics in (whole, parts[number % 2]):
            metrics.refused("x")
            metrics.first_content("a", "m", number / 4)
            metrics.stream_ended(("a", "m"), [number] * 15, 0.5, 20.0)
    total = Metrics()
    for metrics in parts * 2:  # what was taken once is not given again
        total.add(metrics.take())
    assert total.render() == whole.render()


def test_a_fleet_is_remembered_and_half_a_one_is_none() -> None:
    memory = Memory()
    assert memory.documents() is None
    memory.keep({"fleet.toml": "a" * 1000})
    memory.keep({"fleet.toml": "b", "more.toml": "c"})
    assert memory.documents() == {"fleet.toml": "b", "more.toml": "c"}
