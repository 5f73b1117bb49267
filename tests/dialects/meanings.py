"""Questions and answers of every kind, for hypothesis."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

from tollway.dialects.meaning import (
    Answer,
    Ask,
    Cache,
    Choice,
    Format,
    Media,
    Part,
    Reasoning,
    Signature,
    Stop,
    Text,
    Think,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tollway.dialects.members import json_text
from tollway.dialects.signatures import put_back
from tollway.fleet.objects import Dialect
from tollway.fleet.usage import Usage

ENGINES: tuple[Dialect | None, ...] = (None, "openai", "responses", "anthropic", "gemini")
Kind = Literal["image", "audio", "video", "file"]
KINDS: tuple[Kind, ...] = ("image", "image", "file", "audio", "video")
WORDS = st.text(min_size=1, max_size=12)
TOKENS = st.text(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", min_size=4, max_size=12
)
NAMES = st.sampled_from(("look_up", "get_weather", "f", "write-file"))
CACHES = st.none() | st.builds(Cache, ttl=st.sampled_from((None, "5m", "1h")))
OBJECTS = st.dictionaries(WORDS, st.integers(-9, 9) | WORDS | st.booleans() | st.none(), max_size=2)
SCHEMAS = st.just({"type": "object", "properties": {"a": {"type": "string"}}}).map(json_text)
SIGNATURES = st.builds(
    Signature,
    made_in=st.sampled_from(("openai", "responses", "anthropic", "gemini")),
    data=TOKENS,
)
GEMINIS = st.none() | st.builds(Signature, made_in=st.just("gemini"), data=TOKENS)

texts = st.builds(Text, text=WORDS, cache=CACHES)


@st.composite
def trains(draw: st.DrawFn) -> list[Reasoning]:
    """Thoughts of one answer, which one engine made."""
    made_in = draw(st.sampled_from(ENGINES))
    return draw(st.lists(thoughts(made_in), max_size=2))


@st.composite
def thoughts(draw: st.DrawFn, made_in: Dialect | None) -> Reasoning:
    """A thought as an engine of its dialect makes it; of None, one that signs nothing."""
    if made_in is None:
        return Reasoning(text=draw(WORDS))
    signature = Signature(made_in, draw(TOKENS))
    text = draw(WORDS)
    if made_in == "responses":
        text = draw(st.just("") | WORDS)
        return Reasoning(text, summary=text != "", sealed=True, signature=signature)
    if made_in == "gemini":
        return Reasoning(text, signature=signature)
    if draw(st.booleans()):
        return Reasoning(sealed=True, signature=signature)
    return Reasoning(text, signature=signature)


@st.composite
def medias(draw: st.DrawFn) -> Media:
    """An image, a sound, a film or a file."""
    kind: Kind = draw(st.sampled_from(KINDS))
    types = {
        "image": ("image/png", "image/jpeg"),
        "audio": ("audio/wav", "audio/mp3"),
        "video": ("video/mp4",),
        "file": ("application/pdf",),
    }
    name = draw(WORDS) if kind == "file" else None
    cache = draw(CACHES)
    if draw(st.booleans()):
        media_type = draw(st.sampled_from(types[kind]))
        return Media(kind, media_type, data="QUJD", name=name, cache=cache)
    return Media(kind, url="https://example.com/a", name=name, cache=cache)


@st.composite
def calls(draw: st.DrawFn, number: int) -> ToolCall:
    """A call whose id is that of its number."""
    return ToolCall(
        id=f"call_{number}",
        name=draw(NAMES),
        arguments=json_text(draw(OBJECTS)),
        cache=draw(CACHES),
        signature=draw(GEMINIS),
    )


@st.composite
def results(draw: st.DrawFn, call: ToolCall) -> ToolResult:
    """What a call gave."""
    return ToolResult(
        id=call.id,
        name=call.name,
        parts=tuple(draw(st.lists(texts | images, max_size=2))),
        failed=draw(st.booleans()),
        cache=draw(CACHES),
    )


images = st.builds(
    Media, kind=st.just("image"), media_type=st.just("image/png"), data=st.just("QUJD")
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """A conversation: words, thoughts, calls and what came of them."""
    said: list[Turn] = []
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(texts | texts | medias(), min_size=1, max_size=2))
        said.append(Turn("user", tuple(parts), name=draw(st.none() | st.just("ann"))))
        if draw(st.booleans()):
            thought = draw(trains())
            words: list[Part] = draw(st.lists(texts, max_size=2))  # type: ignore[assignment]
            made = [draw(calls(number + at)) for at in range(draw(st.integers(0, 2)))]
            number += len(made)
            answered = (*thought, *words, *made)
            if answered:
                said.append(Turn("assistant", answered))
            if made:
                said.append(Turn("user", tuple(draw(results(call)) for call in made)))
        if draw(st.integers(0, 5)) == 0:
            said.append(Turn("developer", (draw(texts),)))
    return tuple(said)


@st.composite
def tools(draw: st.DrawFn) -> tuple[Tool, ...]:
    """Functions of different names."""
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    return tuple(
        Tool(
            name,
            description=draw(st.none() | WORDS),
            parameters=draw(SCHEMAS),
            strict=draw(st.sampled_from((None, True))),
            cache=draw(CACHES),
        )
        for name in names
    )


@st.composite
def tool_choices(draw: st.DrawFn, among: Sequence[Tool]) -> ToolChoice | None:
    """A choice among tools."""
    if not among:
        return None
    mode = draw(st.sampled_from((None, "auto", "none", "any")))
    if mode is None or mode == "none":
        return None if mode is None else ToolChoice("none")
    names = draw(st.lists(st.sampled_from([tool.name for tool in among]), unique=True))
    return ToolChoice(mode, tuple(names))


thinks = st.builds(
    Think,
    on=st.sampled_from((None, True, False)),
    effort=st.sampled_from((None, "none", "minimal", "low", "high", "max")),
    budget=st.sampled_from((None, 1024, 9000)),
    shown=st.sampled_from((None, True, False)),
    summary=st.sampled_from((None, "auto", "detailed")),
)
formats = st.just(Format()) | st.builds(
    Format,
    schema=SCHEMAS,
    name=st.just("place"),
    description=st.none() | WORDS,
    strict=st.sampled_from((None, True, False)),
)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """A question with anything in it."""
    among = draw(tools())

    def perhaps(values: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | st.none() | values)

    return Ask(
        model="m",
        turns=draw(turns()),
        system=tuple(draw(st.lists(texts, max_size=2))),
        tools=among,
        tool_choice=draw(tool_choices(among)),
        parallel_tools=perhaps(st.just(False)) if among else None,
        max_output=perhaps(st.integers(1, 9000)),
        temperature=perhaps(st.sampled_from((0.0, 0.5, 1.5))),
        top_p=perhaps(st.just(0.5)),
        top_k=perhaps(st.just(40)),
        frequency_penalty=perhaps(st.just(0.5)),
        presence_penalty=perhaps(st.just(0.5)),
        seed=perhaps(st.integers(0, 9)),
        stop=tuple(draw(st.lists(WORDS, max_size=2))),
        think=perhaps(thinks),
        format=perhaps(formats),
        verbosity=perhaps(st.sampled_from(("low", "high"))),
        stream=draw(st.booleans()),
        user=perhaps(st.sampled_from(("ann", "a" * 70))),
        tier=perhaps(st.sampled_from(("default", "flex", "priority"))),
        metadata=tuple(draw(st.dictionaries(st.just("team"), WORDS)).items()),
    )


@st.composite
def answers(draw: st.DrawFn, stops: Sequence[Stop] = ("stop", "length", "tool_calls")) -> Answer:
    """An answer in the order that all dialects keep: thoughts, words, calls."""
    thought = draw(trains())
    words: list[Part] = draw(st.lists(st.builds(Text, text=WORDS, signature=GEMINIS), max_size=1))  # type: ignore[assignment]
    made = [draw(calls(at)) for at in range(draw(st.integers(0, 2)))]
    bare = [msgspec.structs.replace(call, cache=None) for call in made]
    cached, written, rest = draw(st.tuples(*[st.integers(0, 99)] * 3))
    output = draw(st.integers(0, 99))
    usage = Usage(
        input=cached + written + rest,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=draw(st.integers(0, output)),
    )
    return Answer(
        id="id",
        model="m",
        choices=(Choice((*thought, *words, *bare), stop=draw(st.sampled_from(stops))),),
        usage=usage,
    )


def comparable(answer: Answer) -> Answer:
    """An answer as all dialects can say it: see `signatures` and `_plain`."""
    choices = tuple(
        msgspec.structs.replace(choice, parts=tuple(map(_plain, put_back(choice.parts))))
        for choice in answer.choices
    )
    return msgspec.structs.replace(answer, choices=choices)


def _plain(part: Part) -> Part:
    """A block of Anthropic's does not say that its text is a summary of a sealed thought."""
    made = part.signature if isinstance(part, Reasoning) else None
    if not isinstance(part, Reasoning) or made is None or made.made_in != "responses":
        return part
    return msgspec.structs.replace(part, summary=False)
