"""What a gateway will not serve, however sound the file is."""

from pathlib import Path

import pytest

from tollway.errors import FaultsFound
from tollway.gateway.loading import load

FLEET = """version = 1
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9001/v1"
serves.m = {}
"""


def test_rules_of_a_guard_that_would_not_be_followed_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET)
    assert load(file).fleet.guard is None
    file.write_text(FLEET + '[guard]\nterms = ["Project Falcon"]\n')
    with pytest.raises(FaultsFound, match="guard is declared, and this gateway does not inspect"):
        load(file)
