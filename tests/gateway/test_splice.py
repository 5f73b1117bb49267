"""Where members are, and bytes that nobody asked to change."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.gateway.body import BadRequest
from tollway.gateway.openai import read_request, splice
from tollway.gateway.splice import UnsafeKey, decode_object, value_starts

MESSAGES = [{"role": "user", "content": 'the "model": "x" in text, "stream_options":{}'}]

words = st.sampled_from(
    ["model", "stream_options", "include_usage", "a", "é", "\U0001f600", '"', "\\", ""]
)
texts = words | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
blanks = st.sampled_from(["", " ", "\n", "\t\r\n  "])
KNOWN = {
    "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "best_of",
    "messages", "prompt", "input", "tools", "functions", "service_tier",
}  # fmt: skip


@st.composite
def json_text(draw: st.DrawFn, value: Any) -> str:
    """A JSON text of `value` with arbitrary blanks and escapes."""
    if isinstance(value, str):
        return draw(json_string(value))
    if isinstance(value, list):
        items = [blank(draw) + draw(json_text(item)) + blank(draw) for item in value]
        return "[" + ",".join(items) + "]"
    if isinstance(value, dict):
        return draw(json_members(list(value.items())))
    return json.dumps(value)


@st.composite
def json_members(draw: st.DrawFn, members: list[tuple[str, Any]]) -> str:
    parts = [
        f"{blank(draw)}{draw(json_string(key))}{blank(draw)}:{blank(draw)}{draw(json_text(value))}"
        f"{blank(draw)}"
        for key, value in members
    ]
    return "{" + (",".join(parts) or blank(draw)) + "}"


@st.composite
def json_string(draw: st.DrawFn, text: str) -> str:
    style = draw(st.integers(0, 2))
    if style == 2 and text and all(ord(letter) < 0x10000 for letter in text):
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
    return json.dumps(text, ensure_ascii=style == 0)


def blank(draw: st.DrawFn) -> str:
    return draw(blanks)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    extra = draw(
        st.dictionaries(
            texts.filter(lambda key: key.casefold() not in KNOWN and "\0" not in key),
            values,
            max_size=3,
        )
    )
    members: dict[str, Any] = {"model": draw(texts.filter(bool)), "messages": MESSAGES, **extra}
    if draw(st.booleans()):
        members["stream"] = draw(st.sampled_from([True, False, None]))
    if draw(st.booleans()):
        options = draw(
            st.dictionaries(st.sampled_from(["chunk_size", "é", '"']), values, max_size=2)
        )
        if draw(st.booleans()):
            options["include_usage"] = draw(st.sampled_from([True, False, None]))
        members["stream_options"] = draw(st.sampled_from([options, None]))
    order = draw(st.permutations(list(members.items())))
    return (blank(draw) + draw(json_members(order)) + blank(draw)).encode()


@given(bodies(), texts.filter(bool))
def test_only_the_model_and_include_usage_change(body: bytes, upstream: str) -> None:
    facts = read_request("chat", body, "t", ())
    spliced = splice(body, facts, upstream)
    expected = json.loads(body)
    expected["model"] = upstream
    if expected.get("stream"):
        options = expected.get("stream_options") or {}
        assert facts.wants_usage == (options.get("include_usage") is True)
        expected["stream_options"] = {**options, "include_usage": True}
    assert json.loads(spliced) == expected


@given(bodies(), texts.filter(bool))
def test_every_other_byte_is_as_it_was(body: bytes, upstream: str) -> None:
    facts = read_request("chat", body, "t", ())
    spliced = splice(body, facts, upstream)
    start, end = facts.model_at
    edits: list[tuple[int, int, bytes | None]] = [(start, end, None)]
    if facts.usage_edit is not None:
        edits.append(facts.usage_edit)
    edits.sort(key=lambda edit: edit[:2])
    at = 0  # in the spliced body
    done = 0  # in the original
    for begin, stop, new in edits:
        kept = body[done:begin]
        assert spliced[at : at + len(kept)] == kept
        at += len(kept)
        if new is None:
            value, size = json.JSONDecoder().raw_decode(spliced[at:].decode())
            assert value == upstream
            at += len(spliced[at:].decode()[:size].encode())
        else:
            assert spliced[at : at + len(new)] == new
            at += len(new)
        done = stop
    assert spliced[at:] == body[done:]


@given(bodies())
def test_a_body_that_needs_no_change_is_the_same_object(body: bytes) -> None:
    facts = read_request("chat", body, "t", ())
    if not facts.stream or facts.wants_usage:
        assert splice(body, facts, facts.model) is body
    once = splice(body, facts, facts.model)
    again = read_request("chat", once, "t", ())
    assert splice(once, again, again.model) is once


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        (b'{"model":"a","messages":[1]}', b'{"model":"b","messages":[1]}'),
        (b'{"\\u006dodel" :\n"a" ,"messages":[1]}', b'{"\\u006dodel" :\n"b" ,"messages":[1]}'),
        (
            b'{"tools":[{"model":"a"}],"messages":[{"model":"a"}],"model":"a"}',
            b'{"tools":[{"model":"a"}],"messages":[{"model":"a"}],"model":"b"}',
        ),
        (
            b'{"messages":[1],"stream":true,"model":"a"}',
            b'{"messages":[1],"stream":true,"model":"b","stream_options":{"include_usage":true}}',
        ),
        (
            b'{"stream_options":{ },"messages":[1],"stream":true,"model":"a"}',
            b'{"stream_options":{"include_usage":true },"messages":[1],"stream":true,"model":"b"}',
        ),
        (
            b'{"stream_options":{"x" : 1},"stream":true,"messages":[1],"model":"a"}',
            b'{"stream_options":{"include_usage":true,"x" : 1},'
            b'"stream":true,"messages":[1],"model":"b"}',
        ),
        (
            b'{"stream_options":{"x":1,"include_usage" : false },'
            b'"messages":[1],"stream":true,"model":"a"}',
            b'{"stream_options":{"x":1,"include_usage" : true },'
            b'"messages":[1],"stream":true,"model":"b"}',
        ),
        (
            b'{"model":"a","stream":true,"stream_options":null,"messages":[1]}',
            b'{"model":"b","stream":true,"stream_options":{"include_usage":true},"messages":[1]}',
        ),
        (
            b'{"model":"a","stream":false,"stream_options":null,"messages":[1]}',
            b'{"model":"b","stream":false,"stream_options":null,"messages":[1]}',
        ),
    ],
)
def test_a_body_by_example(body: bytes, spliced: bytes) -> None:
    assert splice(body, read_request("chat", body, "t", ()), "b") == spliced


@given(st.lists(st.tuples(st.sampled_from("abc"), values), max_size=5).flatmap(json_members))
def test_a_key_given_twice_is_always_found(text: str) -> None:
    keys: list[str] = []
    json.loads(text, object_pairs_hook=lambda pairs: keys.append(pairs) or pairs)  # type: ignore[func-returns-value]
    names = [key for key, _ in keys[-1]]
    body = text.encode()
    if len(set(names)) < len(names):
        with pytest.raises(UnsafeKey):
            value_starts(body, decode_object(body))
        return
    members = decode_object(body)
    for key, start in value_starts(body, members).items():
        assert body.startswith(bytes(members[key]), start)


@pytest.mark.parametrize(
    "body",
    [
        # A walk that trusts lengths alone would pass this one: the bytes add up.
        b'{"a":1,"b":123,"a":{"c":1      ,"b":2 }}',
        b'{"a":1,"a":12}',
        b'{"a":12,"a":1}',
        b'{"a":1,"b":2,"a":{"x":"y","b":2}          }',
        b'{"a":"1","\\u0061":"2"}',
        b'{"a":1,"b":2,"a":1}',
        b'{"a":{},"b":1,"b":1,"a":{}}',
    ],
)
def test_a_key_given_twice_is_refused(body: bytes) -> None:
    with pytest.raises(UnsafeKey):
        value_starts(body, decode_object(body))


def test_a_nul_or_another_case_in_a_key_is_refused() -> None:
    for key in ("Model", "MODEL", "ſtream", "model\\u0000", "max_toKens"):
        body = f'{{"model":"a","messages":[1],"{key}":1}}'.encode()
        with pytest.raises(BadRequest) as refused:
            read_request("chat", body, "t", ())
        assert refused.value.code == "ambiguous_parameter"
