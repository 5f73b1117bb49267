"""The `[models]` tables: scores are read, refused with the mend, and rendered again."""

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.parse import parse
from tollway.fleet.quality import Quality
from tollway.fleet.render import render

FILE = """
version = 1
[models.m]
context = 4096
{said}
[sources.s]
kind = "api"
url = "https://api.example.com/v1"
serves.m = {{}}
"""


def test_a_score_is_read_and_rendered_again() -> None:
    said = 'quality.code = { score = 71.25, margin = 1.5, of = "our \\"evaluation\\"" }\n'
    said += 'quality.any = { score = -3, of = "votes" }'
    fleet = parse({"fleet.toml": FILE.format(said=said)}, "fleet.toml")
    assert fleet.models["m"].quality == {
        "any": Quality(-3.0, None, "votes"),
        "code": Quality(71.25, 1.5, 'our "evaluation"'),
    }
    assert parse({"fleet.toml": render(fleet)}, "fleet.toml").models == fleet.models


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ('quality.prose = { score = 1, of = "x" }', "models.m.quality.prose"),
        ("quality.code = { score = 1 }", "models.m.quality.code.of"),
        ('quality.code = { score = "1", of = "x" }', "models.m.quality.code.score"),
        ('quality.code = { score = 1, margin = -1, of = "x" }', "models.m.quality.code.margin"),
        ('quality.code = { score = nan, of = "x" }', "models.m.quality.code.score"),
    ],
    ids=["use", "no of", "text", "margin", "nan"],
)
def test_a_score_that_is_none_is_refused_by_its_place(said: str, place: str) -> None:
    with pytest.raises(FaultsFound) as refused:
        parse({"fleet.toml": FILE.format(said=said)}, "fleet.toml")
    assert place in str(refused.value)
