"""What goes out is inspected, and a person is asked where rules say so."""

import asyncio
import gzip
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from egress_rig import HOST, TINY, Rig, echo

from tollway.egress.defences import ALL
from tollway.fleet.egressing import EgressRule
from tollway.fleet.guarding import Action, GuardRule, GuardSettings
from tollway.guard.inspection import Guard
from tollway.units import Seconds

CARD = b"4111 1111 1111 1111"
ASK = (EgressRule("ask", (HOST,), action="ask"),)
both = pytest.mark.parametrize("defended", [True, False], ids=["defended", "control"])


def guard(action: str = "block") -> Guard:
    rule = GuardRule(
        "cards", ("financial", "term"), cast("Action", action), None, None, "out", ("egress",)
    )
    return Guard(GuardSettings("block", (rule,), ("Project Nightjar",), (), None))


@both
@pytest.mark.parametrize("where", ["body", "packed body", "query", "header"])
async def test_what_the_guard_finds_does_not_go_out(
    tmp_path: Path, defended: bool, where: str
) -> None:
    defences = ALL if defended else replace(ALL, inspection=False)
    async with Rig(tmp_path, defences, guard=guard()) as rig:
        if where == "body":
            got = await rig.ask("/", "POST", body=b"card " + CARD)
        elif where == "packed body":
            packed = gzip.compress(b"card " + CARD)
            got = await rig.ask("/", "POST", "Content-Encoding: gzip\n", packed)
        elif where == "query":
            got = await rig.ask("/?q=4111%201111%201111%201111")
        else:
            got = await rig.ask(more=f"X-Note: {CARD.decode()}\n")
        assert got.status == (403 if defended else 200), got.body
        assert len(rig.host.seen) == (0 if defended else 1)
        assert CARD not in got.body
        if defended:
            [event] = rig.events
            assert (event.concern, event.outcome, event.rule) == ("egress", "denied", "cards")
            assert event.evidence[0].detector == "payment-card"
            assert "1111 1111" not in repr(rig.events) + repr(await rig.rows())


@pytest.mark.parametrize("action", ["redact", "tokenise", "on-prem"])
async def test_what_cannot_be_done_to_a_file_blocks_it(tmp_path: Path, action: str) -> None:
    async with Rig(tmp_path, guard=guard(action)) as rig:
        got = await rig.ask("/", "POST", body=b"about Project Nightjar")
        assert (got.status, rig.host.seen) == (403, [])


async def test_what_is_allowed_passes(tmp_path: Path) -> None:
    async with Rig(tmp_path, guard=guard("allow"), handler=echo) as rig:
        assert (await rig.ask("/", "POST", body=CARD)).body.endswith(CARD)


async def test_a_person_is_asked_and_what_they_approve_passes_once(tmp_path: Path) -> None:
    async with Rig(tmp_path, rules=ASK) as rig:
        got = await rig.ask("/x?secret=1", "POST", body=b"hello")
        [asked] = rig.approvals.all()
        assert (got.status, asked.id.encode() in got.body) == (403, True)
        assert "POST https://api.example.com" in asked.words
        assert "/x with a query of 8 bytes, sending 5 bytes" in asked.words
        assert "secret=1" not in asked.words
        assert rig.told() == [("egress", "asked")]
        rig.approvals.decide(asked.id, True, "alice", time.time())
        other = await rig.ask("/x?secret=1", "POST", body=b"hullo")
        assert other.status == 403, "it was approved of something else"
        assert (await rig.ask("/x?secret=1", "POST", body=b"hello")).status == 200
        again = await rig.ask("/x?secret=1", "POST", body=b"hello")
        assert again.status == 403, "once"
        assert len(rig.host.seen) == 1
        assert [row.approval for row in await rig.rows()][2] == asked.id


async def test_a_person_is_told_all_that_a_request_says_or_how_much(tmp_path: Path) -> None:
    """The attack: what goes out in a query or a header, behind a harmless path and no body."""
    async with Rig(tmp_path, rules=ASK) as rig:
        await rig.ask("/x")
        [plain] = rig.approvals.all()
        assert (plain.facts["query"], plain.facts["headers"]) == (None, {})  # the control
        assert "query" not in plain.words
        stolen = "%E2%80%AE" + "a" * 1000
        more = f"X-Data: {'b' * 500}\nX-data: c\nUser-Agent: {'d' * 400}\nAccept: text/html\n"
        await rig.ask(f"/x?q={stolen}", more=more)
        asked = next(it for it in rig.approvals.all() if it.id != plain.id)
        assert (
            "/x with a query of 1,011 bytes, with the headers user-agent (400 bytes), "
            in asked.words
        )
        assert "x-data (501 bytes)" in asked.words
        assert "aaa" not in asked.words
        assert asked.facts["headers"] == {"user-agent": 400, "x-data": 501}
        start = "q=\u202e" + "a" * 297
        assert asked.facts["query"] == {"bytes": 1011, "start": start, "whole": False}


async def test_what_inspection_found_in_a_query_is_not_written_down_for_a_person(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, guard=guard("ask")) as rig:
        await rig.ask("/?q=4111%201111%201111%201111")
        [asked] = rig.approvals.all()
        assert asked.facts["query"] == {"bytes": 27, "start": None, "whole": False}
        assert "1111" not in repr(asked)


async def test_what_a_person_denies_does_not_pass(tmp_path: Path) -> None:
    async with Rig(tmp_path, rules=ASK) as rig:
        await rig.ask()
        [asked] = rig.approvals.all()
        rig.approvals.decide(asked.id, False, "alice", time.time())
        got = await rig.ask()
        assert (got.status, b"denied it" in got.body) == (403, True)


async def test_silence_denies_and_patience_waits(tmp_path: Path) -> None:
    async with Rig(tmp_path, rules=ASK, settings={"patience": Seconds(0.5)}) as rig:
        got = await rig.ask("/a")
        assert got.status == 403
        waiting = asyncio.create_task(rig.ask("/b"))
        while len(rig.approvals.all()) < 2:  # noqa: ASYNC110 - another thread asks
            await asyncio.sleep(0.02)
        rig.approvals.decide(rig.approvals.all()[0].id, True, "alice", time.time())
        assert (await waiting).status == 200


async def test_a_task_cannot_flood_people_with_questions(tmp_path: Path) -> None:
    async with Rig(tmp_path, rules=ASK) as rig:
        client = await rig.tunnel()
        client.close()
        for index in range(51):
            got = await rig.ask(f"/{index}")
        assert b"too many approvals" in got.body  # pyright: ignore[reportPossiblyUnboundVariable]
        assert len(rig.approvals.all()) == 50
        assert b"too long" in (await rig.ask("/" + "a" * 2000)).body


async def test_what_the_guard_finds_may_be_asked_about(tmp_path: Path) -> None:
    async with Rig(tmp_path, guard=guard("ask")) as rig:
        assert (await rig.ask("/", "POST", body=b"card " + CARD)).status == 403
        [asked] = rig.approvals.all()
        assert "inspection found payment-card" in asked.words
        rig.approvals.decide(asked.id, True, "alice", time.time())
        assert (await rig.ask("/", "POST", body=b"card " + CARD)).status == 200


@both
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_large_body_goes_on_unread_only_where_a_rule_says_so(
    tmp_path: Path, defended: bool, chunked: bool
) -> None:
    rule = EgressRule("big", (HOST,), uninspected=not defended)
    async with Rig(tmp_path, rules=(rule,), settings={"max_body": TINY}, handler=echo) as rig:
        data = bytes(range(256)) * 300
        client = await rig.tunnel()
        more, body = f"Content-Length: {len(data)}\n", data
        if chunked:
            half = len(data) // 2
            parts = (data[:half], data[half:])
            body = b"".join(b"%x\r\n%b\r\n" % (len(it), it) for it in parts) + b"0\r\n\r\n"
            more = "Transfer-Encoding: chunked\n"
        try:
            got = await client.ask(rig.request("/", "PUT", more), body)
        except OSError:
            assert defended
        else:
            assert got.status == (413 if defended else 200)
        if not defended:
            assert rig.host.seen[0].body == data
            assert (await client.ask(rig.request())).status == 200, "what follows is in step"
        assert rig.proxy.house.held == 0


async def test_all_bodies_together_have_a_bound(tmp_path: Path) -> None:
    async with Rig(tmp_path, settings={"max_held": TINY}) as rig:
        assert (await rig.ask("/", "POST", body=b"x" * 900)).status == 200
        assert (await rig.ask("/", "POST", body=b"x" * 1100)).status == 503
        assert rig.proxy.house.held == 0


async def test_a_guard_that_takes_too_long_refuses(tmp_path: Path) -> None:
    class Slow(Guard):
        def inspect(self, body: bytes, asked: object, memory: object = None):  # pyright: ignore[reportIncompatibleMethodOverride]
            time.sleep(0.6)
            return super().inspect(body, asked)  # pyright: ignore[reportArgumentType]

    slow = Slow(GuardSettings("block", (), (), (), None, patience=Seconds(0.2)))
    async with Rig(tmp_path, guard=slow) as rig:
        got = await rig.ask()
        assert (got.status, b"took too long" in got.body, rig.host.seen) == (503, True, [])


async def test_a_guard_that_fails_refuses(tmp_path: Path) -> None:
    from tollway.guard.automaton import OutOfMemoryError

    class Failing(Guard):
        def inspect(self, body: bytes, asked: object, memory: object = None):  # pyright: ignore[reportIncompatibleMethodOverride]
            raise OutOfMemoryError("The guard's automaton ran out of memory.")

    failing = Failing(GuardSettings("block", (), (), (), None))
    async with Rig(tmp_path, guard=failing) as rig:
        got = await rig.ask()
        assert (got.status, rig.host.seen) == (503, [])
