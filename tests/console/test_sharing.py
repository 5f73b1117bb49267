"""What one session, one account or one client that left can keep from others, and for how long.

Each attack has its positive control: within its bounds the same is answered.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from console_site import FLEET, Site, console

from tollway.console import hands as the_hands
from tollway.console import house
from tollway.console.adminkey import make_admin_key
from tollway.console.clocks import Clocks
from tollway.console.gate import AT_ONCE, OF_ACCOUNT
from tollway.console.hand import Job, Load, SetUp
from tollway.console.hands import OF_ONE, Answers, Hands
from tollway.console.house import House
from tollway.console.sessions import Session, Sessions
from tollway.console.streaming import STREAMS
from tollway.console.turns import ASKER, BusyError, Turns
from tollway.gateway.log import Log
from tollway.tools.connection import USUAL
from tollway.units import Seconds

_HTML = {"accept": "text/html"}


@asynccontextmanager
async def browser(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=site.url, trust_env=False, timeout=20) as client:
        answer = await client.post("/sign-in", data={"key": site.key})
        assert answer.status_code == 303
        yield client


def sessions_of(site: Site) -> list[Session]:
    assert site.house is not None
    return list(site.house.desk.sessions._by_digest.values())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - of another task's state, which tells nobody
            await asyncio.sleep(0.005)


# --- turns --------------------------------------------------------------------------------------


async def test_askers_take_turns_however_many_questions_one_has() -> None:
    turns, order = Turns(1), list[str]()

    async def ask(who: str) -> None:
        async with turns.turn(who):
            order.append(who)
            await asyncio.sleep(0)

    asked = [asyncio.create_task(ask(who)) for who in ("a", "a", "a", "a", "b", "c", "b")]
    await asyncio.gather(*asked)
    assert "".join(order) == "aabcaba"
    assert turns.asked == 0


@pytest.mark.parametrize("when", ["waiting", "called"])
async def test_who_leaves_gives_up_its_place_and_its_turn(when: str) -> None:
    turns = Turns(1)
    go, done = asyncio.Event(), list[str]()

    async def ask(who: str) -> None:
        async with turns.turn(who):
            await go.wait()
            done.append(who)

    first, leaving, last = (asyncio.create_task(ask(who)) for who in ("first", "leaving", "last"))
    await asyncio.sleep(0)
    if when == "called":
        go.set()
        await until(lambda: "first" in done)
    leaving.cancel()
    go.set()
    await asyncio.gather(first, last)
    assert [it for it in done if it != "leaving"] == ["first", "last"]
    assert turns.asked == 0
    async with asyncio.timeout(5), turns.turn("again"):  # the turn was handed back
        pass


class Slow(Hands):
    """Hands whose predictions come when `go` is set."""

    def __init__(self) -> None:
        super().__init__(Seconds(60.0))
        self.go = asyncio.Event()
        self.at_work = 0
        self.ended = 0

    async def _line(self, job: Job) -> bytes:
        self.at_work += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        finally:
            self.at_work -= 1
        return b"[]"


def jobs(count: int, of: int = 0) -> list[Job]:
    return [
        Job(SetUp("m", "c"), 1000 * of + at + 1, 10, (Load(users=1),), "") for at in range(count)
    ]


async def test_one_session_cannot_take_every_place_to_wait() -> None:
    hands = Slow()
    all_places = the_hands.HANDS + the_hands.WAITING

    async def asked(who: str, count: int, of: int) -> list[Answers | Exception]:
        ASKER.set(who)
        found = await hands.each(jobs(count, of))
        return list(found)

    greedy = asyncio.create_task(asked("greedy", all_places, 1))
    await until(lambda: hands.at_work == the_hands.HANDS)
    other = asyncio.create_task(asked("other", all_places - OF_ONE, 2))
    await asyncio.sleep(0)
    hands.go.set()
    refused = [it for it in await greedy if isinstance(it, BusyError)]
    assert len(refused) == all_places - OF_ONE
    assert str(refused[0]).startswith(f"{OF_ONE} predictions of yours wait already.")
    assert await other == [[]] * (all_places - OF_ONE)


async def test_whoever_leaves_ends_the_prediction_that_they_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = Slow()
    monkeypatch.setattr(house, "Hands", lambda: hands)
    ask = {"model": "llama-3.1-70b", "chip": "h200", "tp": "2", "users": "8", "input": "900"}
    fleet = FLEET.replace("models.m]", 'models."llama-3.1-70b"]').replace(
        "serves.m]", 'serves."llama-3.1-70b"]'
    )
    fleet = fleet.replace('model = "m"', 'model = "llama-3.1-70b"')
    async with console(tmp_path, fleet) as site, browser(site) as client:
        leaving = [
            asyncio.create_task(client.get("/feel/prediction", params={**ask, "users": str(n)}))
            for n in (8, 9, 10)
        ]
        await until(lambda: hands.at_work == 2 and hands._turns.asked == 3)
        for one in leaving:
            one.cancel()
        await until(lambda: hands._turns.asked == 0)
        assert hands.ended == 2  # the third had no child yet
        assert [it.asked for it in sessions_of(site)] == [0]
        staying = asyncio.create_task(client.get("/feel/prediction", params=ask))
        await until(lambda: hands.at_work == 1)
        hands.go.set()
        assert (await staying).status_code in (200, 422, 500)  # the fake's answer is none
        assert hands.ended == 2


async def test_a_child_that_predicts_for_nobody_is_ended(tmp_path: Path) -> None:
    huge = {
        "model": "llama-4-scout", "chip": "b300", "tp": "8", "users": "4096", "input": "1",
        "output": "999998",
    }  # fmt: skip
    async with console(tmp_path) as site, browser(site) as client:
        assert site.house is not None
        hands = site.house.desk.hands
        hands.limit = Seconds(60.0)
        asking = asyncio.create_task(client.get("/feel/prediction", params=huge))
        await until(lambda: len(hands._busy) == 1)
        (child,) = hands._busy
        asking.cancel()
        await until(lambda: child._process.returncode is not None)
        assert not hands._idle


# --- streams and requests -------------------------------------------------------------------------


async def test_a_session_holds_so_many_streams_and_another_one_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.console.streaming.STREAMS", 3)
    async with console(tmp_path) as site, browser(site) as greedy, browser(site) as other:
        async with AsyncExitStack() as streams:
            for _ in range(3):
                stream = await streams.enter_async_context(greedy.stream("GET", "/live"))
                assert stream.status_code == 200
            refused = await greedy.get("/live")
            assert refused.status_code == 429
            assert "watches in 3 places already" in refused.text
            async with other.stream("GET", "/live") as stream:
                assert stream.status_code == 200
            assert (await greedy.get("/guard/pending.json")).status_code != 429
        await until(lambda: all(it.streams == 0 for it in sessions_of(site)))
        async with greedy.stream("GET", "/live") as stream:
            assert stream.status_code == 200


async def test_a_session_waits_for_so_many_answers_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = Slow()
    monkeypatch.setattr(house, "Hands", lambda: hands)
    monkeypatch.setattr("tollway.console.gate.AT_ONCE", 2)
    async with console(tmp_path) as site, browser(site) as client, browser(site) as other:
        ask = {"model": "llama-3.1-70b", "chip": "h200", "tp": "2", "users": "8", "input": "900"}
        waiting = [
            asyncio.create_task(client.get("/feel/prediction", params={**ask, "users": str(n)}))
            for n in (8, 9)
        ]
        await until(lambda: hands.at_work == 2)
        assert (await client.get("/nothing")).status_code == 429
        assert (await other.get("/nothing")).status_code == 404
        for one in waiting:
            one.cancel()
        await until(lambda: hands.at_work == 0)
        assert (await client.get("/nothing")).status_code == 404


async def test_all_sessions_of_an_account_wait_for_so_many_answers_and_another_account_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: to sign in again and again, and to fill all connections that way."""
    monkeypatch.setattr("tollway.console.gate.OF_ACCOUNT", 3)
    async with console(tmp_path) as site, AsyncExitStack() as held:
        for _ in range(3):
            client = await held.enter_async_context(browser(site))
            stream = await held.enter_async_context(client.stream("GET", "/live"))
            assert stream.status_code == 200
        late = await held.enter_async_context(browser(site))
        assert (await late.get("/nothing")).status_code == 429
        assert site.house is not None
        sessions = site.house.desk.sessions
        first = sessions_of(site)[0]
        token, _ = sessions.begin("other", first.roles, first.voucher, "other")
        async with httpx2.AsyncClient(base_url=site.url, trust_env=False) as other:
            other.cookies.set(next(iter(late.cookies)), token, domain="127.0.0.1")
            assert (await other.get("/nothing")).status_code == 404


def test_no_account_can_fill_all_connections() -> None:
    assert STREAMS < AT_ONCE < OF_ACCOUNT < USUAL.share < USUAL.most


# --- sessions -------------------------------------------------------------------------------------


def yes(_: Session) -> bool:
    return True


def kept(now: list[float]) -> Sessions:
    return Sessions(Seconds(1e6), Seconds(1e6), lambda: now[0])


def begun(sessions: Sessions, now: list[float], owner: str, name: str = "") -> str:
    now[0] += 1.0
    return sessions.begin(name or owner, frozenset(), "v", owner=owner)[0]


def test_who_signs_in_a_thousand_times_ends_nobody_elses_session() -> None:
    now = [0.0]
    sessions = kept(now)
    victims = [begun(sessions, now, f"victim {n}") for n in range(900)]
    own = [begun(sessions, now, "attacker", f"name {n}") for n in range(2000)]
    assert all(sessions.find(it, yes) for it in victims)
    assert [bool(sessions.find(it, yes)) for it in own] == [False] * 1900 + [True] * 100


def test_of_one_account_the_session_goes_that_was_idle_for_longest() -> None:
    now = [0.0]
    sessions = kept(now)
    tokens = [begun(sessions, now, "one") for _ in range(100)]
    first = sessions.find(tokens[0], yes)
    assert first is not None
    sessions.touch(first)
    begun(sessions, now, "one")
    assert [bool(sessions.find(it, yes)) for it in tokens[:3]] == [True, False, True]


def test_where_there_are_too_many_who_has_most_makes_room() -> None:
    now = [0.0]
    sessions = kept(now)
    single = [begun(sessions, now, f"single {n}") for n in range(980)]
    many = [begun(sessions, now, "many") for _ in range(20)]
    late = begun(sessions, now, "late")
    assert all(sessions.find(it, yes) for it in (*single, late, *many[1:]))
    assert sessions.find(many[0], yes) is None


@asynccontextmanager
async def at_time(folder: Path, now: list[float]) -> AsyncIterator[Site]:
    """A console whose steady clock is `now`; idle sessions end after 600 seconds."""
    state, file = folder / "state", folder / "fleet.toml"
    state.mkdir(mode=0o700)
    file.write_text(FLEET.replace("[console]", '[console]\nidle = "10m"'))
    key = make_admin_key(state)
    async with House(file, state, Log(time.time), Clocks(time.time, lambda: now[0])) as made:
        yield Site(made.url, key, state, file, house=made)


_BY_ITSELF = {
    "static": ("/static/console.css", {}),
    "poll": ("/guard/pending.json", {}),
    "verify": ("/pins/verify.json", {}),
    "another site": ("/nothing", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
    "a link elsewhere": (
        "/nothing",
        {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        },
    ),
    "prefetch": ("/nothing", {"sec-purpose": "prefetch", "sec-fetch-site": "same-origin"}),
    "post of another site": ("/sign-out", {"origin": "https://evil.example"}),
    "post without a token": ("/sign-out", {}),
}


@pytest.mark.parametrize("case", [*_BY_ITSELF, "somebody"])
async def test_what_pages_and_other_sites_do_by_themselves_keeps_no_session_alive(
    tmp_path: Path, case: str
) -> None:
    """The control is a click: somebody who does something stays signed in."""
    path, headers = _BY_ITSELF.get(case, ("/nothing", {"sec-fetch-site": "same-origin"}))
    now = [1000.0]
    async with at_time(tmp_path, now) as site, browser(site) as client:
        for _ in range(3):
            now[0] += 199.0
            method = "POST" if path == "/sign-out" else "GET"
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code != 401
            assert answer.status_code in (200, 403, 404, 503)
        now[0] += 10.0
        assert (await client.get("/nothing")).status_code == (404 if case == "somebody" else 401)


async def test_a_stream_that_is_open_keeps_no_session_alive_and_ends_with_it(
    tmp_path: Path,
) -> None:
    now = [1000.0]
    async with at_time(tmp_path, now) as site, browser(site) as client:
        async with client.stream("GET", "/live") as stream:
            lines = stream.aiter_lines()
            for _ in range(3):
                async for line in lines:
                    if line.startswith("data:"):
                        break
                now[0] += 199.0
            now[0] += 10.0
            async with asyncio.timeout(20):
                async for _ in lines:
                    pass
        assert (await client.get("/nothing")).status_code == 401


def test_every_address_that_a_script_asks_again_and_again_is_known_as_one() -> None:
    import re

    from tollway.console import gate

    static = Path(gate.__file__).parent / "static"
    asked: set[str] = set()
    for file in static.glob("*.js"):
        text = file.read_text()
        if re.search(r"set(Interval|Timeout)\(\(\) => look\(\)", text):
            asked |= set(re.findall(r'fetch\("(/[^"]+)"', text))
        if "EventSource" in text:
            asked |= set(re.findall(r'path = "(/[^"]+)"', text))
    assert asked == {"/live", "/guard/pending.json", "/pins/verify.json"}
    assert all(gate.is_polled(it) for it in asked)
    assert not any(map(gate.is_polled, ("/", "/guard", "/twin/grid.json")))
