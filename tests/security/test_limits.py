"""No request costs more than was reserved for it by asking for more than one answer."""

import json
from typing import Any

import pytest
from gateway_rig import Rig, good_body, live

from tollway.dispatch import messages as m
from tollway.policy.spend import output_to_hold

CHAT = {"messages": [{"role": "user", "content": "hi"}]}


@live
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (b"/v1/chat/completions", {**CHAT, "n": 128}),
        (b"/v1/completions", {"prompt": "hi", "n": 1, "best_of": 128}),
        (b"/v1/completions", {"prompt": ["hi"] * 128}),
        (b"/v1/completions", {"prompt": ["hi"] * 64, "n": 2}),
    ],
)
async def test_every_answer_asked_for_is_reserved(path: bytes, asked: dict[str, Any]) -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_body)).url)
        client.ask(json.dumps({"model": "chat", **asked}).encode(), path)
        assert (await client.got()).status == 200
        [arrived] = rig.decider.seen(m.Arrived)
        assert isinstance(arrived, m.Arrived)
        held = output_to_hold(None, 512, arrived.choices, arrived.max_output)
        assert held == 128 * 512
