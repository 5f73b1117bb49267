"""What a worker makes ready outlives the accountant that asked for it."""

import asyncio
from pathlib import Path

from gateway_rig import live

from tollway.gateway.loading import Loaded, load
from tollway.gateway.workers.fleets import Fleets
from tollway.gateway.workers.frames import Prepare, Prepared, Welcome, Wire

_FLEET = """
version = 1
credentials.a = "file:{secret}"
[sources.a]
kind = "api"
url = "http://127.0.0.1:9/v1"
credential = "a"
serves.m.prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[models.m]
[routes.chat]
model = "m"
"""


class Ear(Wire):
    """An accountant's end of a line that only listens."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.prepared = asyncio.Event()

    def say(self, message: object) -> None:
        self.heard.append(message)
        self.prepared.set()


def _written(folder: Path) -> tuple[Path, Path]:
    secret = folder / "secret"
    secret.write_text("from-a-file")
    secret.chmod(0o600)
    path = folder / "fleet.toml"
    path.write_text(_FLEET.format(secret=secret))
    return path, secret


@live
async def test_a_fleet_made_ready_is_there_for_the_next_accountant_without_its_secrets(
    tmp_path: Path,
) -> None:
    path, secret = _written(tmp_path)
    taken: list[Loaded] = []
    welcomed = asyncio.Event()
    first = load(path, tmp_path)
    fleets = Fleets(path, path.parent, first, taken.append, lambda *_: welcomed.set())
    path.write_text(path.read_text() + "# another\n")
    documents = dict(load(path, tmp_path).documents)
    ear = Ear()
    fleets.tell(ear, Prepare(1, documents))
    await ear.prepared.wait()
    assert ear.heard == [Prepared(1, ())]
    # It put the fleet in force, and was killed before it could say Adopt(1).
    fleets.forget()
    secret.unlink()
    fleets.tell(ear, Welcome(documents, 0))
    await welcomed.wait()
    assert [one.documents for one in taken] == [documents]
    assert not fleets.failed.done()
    fleets.failed.cancel()


@live
async def test_a_secret_read_for_a_reload_is_newer_than_one_that_was_in_force(
    tmp_path: Path,
) -> None:
    path, secret = _written(tmp_path)
    taken: list[Loaded] = []
    first = load(path, tmp_path)
    welcomed = asyncio.Event()
    fleets = Fleets(path, path.parent, first, taken.append, lambda *_: welcomed.set())
    ear = Ear()
    secret.write_text("rotated")
    fleets.tell(ear, Prepare(1, dict(first.documents)))
    await ear.prepared.wait()
    fleets.forget()
    fleets.tell(ear, Welcome(dict(first.documents), 0))
    await welcomed.wait()
    assert taken[0] is not first
    fleets.failed.cancel()
