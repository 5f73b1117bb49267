"""Asks the engine model about results that nothing was fitted on and that do not ship.

    python scripts/engine_checks.py --data ../shared/data

1. Offline throughput in TensorRT-LLM's perf-overview v1.0 tables (Apache-2.0), as 2,048 users.
2. 300 requests replayed by their own arrival times: vLLM 0.19, Llama-3.1-8B, RTX 4090
   (LLMServingSim, MIT).
"""

import argparse
import csv
import gzip
import json
from collections import defaultdict
from math import expm1, log
from pathlib import Path
from statistics import median

from tollway.catalog import chip, known_as, model
from tollway.engine import EngineSettings, Layout, Question, Workload, deploy, predict
from tollway.engine.fitted import constants
from tollway.engine.outcome import policy_of
from tollway.engine.replay import Load, Replay, Span
from tollway.engine.step import StepTimer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the shared data folder")
    data = parser.parse_args().data
    throughput(data / "measured_serving.csv.gz")
    replayed(data / "per_request/RTX4090__Llama-3.1-8B/requests.jsonl")


def throughput(path: Path) -> None:
    """Offline throughput by chip and model, as answered over measured."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"] == "TensorRT-LLM perf-overview v1.0":
                question = _offline(row)
                tokens = predict(question).total_tokens.value
                key = (question.chip.name, question.model.name)
                found[key].append(log(tokens / float(row["value"])))
    for (silicon, shape), errors in sorted(found.items()):
        print(f"{silicon:14} {shape:18} {len(errors):3}  median {expm1(median(errors)):+.0%}")
    off = sorted(abs(expm1(error)) for errors in found.values() for error in errors)
    print(f"{len(off)} results: median {median(off):.0%}, p90 {off[int(0.9 * len(off))]:.0%}")


def _offline(row: dict[str, str]) -> Question:
    return Question(
        model=model(known_as("models", row["model"]) or row["model"]),
        chip=chip(known_as("chips", row["hardware"]) or row["hardware"]),
        workload=Workload(
            int(float(row["input_len"])),
            int(float(row["output_len"])),
            concurrency=2048,
            requests=4096,
        ),
        layout=Layout(tp=int(row["tp"]), pp=int(float(row["pp"] or 1))),
        settings=EngineSettings(
            precision=row["precision"].lower(),
            kv_precision="fp8",
            framework="trtllm",
            batch_tokens=8192,
            sequences=2048,
            memory_share=0.92,
        ),
    )


def replayed(path: Path) -> None:
    """Mean TTFT and TPOT of requests at their own times, with the engine's own number of blocks."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows.sort(key=lambda row: row["queued_ts"])
    start, count = rows[0]["queued_ts"], len(rows)
    settings = EngineSettings(batch_tokens=2048, sequences=256, blocks=2588, version="0.19.0")
    made = deploy(model("llama-3.1-8b"), chip("rtx-4090"), 1, settings)
    timer = StepTimer(made, constants())

    def seconds(span: Span) -> float:
        return timer.of_span(span).total

    load = Load(
        prompt=1,
        output=1,
        spread=0.0,
        requests=count,
        users=1,
        arrivals=tuple(row["queued_ts"] - start for row in rows),
        pairs=tuple((row["input_toks"], row["output_toks"]) for row in rows),
    )
    spans = Replay(policy_of(made, settings), load, seconds).run().spans
    ttft = sum(span.late * span.steps * seconds(span) for span in spans) / count
    tpot = sum(span.pace * span.steps * seconds(span) for span in spans) / count
    first = sum(row["first_token_ts"] - row["queued_ts"] for row in rows) / count
    each = [row["last_token_ts"] - row["first_token_ts"] for row in rows]
    pace = sum(one / (row["output_toks"] - 1) for one, row in zip(each, rows, strict=True)) / count
    print(f"RTX 4090, {count} requests: TTFT {ttft:.1f} s ({ttft / first - 1:+.0%}), ", end="")
    print(f"TPOT {1e3 * tpot:.1f} ms ({tpot / pace - 1:+.0%})")


if __name__ == "__main__":
    main()
