"""The `[drift]` table: read, refused with the mend, and rendered again."""

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render

BASE = """version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:9000/v1"
serves.m = {}
[tenants.watch]
"""
WHOLE = """
[drift]
tenant = "watch"
every = "30m"
again = "10m"
calls = 400
budget = "0.25"
action = "open-breaker"
same_model = "take-out"
models = ["s/m"]
"""


def fleet(text: str) -> Fleet:
    return parse({"f.toml": BASE + text}, "f.toml")


def test_every_key_is_read_and_rendered_again() -> None:
    whole = fleet(WHOLE)
    drift = whole.drift
    assert drift is not None
    assert (drift.every, drift.again) == (1800.0, 600.0)
    assert (drift.calls, drift.budget) == (400, 250_000_000_000)
    assert (drift.action, drift.same_model, drift.models) == ("open-breaker", "take-out", ("s/m",))
    assert parse({"f.toml": render(whole)}, "f.toml").drift == drift


def test_without_the_table_nothing_is_watched_and_its_defaults_do_nothing_to_a_source() -> None:
    assert fleet("").drift is None
    drift = fleet('[drift]\ntenant = "watch"\n').drift
    assert drift is not None
    assert (drift.every, drift.again) == (3600.0, 300.0)
    assert (drift.action, drift.same_model) == ("alarm", "show")
    assert drift.models is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('tenant = "wach"', 'Did you mean "watch"?'),
        ('tenant = "watch"\nevery = "10s"', "a minute is the least"),
        ('tenant = "watch"\nmodels = ["s/n"]', 'Did you mean "s/m"?'),
        ('tenant = "watch"\naction = "page"', "drift.action"),
        ("", "drift.tenant"),
    ],
)
def test_a_watch_that_could_not_look_is_refused(line: str, words: str) -> None:
    with pytest.raises(FaultsFound) as found:
        fleet(f"[drift]\n{line}\n")
    assert words in str(found.value)
