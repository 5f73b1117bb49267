"""Rules: the first that fits decides, nothing fits means block, and what nobody read is no pass."""

import json

import pytest
from made import made

from tollway.errors import FaultsFound
from tollway.fleet.guarding import GuardSettings
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render
from tollway.guard.check import check_detectors
from tollway.guard.finding import Finding
from tollway.guard.inspection import Guard
from tollway.guard.replace import RestoringStream, Tokens, redacted
from tollway.guard.rules import Asked, decide

BASE = """
version = 1
[models.m]
[sources.cloud]
kind = "api"
url = "https://api.example.org/v1"
serves.m = {}
[sources.own]
kind = "server"
url = "http://127.0.0.1:9000/v1"
labels = ["on-prem"]
serves.m = {}
[tenants.legal]
[tenants.shop]
"""
RULES = """
[guard]
terms = ["Project Nightjar"]
ignore = ["uk-nino"]
[[guard.rules]]
name = "legal may name people"
detectors = ["personal"]
tenants = ["legal"]
action = "allow"
[[guard.rules]]
name = "people elsewhere are tokens"
detectors = ["personal"]
direction = "out"
action = "tokenise"
[[guard.rules]]
name = "cards stay in the house"
detectors = ["financial", "document:*"]
action = "on-prem"
[[guard.rules]]
name = "terms are asked about"
detectors = ["term"]
action = "ask"
[[guard.rules]]
name = "keys are taken out of answers"
detectors = ["secret"]
direction = "in"
action = "redact"
"""
KEY = made("ghp_<alnum 36>")
MAIL = "ada@lovelace.org"


def fleet(rules: str = RULES) -> Fleet:
    return parse({"fleet.toml": BASE + rules}, "fleet.toml", check_detectors)


def settings(rules: str = RULES) -> GuardSettings:
    guard = fleet(rules).guard
    assert guard is not None
    return guard


def action(text: str, tenant: str = "shop", direction: str = "out") -> str:
    asked = Asked(tenant, "m", "out" if direction == "out" else "in")
    return Guard(settings()).inspect(text.encode(), asked).action


def test_the_first_rule_that_fits_decides() -> None:
    assert action(f"write to {MAIL}", "legal") == "allow"
    assert action(f"write to {MAIL}", "shop") == "tokenise"
    assert action("card 4111 1111 1111 1111") == "on-prem"
    assert action("about project nightjar") == "ask"
    assert action(f"use {KEY} ", direction="in") == "redact"


def test_what_no_rule_fits_is_blocked() -> None:
    assert action(f"use {KEY} now") == "block"


def test_the_strictest_of_several_holds() -> None:
    assert action(f"{MAIL} pays with 4111 1111 1111 1111") == "on-prem"
    assert action(f"{MAIL} has {KEY} ") == "block"
    assert action("nothing to see") == "allow"


def test_what_could_not_be_inspected_is_blocked_unless_a_rule_names_it() -> None:
    unread = [Finding("uninspected", "uninspected", 0, 9, (), "")]
    asked = Asked("shop", "m", "out")
    open_door = '[guard]\ndefault = "allow"\n[[guard.rules]]\nname = "all"\ndetectors = ["*"]\n'
    assert decide(settings(open_door + 'action = "allow"'), unread, asked).action == "block"
    named = open_door.replace('"*"', '"uninspected"')
    assert decide(settings(named + 'action = "redact"'), unread, asked).action == "block"
    assert decide(settings(named + 'action = "ask"'), unread, asked).action == "ask"


def test_on_prem_permits_only_sources_labelled_so() -> None:
    asked = Asked("shop", "m", "out")
    guard = Guard(settings())
    decision = guard.inspect(b"card 4111 1111 1111 1111", asked)
    assert decision.permits(frozenset({"on-prem"}))
    assert not decision.permits(frozenset())
    assert guard.inspect(b"fine", asked).permits(frozenset())
    assert not guard.inspect(b"project nightjar", asked).permits(frozenset({"on-prem"}))


def test_a_rule_for_a_destination_fits_only_where_it_is_known() -> None:
    rules = """
    [guard]
    [[guard.rules]]
    name = "anything may stay in the house"
    detectors = ["*"]
    destinations = ["on-prem"]
    action = "allow"
    """
    found = [Finding("github-token", "secret", 0, 9, (), "")]
    own, cloud = frozenset({"on-prem"}), frozenset({"eu"})
    for labels, expected in ((own, "allow"), (cloud, "block"), (None, "block")):
        assert decide(settings(rules), found, Asked(None, None, "out", labels)).action == expected


def test_a_rule_that_can_never_fit_is_a_fault_and_all_come_at_once() -> None:
    rules = """
    [guard]
    ignore = ["githb-token"]
    [[guard.rules]]
    name = "a"
    detectors = ["secrets"]
    tenants = ["legl"]
    routes = ["n"]
    destinations = ["onprem"]
    action = "block"
    [[guard.rules]]
    name = "a"
    detectors = ["*"]
    direction = "in"
    action = "tokenise"
    """
    with pytest.raises(FaultsFound) as caught:
        fleet(rules)
    words = str(caught.value)
    for promise in (
        "guard.ignore[0]", 'Did you mean "github-token"?', "guard.rules[0].detectors[0]",
        'Did you mean "secret"?', 'Did you mean "legal"?', "guard.rules[0].routes[0]",
        'Did you mean "on-prem"?', "as rules[0] is already", "nothing would turn the tokens back",
    ):  # fmt: skip
        assert promise in words, promise
    with pytest.raises(FaultsFound, match="no source is labelled so"):
        parse({"f": BASE.replace('labels = ["on-prem"]', "") + RULES}, "f", check_detectors)


def test_what_is_rendered_parses_to_the_same_rules() -> None:
    again = parse({"fleet.toml": render(fleet())}, "fleet.toml", check_detectors)
    assert again.guard == fleet().guard
    assert again.sources["own"].labels == ("on-prem",)
    assert "[guard]" not in render(fleet(""))


def test_what_is_redacted_is_gone_and_json_stays_json() -> None:
    body = json.dumps({"text": f"mail {MAIL} and {KEY} twice {KEY}\n"}).encode()
    found = Guard(settings()).scanner.scan(body)
    clean = redacted(body, found)
    assert MAIL.encode() not in clean
    assert KEY.encode() not in clean
    assert json.loads(clean)["text"].count("[redacted:github-token]") == 2


def test_tokens_are_the_same_within_a_task_and_turn_back() -> None:
    body = f"{MAIL} wrote to bob@builder.io and {MAIL}".encode()
    found = Guard(settings()).scanner.scan(body)
    tokens, other = Tokens(b"k" * 32, "task-1"), Tokens(b"k" * 32, "task-2")
    hidden = tokens.tokenised(body, found)
    assert MAIL.encode() not in hidden
    first, _, _, _, _, last = hidden.split()
    assert first == last
    assert tokens.restored(hidden) == body
    assert other.tokenised(body, found) != hidden
    assert other.restored(hidden) == hidden
    assert not Guard(settings()).scanner.scan(hidden)


def test_a_token_split_anywhere_in_a_stream_turns_back() -> None:
    body = f"so {MAIL}, then".encode()
    tokens = Tokens(b"k" * 32, "task-1")
    hidden = tokens.tokenised(body, Guard(settings()).scanner.scan(body)).decode()
    for cut in range(1, len(hidden)):
        stream = RestoringStream(tokens)
        assert stream.feed(hidden[:cut]) + stream.feed(hidden[cut:]) + stream.end() == body.decode()
    letters = RestoringStream(tokens)
    assert "".join(map(letters.feed, hidden)) + letters.end() == body.decode()


def test_overlapping_findings_are_replaced_once() -> None:
    data = b"0123456789"
    found = [Finding("a", "secret", 2, 6, (), ""), Finding("b", "secret", 4, 8, (), "")]
    assert redacted(data, found) == b"01[redacted:a]89"
