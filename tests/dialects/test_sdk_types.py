"""What is written, held against the types of the makers' own SDKs, and read by their own code."""

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from event_streams import events, spoken, write_all
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from meanings import answers, asks
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from shapes import problems

from tollway.dialects.forms import Told
from tollway.dialects.meaning import Answer, Ask, Fault, Text, ToolCall
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect

TOLD = Told("id", "m", 1_700_000_000)
THOROUGH = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ASKS: dict[Dialect, tuple[Any, Any]] = {
    "openai": (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming),
    "anthropic": (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming),
}
BEYOND: dict[Dialect, tuple[str, ...]] = {
    # In wide use, but not OpenAI's own: see `dialects/openai`; and what older Claudes take.
    "openai": ("reasoning_content", "reasoning_details", "video_url", "audio_url", "extra_content",
               "stop_reason", "input_audio.format"),
    "anthropic": ("temperature", "top_p", "top_k"),
}  # fmt: skip


def unknown(dialect: Dialect, value: Any, shape: Any) -> list[str]:
    found = problems(value, shape)
    return [line for line in found if not any(word in line for word in BEYOND[dialect])]


@pytest.mark.parametrize("dialect", ASKS)
@THOROUGH
@given(ask=asks())
def test_a_question_has_only_members_that_the_api_has(dialect: Dialect, ask: Ask) -> None:
    try:
        body = FORMS[dialect].write_ask(ask, "m")[0]
    except Fault:
        assume(False)
        raise
    assert unknown(dialect, json.loads(body), ASKS[dialect][ask.stream]) == []


@THOROUGH
@given(answer=answers(("stop", "tool_calls")), pieces=st.integers(1, 4))
def test_openais_own_code_reads_our_answers(answer: Answer, pieces: int) -> None:
    form = FORMS["openai"]
    body = form.write_answer(answer, TOLD)[0]
    assert unknown("openai", json.loads(body), ChatCompletion) == []
    stream = write_all(form.writer(TOLD), spoken(answer, pieces))
    for _, data in events(stream)[:-1]:
        assert unknown("openai", json.loads(data), ChatCompletionChunk) == []

    whole = openai_client(body, "application/json").chat.completions.create(model="m", messages=[])
    with openai_client(stream, "text/event-stream").chat.completions.stream(
        model="m", messages=[], stream_options={"include_usage": True}
    ) as streamed:
        final = streamed.get_final_completion()
    parts = answer.choices[0].parts
    calls = [(p.id, p.name, p.arguments) for p in parts if isinstance(p, ToolCall)]
    for read in (whole, final):
        message = read.choices[0].message
        assert (message.content or "") == "".join(p.text for p in parts if isinstance(p, Text))
        made = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()]  # type: ignore[union-attr]
        assert made == calls
        assert read.choices[0].finish_reason == answer.choices[0].stop
        assert read.usage is not None
        assert answer.usage is not None
        assert read.usage.prompt_tokens == answer.usage.input
        assert read.usage.completion_tokens == answer.usage.output


@THOROUGH
@given(answer=answers(), pieces=st.integers(1, 4))
def test_anthropics_own_code_reads_our_answers(answer: Answer, pieces: int) -> None:
    form = FORMS["anthropic"]
    body = form.write_answer(answer, TOLD)[0]
    assert problems(json.loads(body), Message) == []
    stream = write_all(form.writer(TOLD), spoken(answer, pieces))
    for name, data in events(stream):
        event = json.loads(data)
        assert event["type"] == name.decode()
        assert problems(event, RawMessageStreamEvent) == []

    whole = anthropic_client(body, "application/json").messages.create(
        model="m", messages=[], max_tokens=1
    )
    with anthropic_client(stream, "text/event-stream").messages.stream(
        model="m", messages=[], max_tokens=1
    ) as streamed:
        final = streamed.get_final_message()
    assert final.model_dump(exclude={"parsed_output"}) == whole.model_dump()
    parts = answer.choices[0].parts
    said = [block for block in whole.content if block.type in ("text", "tool_use")]
    assert len(said) == sum(isinstance(part, Text | ToolCall) for part in parts)
    assert answer.usage is not None
    assert whole.usage.output_tokens == answer.usage.output


def test_both_sdks_raise_where_a_stream_breaks() -> None:
    deltas = spoken(Answer("id", "m", ()), 1)[:1]
    form = FORMS["openai"]
    broken = write_all(form.writer(TOLD), deltas) + form.writer(TOLD).broken(502, "lost", "gone")
    with pytest.raises(openai.APIError, match="gone"):
        list(
            openai_client(broken, "text/event-stream").chat.completions.create(
                model="m", messages=[], stream=True
            )
        )
    broken = FORMS["anthropic"].writer(TOLD).broken(529, "lost", "gone")
    with pytest.raises(anthropic.APIError, match="gone"):
        list(
            anthropic_client(broken, "text/event-stream").messages.create(
                model="m", messages=[], max_tokens=1, stream=True
            )
        )


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.InternalServerError),
    ],
)
def test_an_error_is_what_anthropics_sdk_expects(status: int, raised: type[Exception]) -> None:
    body = FORMS["anthropic"].write_error(status, "code", "no", None)
    client = anthropic_client(body, "application/json", status)
    with pytest.raises(raised) as caught:
        client.messages.create(model="m", messages=[], max_tokens=1)
    assert isinstance(caught.value, anthropic.APIStatusError)
    assert problems(caught.value.body, anthropic.types.ErrorResponse) == []


def openai_client(body: bytes, kind: str) -> openai.OpenAI:
    """The SDK, whose transport answers with `body`."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": kind})

    http = openai.DefaultHttpxClient(transport=httpx2.MockTransport(answered))
    return openai.OpenAI(api_key="k", base_url="http://source/v1", http_client=http)


def anthropic_client(body: bytes, kind: str, status: int = 200) -> anthropic.Anthropic:
    """The SDK, whose transport answers with `body`."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind})

    http = anthropic.DefaultHttpxClient(transport=httpx2.MockTransport(answered))
    return anthropic.Anthropic(
        api_key="k", base_url="http://source", http_client=http, max_retries=0
    )
