from typing import Any

import pytest

from tollway.errors import TollwayError
from tollway.replay.bill import settled
from tollway.replay.client import Client
from tollway.replay.player import Orders
from tollway.replay.session import Session
from tollway.simulator.formats import parse
from tollway.units import Seconds

TRACE = parse("t", b"t_ms,input,output\n0,5,2\n1,5,2\n2,5,2\n")
ORDERS = Orders("chat", 1.0, "t", 10, Seconds(5.0), seed=1)


def totals(requests: int, cost: int) -> dict[str, object]:
    return {"requests": requests, "completed": requests, "cost": cost, "cost_usd": "0"}


def usage(*stages: tuple[int, int, int]) -> Any:
    """Answers of /v1/usage, one after another: requests, open, cost."""
    left = list(stages)

    def answer(path: str) -> tuple[int, object]:
        if path.startswith("/v1/models"):
            return 200, {"object": "list", "data": [{"id": "chat"}, {"id": "llama"}]}
        assert path == "/v1/usage?tag=t"
        requests, waiting, cost = left.pop(0) if len(left) > 1 else left[0]
        row = {"source": "a", **totals(requests, cost)}
        return 200, {"total": totals(requests, cost), "rows": [row], "open": waiting}

    return answer


async def run(stub: Any, orders: Orders = ORDERS) -> Any:
    return await Session(Client(stub.url), orders).run(TRACE, 1.0, [])


async def test_the_bill_is_asked_for_until_everything_is_settled(stub: Any) -> None:
    stub.read = usage((2, 0, 20), (3, 1, 30), (3, 0, 31))
    played = await run(stub)
    assert played.bill.costs == {"a": 31, None: 31}
    assert (played.expected, played.stopped) == (3, False)


async def test_a_gateway_without_usage_gives_no_bill_and_no_wait(stub: Any) -> None:
    answer = usage((0, 0, 0))
    stub.read = lambda path: (404, {}) if "usage" in path else answer(path)
    assert (await run(stub)).bill is None


async def test_the_bill_is_not_waited_for_without_end(
    stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.replay.bill.PATIENCE", 0.05)
    stub.read = usage((2, 0, 20))
    client = Client(stub.url)
    bill = await settled(client, "t", 3)
    client.close()
    assert bill is not None
    assert bill.total.requests == 2


async def test_a_route_that_is_not_there_is_said_before_anything_is_played(stub: Any) -> None:
    stub.read = usage((0, 0, 0))
    with pytest.raises(TollwayError, match=r'chat, llama\. Did you mean "chat"\?'):
        await run(stub, Orders("chatt", 1.0, "t", 10, Seconds(5.0), seed=1))
    assert stub.bodies == []


async def test_a_key_that_is_refused_is_said_with_where_to_name_another(stub: Any) -> None:
    stub.read = lambda path: (401, {"error": {"message": "no", "code": "invalid_api_key"}})
    with pytest.raises(TollwayError, match=r"401 \(invalid_api_key\).*--key env:NAME"):
        await run(stub)
