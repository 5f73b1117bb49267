"""The watch's turns at a running gateway, day by day: groups, ends of models, and the budget."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from bench.drift_power import Engine
from drift_rig import Gateway, engines

from tollway.fleet.parse import parse
from tollway.gateway.watching.key import own_key
from tollway.gateway.watching.turns import Watch
from tollway.pins.drift.groups import ROUNDS

SOURCE = """
[sources.{name}]
kind = "server"
url = "{url}"
[sources.{name}.serves.m]
upstream_model = "m-2026"
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
"""
FLEET = """version = 1
[gateway]
listen = "127.0.0.1:PORT"
drain = "1s"
[models.m]
{sources}
[routes.chat]
model = "m"
candidates = ["{first}"]
fallbacks = {others}
[tenants.t]
[tenants.watch]
"""
DAY = 86_400.0
TODAY = date(2026, 6, 1)


class Turns:
    """A watch whose time is the test's. The gateway knows nothing of `[drift]`, so that no other
    watch runs beside it."""

    def __init__(self, folder: Path, urls: dict[str, str], drift: str) -> None:
        self.said: list[str] = []
        first, *others = urls
        sources = "".join(SOURCE.format(name=name, url=url) for name, url in urls.items())
        text = FLEET.format(sources=sources, first=first, others=others).replace("'", '"')
        self.gateway = Gateway(folder, text)
        text = f'{self.gateway.path.read_text()}\n[drift]\ntenant = "watch"\n{drift}\n'
        self.path = folder / "watched.toml"
        self.path.write_text(text)
        fleet = parse({"f": text}, "f")
        assert fleet.drift is not None
        key, _ = own_key(folder, folder / fleet.gateway.ledger, fleet.drift, 1.0)
        self.watch = Watch(self.path, fleet, folder, key, self.said.append)

    def turn(self, days: float) -> None:
        utc = 1_780_000_000.0 + days * DAY
        self.watch.turn(utc, TODAY + timedelta(days=int(days)), lambda: False)

    def log(self) -> str:
        return (self.gateway.folder / "log").read_text()


@pytest.mark.parametrize(("what", "serves"), [("show", "c"), ("take-out", "a")])
async def test_of_three_that_claim_one_model_the_one_that_differs_is_shown_and_may_be_taken_out(
    tmp_path: Path, what: str, serves: str
) -> None:
    with engines(Engine(), Engine(), Engine(seed=2)) as (a, b, c):
        urls = {"c": c.url, "a": a.url, "b": b.url}
        turns = Turns(tmp_path, urls, f'every = "24h"\nsame_model = "{what}"')
        await turns.gateway.start()
        try:
            assert await turns.gateway.served_by() == "c"
            for day in range(ROUNDS):
                assert "differs" not in turns.log()
                turns.turn(day)
            assert "c/m" in turns.log()
            assert "those of the other sources of its model, which agree" in turns.log()
            code, said = await turns.gateway.drift("status", "--fleet", str(turns.path))
            assert code != 0
            rows = [it.split() for it in said.splitlines()]
            standing = {it[0]: it[1] for it in rows if it[:1] and it[0] in ("a/m", "b/m", "c/m")}
            name = "differs" if what == "show" else "withdrawn"
            assert standing == {"a/m": "unwatched", "b/m": "unwatched", "c/m": name}
            assert await turns.gateway.served_by() == serves
        finally:
            await turns.gateway.stop()
    assert turns.gateway.spent()["watch"] == 3 * 10 * ROUNDS  # booked like any request


async def test_a_model_s_end_is_said_90_30_and_7_days_before_it_once_a_day(tmp_path: Path) -> None:
    with engines(Engine()) as (a,):
        turns = Turns(tmp_path, {"a": a.url}, 'every = "24h"')
        last = TODAY + timedelta(days=100)
        a.models = {"m-2026": last.isoformat()}
        for left, said in ((100, 0), (91, 0), (90, 1), (90, 1), (30, 2), (7, 3), (7, 3)):
            turns.turn(100 - left)
            lines = [it for it in turns.said if "shuts down" in it]
            assert len(lines) == said
            if said:
                assert lines[-1].startswith(f"drift: a/m shuts down on {last}, in {left} days")


async def test_the_budget_of_a_day_stops_the_watch_and_a_line_says_so(tmp_path: Path) -> None:
    with engines(Engine()) as (a,):
        # A call is 9 tokens in and 1 out: 11 millionths of a dollar.
        turns = Turns(tmp_path, {"a": a.url}, 'every = "1h"\nbudget = "0.00030"')
        fleet = ("--fleet", str(turns.path))
        code, said = await turns.gateway.drift("baseline", "a/m", *fleet)
        assert code == 0, said
        turns = Turns(tmp_path, {"a": a.url}, 'every = "1h"\nbudget = "0.00030"')
        await turns.gateway.start()
        try:
            assert await turns.gateway.served_by() == "a"
            asked = len(a.asked)
            turns.turn(0.0)
            first = len(a.asked) - asked
            assert first == 20
            turns.turn(0.1)
            assert len(a.asked) - asked - first < 10
            code, said = await turns.gateway.drift("status", *fleet)
            assert code == 3
            assert "a/m: not looked at: the budget of this day is used up" in said
            assert "drift: a/m: is not watched: the budget of this day is used up" in turns.log()
            turns.turn(0.2)
            # 27 calls are 297 millionths. What a call had reserved beyond its cost comes back a
            # moment after its answer, so that the last of them may be made by the next turn.
            assert len(a.asked) - asked <= 27
        finally:
            await turns.gateway.stop()
