"""Somebody gives notice today: what is left, month by month, and how that answers."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from planner_contracts import clauses
from planner_plans import INSTANCE, PLAN, M

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.planner.cell import played
from tollway.planner.loss import lost, months_after
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Instance,
    Line,
    Node,
    Offer,
    Period,
    Risk,
    Stream,
    Workload,
)
from tollway.units import PicoDollars, Seconds

SAID = {"lease": clauses('term = { start = "2027-01" }\nnotice = [{ by = "them", days = 90 }]')}


def test_a_vendor_leaves_with_the_notice_that_its_contracts_state() -> None:
    one = lost(INSTANCE, "beta", SAID)
    assert (one.offers, one.notice_days) == ({"lease"}, 90)
    assert lost(INSTANCE, "alpha", SAID).notice_days == 0


def test_whatever_is_planned_for_can_be_lost_by_name_or_by_what_is_shared() -> None:
    assert lost(INSTANCE, "m is withdrawn", {}).models == {"m"}
    assert lost(INSTANCE, "h100", {}).offers == {"lease"}
    with pytest.raises(FaultsFound, match="beta"):
        lost(INSTANCE, "bete", {})


def test_it_serves_until_its_notice_is_over_and_not_in_the_month_in_which_that_is() -> None:
    # 90 days from 1 January end on 1 April. Along the base course the API alone serves 1,000 of
    # 1,000 before the lease is missed; own chips come in July.
    months = months_after(INSTANCE, PLAN, lost(INSTANCE, "beta", SAID))
    assert [it.first for it in months][::4] == [date(2027, it, 1) for it in (1, 5, 9)]
    assert [it.gone for it in months] == [False] * 3 + [True] * 6
    # The API's 200 more are there once 30 days are over.
    assert months[3].capacity == {"api": 1200 * M}
    assert months[6].capacity == {"api": 1200 * M, "own": 400 * M}


def test_what_is_left_is_the_likeliest_course_of_the_plan_dispatched_anew() -> None:
    months = months_after(INSTANCE, PLAN, lost(INSTANCE, "alpha", SAID))
    assert [it.node for it in months][::3] == [0, 1, 3]
    assert [it.share for it in months][::3] == [0, Fraction(1, 2), Fraction(9, 10)]
    assert {it.before for it in months} == {1}


FLEET = """
version = 1
[plan]
start = "2027-01"
months = 3
[models."llama-3.1-8b"]
[tenants.us]
[workloads.chat]
models = ["llama-3.1-8b"]
input_tokens = 400
output_tokens = 100
tokens_per_day = 1_000_000
unserved = "5.00"
[routes.chat]
model = "llama-3.1-8b"
[sources.pool]
kind = "server"
url = "https://pool.invalid/v1"
chip = "h100"
replicas = 16
serves."llama-3.1-8b".prepaid = 1_000_000
[sources.api]
kind = "api"
url = "https://api.invalid/v1"
serves."llama-3.1-8b" = { expected_ttft = "500ms", expected_speed = 50 }
"""


def instance(tokens_an_hour: int) -> Instance:
    period = Period(date(2027, 1, 1), date(2027, 1, 31), 744, Fraction(1))
    line = Line("chat", "llama-3.1-8b", 1, (PicoDollars(0),))
    stream = Stream((Fraction(1),), (PicoDollars(0),))
    offers = tuple(
        Offer(name, "api", {}, (line,), {ALREADY: stream}, signed=Fraction(1))
        for name in ("pool", "api")
    )
    return Instance(
        (period,),
        (Block("day", Fraction(1)),),
        (Workload("chat", True, ("llama-3.1-8b",), PicoDollars(1)),),
        (Node(0, None, Fraction(1), ((tokens_an_hour,),)),),
        offers,
        Risk(Fraction(0), Fraction(1, 2)),
    )


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return parse({"f.toml": FLEET}, "f.toml")


def test_a_slice_of_the_fleet_gets_a_slice_of_the_traffic(fleet: Fleet) -> None:
    # 20 requests a second of 500 tokens for 16 replicas: a quarter of each, for a minute.
    problem = instance(20 * 500 * 3600)
    cell = played(fleet, problem, problem.nodes[0], {}, Seconds(60.0))
    assert cell is not None
    assert cell.part == 4
    assert 200 < cell.requests < 400
    assert cell.answered == 1
    assert cell.ttft_p50 is not None
    assert cell.ttft_p90 is not None
    assert cell.ttft_p50 < 0.5 <= cell.ttft_p90 + 0.5


def test_an_api_answers_no_more_at_once_than_its_quota_comes_to(fleet: Fleet) -> None:
    # 4 requests a second that take 2.5 s each, for a quota of 2 of them: half are in its slots, and
    # the others wait longer and longer.
    problem = instance(4 * 500 * 3600)
    quotas = {"api": Fraction(2 * 500 * 3600)}
    alone = without(fleet, "pool")
    wide = played(alone, problem, problem.nodes[0], {}, Seconds(60.0))
    tight = played(alone, problem, problem.nodes[0], quotas, Seconds(60.0))
    assert wide is not None
    assert tight is not None
    assert wide.ttft_p90 == pytest.approx(0.5)
    assert tight.answered < 1 or (tight.ttft_p90 or 0.0) > 5.0


def without(fleet: Fleet, name: str) -> Fleet:
    return replace(fleet, sources={key: it for key, it in fleet.sources.items() if key != name})


def test_nothing_left_or_nobody_who_waits_is_not_played(fleet: Fleet) -> None:
    problem = instance(0)
    assert played(fleet, problem, problem.nodes[0], {}, Seconds(60.0)) is None
    busy = instance(1_000_000)
    bare = without(without(fleet, "pool"), "api")
    assert played(bare, busy, busy.nodes[0], {}, Seconds(60.0)) is None
