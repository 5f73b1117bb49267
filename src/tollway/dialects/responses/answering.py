"""Reads and writes whole answers of the Responses API."""

from typing import Any, Final

import msgspec

from tollway.dialects.forms import Told
from tollway.dialects.lenient import decoded
from tollway.dialects.meaning import (
    Answer,
    Choice,
    Fault,
    Loss,
    Part,
    Refusal,
    Stop,
    Text,
    ToolCall,
)
from tollway.dialects.members import Members
from tollway.dialects.responses.items import read_thoughts
from tollway.dialects.responses.resource import (
    end_response,
    is_whole,
    write_item,
    write_response,
)
from tollway.dialects.signatures import put_back, set_apart
from tollway.fleet.usage import Usage

REASONS: Final[dict[str, Stop]] = {"max_output_tokens": "length", "content_filter": "filter"}


class InputDetails(msgspec.Struct):
    """`usage.input_tokens_details`."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputDetails(msgspec.Struct):
    """`usage.output_tokens_details`."""

    reasoning_tokens: int = 0


class Count(msgspec.Struct):
    """`usage`."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


def read_usage(count: Count | None) -> Usage | None:
    """What a response used."""
    if count is None:
        return None
    before = count.input_tokens_details or InputDetails()
    after = count.output_tokens_details or OutputDetails()
    return Usage(
        input=count.input_tokens,
        cached_input=before.cached_tokens,
        cache_write=before.cache_write_tokens,
        output=count.output_tokens,
        reasoning=after.reasoning_tokens,
    )


def read_stop(status: str, reason: str | None, called: bool, refused: bool) -> Stop | None:
    """Why a response ended: `called` and `refused` say that a tool call, or words of refusal,
    are in it."""
    if status != "completed":
        return REASONS.get(reason or "")
    if called:
        return "tool_calls"
    return "refusal" if refused else "stop"


def read_answer(body: bytes) -> Answer:
    """A response.

    Raises:
        ValueError: the body is no whole response; what the source said of it, where it did.
    """
    try:
        return _read_response(Members(decoded(msgspec.json.decode, body), "", []))
    except (Fault, msgspec.ValidationError) as fault:
        raise ValueError(f"no answer of the Responses API: {fault}") from None


def _read_response(said: Members) -> Answer:
    status = said.text("status") or "completed"
    if status not in ("completed", "incomplete"):
        error = said.members("error")
        why = None if error is None else error.text("message")
        raise ValueError(why or f'the response is "{status}"')
    unread: list[str] = []
    parts: list[Part] = []
    for item in said.objects("output"):
        parts.extend(_read_item(item, unread))
    details = said.members("incomplete_details")
    stop = read_stop(
        status,
        None if details is None else details.text("reason"),
        any(isinstance(part, ToolCall) for part in parts),
        any(isinstance(part, Refusal) for part in parts),
    )
    usage = msgspec.convert(said.take("usage"), Count | None)
    return Answer(
        id=said.text("id") or "",
        model=said.text("model") or "",
        choices=(Choice(put_back(parts), stop),),
        usage=read_usage(usage),
        tier=said.text("service_tier"),
        unread=tuple(unread),
    )


def _read_item(item: Members, unread: list[str]) -> tuple[Part, ...]:
    kind = item.needed("type")
    match kind:
        case "message":
            return tuple(_read_content(part, unread) for part in item.objects("content"))
        case "function_call":
            call = ToolCall(item.needed("call_id"), item.needed("name"), item.needed("arguments"))
            return (call,)
        case "custom_tool_call":
            name, text = item.needed("name"), item.needed("input")
            return (ToolCall(item.needed("call_id"), name, text, custom=True),)
        case "reasoning":
            return read_thoughts(item)
        case _:
            unread.append(f"{item.path}: {kind}")
            return ()


def _read_content(part: Members, unread: list[str]) -> Text | Refusal:
    if part.text("type") == "refusal":
        return Refusal(part.needed("refusal"))
    unread.extend(part.at(name) for name in ("annotations", "logprobs") if part.take(name))
    return Text(part.needed("text"))


def write_answer(answer: Answer, told: Told) -> tuple[bytes, tuple[Loss, ...]]:
    """A response, and what it could not carry."""
    choice = answer.choices[0] if answer.choices else Choice(())
    losses = [
        Loss(f"choices[{at}]", "the Responses API gives one answer")
        for at in range(1, len(answer.choices))
    ]
    if choice.stop_sequence is not None:
        losses.append(Loss("stop_sequence", "the Responses API does not say which one was met"))
    if choice.stop == "pause":
        losses.append(Loss("stop", "the Responses API has no word for an answer that is to go on"))
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    status = "completed" if is_whole(choice.stop, refused) else "incomplete"
    response = write_response(told, status, _write_output(choice, told, losses))
    end_response(response, choice.stop, answer.usage)
    if answer.tier is not None:
        response["service_tier"] = answer.tier
    return msgspec.json.encode(response), tuple(losses)


def _write_output(choice: Choice, told: Told, losses: list[Loss]) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    for at, part in enumerate(set_apart(choice.parts)):
        item = write_item(part, told, len(output))
        if item is None:
            losses.append(Loss(f"parts[{at}]", "the Responses API answers with texts and calls"))
        else:
            output.append(item)
    return output
