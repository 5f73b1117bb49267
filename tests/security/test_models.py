"""A key gets the models of its routes: no member of a body names another."""

import json
from typing import Any

import pytest
from gateway_rig import Rig, good_body, live

ASKED: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "hi"}]}


@live
@pytest.mark.parametrize(
    "body",
    [
        {**ASKED, "models": ["dear"]},
        {**ASKED, "models": ["dear"], "route": "fallback"},
        {**ASKED, "fallbacks": [{"model": "dear"}]},
        {**ASKED, "preset": "dear"},
        {**ASKED, "MODELS": ["dear"]},
        {**ASKED, "Model": "dear"},
        {**ASKED, "model\0": "dear"},
        {**ASKED, "model": "chat\0dear"},
        {**ASKED, "model": "CHAT"},
        {**ASKED, "model": "a:dear"},
        {**ASKED, "model": ["chat", "dear"]},
    ],
)
async def test_no_member_names_another_model(body: dict[str, Any]) -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        client.ask(json.dumps(body).encode())
        got = await client.got()
        asked = [json.loads(seen.body) for seen in mock.seen]
        assert got.status == 400 or [one["model"] for one in asked] == ["m-up"]
        assert "dear" not in str(asked)


@live
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"chat","messages":[{}],"model":"dear"}',
        b'{"model":"chat","messages":[{}],"mo\\u0064el":"dear"}',
        b'{"mo\\u0064el":"dear","messages":[{}],"model":"chat"}',
        b'{"model":"chat","messages":[{}]}{"model":"dear","messages":[{}]}',
        b'\xef\xbb\xbf{"model":"dear","messages":[{}]}',
        '{"model":"dear","messages":[{}]}'.encode("utf-16"),
    ],
)
async def test_no_second_reading_of_a_body_names_another_model(body: bytes) -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        client.ask(body)
        assert (await client.got()).status == 400
        assert mock.seen == []


@live
async def test_an_unknown_member_is_the_sources_business() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        body = {**ASKED, "models": None, "provider": {"order": ["x"]}, "top_k": 5}
        client.ask(json.dumps(body).encode())
        assert (await client.got()).status == 200
        assert json.loads(mock.seen[0].body) == {**body, "model": "m-up"}
