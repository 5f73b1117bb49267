"""A sweep on a Ray cluster gives the same as here: two workers of a Ray on this machine."""

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from logging import ERROR
from pathlib import Path

import pytest
from test_simulate import FLEET
from test_sweep import jobs

from tollway.cli import sweep
from tollway.cli.app import run
from tollway.cli.rehearsing import going
from tollway.errors import TollwayError

pytestmark = pytest.mark.timeout(600)  # a cluster takes its time to start where much else runs

LOAD = "arrivals:rate=20,input=500,output=50,for=20s"


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two workers. The dashboard is not for here, and Ray writes to no standard output."""
    if find_spec("ray") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Ray is not installed: scripts/environment ray")
        pytest.skip("Ray is not installed: scripts/environment ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    # Ray gives a node half a minute to start, which a busy machine may take.
    for left in (2, 1, 0):
        try:
            ray.init(
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=ERROR,
                _node_ip_address=sweep.LOOPBACK,
            )
            break
        except Exception as error:
            if not left or "timed out" not in str(error):
                raise
            ray.shutdown()
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "new.toml").write_text(FLEET.replace("slots = 64", "slots = 2"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "fleet.toml", "--trace", LOAD, "--seeds", "3"),
        ("diff", "fleet.toml", "new.toml", "--on", LOAD),
        (
            *("size", "--model", "llama-3.1-8b", "--trace", LOAD, "--chips", "h100,l40s"),
            *("--tp", "1", "--ttft", "2s", "--speed", "30"),
        ),
    ],
    ids=lambda words: words[0],
)
def test_a_sweep_on_a_cluster_gives_what_it_gives_here(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    here = run((*words, "--json"))
    told = capsys.readouterr()
    assert run((*words, "--json", "--ray")) == here
    again = capsys.readouterr()
    assert json.loads(again.out) == json.loads(told.out)
    assert again.err == told.err


@pytest.mark.slow
def test_a_node_with_another_simulator_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "simulator", lambda: "another")
    with (
        pytest.raises(TollwayError, match="Install one version everywhere"),
        sweep.crew(ray=True) as crew,
        going("test", 1) as on,
    ):
        crew.play(jobs(), 3, on)


@pytest.mark.slow
def test_a_stopped_sweep_on_a_cluster_gives_no_half_answers() -> None:
    with sweep.crew(ray=True) as crew, going("test", 1) as on:
        on.stopped = True
        assert crew.play(jobs(), 3, on) == [None, None, None]
