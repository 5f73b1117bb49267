"""How the list of live requests says what of them it does not show."""

import pytest

from tollway.console.requests.pages import _counted


@pytest.mark.parametrize(
    ("shown", "fitting", "listed", "running", "words"),
    [
        pytest.param(3, 3, 3, 3, "3", id="all-are-shown"),
        pytest.param(25, 60, 60, 60, "the newest 25 of 60", id="more-than-a-page"),
        pytest.param(25, 200, 200, 1812, "the newest 25 of 1,812", id="more-than-are-listed"),
        pytest.param(2, 2, 60, 60, "2", id="held-to-terms"),
        pytest.param(2, 2, 200, 1812, "2 of the newest 200 of 1,812", id="terms-and-not-listed"),
    ],
)
def test_what_is_not_shown_is_said(
    shown: int, fitting: int, listed: int, running: int, words: str
) -> None:
    assert _counted(shown, fitting, listed, running) == words
