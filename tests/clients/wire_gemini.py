"""Gemini generateContent as its provider speaks it: the bytes of its answers, what it refuses."""

import json
from typing import Any

from google.genai import types
from pydantic import BaseModel
from transcripts import SIGNED, USED, Heard, Json, Said, Thought, Turn, Wire, pieces, unknown

# The request body of models.generateContent in Google's Gemini API reference.
KNOWN = {
    "contents",
    "tools",
    "toolConfig",
    "safetySettings",
    "systemInstruction",
    "generationConfig",
    "cachedContent",
    "serviceTier",
    "store",
    "labels",
}


def _names(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


KNOWN_OF_PART = _names(types.Part)
KNOWN_OF_CALL = _names(types.FunctionCall)
KNOWN_OF_RESULT = _names(types.FunctionResponse)
KNOWN_OF_FUNCTION = _names(types.FunctionDeclaration)
KNOWN_OF_SETTINGS = _names(types.GenerationConfig)
# What Google's page on thought signatures lets the calls of another model bear instead.
UNSIGNED = "skip_thought_signature_validator"


OWN_NAMES = {"args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema"}
"""Members whose own members are not Gemini's."""


def _spelled(value: Any) -> Any:
    """Google reads a member's name in snake case as well, and its SDK of Python writes both."""
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {_camel(name): one for name, one in value.items()}
    return {name: one if name in OWN_NAMES else _spelled(one) for name, one in named.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _hear(path: str, body: Json, headers: dict[str, str]) -> Heard:
    body = _spelled(body)
    faults = unknown(body, KNOWN)
    if "x-goog-api-key" not in headers:
        faults.append("no x-goog-api-key header")
    results: list[tuple[str, str]] = []
    signatures: list[str] = []
    due: list[str] = []
    for number, content in enumerate(body["contents"]):
        where = f"contents[{number}]"
        if content.get("role", "user") not in ("user", "model"):
            faults.append(f"{where}: role {content['role']}")
        parts = content["parts"]
        for part in parts:
            faults += unknown(part, KNOWN_OF_PART, f"{where}.")
            faults += unknown(part.get("functionCall") or {}, KNOWN_OF_CALL, "functionCall.")
            faults += unknown(part.get("functionResponse") or {}, KNOWN_OF_RESULT, "response.")
        if not parts:
            faults.append(f"{where}: no parts")
        given = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if [one["name"] for one in given] != due:
            faults.append(f"{where}: function responses {given} do not match the calls {due}")
        results += [(one["name"], json.dumps(one["response"])) for one in given]
        calls = [part for part in parts if "functionCall" in part]
        due = [part["functionCall"]["name"] for part in calls]
        # Gemini 3: the first call of each step of the current turn wants its signature back.
        if calls and not calls[0].get("thoughtSignature"):
            faults.append(f"{where}: Function call is missing a thought_signature")
        given_back = [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
        given_back = [one for one in given_back if one != UNSIGNED]
        faults += [f"{where}: signature {one!r}" for one in given_back if one[:9] != SIGNED]
        signatures += given_back
    declared = [
        one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()
    ]
    for one in declared:
        faults += unknown(one, KNOWN_OF_FUNCTION, "functionDeclarations.")
    faults += unknown(body.get("generationConfig") or {}, KNOWN_OF_SETTINGS, "generationConfig.")
    model, _, method = path.rpartition("/")[2].partition(":")
    return Heard(
        model,
        method == "streamGenerateContent",
        tuple(one["name"] for one in declared),
        tuple(results),
        tuple(signatures),
        tuple(faults),
    )


def _parts(said: Said, signed: str | None) -> list[Json]:
    if isinstance(said, str):
        return [{"text": piece} for piece in pieces(said)]
    if isinstance(said, Thought):
        return [{"text": piece, "thought": True} for piece in pieces(said.text)]
    call = {"functionCall": {"name": said.name, "args": said.arguments}}
    return [{**call, "thoughtSignature": signed} if signed else call]


def _turn_parts(turn: Turn) -> list[Json]:
    signed = turn.thoughts[0].signature if turn.thoughts else None
    first = turn.calls[0] if turn.calls else None
    return [part for said in turn.says for part in _parts(said, signed if said is first else None)]


def _answer(heard: Heard, parts: list[Json], reason: str | None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": USED.input,
            "cachedContentTokenCount": USED.cached,
            "candidatesTokenCount": USED.output - USED.thought,
            "thoughtsTokenCount": USED.thought,
            "totalTokenCount": USED.input + USED.output,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": USED.input}],
        },
        "modelVersion": heard.model,
        "responseId": f"scripted-{len(heard.results)}",
    }


def _whole(turn: Turn, heard: Heard) -> bytes:
    merged: list[Json] = []
    for part in _turn_parts(turn):
        last = merged[-1] if merged else {}
        if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
            last["text"] += part["text"]
        else:
            merged.append(part)
    return json.dumps(_answer(heard, merged, "STOP")).encode()


def _stream(turn: Turn, heard: Heard) -> list[bytes]:
    answers = [_answer(heard, [part], None) for part in _turn_parts(turn)]
    answers.append(_answer(heard, [{"text": ""}], "STOP"))
    return [b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in answers]


def _error(status: int, message: str) -> bytes:
    error = {"code": status, "message": message, "status": "INVALID_ARGUMENT"}
    return json.dumps({"error": error}).encode()


def _other(method: str, path: str, body: Json) -> Json | None:
    if method == "POST" and path.endswith(":countTokens"):
        return {"totalTokens": USED.input}
    return None


def _asks(path: str) -> bool:
    return path.endswith((":generateContent", ":streamGenerateContent"))


GEMINI = Wire("gemini", _hear, _whole, _stream, _error, _asks, _other)
