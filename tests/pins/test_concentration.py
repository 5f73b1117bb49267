"""What one loss takes away, and how much one vendor has."""

import pytest
from msgspec.structs import replace
from pins_fleet import COMPONENTS, LOCK, TEXT, fleet

from tollway.pins.concentration import (
    Concentration,
    astray,
    by_vendor,
    family,
    losses,
    of_candidates,
)
from tollway.pins.lock import Lock


def lost(text: str, route: str, lock: Lock | None = None) -> set[tuple[str, str]]:
    return {(it.what, it.name) for it in losses(fleet(text), lock) if route in it.routes}


def test_a_route_with_fallbacks_that_share_nothing_survives_every_single_loss() -> None:
    assert lost(TEXT, "chat") == set()


def test_a_route_with_one_source_falls_with_all_that_it_leans_on() -> None:
    assert lost(TEXT, "private", LOCK) == {
        ("source", "own"),
        ("model", "llama-3.3-70b"),
        ("model family", "llama"),
        ("chip", "h100"),
        ("runtime", "vllm"),
    }


def test_two_sources_of_one_vendor_are_one_loss() -> None:
    shared = TEXT.replace('vendor = "Anthropic"', 'vendor = "OpenAI"').replace(
        ', "own:llama-3.3-70b"', ""
    )
    assert lost(shared, "chat") == {("vendor", "OpenAI")}


def test_two_sources_with_one_credential_are_one_loss() -> None:
    shared = TEXT.replace('credential = "anthropic"', 'credential = "openai"')
    shared = shared.replace('anthropic = "env:ANTHROPIC_API_KEY"\n', "")
    shared = shared.replace(', "own:llama-3.3-70b"', "")
    assert lost(shared, "chat") == {("credential", "env:OPENAI_API_KEY")}


def test_a_fallback_that_does_not_meet_what_is_required_saves_nothing() -> None:
    text = TEXT.replace(
        'candidates = ["own"]\n', 'candidates = ["own"]\nfallbacks = ["openai:gpt-5-2025-08-07"]\n'
    )
    assert ("source", "own") in lost(text, "private")
    free = text.replace('require = { precision = ["fp8"] }\n', "")
    assert lost(free, "private") == set()


def test_tools_of_one_server_and_packages_of_one_index_are_lost_with_it() -> None:
    others = {(it.what, it.name): it.others for it in losses(fleet(), LOCK) if it.others}
    assert others == {
        ("tool server", "desk"): ("tool desk/send_mail",),
        ("tool server", "wiki"): ("tool wiki/search",),
        ("package index", "https://index.example/simple"): ("2 of pypi",),
    }


def test_fallbacks_that_name_nothing_or_the_same_vendor_are_told() -> None:
    assert [(it.component, it.why) for it in astray(LOCK)] == [
        ("model-api:anthropic/claude-sonnet-4-5", "is not in the lock")
    ]
    same = replace(COMPONENTS[1], vendor="OpenAI", fallback="")
    again = Lock(component=(COMPONENTS[0], same))
    assert [it.why for it in astray(again)] == ["is of the same vendor, OpenAI"]
    itself = replace(COMPONENTS[0], fallback="model-api:openai/gpt-5-2025-08-07")
    assert [it.why for it in astray(Lock(component=(itself,)))] == ["is itself"]


def test_words_for_a_person_are_no_broken_fallback() -> None:
    asked = replace(COMPONENTS[0], fallback="call the vendor: they answer")
    assert astray(Lock(component=(asked,))) == ()


def test_the_index_is_one_for_a_single_vendor_and_a_half_for_two_equal_ones() -> None:
    assert Concentration("spend", (("a", 1.0),)).index == 1
    assert Concentration("spend", (("a", 0.5), ("b", 0.5))).index == pytest.approx(0.5)


def test_shares_by_vendor_add_up_what_its_sources_were_paid() -> None:
    found = by_vendor(fleet(), {"openai": 3, "anthropic": 1, "gone": 4}, "spend")
    assert found.shares == (("source gone", 0.5), ("OpenAI", 0.375), ("Anthropic", 0.125))
    assert by_vendor(fleet(), {}, "spend").shares == ()


def test_without_a_ledger_each_route_counts_as_one() -> None:
    found = of_candidates(fleet())
    assert found.of == "candidates"
    assert sum(share for _, share in found.shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("model", "is_of"),
    [("llama-3.3-70b", "llama"), ("meta/Llama-3", "llama"), ("gpt5", "gpt"), ("4o", "4o")],
)
def test_a_family_is_what_a_name_begins_with(model: str, is_of: str) -> None:
    assert family(model) == is_of
