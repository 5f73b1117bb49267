"""OpenAI's own SDK, unmodified, before what is read and written here."""

from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest
from event_streams import spoken, write_all
from openai.types.responses import ResponseInputParam

from tollway.dialects.forms import Told
from tollway.dialects.meaning import (
    Answer,
    Ask,
    Choice,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from tollway.dialects.responses.form import FORM
from tollway.fleet.usage import Usage

TOLD = Told("resp_1", "ours", 1_700_000_000)
SIGNED = Reasoning("hm", True, signature=Signature("anthropic", "SIG"))
CALL = ToolCall("toolu_1", "get_weather", '{"city":"Paris"}')
CALLS = Answer("x", "m", (Choice((SIGNED, CALL), "tool_calls"),), Usage(5, output=7))
WORDS = Answer("x", "m", (Choice((Text("It rains."),), "stop"),), Usage(9, output=3))


class House:
    """Answers the SDK out of a list and keeps what it asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asks: list[Ask] = []
        self._answers = list(answers)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        ask = FORM.read_ask(request.content, None, None)
        self.asks.append(ask)
        answer = self._answers.pop(0)
        if not ask.stream:
            return httpx2.Response(200, content=FORM.write_answer(answer, TOLD)[0])
        body = write_all(FORM.writer(TOLD), spoken(answer))
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})


def client(handle: Callable[[httpx2.Request], httpx2.Response]) -> openai.OpenAI:
    transport = httpx2.Client(transport=httpx2.MockTransport(handle))
    return openai.OpenAI(api_key="k", http_client=transport, max_retries=0)


TOOLS: Any = [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_sdk_was_given_comes_back_in_the_next_turn(stream: bool) -> None:
    house = House(CALLS, WORDS)
    responses = client(house.handle).responses
    said: ResponseInputParam = [{"role": "user", "content": "Weather?"}]

    def ask() -> Any:
        if not stream:
            return responses.create(model="m", input=said, tools=TOOLS, store=False)
        with responses.stream(model="m", input=said, tools=TOOLS, store=False) as events:
            return events.get_final_response()

    first = ask()
    said += [item.model_dump(exclude={"parsed_arguments"}) for item in first.output]
    said.append({"type": "function_call_output", "call_id": "toolu_1", "output": "rain"})
    second = ask()
    assert second.output_text == "It rains."
    assert second.usage.total_tokens == 12
    _, again = house.asks
    thought, call = again.turns[1].parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.signature) == ("hm", SIGNED.signature)
    assert call == CALL
    assert again.turns[2].parts == (ToolResult("toolu_1", "get_weather", (Text("rain"),)),)
    assert again.unread == ()


def test_the_sdk_raises_what_an_error_says() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, content=FORM.write_error(429, "slow", "slow down", "input"))

    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        client(handle).responses.create(model="m", input="a")
    assert (caught.value.code, caught.value.param) == ("slow", "input")
    assert caught.value.type == "rate_limit_error"


def test_the_sdk_raises_where_a_stream_breaks() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        writer = FORM.writer(TOLD)
        body = writer.write(spoken(WORDS)[:3]) + writer.broken(503, "gone", "it broke")
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})

    responses = client(handle).responses
    events: list[str] = []
    with pytest.raises(openai.APIError, match="it broke"):
        events.extend(it.type for it in responses.create(model="m", input="a", stream=True))
