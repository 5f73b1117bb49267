"""Who approves a request of an agent sees all that it says, or how much of it they do not see."""

import html
from pathlib import Path
from typing import Any

import pytest
from console_site import console
from httpx2 import AsyncClient

from tollway.console.guard.questions import question_of
from tollway.console.wording import visible

PLAIN: dict[str, Any] = {
    "method": "GET", "scheme": "https", "host": "api.example.com", "port": 443, "path": "/v1",
    "bytes": 0, "unpacked": 0, "kind": "", "found": [], "query": None, "headers": {},
}  # fmt: skip
STOLEN = {"bytes": 90_000, "start": "key=\u202esecret", "whole": False}


def rows(**changes: object) -> dict[str, str]:
    told = {
        "id": "ap_1", "concern": "egress", "state": "pending", "words": "w", "tenant": "t",
        "task": "t_1", "facts": {**PLAIN, **changes}, "asked": 0.0, "silent": 1.0,
        "decided": None, "who": None, "note": None, "uses": 1, "holds": 60.0,
    }  # fmt: skip
    return dict(question_of(told).facts)


def test_a_request_that_says_nothing_more_is_said_to() -> None:
    assert rows() == {
        "To": "https://api.example.com:443/v1",
        "Method": "GET",
        "Query": "none",
        "Headers": "none beyond those that every client sends",
        "Sending": "no body",
    }


@pytest.mark.parametrize(
    ("changes", "row", "said"),
    [
        ({"query": STOLEN}, "Query", "90,000 bytes, of which the rest is not shown"),
        ({"query": STOLEN}, "Query", "decoded it begins: key=\u202esecret"),
        ({"query": {"bytes": 3, "start": "a=1", "whole": True}}, "Query", "3 bytes, decoded: a=1"),
        ({"query": {"bytes": 27, "start": None, "whole": False}}, "Query", "27 bytes, not shown"),
        ({"headers": {"cookie": 4000, "x-a": 1}}, "Headers", "cookie (4,000 bytes), x-a (1 bytes)"),
        ({"bytes": 10, "unpacked": 10}, "Sending", "10 bytes"),
        ({"bytes": 10, "unpacked": 5000, "kind": "a/b"}, "Sending",
         "10 bytes, 5,000 bytes once unpacked, said to be a/b"),
    ],
    ids=range(7),
)  # fmt: skip
def test_what_an_agent_says_beside_the_path_has_a_row(
    changes: dict[str, object], row: str, said: str
) -> None:
    assert said in rows(**changes)[row]


def test_what_a_call_leaves_empty_is_said_to_be() -> None:
    told = {
        "id": "ap_1", "concern": "tool", "state": "pending", "words": "w", "tenant": "t",
        "task": "t_1", "facts": {"tool": "send", "server": "mail",
                                 "arguments": {"to": "", "n": 0, "all": False, "why": None}},
        "asked": 0.0, "silent": 1.0, "decided": None, "who": None, "note": None, "uses": 1,
        "holds": 60.0,
    }  # fmt: skip
    assert dict(question_of(told).facts) == {
        "Tool": "send",
        "Of the server": "mail",
        "With to": "(empty)",
        "With n": "0",
        "With all": "False",
        "With why": "None",
    }


async def test_the_page_shows_a_query_decoded_and_what_hides_in_it(tmp_path: Path) -> None:
    import time
    from contextlib import closing

    from tollway.ledger.guarded.approvals import Approvals, Question
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook

    async with console(tmp_path) as site, AsyncClient(base_url=site.url) as client:
        facts = {**PLAIN, "query": STOLEN, "headers": {"x-data": 500}}
        with closing(GuardBook(site.state / GUARD_BOOK)) as book:
            Approvals(book).ask(Question("d", "egress", "w", "team", "t_1", facts), time.time())
        await client.post("/sign-in", data={"key": site.key})
        page = html.unescape((await client.get("/guard")).text)
    assert "90,000 bytes, of which the rest is not shown" in page
    assert visible("key=\u202esecret") in page
    assert "\u202e" not in page
    assert "x-data (500 bytes)" in page
