"""Turns, written as messages.

Rules
1. Tool results come first in a turn: OpenAI wants them right behind the calls.
2. A tool message holds words alone: images follow in a message of the user's, and that is a loss.
3. An assistant's message holds thoughts, words, a refusal and calls in this order.
"""

from collections.abc import Sequence
from typing import Any, Final

from tollway.dialects.meaning import (
    Ask,
    Loss,
    Media,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tollway.dialects.openai.messages import write_call, write_extra
from tollway.dialects.openai.parts import write_part
from tollway.dialects.openai.thoughts import write_thoughts

ELSEWHERE: Final = "What this tool gave follows in the next message of the user."
"""Stands where a tool gave no words: OpenAI refuses an empty tool message."""

_NO_CACHE: Final = "Chat Completions has no cache breakpoint here"
_CONTINUED: Final = "Chat Completions answers to the last words instead of going on with them"
_FOREIGN: Final = "was made by an engine of another dialect, which alone can read it"
_ORDER: Final[dict[type[Part], int]] = {Reasoning: 0, Text: 1, Refusal: 2, ToolCall: 3}


def write_turns(ask: Ask, losses: list[Loss]) -> list[dict[str, Any]]:
    """All messages of a question."""
    messages: list[dict[str, Any]] = []
    if ask.system:
        parts = [_written(t, f"system[{at}]", losses) for at, t in enumerate(ask.system)]
        messages.append({"role": ask.system_speaker, "content": _content(parts)})
    if ask.turns and ask.turns[-1].speaker == "assistant":
        losses.append(Loss(f"turns[{len(ask.turns) - 1}].open", _CONTINUED))
    for at, turn in enumerate(ask.turns):
        path = f"turns[{at}]"
        if turn.speaker == "assistant":
            message = _write_assistant(turn, path, losses)
            messages.append(_named(message, turn))
        else:
            messages += _write_others(turn, path, losses)
    return messages


def _named(message: dict[str, Any], turn: Turn) -> dict[str, Any]:
    if turn.name is not None:
        message["name"] = turn.name
    return message


def _content(parts: Sequence[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """One part of words is a string: some servers take nothing else."""
    if not parts:
        return ""
    if len(parts) == 1 and set(parts[0]) == {"type", "text"}:
        return parts[0]["text"]
    return list(parts)


def _written(part: Text | Media, path: str, losses: list[Loss]) -> dict[str, Any]:
    if part.cache is not None:
        losses.append(Loss(f"{path}.cache", _NO_CACHE))
    if isinstance(part, Text) and part.signature is not None:
        losses.append(Loss(f"{path}.signature", "Chat Completions has no place for it here"))
    return write_part(part, path)


def _write_others(turn: Turn, path: str, losses: list[Loss]) -> list[dict[str, Any]]:
    """A turn of anyone but the assistant: results of tools, then the rest."""
    messages: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    rest: list[dict[str, Any]] = []
    for at, part in enumerate(turn.parts):
        place = f"{path}.parts[{at}]"
        if isinstance(part, ToolResult):
            if rest:
                losses.append(Loss(place, "comes before the words of its turn here"))
            messages.append(_write_result(part, place, shown, losses))
        elif isinstance(part, Text | Media):
            rest.append(_written(part, place, losses))
        else:
            losses.append(Loss(place, "only an assistant says this in Chat Completions"))
    rest = shown + rest
    if rest or not messages:
        message = {"role": turn.speaker, "content": _content(rest)}
        messages.append(_named(message, turn))
    return messages


def _write_result(
    result: ToolResult, path: str, shown: list[dict[str, Any]], losses: list[Loss]
) -> dict[str, Any]:
    if result.failed:
        losses.append(Loss(f"{path}.failed", "Chat Completions does not say that a tool failed"))
    if result.cache is not None:
        losses.append(Loss(f"{path}.cache", _NO_CACHE))
    words: list[dict[str, Any]] = []
    for at, part in enumerate(result.parts):
        place = f"{path}.parts[{at}]"
        written = _written(part, place, losses)
        if isinstance(part, Text):
            words.append(written)
        else:
            shown.append(written)
            losses.append(Loss(place, "a tool gives words alone here: it follows as the user's"))
    if result.parts and not words:
        words.append({"type": "text", "text": ELSEWHERE})
    return {"role": "tool", "tool_call_id": result.id, "content": _content(words)}


def _write_assistant(turn: Turn, path: str, losses: list[Loss]) -> dict[str, Any]:
    thoughts: list[Reasoning] = []
    words: list[dict[str, Any]] = []
    refusals: list[str] = []
    calls: list[dict[str, Any]] = []
    signature: Signature | None = None
    rank = 0
    for at, part in enumerate(turn.parts):
        place = f"{path}.parts[{at}]"
        if _ORDER.get(type(part), 1) < rank:
            losses.append(Loss(place, "a message has thoughts, words and calls in this order"))
        rank = max(rank, _ORDER.get(type(part), 1))
        if isinstance(part, Reasoning):
            thoughts += _own_thought(part, place, losses)
        elif isinstance(part, Text):
            if signature is not None:
                losses.append(Loss(place, "only the last words of a message keep a signature"))
            signature = _own(part.signature, place, losses)
            words.append(_written(_unsigned(part), place, losses))
        elif isinstance(part, Refusal):
            refusals.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(_write_own_call(part, place, losses))
        else:
            losses.append(Loss(place, "an assistant cannot say this in Chat Completions"))
    content = None if calls and not words else _content(words)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    message |= _write_thoughts(thoughts)
    if refusals:
        message["refusal"] = "".join(refusals)
    if calls:
        message["tool_calls"] = calls
    if signature is not None:
        message["extra_content"] = write_extra(signature)
    return message


def _write_thoughts(thoughts: Sequence[Reasoning]) -> dict[str, Any]:
    """Only who signs in `reasoning_details` reads them there: MiniMax, DeepSeek and others answer
    it with 400 (github.com/iOfficeAI/gemini-cli-pro/pull/33)."""
    if any(thought.signature for thought in thoughts):
        return write_thoughts(thoughts)
    text = "".join(thought.text for thought in thoughts)
    return {"reasoning_content": text} if text else {}


def _unsigned(part: Text) -> Text:
    return part if part.signature is None else Text(part.text, cache=part.cache)


def _own(signature: Signature | None, path: str, losses: list[Loss]) -> Signature | None:
    if signature is None or signature.made_in == "openai":
        return signature
    losses.append(Loss(f"{path}.signature", _FOREIGN))
    return None


def _own_thought(thought: Reasoning, path: str, losses: list[Loss]) -> list[Reasoning]:
    if thought.signature is None or thought.signature.made_in == "openai":
        return [thought]
    losses.append(Loss(path, _FOREIGN))
    return []


def _write_own_call(call: ToolCall, path: str, losses: list[Loss]) -> dict[str, Any]:
    if call.cache is not None:
        losses.append(Loss(f"{path}.cache", _NO_CACHE))
    signature = _own(call.signature, path, losses)
    bare = ToolCall(call.id, call.name, call.arguments, custom=call.custom, signature=signature)
    return write_call(bare, call.id)
