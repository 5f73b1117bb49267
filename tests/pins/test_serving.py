"""What a route may serve by the lock, and what an answer may call itself."""

import pytest

from tollway.fleet.parse import parse
from tollway.pins.component import ModelApi
from tollway.pins.lock import Lock
from tollway.pins.serving import Pin, difference, pins_of, unlocked

FLEET = """
version = 1
[pins]
mode = "{mode}"
[models.m]
aliases = ["other"]
[sources.a]
kind = "api"
url = "https://a.example/v1"
[sources.a.serves.m]
upstream_model = "m-2026-01-01"
[sources.b]
kind = "api"
url = "https://b.example/v1"
[sources.b.serves.m]
[routes.chat]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
{route}
"""


def fleet_of(mode: str, route: str = ""):
    return parse({"fleet.toml": FLEET.format(mode=mode, route=route)}, "fleet.toml")


def model(name: str, version: str, moving: bool = False, answers: tuple[str, ...] = ()) -> ModelApi:
    return ModelApi(
        name=name,
        version=version,
        purl="pkg:generic/m",
        source=name[0],
        moving=moving,
        answers=answers,
    )


A, B = model("a/m", "m-2026-01-01"), model("b/m", "m")


def test_a_route_that_enforces_needs_each_model_that_it_may_ask_for_fallbacks_too() -> None:
    fleet = fleet_of("enforce", 'pins = "enforce"')
    assert list(unlocked(fleet, Lock(component=(A, B)))) == []
    missing = {str(fault): enforced for fault, enforced in unlocked(fleet, Lock(component=(A,)))}
    said = 'routes.chat: may ask "b/m", which is not in the lock. Run: tollway lock'
    assert missing[said] is True
    assert len(missing) == 3  # the model and its alias are routes too


def test_a_model_that_is_asked_by_another_id_is_not_the_locked_one() -> None:
    lock = Lock(component=(model("a/m", "m-2025-01-01"), B))
    found = [str(fault) for fault, _ in unlocked(fleet_of("flag"), lock)]
    said = 'asks "a/m" for "m-2026-01-01", and "m-2025-01-01" is locked. Run: tollway lock'
    assert found[0] == f"routes.chat: {said}"


def test_a_moving_name_is_locked_by_what_it_answers_as() -> None:
    fleet = fleet_of("off", 'pins = "enforce"')
    moving = model("b/m", "m", moving=True)
    ((found, _),) = unlocked(fleet, Lock(component=(A, moving)))
    assert 'asks "b/m" for "m", which its provider may point elsewhere. Ask for a sn' in str(found)
    pinned = model("b/m", "m", moving=True, answers=("m-9",))
    assert list(unlocked(fleet, Lock(component=(A, pinned)))) == []
    pins = pins_of(fleet, Lock(component=(A, pinned)))
    assert list(pins) == ["chat"]  # the other routes go by no lock
    assert difference(pins["chat"]["b", "m"], "m-9", None) is None
    assert difference(pins["chat"]["b", "m"], "m", None) is not None


def test_a_route_says_otherwise_than_the_table() -> None:
    pins = pins_of(fleet_of("enforce", 'pins = "off"'), Lock())
    assert sorted(pins) == ["m", "other"]
    pins = pins_of(fleet_of("enforce", 'pins = "flag"'), Lock())
    assert pins["chat"]["a", "m-2026-01-01"].enforced is False
    assert pins["m"]["a", "m-2026-01-01"].enforced is True


PIN = Pin("a/m", frozenset({"m-1", "m-2"}), frozenset({"fp_1"}), True)


@pytest.mark.parametrize(
    ("model", "fingerprint", "said"),
    [
        ("m-1", "fp_1", None),
        ("models/m-2", "fp_1", None),  # Gemini's way to write it
        ("m", "fp_1", 'answers as "m", and "m-1" or "m-2" is locked'),
        ("m-11", "fp_1", 'answers as "m-11", and "m-1" or "m-2" is locked'),
        ("M-1", "fp_1", 'answers as "M-1", and "m-1" or "m-2" is locked'),
        (None, "fp_1", "names no model"),
        ("m-1", None, 'answers with no fingerprint, and "fp_1" is locked'),
        ("m-1", "fp_2", 'answers with fingerprint "fp_2", and "fp_1" is locked'),
        ("m\x1b[2J", "fp_1", 'answers as \'m\\x1b[2J\', and "m-1" or "m-2" is locked'),
        ("x" * 90, "fp_1", f'answers as "{"x" * 77}...", and "m-1" or "m-2" is locked'),
    ],
)
def test_an_answer_is_of_the_locked_model_or_differs_in_words(
    model: str | None, fingerprint: str | None, said: str | None
) -> None:
    assert difference(PIN, model, fingerprint) == said


def test_what_is_not_locked_never_agrees() -> None:
    assert difference(Pin("a/m", None, frozenset(), True), "m", None) == "is not in the lock"
