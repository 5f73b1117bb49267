"""What is left of a limit, as each dialect's clients read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.gateway.pacing import room_lines

UTC = 1_790_000_000.0


def headers(lines: bytes) -> dict[str, str]:
    pairs = (line.partition(": ") for line in lines.decode().split("\r\n") if line)
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0ms"), (0.012, "12ms"), (1.0, "1s"), (1.5, "1.500s"), (62.0, "1m2s"), (60.0, "1m0s")],
)
def test_openais_clients_read_a_span(seconds: float, told: str) -> None:
    room = ((60, 3, seconds), None)
    for dialect in ("openai", "responses"):
        assert headers(room_lines(room, dialect, UTC)) == {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "3",
            "x-ratelimit-reset-requests": told,
        }


def test_anthropics_clients_read_a_moment() -> None:
    told = headers(room_lines((None, (9000, 17, 2.5)), "anthropic", UTC))
    assert told == {
        "anthropic-ratelimit-tokens-limit": "9000",
        "anthropic-ratelimit-tokens-remaining": "17",
        "anthropic-ratelimit-tokens-reset": "2026-09-21T14:13:23Z",
    }


@given(st.floats(0, 60))
def test_a_client_that_waits_as_told_waits_long_enough(seconds: float) -> None:
    told = headers(room_lines(((1, 0, seconds), None), "openai", UTC))
    span = told["x-ratelimit-reset-requests"]
    minutes, _, rest = span.rpartition("m") if not span.endswith("ms") else ("", "", span)
    scale = 1e-3 if rest.endswith("ms") else 1.0
    waited = 60 * int(minutes or 0) + scale * float(rest.rstrip("ms"))
    assert waited >= seconds - 1e-5


def test_nothing_is_said_where_nothing_is_limited_or_the_dialect_has_no_words() -> None:
    assert room_lines(None, "openai", UTC) == b""
    assert room_lines(((1, 1, 1.0), None), "gemini", UTC) == b""
