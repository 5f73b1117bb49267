"""What is done with a body, whatever it looks like: found, taken out, turned back."""

import base64
import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.fleet.guarding import Action, GuardRule, GuardSettings
from tollway.gateway.guarded.answers import Incoming, restored
from tollway.gateway.guarded.clearing import Cleared, Sent, Ways, clear
from tollway.gateway.http import Refusal
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.guard.limit import NO_LIMIT
from tollway.guard.replace import Tokens
from tollway.guard.rules import Asked
from tollway.ledger.guarded.approvals import Approval, Question

SECRET = 'p4"ss\\w\u00f6rd-of-the-house'
NOWHERE = frozenset[str]()


def guard_with(action: Action) -> Guard:
    rule = GuardRule("r", ("known:house",), action, None, None, None, None)
    return Guard(GuardSettings("block", (rule,), (), (), None), {"house": SECRET.encode()})


REDACTING, TOKENISING, ALLOWING = map(guard_with, ("redact", "tokenise", "allow"))


def never(question: Question, utc: float) -> Approval:
    raise AssertionError(question)


def cleared(guard: Guard, body: bytes) -> tuple[Cleared, list[SecurityEvent]]:
    told: list[SecurityEvent] = []
    sent = Sent("r-1", "acme", "k1", "chat", body, (("a", NOWHERE),))
    ways = Ways(b"salt" * 8, lambda: 1.0, never, told.append)
    return clear(guard, sent, None, ways), told


def body_of(out: Cleared, came: bytes) -> bytes:
    return came if out.bodies is None else out.bodies[NOWHERE]


def meant(value: Any) -> Any:
    """A value with the JSON in its strings read too: its spelling may change, and a secret that was
    escaped comes back without."""
    if isinstance(value, str) and value[:1] not in ("{", "["):
        return value.replace(json.dumps(SECRET)[1:-1], SECRET)
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError):
            return meant(json.loads(value))
    if isinstance(value, dict):
        return {key: meant(one) for key, one in value.items()}
    return [meant(one) for one in value] if isinstance(value, list) else value


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
hidings = st.sampled_from(
    [
        str,
        lambda it: base64.b64encode(it.encode()).decode(),
        lambda it: it.encode().hex(),
        quote,
        lambda it: json.dumps(it)[1:-1],
    ]
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), words)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Any, bool]:
    """A JSON value with the secret in some string of it, or in none."""
    there = draw(st.booleans())
    hidden = draw(hidings)(SECRET) if there else ""
    text = f"{draw(words)} {hidden} {draw(words)}"
    around = draw(
        st.recursive(
            leaves,
            lambda more: st.lists(more, max_size=3) | st.dictionaries(words, more, max_size=3),
            max_leaves=8,
        )
    )
    shape = draw(st.sampled_from(["list", "dict", "inner"]))
    value: Any = [around, text, around] if shape == "list" else {"a": around, "b": [text]}
    return (json.dumps(value) if shape == "inner" else value), there


@given(bodies(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_redacted_is_gone_and_the_rest_is_json_as_before(
    made: tuple[Any, bool], ascii_only: bool
) -> None:
    value, there = made
    body = json.dumps({"v": value}, ensure_ascii=ascii_only).encode()
    out, told = cleared(REDACTING, body)
    left = body_of(out, body)
    json.loads(left)
    asked = Asked("acme", "chat", "out")
    assert ALLOWING.inspect(left, asked).verdicts == ()
    assert bool(told) == there
    if not there:
        assert left is body


@given(bodies(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_was_put_into_tokens_comes_back_as_it_was(
    made: tuple[Any, bool], ascii_only: bool
) -> None:
    value, _ = made
    body = json.dumps({"v": value}, ensure_ascii=ascii_only).encode()
    out, _ = cleared(TOKENISING, body)
    left = body_of(out, body)
    asked = Asked("acme", "chat", "out")
    assert ALLOWING.inspect(left, asked).verdicts == ()
    if out.tokens is not None:
        assert meant(json.loads(restored(left, out.tokens))) == meant(json.loads(body))


def test_a_value_with_quotes_is_put_back_into_text_and_into_arguments_as_json_needs_it() -> None:
    body = json.dumps({"messages": [{"content": f"use {SECRET} now"}]}).encode()
    out, _ = cleared(TOKENISING, body)
    assert out.tokens is not None
    left = body_of(out, body).decode()
    token = left[left.index("TWT_") :].partition(" ")[0]
    answer = {"text": f"the {token}.", "call": {"arguments": json.dumps({"to": [token]})}}
    incoming = Incoming(None, "r", "acme", "k1", "chat", out.tokens, lambda: 1.0, lambda _: None)
    said = json.loads(incoming.whole(json.dumps(answer).encode(), NOWHERE, NO_LIMIT))
    assert said["text"] == f"the {SECRET}."
    assert json.loads(said["call"]["arguments"]) == {"to": [SECRET]}


def test_another_keys_token_stays_what_it_is() -> None:
    body = json.dumps({"content": SECRET}).encode()
    out, _ = cleared(TOKENISING, body)
    left = body_of(out, body)
    assert restored(left, Tokens(b"salt" * 8, "acme/k2")) == left


def test_a_refusal_names_detector_and_rule_and_no_part_of_a_short_secret() -> None:
    said = r'known:house p4"s\.\.\. \(\d+ bytes\).* \(by rule "r"\)'
    with pytest.raises(Refusal, match=said) as told:
        cleared(guard_with("block"), SECRET.encode())
    assert SECRET not in str(told.value)
