"""What the Responses API can hold without loss, drawn at random."""

import json
from typing import Any

from hypothesis import strategies as st

from tollway.dialects.meaning import (
    Answer,
    Ask,
    Choice,
    Format,
    Media,
    Part,
    Reasoning,
    Refusal,
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
from tollway.fleet.usage import Usage

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
some = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
idents = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
base64 = st.from_regex(r"[A-Za-z0-9+/]{4,16}", fullmatch=True)
objects = st.dictionaries(idents, st.one_of(words, st.integers(-9, 9), st.booleans()), max_size=3)


def compact(value: object) -> str:
    """JSON text as the dialects write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


schemas = objects.map(lambda it: compact({"type": "object", "properties": {}, **it}))
arguments = st.one_of(objects.map(compact), words)

images = st.one_of(
    st.builds(Media, st.just("image"), st.just("image/png"), data=base64),
    st.builds(
        lambda url, detail: Media("image", url=url, detail=detail),
        st.just("https://host/a.png"),
        st.sampled_from((None, "low", "high")),
    ),
    st.builds(lambda it: Media("image", file_id=it), idents),
)
files = st.one_of(
    st.builds(
        lambda data, name: Media("file", "application/pdf", data=data, name=name), base64, some
    ),
    st.builds(lambda it: Media("file", url=f"https://host/{it}"), idents),
    st.builds(lambda it: Media("file", file_id=it), idents),
)
media = st.one_of(images, files)
texts = st.builds(Text, words)


@st.composite
def thoughts(draw: st.DrawFn) -> list[Reasoning]:
    """The thoughts of one reasoning item: its summaries, its thoughts in full, its encryption."""
    ident = draw(idents)
    found = [Reasoning(draw(some), True, id=ident) for _ in range(draw(st.integers(0, 2)))]
    found += [Reasoning(draw(some), id=ident) for _ in range(draw(st.integers(0, 1)))]
    if not found or draw(st.booleans()):
        last = found.pop() if found else Reasoning(id=ident)
        made = Signature("responses", draw(base64))
        found.append(Reasoning(last.text, last.summary, True, made, ident))
    return found


calls = st.builds(ToolCall, idents, idents, arguments, st.booleans())


@st.composite
def _said(draw: st.DrawFn) -> tuple[Part, ...]:
    """An assistant's turn: a message stands once, as two in a row begin two turns."""
    parts: list[Part] = []
    for _ in range(draw(st.integers(1, 3))):
        parts.extend(draw(thoughts()))
        ids = {part.id for part in parts if isinstance(part, Reasoning)}
        if draw(st.booleans()):
            parts.extend(draw(st.lists(st.one_of(texts, st.builds(Refusal, words)), max_size=2)))
        if draw(st.booleans()):
            parts.append(draw(calls.filter(lambda it, ids=ids: it.id not in ids)))
    return tuple(parts)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """A conversation whose results answer its calls."""
    found = [Turn("user", tuple(draw(st.lists(st.one_of(texts, media), min_size=1, max_size=3))))]
    for _ in range(draw(st.integers(0, 2))):
        said = draw(_said())
        found.append(Turn("assistant", said))
        names: dict[str, ToolCall] = {it.id: it for it in said if isinstance(it, ToolCall)}
        results: list[Part] = []
        for call in names.values():
            inner = draw(st.lists(st.one_of(st.builds(Text, some), media), max_size=2))
            results.append(ToolResult(call.id, call.name, tuple(inner), custom=call.custom))
        asked = draw(st.lists(st.one_of(texts, media), min_size=not results, max_size=2))
        found.append(Turn("user", (*results, *asked)))
        if draw(st.booleans()):
            speaker = draw(st.sampled_from(("system", "developer")))
            found.append(Turn(speaker, tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    return _names_fixed(found)


def _names_fixed(found: list[Turn]) -> tuple[Turn, ...]:
    """Where an id was called twice, its result is of the later call."""
    names: dict[str, str] = {}
    fixed: list[Turn] = []
    for turn in found:
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolCall):
                names[part.id] = part.name
            if isinstance(part, ToolResult):
                known = names[part.id]
                parts.append(ToolResult(part.id, known, part.parts, custom=part.custom))
            else:
                parts.append(part)
        fixed.append(Turn(turn.speaker, tuple(parts)))
    return tuple(fixed)


tools = st.one_of(
    st.builds(
        Tool,
        idents,
        st.none() | words,
        st.none() | schemas,
        st.booleans(),
    ),
    st.builds(
        lambda name, grammar: Tool(name, custom=True, grammar=grammar),
        idents,
        st.none() | st.just('{"type":"grammar","syntax":"regex","definition":"a"}'),
    ),
)


@st.composite
def _choices(draw: st.DrawFn) -> dict[str, Any]:
    found = tuple(draw(st.lists(tools, max_size=3, unique_by=lambda it: it.name)))
    names = tuple(tool.name for tool in found)
    modes = st.builds(ToolChoice, st.sampled_from(("auto", "none", "any")))
    named = st.builds(
        ToolChoice, st.sampled_from(("auto", "any")), st.just(names) if names else st.just(())
    )
    return {"tools": found, "tool_choice": draw(st.one_of(st.none(), modes, named))}


thinks = st.one_of(
    st.none(),
    st.builds(lambda effort: Think(effort=effort), st.sampled_from(("none", "low", "max"))),
    st.builds(
        lambda effort, summary: Think(effort=effort, shown=True, summary=summary),
        st.sampled_from((None, "minimal", "high")),
        st.sampled_from(("auto", "concise")),
    ),
)
formats = st.one_of(
    st.none(),
    st.just(Format()),
    st.builds(Format, schemas, some, st.none() | words, st.none() | st.booleans()),
)
fractions = st.none() | st.floats(0, 2).map(lambda it: round(it, 3))


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """What the dialect can hold."""
    return Ask(
        model=draw(idents),
        turns=draw(turns()),
        system=tuple(draw(st.lists(st.builds(Text, some), max_size=2))),
        parallel_tools=draw(st.sampled_from((None, False))),
        max_output=draw(st.none() | st.integers(16, 999)),
        temperature=draw(fractions),
        top_p=draw(fractions),
        think=draw(thinks),
        format=draw(formats),
        verbosity=draw(st.sampled_from((None, "low", "high"))),
        stream=draw(st.booleans()),
        wants_usage=True,
        user=draw(st.none() | some),
        tier=draw(st.sampled_from((None, "default", "flex", "priority"))),
        metadata=tuple(sorted(draw(st.dictionaries(idents, words, max_size=2)).items())),
        **draw(_choices()),
    )


counts = st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts)
foreign = st.builds(Signature, st.sampled_from(("openai", "anthropic")), base64)


def _thought(text: str, summary: bool, sealed: bool, signature: Signature | None) -> Reasoning:
    if signature is None:
        return Reasoning(text, summary)
    if sealed:
        return Reasoning(sealed=True, signature=signature)
    return Reasoning(text, summary, signature=signature)


answered_thoughts = st.builds(_thought, words, st.booleans(), st.booleans(), st.none() | foreign)
signed = st.none() | st.builds(Signature, st.just("gemini"), base64)
answered = st.one_of(
    answered_thoughts,
    st.builds(lambda text, signature: Text(text, signature=signature), words, signed),
    st.builds(
        lambda ident, name, text, custom, signature: ToolCall(
            ident, name, text, custom, signature=signature
        ),
        idents,
        idents,
        arguments,
        st.booleans(),
        signed,
    ),
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """What the dialect can hold of an answer that another engine gave."""
    parts = tuple(draw(st.lists(answered, max_size=4, unique_by=_ident)))
    stops: list[Stop] = ["length", "filter"]
    if any(isinstance(part, ToolCall) for part in parts):
        stops.append("tool_calls")
    elif draw(st.booleans()):
        parts = (*parts, Refusal(draw(words)))
        stops.append("refusal")
    else:
        stops.append("stop")
    usage = draw(st.none() | usages)
    return Answer(draw(idents), draw(idents), (Choice(parts, draw(st.sampled_from(stops))),), usage)


def _ident(part: Part) -> object:
    return part.id if isinstance(part, ToolCall) else object()
