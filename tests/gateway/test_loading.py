"""What a gateway will not serve, however sound the file is."""

from pathlib import Path

import pytest

from tollway.errors import FaultsFound
from tollway.gateway.loading import load
from tollway.guard.fingerprint import fingerprint, written
from tollway.guard.rules import Asked
from tollway.inspect.guardfiles import own_salt

FLEET = """version = 1
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9001/v1"
serves.m = {}
"""


def test_a_guard_is_loaded_with_the_fleet_and_knows_its_credentials(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET)
    assert load(file, tmp_path / "state").guard is None
    key = tmp_path / "key"
    key.write_text("not-like-any-format-of-keys")
    keyed = FLEET.replace("serves.m", 'credential = "own"\nserves.m')
    file.write_text(f'{keyed}[credentials]\nown = "file:{key}"\n[guard]\nterms = ["Falcon"]\n')
    guard = load(file, tmp_path / "state").guard
    assert guard is not None
    asked = Asked("t", "m", "out")
    assert guard.inspect(b"we call it falcon", asked).action == "block"
    assert guard.inspect(b"it is not-like-any-format-of-keys", asked).action == "block"
    assert guard.inspect(b"it is nothing", asked).action == "allow"


def test_a_guard_that_lacks_a_part_of_itself_does_not_serve(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET + '[guard]\nfingerprints = "prints"\n')
    with pytest.raises(FaultsFound, match="which cannot be read: no such file"):
        load(file, tmp_path / "state")
    salt = own_salt(tmp_path / "elsewhere")
    words = " ".join(f"word{number}" for number in range(100)).encode()
    (tmp_path / "prints").write_bytes(written([fingerprint("plan", words, salt)]))
    with pytest.raises(FaultsFound, match="were written with a salt not in"):
        load(file, tmp_path / "state")
    assert load(file, tmp_path / "elsewhere").guard is not None
