"""What a request for a model means, and its answer, whatever dialect they are written in.

Rules
1. A part, a turn or a choice keeps its place: reading and writing in one dialect keeps all of it.
2. What a dialect says and no place here can hold is listed in `Ask.unread`, never dropped.
3. What an engine signed can be read by its like alone. A signature carries the dialect that it was
   made in, and goes back to that dialect only.
4. Arguments of a tool call are JSON text as the model wrote it, which may not be JSON at all.
"""

from typing import Literal

import msgspec

from tollway.fleet.objects import Dialect
from tollway.fleet.usage import Usage

Speaker = Literal["user", "assistant", "system", "developer"]
Stop = Literal["stop", "length", "tool_calls", "stop_sequence", "filter", "refusal", "pause"]
"""Why an answer ended. `pause`: the provider is to be asked to go on (Anthropic's pause_turn)."""


class Signature(msgspec.Struct, frozen=True, gc=False):
    """What an engine wants back unchanged in the next turn. `made_in` is its dialect."""

    made_in: Dialect
    data: str


class Cache(msgspec.Struct, frozen=True, gc=False):
    """A cache breakpoint behind a part or tool. `ttl` is as Anthropic writes it, such as "5m"."""

    ttl: str | None = None


class Text(msgspec.Struct, frozen=True, gc=False):
    """Words. `signature` is one that an engine tied to this part (Gemini)."""

    text: str
    cache: Cache | None = None
    signature: Signature | None = None


class Media(msgspec.Struct, frozen=True, gc=False):
    """An image, a sound, a film or a file: exactly one of `data` (base64), `url` and `file_id`.

    `media_type` is None where the dialect did not say. `name` is a file's, `detail` is OpenAI's
    low, high, auto.
    """

    kind: Literal["image", "audio", "video", "file"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    detail: str | None = None
    cache: Cache | None = None


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A tool that the model wants to be used."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    """OpenAI's custom tools: `arguments` is free text instead of JSON."""
    cache: Cache | None = None
    signature: Signature | None = None


class ToolResult(msgspec.Struct, frozen=True, gc=False):
    """What the tool gave. `name` is the tool's (Gemini needs it), found through the call's id."""

    id: str
    name: str
    parts: tuple[Text | Media, ...]
    failed: bool = False
    custom: bool = False
    cache: Cache | None = None


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """What a model thought. `text` is empty where only the signature, or a sealed thought, is
    given; `summary` says that it is a summary made for the reader; `sealed` says that the
    signature is the whole thought, encrypted (Anthropic's redacted_thinking, OpenAI's
    encrypted_content)."""

    text: str = ""
    summary: bool = False
    sealed: bool = False
    signature: Signature | None = None
    id: str | None = None


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The model's words of refusal, where a dialect keeps them apart."""

    text: str


Part = Text | Media | ToolCall | ToolResult | Reasoning | Refusal


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What one speaker says. Tool results are parts of a user's turn. A system or developer turn
    stands here only where it comes after the conversation began: the rest is `Ask.system`."""

    speaker: Speaker
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A function that the model may call. `parameters` is JSON Schema, as JSON text; None where
    there is none. A `custom` tool takes free text (`grammar` is its format, JSON text)."""

    name: str
    description: str | None = None
    parameters: str | None = None
    strict: bool | None = None
    custom: bool = False
    grammar: str | None = None
    cache: Cache | None = None


class ToolChoice(msgspec.Struct, frozen=True, gc=False):
    """`auto`, `none`, `any` (some tool must be called), or the tools of `names` only."""

    mode: Literal["auto", "none", "any"]
    names: tuple[str, ...] = ()


class Think(msgspec.Struct, frozen=True, gc=False):
    """How much the model is to think. `effort` is a word (none, minimal, low, medium, high,
    xhigh, max), `budget` is tokens (-1 is never used: a dynamic budget is `effort=None`,
    `budget=None`, `on=True`). `shown` says whether thoughts, or a summary of them, are wanted in
    the answer; `summary` is OpenAI's word for how (auto, concise, detailed)."""

    on: bool | None = None
    effort: str | None = None
    budget: int | None = None
    shown: bool | None = None
    summary: str | None = None


class Format(msgspec.Struct, frozen=True, gc=False):
    """What the answer must look like: any JSON object, or one of a JSON Schema (JSON text)."""

    schema: str | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A request. None means that the client did not say. `unread` are the paths of members that
    have no place here (rule 2), such as `logit_bias` or `messages[2].audio`. `tier` is in OpenAI's
    words (default, flex, priority, scale, fast; "auto" says nothing), and `parallel_tools` is False
    or None: parallel calls are what every API does anyway."""

    model: str
    turns: tuple[Turn, ...]
    system: tuple[Text, ...] = ()
    system_speaker: Literal["system", "developer"] = "system"
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    think: Think | None = None
    format: Format | None = None
    verbosity: str | None = None
    stream: bool = False
    wants_usage: bool = False
    user: str | None = None
    tier: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One answer. `stop` is None where the source did not say."""

    parts: tuple[Part, ...]
    stop: Stop | None = None
    stop_sequence: str | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole answer. `id` is the source's own; `model` is what it says that it ran. `unread` are
    paths of what this meaning has no place for (log probabilities, citations). Usage is None where
    the source gave none."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    tier: str | None = None
    unread: tuple[str, ...] = ()


class Loss(msgspec.Struct, frozen=True, gc=False):
    """What a target could not carry: where it stood in the client's own words, and why."""

    path: str
    why: str


class Fault(Exception):  # noqa: N818 - a refusal of the client's words, not a failure of ours
    """A request that says nothing in this dialect: `path` is where, `message` what and the mend."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
