"""What generateContent can hold without loss, drawn at random."""

from base64 import b64encode

from hypothesis import strategies as st
from responses_holds import base64, compact, fractions, idents, objects, schemas, some, words

from tollway.dialects.meaning import (
    Answer,
    Ask,
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
from tollway.fleet.usage import Usage

blobs = st.binary(min_size=1, max_size=9).map(lambda it: b64encode(it).decode())
own = st.builds(Signature, st.just("gemini"), blobs)
foreign = st.builds(Signature, st.sampled_from(("openai", "anthropic")), base64)
media = st.one_of(
    st.builds(lambda data: Media("image", "image/png", data=data), blobs),
    st.builds(lambda data: Media("audio", "audio/wav", data=data), blobs),
    st.builds(lambda data: Media("file", "application/pdf", data=data), blobs),
    st.just(Media("video", "video/mp4", url="https://host/a.mp4")),
    st.just(Media("file", "text/plain", file_id="gs://bucket/a.txt")),
)


def texts(signatures: st.SearchStrategy[Signature]) -> st.SearchStrategy[Text]:
    """Words, signed or not."""
    return st.builds(lambda text, made: Text(text, signature=made), words, st.none() | signatures)


def thoughts(signatures: st.SearchStrategy[Signature]) -> st.SearchStrategy[Reasoning]:
    """Thoughts, which Google always gives as summaries."""
    return st.builds(
        lambda text, made: Reasoning(text, True, signature=made), some, st.none() | signatures
    )


def calls(signatures: st.SearchStrategy[Signature]) -> st.SearchStrategy[ToolCall]:
    """Calls whose arguments are an object."""
    return st.builds(
        lambda ident, name, arguments, made: ToolCall(ident, name, arguments, signature=made),
        idents,
        idents,
        objects.map(compact),
        st.none() | signatures,
    )


def _ident(part: Part) -> object:
    return part.id if isinstance(part, ToolCall) else object()


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """A conversation whose results answer its calls."""
    asking = st.lists(st.one_of(texts(own), media), min_size=1, max_size=3)
    found = [Turn("user", tuple(draw(asking)))]
    used: set[str] = set()
    for _ in range(draw(st.integers(0, 2))):
        inner = st.one_of(
            texts(own), thoughts(own), calls(own).filter(lambda it: it.id not in used)
        )
        said = tuple(draw(st.lists(inner, min_size=1, max_size=4, unique_by=_ident)))
        found.append(Turn("assistant", said))
        called = [part for part in said if isinstance(part, ToolCall)]
        used.update(call.id for call in called)
        results = [
            ToolResult(call.id, call.name, draw(_given), draw(st.booleans())) for call in called
        ]
        found.append(Turn("user", (*results, *draw(asking))))
    return tuple(found)


images = st.builds(lambda data: Media("image", "image/png", data=data), blobs)
_given: st.SearchStrategy[tuple[Text | Media, ...]] = st.one_of(
    st.just(()),
    st.builds(lambda text: (Text(text),), some),
    st.builds(lambda one, two: (Text(one), Text(two)), words, words),
    st.builds(lambda text, image: (Text(text), image), some, images),
)


@st.composite
def asks(draw: st.DrawFn, levels: bool) -> Ask:
    """What the dialect can hold; `levels` says whether the model takes levels of thinking."""
    named = st.lists(
        st.builds(Tool, idents, st.none() | words, st.none() | schemas),
        max_size=3,
        unique_by=lambda it: it.name,
    )
    tools = tuple(draw(named))
    names = tuple(tool.name for tool in tools)
    think = (
        st.builds(
            lambda effort, shown: Think(effort=effort, shown=shown),
            st.sampled_from(("minimal", "low", "medium", "high")),
            st.none() | st.booleans(),
        )
        if levels
        else st.one_of(
            st.just(Think(on=False)),
            st.just(Think(on=True, shown=True)),
            st.builds(lambda budget: Think(on=True, budget=budget), st.integers(1, 9999)),
        )
    )
    return Ask(
        model="gemini-3-pro" if levels else "gemini-2.5-pro",
        turns=draw(turns()),
        system=tuple(draw(st.lists(st.builds(Text, words), max_size=2))),
        tools=tools,
        tool_choice=draw(
            st.none()
            | st.sampled_from((ToolChoice("auto"), ToolChoice("none"), ToolChoice("any", names)))
        ),
        max_output=draw(st.none() | st.integers(1, 999)),
        temperature=draw(fractions),
        top_p=draw(fractions),
        top_k=draw(st.none() | st.integers(1, 99)),
        frequency_penalty=draw(fractions),
        presence_penalty=draw(fractions),
        seed=draw(st.none() | st.integers(0, 99)),
        stop=tuple(draw(st.lists(some, max_size=2))),
        choices=draw(st.integers(1, 3)),
        think=draw(st.none() | think),
        format=draw(st.none() | st.just(Format()) | st.builds(Format, schemas)),
        stream=draw(st.booleans()),
        wants_usage=True,
        tier=draw(st.sampled_from((None, "default", "flex", "priority"))),
    )


signed = own | foreign
answered = st.one_of(
    texts(signed).filter(lambda it: it != Text("")),
    thoughts(signed),
    st.builds(lambda made: Reasoning("", True, True, made), foreign),
    calls(signed),
)


@st.composite
def _choice(draw: st.DrawFn) -> Choice:
    parts = tuple(draw(st.lists(answered, max_size=4, unique_by=_ident)))
    called = any(isinstance(part, ToolCall) for part in parts)
    stop: Stop = draw(st.sampled_from(("tool_calls" if called else "stop", "length", "filter")))
    return Choice(parts, stop)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """What the dialect can hold of an answer."""
    cached, fresh, thought, said = (draw(st.integers(0, 10**9)) for _ in range(4))
    usage = Usage(cached + fresh, cached, 0, thought + said, thought)
    choices = tuple(draw(st.lists(_choice(), min_size=1, max_size=2)))
    return Answer(draw(idents), draw(idents), choices, draw(st.none() | st.just(usage)))


def merged(answer: Answer) -> Answer:
    """The answer as a stream can say it, which does not tell neighbours of one kind apart."""
    return Answer(
        answer.id,
        answer.model,
        tuple(Choice(_merge(choice.parts), choice.stop) for choice in answer.choices),
        answer.usage,
    )


def _merge(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    found: list[Part] = []
    for part in parts:
        before = found[-1] if found else None
        match before, part:
            case Text(signature=None), Text(signature=None):
                found[-1] = Text(before.text + part.text)
            case Reasoning(signature=None), Reasoning(sealed=False):
                found[-1] = Reasoning(before.text + part.text, True, signature=part.signature)
            case Reasoning(signature=None), Reasoning(sealed=True):
                found[-1] = Reasoning(before.text, True, True, part.signature)
            case _:
                found.append(part)
    return tuple(found)
