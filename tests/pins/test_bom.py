"""A lock as a bill of materials: valid by the official schema, whole, and the same each time."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.pins.bom import bom_refs, bom_text
from tollway.pins.component import (
    Artifact,
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    PinnedTool,
    Prompt,
    Publisher,
    PypiPackage,
    Runtime,
    Weights,
    called,
)
from tollway.pins.lock import Lock

SHA = "sha256:" + "ab" * 32
SHA512 = "sha512:" + "cd" * 64
MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERIAL = "3e671687-395b-41f5-a30f-a58921a69b79"
FILE = PinnedFile(path="w.safetensors", digest=SHA, size=7)

COMPONENTS: tuple[Component, ...] = (
    ModelApi(
        name="openai/gpt", version="gpt-5-2025-08-07", purl="pkg:generic/openai/gpt-5",
        source="openai", vendor="OpenAI", shutdown=date(2026, 12, 11),
        answers=("gpt-5-2025-08-07",), threats=("LLM01",), fallback="weights:llama",
    ),
    Weights(name="llama", purl="pkg:huggingface/a/llama", files=(FILE,), formats=("safetensors",)),
    PypiPackage(
        name="httpx", version="1", purl="pkg:pypi/httpx@1", direct=True, startup=(), scripts=(),
        artifacts=(Artifact(name="httpx.whl", digest=SHA, size=3, uploaded=MADE),),
        publishers=(Publisher(kind="GitHub", identity="encode/httpx"),), dependencies=("idna",),
    ),
    PypiPackage(name="idna", version="3", purl="pkg:pypi/idna@3", artifacts=()),
    NpmPackage(
        name="files@1", version="1", purl="pkg:npm/files@1",
        artifacts=(Artifact(name="files-1.tgz", digest=SHA512),),
    ),
    Prompt(name="system.md", purl="pkg:generic/system.md", file=FILE),
    McpServer(
        name="files", purl="pkg:npm/files@1", runs=("npx", "files"), package="npm:files@1",
        tools=(PinnedTool(name="read", description=SHA, schema=SHA),),
    ),
    McpServer(name="wiki", purl="pkg:generic/wiki", runs=("https://wiki.example/mcp",)),
    Runtime(name="vllm", version="0.12", purl="pkg:generic/vllm@0.12"),
    Image(name="vllm", purl="pkg:oci/vllm", digest=SHA),
)  # fmt: skip
LOCK = Lock(component=COMPONENTS)


def made(lock: Lock) -> str:
    return bom_text(lock, serial=SERIAL, made=MADE, version="0.1.0")


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return json.loads(made(LOCK))


def test_it_is_valid_by_the_official_schema() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(made(LOCK)) is None


def test_the_same_lock_gives_the_same_text_whatever_order_it_came_in() -> None:
    assert made(LOCK) == made(Lock(component=COMPONENTS[::-1]))


def test_models_are_models_with_what_is_known_on_their_card(told: dict[str, Any]) -> None:
    by_ref = {it["bom-ref"]: it for it in told["components"]}
    model = by_ref["model-api:openai/gpt"]
    assert model["type"] == "machine-learning-model"
    assert model["supplier"] == {"name": "OpenAI"}
    assert model["modelCard"]["considerations"] == {
        "technicalLimitations": ["Its vendor announced 2026-12-11 as its last day."]
    }
    weights = by_ref["weights:llama"]
    assert weights["modelCard"]["properties"] == [
        {"name": "tollway:format", "value": "safetensors"}
    ]
    assert weights["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


def test_servers_of_tools_are_services_and_depend_on_their_package(told: dict[str, Any]) -> None:
    assert [it["bom-ref"] for it in told["services"]] == ["mcp:files", "mcp:wiki"]
    assert told["services"][1]["endpoints"] == ["https://wiki.example/mcp"]
    needs = {it["ref"]: it.get("dependsOn", []) for it in told["dependencies"]}
    assert needs["mcp:files"] == ["npm:files@1"]
    assert needs["pypi:httpx"] == ["pypi:idna"]
    assert set(needs["fleet"]) == {called(it) for it in COMPONENTS}


def test_it_says_when_by_what_and_under_which_number(told: dict[str, Any]) -> None:
    assert told["specVersion"] == "1.7"
    assert told["serialNumber"] == f"urn:uuid:{SERIAL}"
    assert told["metadata"]["timestamp"] == "2026-11-23T12:00:00+00:00"
    assert told["metadata"]["tools"]["components"][0]["name"] == "tollway"


NAMES = st.text(min_size=1, max_size=12)


def _any(kind: int, name: str, purl: str) -> Component:
    facts: Any = {"name": name, "purl": purl}
    return (
        ModelApi(**facts, source="s"),
        Weights(**facts, files=(FILE,), formats=()),
        PypiPackage(**facts, artifacts=(Artifact(name=name, digest=SHA),)),
        NpmPackage(**facts, artifacts=()),
        Prompt(**facts, file=FILE),
        McpServer(**facts, runs=(name,)),
        Runtime(**facts),
        Image(**facts, digest=SHA),
    )[kind]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.builds(_any, st.integers(0, 7), NAMES, NAMES), unique_by=called, max_size=8))
def test_every_component_of_a_lock_is_in_it(components: list[Component]) -> None:
    text = made(Lock(component=tuple(components)))
    assert bom_refs(text) == {called(it) for it in components}
