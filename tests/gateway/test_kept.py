"""Nobody reads by an id what another tenant left with a provider."""

import json
from typing import Any

import pytest

from tollway.fleet.objects import Dialect
from tollway.gateway.body import BadRequest
from tollway.gateway.kept import refuse_kept

NAMED: list[tuple[Dialect, str, Any]] = [
    ("openai", "messages[0].content[0].file.file_id",
     {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
    ("openai", "messages[0].audio.id",
     {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
    ("responses", "input[0].content[0].file_id",
     {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}),
    ("responses", "tools[0].vector_store_ids",
     {"input": "x", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}),
    ("responses", "tools[0].container",
     {"input": "x", "tools": [{"type": "code_interpreter", "container": "cntr_1"}]}),
    ("responses", "tools[0].container.file_ids",
     {"input": "x", "tools": [
         {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}]}),
    ("responses", "input[0].id", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
    ("responses", "input[0].id", {"input": [{"type": "image_generation_call", "id": "ig_1"}]}),
    ("anthropic", "messages[0].content[0].source.file_id",
     {"messages": [{"role": "user", "content": [
         {"type": "document", "source": {"type": "file", "file_id": "f"}}]}]}),
    ("anthropic", "messages[0].content[0].file_id",
     {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]}),
    ("gemini", "contents[0].parts[0].fileData.fileUri",
     {"contents": [{"parts": [{"fileData": {"fileUri": "gs://bucket/a"}}]}]}),
    ("gemini", "contents[0].parts[0].file_data.file_uri",
     {"contents": [{"parts": [{"file_data": {
         "file_uri": " https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]}),
    ("gemini", "tools[0].fileSearch.fileSearchStoreNames",
     {"contents": [], "tools": [{"fileSearch": {"fileSearchStoreNames": ["s"]}}]}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "place", "body"), NAMED)
def test_what_a_provider_keeps_is_refused_where_it_is_named(
    dialect: Dialect, place: str, body: Any
) -> None:
    with pytest.raises(BadRequest) as caught:
        refuse_kept(dialect, json.dumps(body).encode())
    assert (caught.value.status, caught.value.param) == (400, place)


@pytest.mark.parametrize(("dialect", "place", "body"), NAMED)
def test_an_escaped_name_is_the_same_name(dialect: Dialect, place: str, body: Any) -> None:
    plain = json.dumps(body)
    for letter in "_aeiou":
        escaped = plain.replace(letter, f"\\u00{ord(letter):02x}").encode()
        with pytest.raises(BadRequest):
            refuse_kept(dialect, escaped)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai", {"messages": [{"role": "user", "content": "what is file_id?"}]}),
        ("openai", {"messages": [{"role": "user", "content": "\u00e4 \\u005f"}]}),
        ("openai", {"messages": [], "modalities": ["audio"], "audio": {"voice": "v", "id": 1}}),
        ("openai", {"messages": [], "tools": [{"type": "function", "function": {
            "name": "open", "parameters": {"properties": {"file_id": {"type": "string"}},
                                           "default": {"file_id": "a"}}}}]}),
        ("responses", {"input": "x", "tools": [
            {"type": "code_interpreter", "container": {"type": "auto"}}]}),
        ("responses", {"input": [
            {"type": "image_generation_call", "id": "ig", "result": "aGk="}]}),
        ("responses", {"input": "x", "metadata": {"file_id": "mine"}}),
        ("anthropic", {"messages": [{"role": "assistant", "content": [
            {"type": "tool_use", "name": "open", "input": {"file_id": "mine"}}]}]}),
        ("anthropic", {"messages": [], "tools": [{"input_schema": {"file_id": "x"}}]}),
        ("gemini", {"contents": [{"parts": [
            {"fileData": {"fileUri": "https://example.com/a.png"}},
            {"functionCall": {"name": "f", "args": {"file_uri": "gs://mine"}}},
            {"functionResponse": {"name": "f", "response": {"file_uri": "gs://mine"}}}]}]}),
    ],
)  # fmt: skip
def test_a_clients_own_names_are_its_own(dialect: Dialect, body: Any) -> None:
    refuse_kept(dialect, json.dumps(body).encode())
    refuse_kept(dialect, json.dumps(body, ensure_ascii=False).encode())
