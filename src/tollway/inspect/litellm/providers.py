"""Which provider a LiteLLM model name means, and where Tollway reaches it.

Rules
1. A provider that signs its requests, or takes tokens that end, is not reached; that is said.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_UNREACHED = {
    "bedrock": "Bedrock's requests are signed with AWS keys",
    "bedrock_converse": "Bedrock's requests are signed with AWS keys",
    "sagemaker": "SageMaker's requests are signed with AWS keys",
    "sagemaker_chat": "SageMaker's requests are signed with AWS keys",
    "vertex_ai": "Vertex AI takes tokens that end within the hour",
    "vertex_ai_beta": "Vertex AI takes tokens that end within the hour",
    "watsonx": "watsonx takes tokens that end within the hour",
    "cohere": "its API is of a form that Tollway does not speak",
    "cohere_chat": "its API is of a form that Tollway does not speak",
    "replicate": "its API is of a form that Tollway does not speak",
}
_BY_NAME = {
    "openai": re.compile(r"(gpt-|chatgpt-|o[1-9]|text-embedding-|davinci|babbage|ft:gpt-).*"),
    "anthropic": re.compile(r"claude-.*"),
}
"""What LiteLLM takes a name without a prefix for."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that Tollway reaches. `url` None is only at a URL of one's own; `version` is the
    end of the path that LiteLLM adds to such a URL by itself. `dialects` are spoken anywhere (none:
    OpenAI's Chat Completions), `at_home` at the provider's own URL."""

    name: str
    url: str | None
    variables: tuple[str, ...]
    dialects: tuple[str, ...]
    at_home: tuple[str, ...]
    version: str


@cache
def providers() -> Mapping[str, Provider]:
    """Those that Tollway reaches, by LiteLLM's prefix."""
    text = files("tollway.inspect.litellm").joinpath("providers.toml").read_text(encoding="utf-8")
    found = {
        name: Provider(
            name=name,
            url=table.get("url"),
            variables=tuple(table["variables"]),
            dialects=tuple(table.get("dialects", ())),
            at_home=tuple(table.get("at_home", table.get("dialects", ()))),
            version=table.get("version", ""),
        )
        for name, table in tomllib.loads(text).items()
    }
    return MappingProxyType(found)


def named(model: str, custom: str | None, *, at_own_url: bool) -> tuple[str, str]:
    """Provider and the rest of the name. `custom` is `custom_llm_provider`, which wins. A name
    without a prefix that means nothing else is of OpenAI's form, at a URL of one's own."""
    prefix, slash, rest = model.partition("/")
    if custom:
        return custom, rest if slash and prefix == custom else model
    if slash:
        return prefix, rest
    for provider, pattern in _BY_NAME.items():
        if pattern.fullmatch(model):
            return provider, model
    return "openai" if at_own_url else "", model


def why_not(provider: str) -> str:
    """Why a provider is not reached."""
    if not provider:
        return "which provider is meant is not known from the name; write it as provider/model"
    unknown = "this importer does not know it; write openai/MODEL where it speaks OpenAI's form"
    reason = _UNREACHED.get(provider, unknown)
    return f"provider {provider} is not carried: {reason}"
