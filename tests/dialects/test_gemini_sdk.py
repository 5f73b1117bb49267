"""Google's own SDK, unmodified, before what is read and written here."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from event_streams import spoken, write_all
from google import genai
from google.genai import errors, types

from tollway.dialects.forms import Told
from tollway.dialects.gemini.form import FORM
from tollway.dialects.meaning import (
    Answer,
    Ask,
    Choice,
    Reasoning,
    Signature,
    Text,
    Think,
    ToolCall,
    ToolResult,
)
from tollway.fleet.usage import Usage

TOLD = Told("id1", "ours", 1_700_000_000)
CALLS = Answer(
    "x",
    "m",
    (
        Choice(
            (
                Reasoning("hm", signature=Signature("anthropic", "SIG")),
                ToolCall("toolu_1", "get_weather", '{"city":"Paris"}'),
                ToolCall("toolu_2", "get_weather", '{"city":"Rome"}'),
            ),
            "tool_calls",
        ),
    ),
    Usage(5, output=7),
)
WORDS = Answer("x", "m", (Choice((Text("It rains "), Text("in Paris.")), "stop"),), Usage(9))


class House:
    """Answers the SDK out of a list and keeps what it asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asks: list[Ask] = []
        self._answers = list(answers)

    def client(self) -> genai.Client:
        transport = httpx2.MockTransport(self._handle)
        options = types.HttpOptions(httpx_client=httpx2.Client(transport=transport))
        return genai.Client(api_key="k", http_options=options)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        model, _, method = request.url.path.rpartition("/")[2].partition(":")
        stream = method == "streamGenerateContent"
        self.asks.append(FORM.read_ask(request.content, model, stream))
        answer = self._answers.pop(0)
        if not stream:
            return httpx2.Response(200, content=FORM.write_answer(answer, TOLD)[0])
        body = write_all(FORM.writer(TOLD), spoken(answer))
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})


def get_weather(city: str) -> str:
    """What the weather is."""
    return f"rain in {city}"


def test_the_sdk_calls_functions_by_itself() -> None:
    house = House(CALLS, WORDS)
    said = house.client().models.generate_content(
        model="gemini-3-pro",
        contents="Weather?",
        config=types.GenerateContentConfig(
            tools=[get_weather],
            system_instruction="Be brief.",
            thinking_config=types.ThinkingConfig(
                include_thoughts=True, thinking_level=types.ThinkingLevel.LOW
            ),
        ),
    )
    assert said.text == "It rains in Paris."
    first, second = house.asks
    assert (first.model, first.stream, first.system) == (
        "gemini-3-pro",
        False,
        (Text("Be brief."),),
    )
    assert first.think == Think(effort="low", shown=True)
    assert first.tools[0].name == "get_weather"
    assert second.turns[1].parts == (
        Reasoning("hm", True, signature=Signature("anthropic", "SIG")),
        ToolCall("toolu_1", "get_weather", '{"city":"Paris"}'),
        ToolCall("toolu_2", "get_weather", '{"city":"Rome"}'),
    )
    assert second.turns[2].parts == (
        ToolResult("toolu_1", "get_weather", (Text("rain in Paris"),)),
        ToolResult("toolu_2", "get_weather", (Text("rain in Rome"),)),
    )
    # The SDK says what the function returns, which no other API wants to know.
    path = "tools[0].functionDeclarations[0].responseJsonSchema"
    assert first.unread == second.unread == (path,)


def test_a_chat_streams_and_keeps_its_history() -> None:
    house = House(WORDS, WORDS)
    chat = house.client().chats.create(model="gemini-3-pro")
    for question in ("Weather?", "Really?"):
        chunks = list(chat.send_message_stream(question))
        assert "".join(chunk.text or "" for chunk in chunks) == "It rains in Paris."
        usage = chunks[-1].usage_metadata
        assert usage is not None
        assert usage.prompt_token_count == 9
    said = house.asks[1].turns
    assert said[0].speaker == "user"
    words = "".join(part.text for turn in said for part in turn.parts if isinstance(part, Text))
    assert words == "Weather?It rains in Paris.Really?"


def test_a_schema_of_googles_is_read() -> None:
    house = House(WORDS)
    house.client().models.generate_content(
        model="m",
        contents="Where?",
        config=types.GenerateContentConfig(
            response_mime_type="application/json",
            response_schema=types.Schema(
                type=types.Type.OBJECT,
                properties={"city_name": types.Schema(type=types.Type.STRING)},
            ),
            stop_sequences=["END"],
            seed=7,
        ),
    )
    (ask,) = house.asks
    assert ask.format is not None
    assert ask.format.schema == '{"type":"object","properties":{"city_name":{"type":"string"}}}'
    assert (ask.stop, ask.seed, ask.unread) == (("END",), 7, ())


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_raises_what_an_error_says(stream: bool) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, content=FORM.write_error(429, "slow", "slow down", None))

    with pytest.raises(errors.ClientError, match="slow down") as caught:
        _asked(handle, stream)
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_the_sdk_raises_where_a_stream_breaks() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        writer = FORM.writer(TOLD)
        body = writer.write(spoken(WORDS)[:4]) + writer.broken(503, "gone", "it broke")
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream"})

    with pytest.raises(errors.APIError, match="it broke"):
        _asked(handle, stream=True)


def _asked(handle: Callable[[httpx2.Request], httpx2.Response], stream: bool) -> Any:
    options = types.HttpOptions(
        httpx_client=httpx2.Client(transport=httpx2.MockTransport(handle)),
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    models = genai.Client(api_key="k", http_options=options).models
    if stream:
        return list(models.generate_content_stream(model="m", contents="a"))
    return models.generate_content(model="m", contents="a")
