"""A plan written back as a fleet file: what was signed is in force, and can be rehearsed."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from planner_enacted import planned_fleet

from tollway.catalog.own import Catalogue
from tollway.fleet.contract_dates import end_of
from tollway.fleet.objects import Fleet, KeyTerms
from tollway.fleet.parse import parse
from tollway.planner.enacted import Enacted, enacted, likeliest, when_all_serves
from tollway.planner.enacted_text import as_toml
from tollway.planner.problem import Asked, Problem, problem_of
from tollway.planner.program.answer import Noticed, Plan, Signed
from tollway.planner.speeds import Speeds
from tollway.simulator.clients import Size, arrivals
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import rehearse_fleet
from tollway.simulator.scores import Learned
from tollway.units import Seconds

ONE = Fraction(1)
BARE = Plan((), (), (), {}, {})


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return planned_fleet()


@pytest.fixture(scope="module")
def speeds() -> Speeds:
    return Speeds(Catalogue({}, {}, {}), Learned())


@pytest.fixture(scope="module")
def problem(fleet: Fleet, speeds: Speeds) -> Problem:
    return problem_of(fleet, speeds, Asked())


def signed(name: str, node: int = 0, units: Fraction = ONE) -> Signed:
    return Signed(name, node, units)


def read(found: Enacted) -> Fleet:
    return parse({"planned.toml": as_toml(found, "fleet.toml")}, "planned.toml")


def test_what_is_signed_is_in_force_from_its_own_day(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, signed=(signed("dogwood-block", units=Fraction(2)),))
    found = read(enacted(fleet, problem, plan, speeds, 0))
    made = found.contracts["dogwood-block-2027-01"]
    assert made.offer is None
    assert made.clauses.capacity[0].chips == 128
    assert (made.sources, end_of(made.clauses)) == (
        ("dogwood-block-2027-01",), date(2027, 12, 31)
    )  # fmt: skip
    assert made.clauses.fee[0].monthly == 200_000 * 10**12
    left = found.contracts["dogwood-block"].offer
    assert left is not None
    assert left.most == 98


def test_an_offer_that_is_used_up_keeps_its_name_and_its_rivals_are_gone(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    terms = fleet.contracts["elm-128"].offer
    assert terms is not None
    whole = replace(BARE, signed=(signed("elm-128", units=Fraction(terms.most)),))
    found = read(enacted(fleet, problem, whole, speeds, 1))
    assert found.contracts["elm-128"].offer is None
    assert found.sources["elm-128"].silicon is not None
    assert "elm-256" not in found.contracts


def test_what_would_come_after_the_end_is_not_left_in_a_contract(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, noticed=(Noticed("aspen-h100", None, 0, ONE),))
    found = read(enacted(fleet, problem, plan, speeds, 0))
    assert [it.chips for it in found.contracts["aspen-h100"].clauses.capacity] == [64]


def test_notice_that_is_given_is_an_end(fleet: Fleet, problem: Problem, speeds: Speeds) -> None:
    plan = replace(BARE, noticed=(Noticed("aspen-h100", None, 0, ONE),))
    found = read(enacted(fleet, problem, plan, speeds, 0))
    assert end_of(found.contracts["aspen-h100"].clauses) == date(2027, 4, 1)
    assert "aspen-h100" in found.sources
    later = read(enacted(fleet, problem, plan, speeds, 2))
    assert "aspen-h100" not in later.sources


def test_a_capacity_is_whole_replicas_and_their_tokens_are_prepaid(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    found = read(enacted(fleet, problem, BARE, speeds, 0))
    source = found.sources["aspen-h100"]
    assert source.silicon is not None
    assert source.silicon.tp * source.silicon.replicas == 64
    offer = next(it for it in problem.instance.offers if it.name == "aspen-h100")
    line = next(it for it in offer.lines if it.workload == "chat")
    # A unit is the 96 chips that it comes to; 64 of them are there.
    assert source.serves["llama-3.3-70b"].prepaid == line.tokens * 64 // 96 // 60


def test_what_is_left_before_its_ramp_ends_keeps_the_chips_that_are_there(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, noticed=(Noticed("aspen-h100", None, 0, ONE),))
    silicon = read(enacted(fleet, problem, plan, speeds, 0)).sources["aspen-h100"].silicon
    assert silicon is not None
    assert silicon.tp * silicon.replicas == 64


def test_what_is_planned_is_tried_before_anything_is_bought(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    found = read(enacted(fleet, problem, BARE, speeds, 0))
    for name in ("chat", "llama-3.3-70b"):
        route = found.routes[name]
        assert route.objectives[0].name == "commitment-first"
        assert [it.source for it in route.candidates] == ["aspen-h100", "alder"]
    assert found.routes["chat"].slo.ttft == 2.0


def test_own_chips_are_servers_once_they_are_there(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, signed=(signed("own-h200"),))
    there = when_all_serves(problem.instance, plan)
    assert there > 0
    assert "own-h200" not in read(enacted(fleet, problem, plan, speeds, there - 1)).sources
    found = read(enacted(fleet, problem, plan, speeds, there))
    silicon = found.sources["own-h200"].silicon
    assert silicon is not None
    assert silicon.tp * silicon.replicas == fleet.builds["own-h200"].chips
    assert found.builds["own-h200"].most == fleet.builds["own-h200"].most - 1


def test_more_replicas_than_a_source_may_have_are_several_sources(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, signed=(signed("dogwood-block", units=Fraction(100)),))
    found = read(enacted(fleet, problem, plan, speeds, 0))
    names = found.contracts["dogwood-block"].sources
    silicon = [found.sources[name].silicon for name in names]
    assert len(names) > 1
    assert sum(it.replicas * it.tp for it in silicon if it is not None) == 6400


def test_each_table_says_where_it_comes_from(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    plan = replace(BARE, signed=(signed("dogwood-block"),))
    lines = as_toml(enacted(fleet, problem, plan, speeds, 0), "fleet.toml").split("\n")
    for table in ("contracts.dogwood-block-2027-01", "sources.dogwood-block-2027-01",
                  "contracts.aspen-h100", "routes.chat", "tenants.everyone",
                  'sources.alder.serves."llama-3.3-70b"'):  # fmt: skip
        assert lines[lines.index(f"[{table}]") - 1].startswith("# "), table


def test_the_course_that_is_followed_is_the_likeliest(problem: Problem) -> None:
    node = likeliest(problem.instance, 3)
    assert problem.instance.nodes[node].period == 3
    same = [it for it in problem.instance.nodes if it.period == 3]
    assert problem.instance.nodes[node].probability == max(it.probability for it in same)


def test_what_is_written_back_can_be_rehearsed(
    fleet: Fleet, problem: Problem, speeds: Speeds
) -> None:
    found = read(enacted(fleet, problem, BARE, speeds, 0))
    trace = arrivals(5.0, Seconds(4.0), Size(2000, 400), seed=0)
    play = Play("chat", "key", (KeyTerms("key", "everyone"),), 1.8e9)
    shown = rehearse_fleet(found, trace, play)
    assert shown.report.total.ok == shown.asked > 0
    assert {it.source for it in shown.report.rows if it.ok} == {"aspen-h100"}
