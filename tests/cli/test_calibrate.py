"""`tollway calibrate`: constants found again, each kind of log, and faults that leave no file."""

import json
import tomllib
from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import Any

import pytest

from tollway.catalog import chip, model
from tollway.cli.app import run
from tollway.cli.results import read_results
from tollway.dispatch.messages import Arrived, Content, Finished, Reserve, Send, Settle
from tollway.dispatch.opening import Opening
from tollway.dispatch.recording import encode_header, encode_step
from tollway.engine import Question, Speculation, Workload, predict
from tollway.engine.anchors import moved
from tollway.engine.fitted import Constants, constants
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

WHAT = ("--model", "llama-3.1-8b", "--chip", "h100")
SLOWER = (1.3, 1.15, 1.2, 1.0, 1.5)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    return tmp_path


def slower() -> Constants:
    """A deployment whose launches, reading, arithmetic and front cost more than elsewhere."""
    return moved(constants(), [log(factor) for factor in SLOWER])


def measured(load: Workload, used: Constants) -> tuple[float, float]:
    question = Question(model("llama-3.1-8b"), chip("h100"), load)
    answer = predict(question, fitted=used)
    assert answer.ttft is not None
    return answer.ttft.value, answer.tpot.value


def benchmark(users: int, into: int, out: int, **changes: object) -> dict[str, Any]:
    """As `vllm bench serve --save-result` writes it, of the slower deployment."""
    count = 10 * users
    ttft, tpot = measured(Workload(into, out, concurrency=users, requests=count), slower())
    return {
        "date": "20261122-070000",
        "backend": "vllm",
        "model_id": "meta-llama/Llama-3.1-8B",
        "num_prompts": count,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": users,
        "duration": 100.0,
        "completed": count,
        "failed": 0,
        "total_input_tokens": count * into,
        "total_output_tokens": count * out,
        "mean_ttft_ms": 1e3 * ttft,
        "mean_tpot_ms": 1e3 * tpot,
        **changes,
    }


RUNS = ((1, 1024, 512), (16, 1024, 512), (64, 4096, 512))


def predicted(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert run(["predict", *WHAT, "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)["answers"][0]


def calibrated(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert run(["calibrate", *WHAT, "--json", *options]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_three_results_make_the_answer_of_a_fourth_load_right(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for number, load in enumerate(RUNS):
        (folder / f"{number}.json").write_text(json.dumps(benchmark(*load)))
    said = calibrated(capsys, "0.json", "1.json", "2.json", "--output", "own.toml")
    assert said["factors"]["launches"] > 1.05
    assert said["factors"]["reading"] > 1.05
    for result in said["results"]:
        for metric in ("ttft_s", "tpot_s"):
            assert result[metric]["after"] == pytest.approx(result[metric]["measured"], rel=0.05)
    load = ("--in", "2000", "--out", "300", "--concurrency", "32")
    ttft, tpot = measured(Workload(2000, 300, concurrency=32), slower())
    before = predicted(capsys, *load)
    after = predicted(capsys, *load, "--calibrated", "own.toml")
    assert abs(before["tpot_s"]["value"] / tpot - 1) > 0.10
    assert after["tpot_s"]["value"] == pytest.approx(tpot, rel=0.03)
    assert after["ttft_s"]["value"] == pytest.approx(ttft, rel=0.06)
    assert after["provenance"] == "measured here"
    assert after["tpot_s"]["high"] < before["tpot_s"]["high"] * tpot / before["tpot_s"]["value"]


def test_json_lines_and_lists_say_the_same_as_files(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    results = [benchmark(*load) for load in RUNS[:2]]
    (folder / "lines.jsonl").write_text("\n".join(map(json.dumps, results)) + "\n")
    (folder / "list.json").write_text(json.dumps(results))
    lines = calibrated(capsys, "lines.jsonl", "--output", "a.toml")
    listed = calibrated(capsys, "list.json", "--output", "b.toml")
    assert lines["factors"] == listed["factors"]
    assert [one["place"] for one in lines["results"]] == [
        "lines.jsonl line 1",
        "lines.jsonl line 2",
    ]
    assert tomllib.loads((folder / "a.toml").read_text())["logs"] == {"lines.jsonl": 2}


def test_details_of_requests_say_how_their_lengths_spread(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    from tollway.cli.results import read_results

    even = [round(800 + 400 * share / 99) for share in range(100)]
    detailed = benchmark(4, 1000, 500, input_lens=even, output_lens=[one // 2 for one in even])
    (folder / "x.json").write_text(json.dumps(detailed))
    (result,) = read_results(folder / "x.json", None)
    assert result.spread == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("traffic", "rate", "users"),
    [
        ({"request_rate": "inf", "max_concurrency": 8}, None, 8),
        ({"request_rate": float("inf"), "max_concurrency": None}, None, 40),
        ({"request_rate": 2.5, "max_concurrency": None}, 2.5, None),
        ({"request_rate": 2.5, "max_concurrency": 64}, 2.5, None),
    ],
)
def test_the_load_is_what_the_benchmark_was_told(
    folder: Path, traffic: dict[str, object], rate: float | None, users: int | None
) -> None:
    from tollway.cli.results import read_results

    (folder / "x.json").write_text(json.dumps(benchmark(4, 1000, 500, **traffic)))
    (result,) = read_results(folder / "x.json", None)
    assert (result.rate, result.concurrency) == (rate, users)


# --- live traffic ------------------------------------------------------------------------------

TTFT, TPOT, GAP, INTO, OUT = 0.12, 0.011, 0.4, 900, 120


def recording(requests: Iterable[int], source: str = "h100") -> bytes:
    """What a gateway writes of streams that came every `GAP` seconds."""
    steps: list[tuple[float, bytes]] = []
    for number in requests:
        name, at = f"{source}{number}", number * GAP
        arrived = Arrived(name, "k", "chat", "chat", True, INTO, None, 0, 0)
        send = Send(name, 1, source, "llama", "llama", "standard")
        first, last = at + TTFT, at + TTFT + TPOT * (OUT - 1)
        finished = Finished(name, 1, Usage(input=INTO, output=OUT))
        steps += [
            (at, encode_step(at, arrived, [send])),
            (first, encode_step(first, Content(name, 1), [])),
            (last, encode_step(last, finished, [])),
        ]
    head = encode_header({"fleet.toml": ""}, "fleet.toml", Opening((), 0.0, ()), 0.0)
    return head + b"".join(line for _, line in sorted(steps, key=lambda step: step[0]))


def test_a_recording_is_cut_into_windows(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "recording.jsonl").write_bytes(recording(range(100)) + b'{"type":"Step","now":1')
    said = calibrated(capsys, "recording.jsonl")
    assert [one["place"] for one in said["results"]] == [
        "recording.jsonl requests 1 to 33",
        "recording.jsonl requests 34 to 66",
        "recording.jsonl requests 67 to 100",
    ]
    for one in said["results"]:
        assert one["rate"] == pytest.approx(1 / GAP)
        assert (one["input_tokens"], one["output_tokens"]) == (INTO, OUT)
        assert one["tpot_s"]["measured"] == pytest.approx(TPOT)
        assert one["ttft_s"]["measured"] == pytest.approx(TTFT)
        assert one["tpot_s"]["after"] == pytest.approx(TPOT, rel=0.1)


def test_a_ledger_says_the_same_as_the_recording(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "recording.jsonl").write_bytes(recording(range(60)))
    ledger = open_for_gateway(folder / "ledger.sqlite")
    for number in range(60):
        name, lasts = f"r{number}", TTFT + TPOT * (OUT - 1)
        at = 1_800_000_000.0 + number * GAP
        usage = Usage(input=INTO, output=OUT)
        ledger.book(
            [
                Reserve(name, "k", "t", "chat", "chat", 0, 1, 1, at),
                Settle(
                    name, "completed", None, "h100", "llama", "llama", "standard", usage, 0, 1, (),
                    TTFT, lasts, at + lasts,
                ),
            ]
        )  # fmt: skip
    ledger.close()
    recorded = calibrated(capsys, "recording.jsonl", "--output", "a.toml")
    booked = calibrated(capsys, "ledger.sqlite", "--output", "b.toml")
    assert booked["factors"] == pytest.approx(recorded["factors"], rel=1e-3)


def test_one_of_several_sources_must_be_named(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    both = recording(range(40)) + recording(range(50), "b200").partition(b"\n")[2]
    (folder / "recording.jsonl").write_bytes(both)
    assert run(["calibrate", "recording.jsonl", *WHAT]) == 2
    assert capsys.readouterr().err == (
        "recording.jsonl has several sources: b200, h100. Name one: --source.\n"
    )
    said = calibrated(capsys, "recording.jsonl", "--source", "h100")
    assert said["results"][-1]["place"] == "recording.jsonl requests 1 to 40"
    assert run(["calibrate", "recording.jsonl", *WHAT, "--source", "l4", "--force"]) == 2
    assert "has no source l4. It has b200, h100." in capsys.readouterr().err


# --- faults ------------------------------------------------------------------------------------


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in benchmark(4, 1000, 500).items() if name != key}


FAULTS = {
    "no JSON": (b"what is this\n", "x.json line 1 is not JSON: "),
    "a number": (b"3", "x.json is not a JSON object. "),
    "an empty list": (b"[]", "x.json is an empty list. "),
    "not text": (b"\xff\xfe\x00", "x.json is neither JSON nor a ledger. "),
    "no count": (json.dumps(without("completed")).encode(), "x.json: completed is None, not a "),
    "no lengths": (
        json.dumps(without("total_input_tokens")).encode(),
        "x.json: total_input_tokens is None, not a number. ",
    ),
    "nothing completed": (
        json.dumps({**benchmark(4, 1000, 500), "completed": 0}).encode(),
        "x.json: no request was completed. Measure again.",
    ),
    "a rate that goes up": (
        json.dumps({**benchmark(4, 1000, 500), "ramp_up_strategy": "linear"}).encode(),
        "x.json was measured while the rate went up (ramp_up_strategy), ",
    ),
    "a bad second line": (
        json.dumps(benchmark(4, 1000, 500)).encode() + b'\n{"completed": \n',
        "x.json line 2 is not JSON: ",
    ),
    "a bad line of a recording": (
        recording(range(2)).replace(b'"Content"', b'"Contents"'),
        "x.json: recording: line 3 cannot be read: ",
    ),
    "too few requests": (
        recording(range(5)),
        "x.json has 5 streamed requests that ended well at their first attempt, and 30 are needed.",
    ),
    "longer than the model takes": (
        json.dumps(benchmark(4, 1000, 500, total_input_tokens=40 * 10**6)).encode(),
        "1000000 tokens in + 500 out",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_names_its_file_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path, what: str
) -> None:
    content, words = FAULTS[what]
    (folder / "x.json").write_bytes(content)
    assert run(["calibrate", "x.json", *WHAT]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert [path.name for path in folder.iterdir()] == ["x.json"]


def test_neither_mean_is_refused_with_the_option_that_writes_them(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    neither = without("mean_ttft_ms")
    del neither["mean_tpot_ms"]
    (folder / "x.json").write_text(json.dumps(neither))
    assert run(["calibrate", "x.json", *WHAT]) == 2
    assert "--percentile-metrics ttft,tpot" in capsys.readouterr().err


def test_a_file_that_is_there_is_kept_without_force(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "x.json").write_text(json.dumps(benchmark(*RUNS[0])))
    (folder / "calibrated.toml").write_text("mine")
    assert run(["calibrate", "x.json", *WHAT]) == 2
    assert "calibrated.toml is there." in capsys.readouterr().err
    assert (folder / "calibrated.toml").read_text() == "mine"
    assert run(["calibrate", "x.json", *WHAT, "--force"]) == 0


def test_a_chip_that_was_measured_is_one_point_of_its_ranges(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "x.json").write_text(json.dumps(benchmark(*RUNS[0])))
    what = ("x.json", "--model", "llama-3.1-8b", "--chip", "crescent-island-480")
    assert run(["calibrate", *what, "--assume", "bf16_tflops=150"]) == 2
    assert "is only known within ranges (memory[0].gb_s)" in capsys.readouterr().err
    points = ("--assume", "bf16_tflops=150", "--assume", "bandwidth=900")
    assert run(["calibrate", *what, *points]) == 0


def test_a_calibration_is_of_its_model_chip_and_engine(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "x.json").write_text(json.dumps(benchmark(*RUNS[0])))
    assert run(["calibrate", "x.json", *WHAT]) == 0
    capsys.readouterr()
    use = ("--calibrated", "calibrated.toml")
    assert run(["predict", "--model", "llama-3.1-8b", "--chip", "h200", *use]) == 2
    assert capsys.readouterr().err == (
        "calibrated.toml was calibrated with llama-3.1-8b on h100 under vllm; it says nothing of "
        "llama-3.1-8b on h200 under vllm. Leave out --calibrated.\n"
    )
    compared = ("predict", "--model", "llama-3.1-8b", "--compare", "2xh100,h200", "--json", *use)
    assert run(compared) == 0
    h100, h200 = json.loads(capsys.readouterr().out)["answers"]
    assert h100["provenance"] == "measured here"
    assert h200["provenance"] != "measured here"
    assert "calibrated.toml was calibrated at tp 1, not 2." in h100["warnings"]


def test_a_calibration_of_another_version_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "x.json").write_text(json.dumps(benchmark(*RUNS[0])))
    assert run(["calibrate", "x.json", *WHAT]) == 0
    path = folder / "calibrated.toml"
    path.write_text(path.read_text().replace("weight_read = ", "weight_write = "))
    capsys.readouterr()
    assert run(["predict", *WHAT, "--calibrated", "calibrated.toml"]) == 2
    assert "was written by another version of tollway. Write it anew" in capsys.readouterr().err


def test_a_result_says_what_speculation_yielded(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    counted = {
        "spec_decode_acceptance_rate": 60.0,
        "spec_decode_acceptance_length": 2.8,
        "spec_decode_num_drafts": 1000,
        "spec_decode_draft_tokens": 3000,
        "spec_decode_accepted_tokens": 1800,
    }
    (folder / "x.json").write_text(json.dumps(benchmark(4, 1000, 500, **counted)))
    (result,) = read_results(folder / "x.json", None)
    assert result.speculation == Speculation(3, 1.8)
    assert run(["calibrate", *WHAT, "x.json"]) == 0
    assert "drafted and accepted" in capsys.readouterr().err


def test_another_model_in_the_log_is_said(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    other = benchmark(4, 1000, 500, model_id="Qwen/Qwen3-32B")
    (folder / "x.json").write_text(json.dumps(other))
    assert run(["calibrate", *WHAT, "x.json"]) == 0
    assert "Qwen/Qwen3-32B was measured, and not llama-3.1-8b." in capsys.readouterr().err


def test_results_at_a_rate_are_met_as_well_as_those_of_users(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    load = Workload(1024, 256, rate=12.0, requests=256)
    ttft, tpot = measured(load, slower())
    at_rate = {"request_rate": 12.0, "max_concurrency": None, "completed": 256}
    tokens = {"total_input_tokens": 256 * 1024, "total_output_tokens": 256 * 256}
    means = {"mean_ttft_ms": 1e3 * ttft, "mean_tpot_ms": 1e3 * tpot}
    rows = [benchmark(4, 1024, 256, **at_rate, **tokens, **means), benchmark(1, 1024, 512)]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for result in calibrated(capsys, "x.jsonl", "--output", "own.toml")["results"]:
        after = result["tpot_s"]["after"]
        assert after == pytest.approx(result["tpot_s"]["measured"], rel=0.02)
