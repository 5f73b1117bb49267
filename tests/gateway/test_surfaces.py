"""Which path asks what, and how those that ask nothing are told so."""

import pytest

from tollway.fleet.objects import Dialect
from tollway.gateway.surfaces import dialect_of, surface_of


@pytest.mark.parametrize(
    ("path", "dialect", "model", "stream", "counts"),
    [
        (b"/v1/chat/completions", "openai", "", False, False),
        (b"/v1/responses", "responses", "", False, False),
        (b"/v1/messages", "anthropic", "", False, False),
        (b"/v1/messages/count_tokens", "anthropic", "", False, True),
        (b"/v1beta/models/m:generateContent", "gemini", "m", False, False),
        (b"/v1/models/m:generateContent", "gemini", "m", False, False),
        (b"/v1beta/models/m%2Fx:streamGenerateContent", "gemini", "m/x", True, False),
        (b"/v1beta/models/m:8b:streamGenerateContent", "gemini", "m:8b", True, False),
        (b"/v1beta/models/m:countTokens", "gemini", "m", False, True),
        (b"/v1beta/models/m:embedContent", None, "", False, False),
        (b"/v1beta/models/m:generateContent/x", None, "", False, False),
        (b"/v1beta/models/a/b:generateContent", None, "", False, False),
        (b"/v1/messages/", None, "", False, False),
        (b"/v1/messages/batches", None, "", False, False),
        (b"/v1/responses/resp_1", None, "", False, False),
        (b"//v1/messages", None, "", False, False),
    ],
)
def test_a_path_is_matched_whole(
    path: bytes, dialect: Dialect | None, model: str, stream: bool, counts: bool
) -> None:
    surface = surface_of(path)
    if dialect is None:
        assert surface is None
        return
    assert surface is not None
    told = (surface.dialect, surface.model, surface.stream, surface.counts)
    assert told == (dialect, model, stream, counts)


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        (b"/v1/messages/batches", {}, "anthropic"),
        (b"/v1/responses/resp_1", {}, "responses"),
        (b"/v1beta/models/m:embedContent", {}, "gemini"),
        (b"/v1beta/models", {}, "gemini"),
        (b"/v1/models", {}, "openai"),
        (b"/v1/models", {b"anthropic-version": b"2023-06-01"}, "anthropic"),
        (b"/v1/models/m", {b"x-goog-api-key": b"tw_1"}, "gemini"),
        (b"/nowhere", {b"x-goog-api-key": b"tw_1"}, "openai"),
        (b"", {}, "openai"),
    ],
)
def test_a_refusal_is_told_in_the_dialect_of_its_path(
    path: bytes, headers: dict[bytes, bytes], dialect: Dialect
) -> None:
    assert dialect_of(path, headers) == dialect
