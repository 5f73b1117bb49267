"""Drafts err on the careful side; descriptions that hide something are told of."""

import pytest

from tollway.guard.tools.asked import default_words, is_asked
from tollway.guard.tools.description import Description, oddities
from tollway.guard.tools.draft import draft


def tool(name: str, told: str = "", /, **arguments: dict[str, object]) -> Description:
    return Description(name, told, {"type": "object", "properties": arguments})


@pytest.mark.parametrize(
    ("description", "effect"),
    [
        (tool("list_tickets", "Lists tickets."), "none"),
        (tool("getUser", "Returns a user."), "none"),
        (tool("get_token", "Creates a token and returns it."), "external"),
        (tool("read_and_delete", "Reads a message."), "external"),
        (tool("fetch", "Gets a page.", url={"type": "string"}), "external"),
        (tool("close_ticket", "Closes a ticket."), "external"),
        (tool("frobnicate"), "external"),
    ],
)
def test_only_what_plainly_reads_is_drafted_as_reading(
    description: Description, effect: str
) -> None:
    found = draft(description)
    assert found.effect == effect
    assert (found.reads, found.sensitive, found.vouches) == ("untrusted", True, ())


def test_only_prose_is_drafted_as_content() -> None:
    text: dict[str, object] = {"type": "string"}
    found = draft(
        tool(
            "send_mail",
            to=text,
            body=text,
            mailSubject=text,
            message_id=text,
            text={"type": "object"},
        )
    )
    assert found.content == ("body", "mailSubject")


def test_a_word_asks_only_whole_and_in_its_inflections() -> None:
    assert is_asked("Paying the bill would be nice", ("pay",))
    assert is_asked("I forwarded it", ("forward",))
    assert is_asked("Please set up a meeting", ("set up",))
    assert not is_asked("What is her address?", ("add",))
    assert not is_asked("the paypal receipt", ("pay",))
    assert "pay" in default_words("send_money")
    assert default_words("frobnicate_widget") == ("frobnicate", "widget")


@pytest.mark.parametrize(
    "text",
    [
        "Adds.\u200b",
        "Adds.\x1b[2J",
        "Adds.\U000e0041\U000e0042",
        "Ad\u202eds.",
        "Adds.\u3164",
        "A\ufe01",
    ],
)
def test_what_a_reader_does_not_see_is_told_of(text: str) -> None:
    assert oddities(Description("add", text, {}))
    assert oddities(Description("add", "Adds.", {"properties": {"a": {"description": text}}}))


def test_plain_descriptions_in_any_script_are_not_odd() -> None:
    assert not oddities(Description("add", "Adds:\n\t1 + 1. Fügt hinzu. 加. Ещё.", {"x": ["é"]}))


def test_a_digest_changes_with_anything_that_an_agent_is_shown() -> None:
    one = Description("a", "b", {"x": 1}, {"y": 2})
    others = [
        Description("a ", "b", {"x": 1}, {"y": 2}), Description("a", "b ", {"x": 1}, {"y": 2}),
        Description("a", "b", {"x": 2}, {"y": 2}), Description("a", "b", {"x": 1}, None),
    ]  # fmt: skip
    assert one.digest == Description("a", "b", {"x": 1}, {"y": 2}).digest
    assert len({one.digest, *(it.digest for it in others)}) == 5
