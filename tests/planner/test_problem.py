"""From a fleet file to a problem: offers, what may fall away, and every gap with its mend."""

from fractions import Fraction

import pytest
from planner_problems import API, LEASE, PLAN, problem

from tollway.errors import FaultsFound, TollwayError
from tollway.planner.problem import Asked
from tollway.planner.program.instance import ALREADY, Contingency, Instance, Offer


def offer(instance: Instance, name: str) -> Offer:
    return next(one for one in instance.offers if one.name == name)


def fears(instance: Instance) -> dict[str, Contingency]:
    return {one.name: one for one in instance.contingencies}


def test_a_contract_in_force_is_one_unit_that_can_be_left() -> None:
    one = offer(problem(PLAN + LEASE).instance, "lease")
    assert (one.kind, one.signed, set(one.runs)) == ("contract", 1, {ALREADY})
    assert {when for _, when in one.exits} == {0, 1, 2}  # after the fourth nothing changes
    assert one.attributes == {
        "vendor": "them",
        "chip": "h200",
        "software": "cuda",
        "region": "south",
    }
    assert one.lines[0].origin == "measured"
    assert one.lines[0].price == (0, 0, 0, 0)


def test_a_contract_on_offer_begins_when_its_term_says_or_so_long_after_it_is_signed() -> None:
    own = LEASE.replace("2027-01", "2027-04") + 'offer = { since = "2027-01", most = 3 }\n'
    one = offer(problem(PLAN + own).instance, "lease")
    assert (one.signed, one.most, sorted(one.runs)) == (0, 3, [0, 1, 2, 3])
    assert [one.runs[at].capacity for at in (0, 1, 2)] == [(0, 1, 1, 1), (0, 1, 1, 1), (0, 0, 1, 1)]
    late = LEASE + "offer = { lead_months = 3 }\n"
    one = offer(problem(PLAN + late).instance, "lease")
    assert [one.runs[at].capacity for at in sorted(one.runs)] == [
        (0, 1, 1, 1),
        (0, 0, 1, 1),
        (0, 0, 0, 1),
    ]
    until = LEASE + 'offer = { until = "2027-05" }\n'
    assert sorted(offer(problem(PLAN + until).instance, "lease").runs) == [0, 1]


def test_a_fixed_term_is_a_block() -> None:
    text = LEASE.replace('{ by = "us", days = 90 }', '{ by = "us", none = true }')
    assert offer(problem(PLAN + text).instance, "lease").kind == "block"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (', chip = "h200"', "", "which chip it provides"),
        ('{ by = "us", days = 90 }, ', "", "the notice that the buyer may give"),
        ("termination", "remarks = []\n#", "whether the buyer pays a fee for leaving"),
        ('fee = [{ monthly = "20_000" }]', "fee = [{}]", "the fee due on 2027-01-01"),
        ("chips = 8, ", "mw = 5, ", "capacity"),
        (
            '{ monthly = "20_000" }]',
            '{ rate = "2", per = "Mtok" }]\nprepay = { amount = "900" }',
            "how metered use draws the prepayment down",
        ),
    ],
)
def test_what_is_needed_and_not_stated_is_a_fault_with_its_mend(
    old: str, new: str, said: str
) -> None:
    with pytest.raises(FaultsFound, match=f"contracts.lease: a plan needs {said}") as found:
        problem(PLAN + LEASE.replace(old, new))
    assert "Say it" in str(found.value)
    assert 'grade = "assumed"' in str(found.value)


def test_a_contract_with_readings_is_planned_under_the_one_that_is_chosen() -> None:
    text = LEASE + '[contracts.lease.readings.dear]\nfee = [{ monthly = "30_000" }]\n'
    with pytest.raises(FaultsFound, match="Choose one: --reading lease=dear"):
        problem(PLAN + text)
    made = problem(PLAN + text, Asked(readings={"lease": "dear"}))
    assert sum(offer(made.instance, "lease").runs[ALREADY].cash) == 360_000 * 10**12
    with pytest.raises(FaultsFound, match='is "cheap"; known: dear'):
        problem(PLAN + text, Asked(readings={"lease": "cheap"}))


def test_tokens_a_minute_and_provisioned_throughput_are_capacity() -> None:
    text = LEASE.replace(
        'capacity = [{ chips = 8, chip = "h200" }]', "capacity = [{ tokens_per_minute = 1_000 }]"
    )
    assert offer(problem(PLAN + text).instance, "lease").lines[0].tokens == 60_000
    text = LEASE.replace(
        'capacity = [{ chips = 8, chip = "h200" }]',
        'provisioned = [{ unit = "PTU", units = 50, model = "llama-3.3-70b", '
        "tokens_per_minute = 2_000 }]",
    )
    one = offer(problem(PLAN + text).instance, "lease")
    assert (one.lines[0].tokens, one.runs[ALREADY].capacity) == (120_000, (1, 1, 1, 1))


PROVISIONED = (
    '{{ unit = "PTU", units = 10, model = "llama-3.3-70b", tokens_per_minute = 600 }}, '
    '{{ unit = "PTU", units = 10, {}tokens_per_minute = 400 }}'
)


@pytest.mark.parametrize("other", ['model = "llama-3.1-8b", ', ""])
def test_throughput_bought_for_each_of_several_models_is_refused_with_its_mend(other: str) -> None:
    """It is as many capacities: as one, each model would be served in turn only."""
    entries = PROVISIONED.format(other)
    small = API.replace("sources.api", "sources.other").replace("3.3-70b", "3.1-8b")
    both = (PLAN + '[models."llama-3.1-8b"]\n' + API + small + LEASE).replace(
        'models = ["llama-3.3-70b"]', 'models = ["llama-3.3-70b", "llama-3.1-8b"]'
    )
    text = both.replace('capacity = [{ chips = 8, chip = "h200" }]', f"provisioned = [{entries}]")
    with pytest.raises(FaultsFound, match=r"contracts\.lease\.provisioned names .* several models"):
        problem(text)
    alone = text.replace(', "llama-3.1-8b"]', "]")
    tokens = 60 * (600 if other else 1000)
    assert offer(problem(alone).instance, "lease").lines[0].tokens == tokens


def test_a_metered_contract_has_a_price_and_a_minimum() -> None:
    text = LEASE.replace(
        'capacity = [{ chips = 8, chip = "h200" }]', "capacity = [{ tokens_per_minute = 1_000 }]"
    ).replace('{ monthly = "20_000" }', '{ rate = "2.00", per = "Mtok" }')
    one = offer(problem(PLAN + text + 'minimum = { amount = "100" }\n').instance, "lease")
    assert one.lines[0].price == (2 * 10**12,) * 4
    assert [it.amount for it in one.runs[ALREADY].minimums] == [300 * 10**12] * 4


def test_a_model_that_is_withdrawn_is_served_until_then() -> None:
    text = LEASE + 'retirement = [{ model = "llama-3.3-70b", on = 2027-08-01 }]\n'
    assert offer(problem(PLAN + text).instance, "lease").lines[0].last == 1


def test_contingencies_are_made_from_everything_that_is_shared() -> None:
    made = fears(problem(PLAN + API + LEASE).instance)
    assert {name: sorted(one.offers) for name, one in made.items()} == {
        "acme leaves / region north fails": ["api"],
        "them leaves / h200 is recalled / region south fails": ["lease"],
    }
    # A vendor gives its notice; a region fails without any: what loses the same has none.
    assert made["them leaves / h200 is recalled / region south fails"].notice_days == 0
    assert all(one.cover == 1 for one in made.values())


def test_a_vendor_gives_the_notice_that_its_contract_states() -> None:
    text = LEASE.replace('depends = { region = "south" }\n', "").replace(', chip = "h200"', "") + (
        'yields = [{ workload = "chat", model = "llama-3.3-70b", tokens_per_hour = 9_000 }]\n'
    )
    made = fears(problem(PLAN + API + text).instance)
    assert made["them leaves"].notice_days == 60


def test_a_vendor_with_a_later_right_to_notice_is_as_one_with_none_until_then() -> None:
    """A lock-in does not keep it from failing: it is feared from the first day, without notice."""
    text = LEASE.replace('depends = { region = "south" }\n', "").replace(', chip = "h200"', "") + (
        'yields = [{ workload = "chat", model = "llama-3.3-70b", tokens_per_hour = 9_000 }]\n'
    )
    for notice in ("days = 60, not_before = 2027-07-01", "none = true"):
        later = text.replace('by = "them", days = 60', f'by = "them", {notice}')
        one = fears(problem(PLAN + API + later).instance)["them leaves"]
        assert (one.notice_days, one.since) == (0, 0)


def test_each_of_several_guarantors_may_fall() -> None:
    text = LEASE.replace(', chip = "h200"', "") + (
        'yields = [{ workload = "chat", model = "llama-3.3-70b", tokens_per_hour = 9_000 }]\n'
        'backstop = [{ guarantor = "oak", of = "them" }, { guarantor = "ash", of = "them" }]\n'
        '[parties.oak]\ntitle = "Oak"\n[parties.ash]\ntitle = "Ash"\n'
    )
    names = " / ".join(fears(problem(PLAN + API + text).instance))
    assert "oak falls" in names
    assert "ash falls" in names


def test_nothing_survives_the_only_model_and_that_is_said() -> None:
    made = problem(PLAN + API + LEASE)
    assert [one.name for one in made.fatal] == ["llama-3.3-70b is withdrawn"]
    both = (PLAN + API + LEASE).replace(
        'models = ["llama-3.3-70b"]', 'models = ["llama-3.3-70b", "llama-3.1-8b"]'
    )
    both += '[models."llama-3.1-8b"]\n' + API.replace("sources.api", "sources.other").replace(
        "3.3-70b", "3.1-8b"
    )
    assert not problem(both).fatal


def test_what_the_user_says_of_a_contingency_holds() -> None:
    said = (
        '[plan.contingencies.region]\ncover = "50%"\n'
        '[plan.contingencies.south]\nattribute = "region"\nvalue = "south"\noff = true\n'
        "[plan.contingencies.chip]\noff = true\n"
        '[plan.contingencies.both]\noffers = ["api", "lease"]\nnotice_days = 30\ncover = "10%"\n'
        "[plan.contingencies.model]\noff = true\n"
    )
    made = problem(PLAN + said + API + LEASE)
    by_name = fears(made.instance)
    assert set(by_name) == {"acme leaves / region north fails", "them leaves"}
    assert by_name["acme leaves / region north fails"].cover == 1  # the vendor's is the larger
    assert by_name["them leaves"].notice_days == 60
    assert [(one.name, one.cover) for one in made.fatal] == [("both", Fraction(1, 10))]


def test_a_contingency_of_what_nobody_has_is_a_fault() -> None:
    said = '[plan.contingencies.x]\nattribute = "region"\nvalue = "sout"\n'
    with pytest.raises(FaultsFound, match='Did you mean "south"'):
        problem(PLAN + said + API + LEASE)


def test_a_model_that_runs_elsewhere_waits_for_its_port() -> None:
    said = '[plan.software."llama-3.3-70b"]\nruns_on = ["cuda"]\n'
    amd = LEASE.replace("h200", "mi300x")
    made = problem(PLAN + said + amd)
    assert offer(made.instance, "lease").lines[0].first == 2
    assert "ported to rocm: 6 months, a judgement" in "".join(made.notes)
    soon = said + "port_months = { rocm = 3 }\n"
    made = problem(PLAN + soon + amd)
    assert offer(made.instance, "lease").lines[0].first == 1
    assert made.ports[0].declared
    assert offer(problem(PLAN + said + LEASE).instance, "lease").lines[0].first == 0


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(TollwayError, match="has no plan"):
        problem('version = 1\n[models."llama-3.3-70b"]\n')
    slow = API + 'serves."llama-3.3-70b".expected_speed = 1.0\n'
    with pytest.raises(TollwayError, match="nothing serves the plan"):
        problem(PLAN + slow)


BUILD = """
[sites.here]
region = "north"
[[sites.here.supply]]
kind = "grid"
since = "2026-01"
mw = 1
kwh = "0.06"
[builds.own]
site = "here"
how = "tents"
chip = "h200"
chips = 16
mw = 0.02
most = 2
capex = "600_000"
lives = { short = 36 }
"""


def test_own_silicon_is_an_offer_that_takes_its_site_s_power() -> None:
    made = problem(PLAN + BUILD)
    one = offer(made.instance, "own")
    assert (one.kind, one.most, dict(one.uses)) == ("build", 2, {"here": Fraction(13, 500)})
    assert one.attributes["power"] == "here"
    assert made.instance.resources[0].available == (1, 1, 1, 1)
    assert "3 months from order to service, as is usual for tents" in "".join(made.notes)
    short = problem(PLAN + BUILD, Asked(life="short")).instance
    assert offer(short, "own").runs[0].cash != one.runs[0].cash or short == made.instance
    with pytest.raises(FaultsFound, match='"shorter"; known: short'):
        problem(PLAN + BUILD, Asked(life="shorter"))
