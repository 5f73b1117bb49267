"""What a threat model says, and what it never says."""

import pytest
from msgspec.structs import replace
from pins_fleet import COMPONENTS, LOCK, TEXT, fleet

from tollway.catalog.threats import threats
from tollway.pins.component import Component
from tollway.pins.lock import Lock
from tollway.pins.threats_judged import Facts, Judged
from tollway.pins.threats_model import CHECKS, threat_model
from tollway.pins.threats_outside import outside

ALL = Facts(fleet(), LOCK)
INDEX = """
[index]
listen = "127.0.0.1:8402"
[index.upstreams.pypi]
kind = "pypi"
url = "https://index.example/simple/"
"""
BARE = """
version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:1"
serves.m = {}
[routes.r]
model = "m"
"""


def of(facts: Facts, threat: str, thing: str) -> list[Judged]:
    return [
        it for it in threat_model(facts).judged if it.threat == threat and str(it.thing) == thing
    ]


def status(facts: Facts, threat: str, thing: str) -> set[str]:
    return {it.verdict.status for it in of(facts, threat, thing)}


def with_text(old: str, new: str) -> Facts:
    assert old in TEXT
    return Facts(fleet(TEXT.replace(old, new)), LOCK)


def with_component(number: int, component: Component) -> Facts:
    parts = list(COMPONENTS)
    parts[number] = component
    return Facts(fleet(), Lock(component=tuple(parts)))


@pytest.mark.parametrize("facts", [ALL, Facts(fleet(BARE))])
def test_every_entry_of_every_framework_is_in_it(facts: Facts) -> None:
    assert {it.threat for it in threat_model(facts).judged} == set(threats())


def test_every_component_of_the_lock_is_judged() -> None:
    judged = {(it.thing.kind, it.thing.name) for it in threat_model(ALL).judged}
    for it in COMPONENTS:
        kind = "tool server" if it.kind == "mcp" else it.kind
        assert (kind, it.name) in judged


def test_what_is_answered_names_a_control_its_key_its_value_and_what_is_left() -> None:
    for it in threat_model(ALL).of("answered"):
        assert it.verdict.residual.endswith(".")
        assert it.verdict.controls
        assert all(one.key and one.value and one.what for one in it.verdict.controls)


def test_what_is_open_says_why_and_what_to_write() -> None:
    for it in threat_model(ALL).of("open"):
        assert it.verdict.why.endswith(".")
        assert it.verdict.mend


def test_what_is_not_judged_says_why() -> None:
    assert all(it.verdict.why.endswith(".") for it in threat_model(ALL).of("not judged"))


def test_checks_name_known_threats() -> None:
    assert {id_ for check in CHECKS for id_ in check.threats} <= set(threats())


def test_no_threat_is_without_a_reason_of_its_own() -> None:
    met = {id_ for check in CHECKS for id_ in check.threats}
    parents = {id_.rpartition(".")[0] for id_ in met}
    for it in threats().values():
        if it.id not in met | parents:
            assert outside(it.id, it.tactics).why != "No check of it is written here.", it.id


def test_the_exit_code_tells_the_truth() -> None:
    model = threat_model(ALL)
    assert model.exit_code == 1
    ids = {it.threat for it in model.of("open")}
    accepted = threat_model(ALL, dict.fromkeys(ids, "the board, in May"))
    assert accepted.exit_code == 3
    every = threat_model(ALL, dict.fromkeys(threats(), "the board, in May"))
    assert every.exit_code == 0
    assert all("the board, in May" in it.verdict.why for it in every.of("accepted"))


def test_what_is_accepted_at_one_thing_is_open_at_another() -> None:
    model = threat_model(ALL, {"ASI08@route private": "known"})
    found = {str(it.thing): it.verdict.status for it in model.judged if it.threat == "ASI08"}
    assert found["route private"] == "accepted"
    assert found["route llama-3.3-70b"] == "open"


def test_a_guard_counts_on_the_routes_that_it_holds_and_on_no_other() -> None:
    assert status(ALL, "LLM02", "route chat") == {"answered"}
    assert status(ALL, "LLM02", "route private") == {"answered", "open"}
    without = with_text('routes = ["private"]\n', 'routes = ["chat"]\n')
    assert status(without, "LLM02", "route chat") == {"answered", "open"}


def test_without_a_guard_every_route_is_open() -> None:
    bare = fleet(BARE)
    assert status(Facts(bare, LOCK), "LLM02", "route r") == {"open"}


def test_a_budget_or_a_bound_on_tokens_counts_and_concurrency_alone_does_not() -> None:
    assert status(ALL, "LLM10", "tenant product") == {"answered"}
    assert status(ALL, "LLM10", "tenant agents") == {"open"}
    bounded = with_text("concurrency = 20", "tokens_per_minute = 20000")
    assert status(bounded, "LLM10", "tenant agents") == {"answered"}


def test_an_egress_rule_for_any_host_is_open_and_one_for_a_named_host_is_not() -> None:
    assert status(ALL, "AML.T0025", "egress rule read our repositories") == {"answered"}
    assert status(ALL, "AML.T0025", "egress rule <script>alert(1)</script>") == {"open"}


def test_a_rule_that_frees_a_tool_after_untrusted_content_opens_its_server() -> None:
    assert status(ALL, "ASI02", "tool server desk") == {"answered"}
    rule = '[[tools.rules]]\nname = "free"\naction = "allow"\ntainted = true\ntools = ["desk/*"]\n'
    freed = Facts(fleet(TEXT + rule), LOCK)
    assert status(freed, "ASI02", "tool server desk") == {"open"}
    assert status(freed, "ASI02", "tool server wiki") == {"answered"}


def test_a_server_is_pinned_by_its_tools_and_by_its_package() -> None:
    assert status(ALL, "ASI04", "tool server desk") == {"answered"}
    assert status(ALL, "ASI04", "tool server wiki") == {"open"}
    unasked = with_component(7, replace(COMPONENTS[7], tools=None))
    assert status(unasked, "ASI04", "tool server desk") == {"open"}
    loose = with_component(7, replace(COMPONENTS[7], package=""))
    assert status(loose, "ASI04", "tool server desk") == {"open"}


def test_a_model_is_held_by_a_snapshot_and_routes_that_enforce_it() -> None:
    gpt = "model-api openai/gpt-5-2025-08-07"
    assert status(ALL, "LLM03", gpt) == {"open"}
    enforced = Facts(fleet(TEXT + '[pins]\nmode = "enforce"\n'), LOCK)
    assert status(enforced, "LLM03", gpt) == {"answered"}
    moving = "model-api anthropic/claude-sonnet-4-5"
    assert status(enforced, "LLM03", moving) == {"open"}
    known = with_component(1, replace(COMPONENTS[1], answers=("claude-sonnet-4-5-20250929",)))
    assert status(Facts(enforced.fleet, known.lock), "LLM03", moving) == {"answered"}
    assert status(known, "LLM03", moving) == {"open"}


def test_weights_that_may_run_code_by_names_of_their_own_are_open() -> None:
    assert status(ALL, "AML.T0018.002", "weights llama") == {"answered"}
    named = with_component(2, replace(COMPONENTS[2], globals=("os.system",)))
    assert status(named, "AML.T0018.002", "weights llama") == {"open"}


def test_poisoned_training_is_judged_at_weights_alone_and_never_passed() -> None:
    found = [it for it in threat_model(ALL).judged if it.threat == "LLM04"]
    assert {(str(it.thing), it.verdict.status) for it in found} == {
        ("weights llama", "not judged"),
        ("fleet", "does not apply"),
    }


def test_a_package_that_is_known_to_be_bad_is_open_and_one_that_nobody_opened_is_not_judged() -> (
    None
):
    assert status(ALL, "AML.T0011.001", "pypi litellm") == {"open"}
    assert status(ALL, "AML.T0011.001", "pypi httpx") == {"answered"}
    assert status(ALL, "AML.T0050", "pypi litellm") == {"open"}
    assert status(ALL, "AML.T0050", "pypi httpx") == {"not judged"}


def test_an_index_with_a_cooldown_holds_back_the_next_release() -> None:
    assert status(ALL, "AML.T0109", "pypi httpx") == {"open"}
    cooled = Facts(fleet(TEXT + INDEX), LOCK)
    [row] = of(cooled, "AML.T0109", "pypi httpx")
    assert [(it.key, it.value) for it in row.verdict.controls] == [
        ("index.rules.cooldown", "7 days, younger: ask")
    ]
    careless = Facts(fleet(TEXT + INDEX + '[index.rules]\nyoung = "allow"\n'), LOCK)
    assert status(careless, "AML.T0109", "pypi httpx") == {"open"}


def test_a_baseline_counts_only_where_somebody_probes() -> None:
    pinned = with_component(0, replace(COMPONENTS[0], baseline=COMPONENTS[6].file))  # type: ignore[union-attr]
    gpt = "model-api openai/gpt-5-2025-08-07"
    assert status(pinned, "AML.T0031", gpt) == {"open"}
    watched = Facts(fleet(TEXT + '[drift]\ntenant = "agents"\n'), pinned.lock)
    assert status(watched, "AML.T0031", gpt) == {"answered"}


def test_without_a_lock_nothing_of_what_it_is_made_of_passes() -> None:
    bare = Facts(fleet())
    assert {
        it.verdict.status for it in threat_model(bare).judged if it.threat == "AML.T0011.001"
    } == {"not judged"}
    assert status(bare, "LLM03", "model-api openai/gpt-5-2025-08-07") == {"open"}


def test_a_sandbox_that_nobody_declared_is_not_judged() -> None:
    text = TEXT[: TEXT.index("[egress]")]
    assert status(Facts(fleet(text), LOCK), "ASI05", "sandbox of tasks") == {"not judged"}
    assert status(ALL, "ASI05", "sandbox of tasks") == {"answered"}
