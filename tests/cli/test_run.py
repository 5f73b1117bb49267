"""`tollway run` and `tollway runs`: what is refused before anything runs, and what is shown."""

import json
import socket
from pathlib import Path

import pytest

from tollway.cli.app import run
from tollway.cli.run import _limits, _payer, _tier
from tollway.errors import FaultsFound
from tollway.fleet.sandboxing import SandboxSettings
from tollway.gateway.offer import Offer


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["run", *words]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Write one: tollway run -- COMMAND"),
        (("--mount", "data", "--", "true"), '"data" is not SRC:DST'),
        (("--mount", "data:inside", "--", "true"), "is not SRC:DST"),
        (("--mount", "/no/such:/data", "--", "true"), "there is no such path"),
        (("--out", "/etc/passwd", "--", "true"), "is not below /workspace"),
        (("--out", "../x", "--", "true"), "is not below /workspace"),
        (("--out", "a:taken", "--", "true"), "is there already"),
        (("--env", "NOT_SET_ANYWHERE", "--", "true"), "NOT_SET_ANYWHERE is not set here"),
        (("--env", "A B=1", "--", "true"), "is no name"),
        (("--no-tools", "--allow-tool", "a/b", "--", "true"), "exclude each other"),
        (("--", "true"), "no gateway runs here"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_mend(
    capsys: pytest.CaptureFixture[str], here: Path, words: tuple[str, ...], said: str
) -> None:
    (here / "taken").touch()
    assert said in refused(capsys, *words)


def test_a_gateway_that_says_nothing_sensible_is_no_gateway(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    (here / "state").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(here / "state" / "gateway.sock"))  # and never listens
        assert "no gateway runs here" in refused(capsys, "--", "true")


def offer(**keys: tuple[str, ...]) -> Offer:
    return Offer(SandboxSettings(), {}, "ledger.sqlite", False, False, keys)


def test_who_pays_is_asked_only_where_it_is_not_clear() -> None:
    assert _payer(offer(acme=("k1",), other=()), None, None) == ("acme", "k1")
    assert _payer(offer(acme=("k1", "k2"), other=("k3",)), None, "k2") == ("acme", "k2")
    assert _payer(offer(acme=("k1",), other=("k3",)), "other", None) == ("other", "k3")


@pytest.mark.parametrize(
    ("keys", "tenant", "key", "said"),
    [
        ({"acme": ("k1",), "other": ("k2",)}, None, None, "Name one: acme, other"),
        ({"acme": ()}, None, None, "tollway keys create"),
        ({"acme": ("k1",)}, "acne", None, 'Did you mean "acme"?'),
        ({"acme": ("k1", "k2")}, "acme", None, "Name one: k1, k2"),
        ({"acme": ()}, "acme", None, "tollway keys create"),
        ({"acme": ("k1",), "other": ("k2",)}, "acme", "k2", "no living key of acme"),
    ],
)
def test_an_unclear_payer_is_refused(
    keys: dict[str, tuple[str, ...]], tenant: str | None, key: str | None, said: str
) -> None:
    with pytest.raises(FaultsFound, match=said.replace("?", r"\?")):
        _payer(offer(**keys), tenant, key)


@pytest.mark.parametrize(
    ("settings", "require"),
    [(SandboxSettings(require="vm"), None), (SandboxSettings(), "vm")],
)
def test_nothing_runs_in_less_than_what_is_required(
    settings: SandboxSettings, require: str | None
) -> None:
    with pytest.raises(FaultsFound, match="--tier"):
        _tier(settings, "ns", require)  # type: ignore[arg-type]


def test_a_bound_of_one_run_is_said_as_in_the_fleet_file() -> None:
    found = _limits(SandboxSettings(), ("memory=512MiB", "time=90s", "processes=7", "cpus=0.5"))
    assert (found.memory, found.time, found.processes, found.cpus) == (512 << 20, 90.0, 7, 0.5)
    assert found.disk == SandboxSettings().disk


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("memroy=1GiB", 'Did you mean "memory"?'),
        ("memory=1", "memory"),
        ("processes=none", "processes"),
        ("cpus=0", "cpus"),
        ("cpus=nan", "cpus"),
        ("time", "time"),
    ],
)
def test_a_bound_that_is_none_is_refused(said: str, why: str) -> None:
    with pytest.raises(FaultsFound) as found:
        _limits(SandboxSettings(), (said,))
    assert why in str(found.value)


def test_there_are_no_runs_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs"]) == 0
    assert "No runs" in capsys.readouterr().err
    assert run(["runs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["runs", "show", "nothing"]) == 2
    assert '"nothing" is no run' in capsys.readouterr().err
