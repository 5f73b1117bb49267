"""`tollway retrace`: what it prints, refuses and hands to programs."""

import json
import shutil
from pathlib import Path

import pytest

from tollway.cli.app import run

ROOT = Path(__file__).parents[2]
LOG = ROOT / "tests" / "simulator" / "logs" / "rtx-4090-llama-3.1-8b"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(LOG, tmp_path / LOG.name))


def test_the_guide_shows_what_it_prints(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["retrace", log.name, "--fit"]) == 0
    out, err = capsys.readouterr()
    guide = (ROOT / "docs" / "guides" / "retrace.md").read_text()
    assert f"$ tollway retrace {log.name} --fit\n{out}{err}```" in guide


def test_json_says_how_far_off_and_how_near_to_the_knee(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["retrace", str(log / "requests.jsonl"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["chip"], told["requests"]) == ("llama-3.1-8b", "rtx-4090", 300)
    assert (told["near_its_knee"], told["factors"]) == (True, None)
    assert told["work_offered"] > 3
    for metric in ("ttft", "tpot", "latency"):
        one = told["times"][metric]
        for rank in ("p50", "p90"):
            assert abs(one["predicted_off"][rank]) < 0.12
            assert one["fast_end"][rank] < one["measured"][rank] < one["slow_end"][rank]


def test_another_chip_is_another_answer(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["retrace", str(log), "--chip", "h100", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["chip"] == "h100"
    assert told["times"]["tpot"]["predicted_off"]["p50"] < -0.3


def test_a_checkpoint_that_is_named_for_its_precision_has_it(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--model", "Qwen/Qwen3-30B-A3B-FP8", "--chip", "h100", "--json")
    assert run(["retrace", str(log), *flags]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["precision"]) == ("qwen3-30b-a3b", "fp8")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("meta.json", None, "meta.json: no such file or directory. Name a folder"),
        ("requests.jsonl", None, "requests.jsonl: no such file or directory. Name a folder"),
        ("meta.json", "{}", "meta.json names no model. Say which, as in --model NAME."),
        ("meta.json", '{"model": "llama-3.1-8b"}', "names no chip. Say which, as in --chip NAME."),
        ("meta.json", "nonsense", "does not say how an engine was set up"),
        ("requests.jsonl", '{"input_toks": 1}', "requests.jsonl:1 cannot be read"),
    ],
)
def test_what_is_missing_is_said_in_one_line_with_the_mend(
    log: Path, file: str, text: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (log / file).unlink()
    if text is not None:
        (log / file).write_text(text)
    assert run(["retrace", str(log)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
