"""Why an answer ended, in Anthropic's words."""

from typing import Final

from tollway.dialects.meaning import Stop

_READ: Final[dict[str, Stop]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
_WRITTEN: Final[dict[Stop, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "filter": "refusal",
}
LOST: Final = "Messages calls what a filter stopped a refusal"


def read_stop(reason: str | None) -> Stop | None:
    """Why it ended; None where the source does not say, or in a word that we don't know."""
    return None if reason is None else _READ.get(reason)


def write_stop(stop: Stop | None, *, called: bool, refused: bool) -> str:
    """`stop_reason`. `refused` says that the words are a refusal, which other dialects keep
    apart."""
    if stop is None:
        stop = "tool_calls" if called else "stop"
    return "refusal" if refused and stop == "stop" else _WRITTEN[stop]
