import time
from pathlib import Path

import pytest

from tollway.cli.demo import demo_fleet, demo_key
from tollway.fleet.parse import parse
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.keys import key_id
from tollway.ledger.sqlite import open_for_keys


def test_the_demo_fleet_is_valid_and_has_two_chips_and_a_fallback(tmp_path: Path) -> None:
    fleet = read_fleet(demo_fleet(tmp_path))
    route = fleet.routes["chat"]
    chips = {fleet.sources[one.source].silicon for one in route.candidates}
    assert len({silicon.chip for silicon in chips if silicon is not None}) == 2
    assert route.fallbacks


def test_a_demo_fleet_that_nobody_edited_is_kept_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("tollway.cli.demo.demo_fleet_text", lambda: "an older version's demo\n")
        assert demo_fleet(tmp_path).read_text().endswith("an older version's demo\n")
    read_fleet(demo_fleet(tmp_path))


def test_an_edited_demo_fleet_is_never_overwritten(tmp_path: Path) -> None:
    path = demo_fleet(tmp_path)
    path.write_text(path.read_text() + "# mine\n")
    assert demo_fleet(tmp_path).read_text().endswith("# mine\n")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_the_demo_key_stays_the_same_and_is_for_its_owner_alone(
    tmp_path: Path, ledger: Path
) -> None:
    fleet = read_fleet(demo_fleet(tmp_path))
    key = demo_key(tmp_path, ledger, fleet)
    assert key is not None
    assert demo_key(tmp_path, ledger, fleet) == key
    assert (tmp_path / "demo.key").stat().st_mode & 0o777 == 0o600


def test_a_demo_key_that_was_revoked_or_lost_with_its_ledger_is_made_anew(
    tmp_path: Path, ledger: Path
) -> None:
    fleet = read_fleet(demo_fleet(tmp_path))
    first = demo_key(tmp_path, ledger, fleet)
    assert first is not None
    store = open_for_keys(ledger)
    store.revoke_key(key_id(first), time.time())
    store.close()
    second = demo_key(tmp_path, ledger, fleet)
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    third = demo_key(tmp_path, ledger, fleet)
    assert len({first, second, third}) == 3


def test_a_fleet_without_tenants_has_no_demo_key(tmp_path: Path, ledger: Path) -> None:
    text = """
version = 1
[models.m]
[sources.s]
kind = "server"
url = "http://127.0.0.1:8000/v1"
serves.m = {}
"""
    assert demo_key(tmp_path, ledger, parse({"f": text}, "f")) is None
    assert not ledger.exists()
