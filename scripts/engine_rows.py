"""Writes the measured serving results that ship with the engine room, from the shared data folder.

    python scripts/engine_rows.py --data ../shared/data

Rules
1. Only results whose licence permits shipping them, each with its source.
2. What a row does not say and the publisher's recipe does (the launch scripts in
   github.com/SemiAnalysisAI/InferenceX, benchmarks/) is declared; the rest is a default, and `note`
   says what was inferred.
3. A row that cannot be read into a question is kept, with the reason in `unanswered`.
"""

import argparse
import csv
import gzip
import re
from collections import defaultdict
from pathlib import Path

from tollway.catalog import known_as

OUT = Path(__file__).parents[1] / "src/tollway/engine/measured.csv"
COLUMNS = [
    "id",
    "source",
    "use",
    "date",
    "chip",
    "model",
    "precision",
    "kv_precision",
    "framework",
    "version",
    "tp",
    "ep",
    "attention_dp",
    "input",
    "output",
    "spread",
    "concurrency",
    "requests",
    "batch_tokens",
    "sequences",
    "hold_steps",
    "hold_tokens",
    "drafted",
    "accepted",
    "memory_share",
    "ttft_ms",
    "tpot_ms",
    "note",
    "unanswered",
]
HEAD = """\
# Measured serving results, to fit and to check the engine model. TTFT and TPOT are means.
# inferencex: InferenceX (SemiAnalysis) as exported in NVIDIA aiconfigurator, Apache-2.0:
#   https://github.com/ai-dynamo/aiconfigurator at 095f58a51c4c, systems/silicon_sample.csv, row id.
#   Lengths are uniform in 80% to 100% of the nominal ones (random range ratio 0.8).
# aiconfigurator: NVIDIA's own sweeps in the same file, Apache-2.0.
# gpustack: GPUStack performance lab, Apache-2.0: https://github.com/gpustack/gpustack at
#   47277d79f4a5, docs/performance-lab.
# use: fit (fitted on and left out in turns), check (never fitted on), none (see unanswered).
"""
FRAMEWORKS = {"vLLM": "vllm", "SGLang": "sglang", "TensorRT-LLM": "trtllm"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with measured_serving.csv.gz"
    )
    rows = list(read(parser.parse_args().data / "measured_serving.csv.gz"))
    with OUT.open("w", encoding="utf-8", newline="") as file:
        file.write(HEAD)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    used = sum(row["use"] == "fit" for row in rows)
    print(f"{OUT}: {len(rows)} rows, {used} to fit on")


def read(path: Path):
    """Each result of the sources that may be shipped, in the order of the file."""
    found: dict[tuple[str, ...], dict[str, list[dict[str, str]]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            metric = row["metric"].removeprefix("mean_")
            wanted = "silicon_sample" in row["source"] or "GPUStack" in row["source"]
            if wanted and metric in ("ttft", "tpot") and row["value"]:
                key = tuple(value for name, value in row.items() if name not in ("metric", "value"))
                found.setdefault(key, defaultdict(list))[metric].append(row)
    for pair in found.values():
        for ttft, tpot in zip(pair["ttft"], pair["tpot"], strict=False):
            yield from _row(ttft, tpot)


def _row(ttft: dict[str, str], tpot: dict[str, str]):
    gpustack = "GPUStack" in tpot["source"]
    row: dict[str, object] = {
        "id": tpot["url_or_path"].split("#")[-1].split("/performance-lab/")[-1],
        "source": "gpustack" if gpustack else "inferencex",
        "date": tpot["date"],
        "framework": FRAMEWORKS.get(tpot["framework"], tpot["framework"]),
        "version": tpot["version"],
        "ttft_ms": f"{float(ttft['value']):.6g}",
        "tpot_ms": f"{float(tpot['value']):.6g}",
        "attention_dp": 1,
        "ep": 1,
        "use": "check",
    }
    if "internal sweep" in tpot["source"]:
        row["source"] = "aiconfigurator"
    row["chip"] = known_as("chips", tpot["hardware"]) or tpot["hardware"]
    name, precision = _model(tpot)
    row["model"], row["precision"] = name, precision
    reason = _gpustack(row, tpot) if gpustack else _sample(row, tpot)
    if reason:
        row["use"], row["unanswered"] = "none", reason
    yield row


def _model(raw: dict[str, str]) -> tuple[str, str]:
    name = raw["model"].rsplit("/", 1)[-1]
    precision = raw["precision"].lower()
    for ending in ("-FP8", "-NVFP4", "-AWQ"):
        if name.endswith(ending):
            precision = {"-FP8": "fp8", "-NVFP4": "fp4", "-AWQ": "int4"}[ending]
            name = name.removesuffix(ending)
    known = known_as("models", name) or known_as("models", raw["model"]) or name.lower()
    if known.startswith("gpt-oss"):
        precision = "fp4"
    return known, precision or "bf16"


def _sample(row: dict[str, object], raw: dict[str, str]) -> str | None:
    """An aiconfigurator row. Its GPU counts are products of tp and ep that some rows square; names
    like tp8_ep8 in the id, and tp x ep = GPUs where ep is the whole group, undo that."""
    said, name = raw["concurrency_or_rate"], str(row["id"])
    if "disagg" in said:
        return "disaggregated: the two halves' counts are not stated apart"
    users = re.search(r"conc=(\d+)", said)
    groups = re.search(r"attn_dp=(\d+)", said)
    if users is None or groups is None:
        return "no concurrency stated"
    chips, tp, ep = int(float(raw["n_gpus"] or 0)), int(raw["tp"]), int(raw["ep"] or 1)
    if row["chip"] == "gb200" and chips > 8:
        return "labelled aggregated on many nodes; its halves are not stated"
    named = re.search(r"tp(\d+)(?:_0)?_ep(\d+)", name)
    own = row["source"] == "aiconfigurator"
    many = int(groups[1]) > 1
    if named:
        width, ep = int(named[1]), int(named[2])
    elif many:
        width = min(ep, int(groups[1]))
    elif chips == tp == ep * ep and ep > 1 and not own:
        width = ep
    else:
        width = tp
    ep = min(ep, width)
    row["attention_dp"] = width if many else 1
    row["tp"], row["ep"] = (1 if many else width), max(1, ep)
    row["concurrency"] = int(users[1])
    inputs, outputs = float(raw["input_len"]), float(raw["output_len"])
    if own:
        row.update(input=round(inputs), output=round(outputs), spread=0)
        early = row["version"] in ("1.0.0rc3", "0.5.1.post1", "")
        row["use"] = "fit" if row["chip"] == "h100" and early else "check"
        row["note"] = "settings not stated; on H200 the load may be shared by several replicas"
    else:
        row.update(input=round(0.9 * inputs), output=round(0.9 * outputs), spread=0.1111)
        row["use"] = "fit"
        _recipe(row, width, round(inputs), round(outputs))
    return None


def _recipe(row: dict[str, object], width: int, inputs: int, outputs: int) -> None:
    """What InferenceX's launch scripts set, by engine and model."""
    users, model, chip = int(str(row["concurrency"])), str(row["model"]), row["chip"]
    row["kv_precision"] = "fp8"
    if row["framework"] == "vllm":
        row["batch_tokens"], row["memory_share"] = 8192, 0.9
        row["sequences"] = 512 if chip == "b200" else max(users, 1)
        if model.startswith("minimax"):
            row["sequences"], row["memory_share"] = 1024, 0.95
            if chip == "h200":
                row["batch_tokens"], row["sequences"] = (16384 if users <= 32 else 32768), 512
    elif row["framework"] == "trtllm":
        _recipe_trtllm(row, width, inputs, outputs)
    else:
        _recipe_sglang(row, inputs, outputs)
    if model == "deepseek-r1":
        _recipe_mtp(row, inputs)


def _recipe_mtp(row: dict[str, object], inputs: int) -> None:
    """R1 rows run multi-token prediction without saying so: matched V3 rows are slower by as much
    as these acceptances say."""
    users, groups = int(str(row["concurrency"])), int(str(row["attention_dp"]))
    row["note"] = "multi-token prediction inferred from matched V3 rows"
    if row["framework"] == "sglang":
        row["drafted"], row["accepted"], row["sequences"] = 2, 0.6, 256
        return
    row["drafted"], row["accepted"] = (1, 0.8) if groups > 1 else (3, 1.0)
    each = max(1, users // groups)
    row["sequences"] = each
    row["batch_tokens"] = ((int(str(row["drafted"])) + 1) * each + inputs + 127) // 64 * 64


def _recipe_trtllm(row: dict[str, object], width: int, inputs: int, outputs: int) -> None:
    users, model = int(str(row["concurrency"])), str(row["model"])
    short = inputs == outputs == 1024
    if model.startswith("llama"):
        row["batch_tokens"] = inputs + outputs + (200 if inputs + outputs > 2048 else 20)
        if short and width < 8:
            row["hold_steps"], row["hold_tokens"] = 20, int(0.9 * int(row["batch_tokens"]))
    elif model.startswith("gpt-oss"):
        row["batch_tokens"] = 20000
        row["kv_precision"] = "bf16" if row["chip"] == "h200" else "fp8"
    else:
        row["batch_tokens"] = max(8192, users + inputs + 64)
        if row["precision"] == "fp8" and row["chip"] == "b200" and short and 64 <= users < 256:
            row["hold_steps"], row["hold_tokens"] = 40, int(0.8 * int(row["batch_tokens"]))
    if int(str(row["attention_dp"])) > 1:
        row["hold_steps"], row["hold_tokens"] = 60, int(str(row["attention_dp"])) * inputs
    row["sequences"] = 2048


def _recipe_sglang(row: dict[str, object], inputs: int, outputs: int) -> None:
    users, short = int(str(row["concurrency"])), inputs == outputs == 1024
    row["memory_share"] = 0.82
    if row["chip"] == "b200":
        row["hold_steps"] = 15 if users >= 16 else 5
        fp8 = row["precision"] == "fp8"
        row["batch_tokens"] = 32768 if fp8 else 16384
        row["sequences"] = (128 if users <= 128 else 512) if fp8 else 256
        row["memory_share"] = 0.95 if fp8 and row["tp"] == 4 else 0.82 if fp8 else 0.85
    else:
        row["batch_tokens"], row["kv_precision"] = 32768, "bf16"
        row["sequences"] = 512 if short else 256


def _gpustack(row: dict[str, object], raw: dict[str, str]) -> str | None:
    """A GPUStack row: every request at once, or a bound on how many run."""
    said = raw["concurrency_or_rate"]
    count, most = re.search(r"n=(\d+)", said), re.search(r"max_conc=([\d.]+)", said)
    if count is None or not raw["input_len"] or not raw["output_len"]:
        return "load not stated"
    if "speculative" in said or "Speculative" in raw["source"]:
        return "speculative decoding without its acceptance"
    if not raw["framework"] or not raw["n_gpus"] or "cmd=" not in said or said.endswith("cmd="):
        return "launch command not stated"
    if float(raw["output_len"]) < 2:
        return "no second token"
    command = said.split("cmd=")[1]
    found = re.search(r"(?:-tp|--tp-size|--tensor-parallel-size|--tp)[ =](\d+)", command)
    width = int(found[1]) if found else int(float(raw["n_gpus"]))
    row["tp"] = width
    own = re.search(rf"- {raw['framework']}: v?(\S+)", raw["version"])
    row["version"] = own[1] if own else ""
    row["requests"] = int(count[1])
    row["concurrency"] = int(float(most[1])) if most else int(count[1])
    row.update(
        input=round(float(raw["input_len"])), output=round(float(raw["output_len"])), spread=0.9
    )
    budget = re.search(
        r"(?:max-num-batched-tokens|max_num_tokens|chunked-prefill-size)[ =](\d+)", command
    )
    row["batch_tokens"] = budget[1] if budget else ""
    if row["framework"] == "vllm":
        # vLLM 0.11 starts with these on chips of 70 GB and more, but not on A100.
        row["sequences"] = 256 if row["chip"] == "a100" else 1024
        row["batch_tokens"] = row["batch_tokens"] or (2048 if row["chip"] == "a100" else 8192)
    row["note"] = "lengths vary as in ShareGPT; taken as uniform"
    return None


if __name__ == "__main__":
    main()
