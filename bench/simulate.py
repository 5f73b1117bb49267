"""Simulated requests a CPU-second, each row in a process of its own, beside other simulators.

`python -m bench.simulate [--quick] [--rivals VENV]`. CPU is the kernel's account of the process
(`getrusage`). A row counts from the workload in memory to the result of every request, which must
be there; the start counts a whole process from its first instruction to its first result, with the
kernels' machine code kept from before. `VENV` is an environment with other simulators in it; each
that is there is run on the job that comes nearest.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tollway.catalog import chip, model
from tollway.engine import EngineSettings, deploy
from tollway.simulator.arrays import Requests, requests_of
from tollway.simulator.compiled import run_replica
from tollway.simulator.sequence import ReplicaSettings, settings_of
from tollway.simulator.steps import SECOND

PROMPT, OUTPUT = 1000, 200
PREFIXES = 10_000
MODEL = "llama-3.1-8b"
CHIPS = ("h100", "h200", "a100", "b200", "l40s", "mi300x", "rtx-4090", "gb200")


LLAMA_8B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "head_dim": 128,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
"""What others want to be told of the model, as its config.json has it."""


class Failed(Exception):  # noqa: N818
    """A row did not give what it must."""


def cpu(who: int = resource.RUSAGE_SELF) -> float:
    """CPU seconds of this process, or of its children."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def poisson(count: int, rate: float) -> np.ndarray:
    """Picoseconds of arrivals at `rate` a second."""
    gaps = np.random.default_rng(1).exponential(SECOND / rate, count)
    return np.cumsum(gaps).astype(np.int64)


def replica(*, caching: bool) -> ReplicaSettings:
    """Llama 8B on an H100 under vLLM: chunked prefill, KV blocks."""
    made = deploy(model(MODEL), chip("h100"), 1, EngineSettings())
    return settings_of(made, caching=caching)


def timed(settings: ReplicaSettings, asked: Requests) -> float:
    """CPU seconds of one run; the machine code is loaded before."""
    few = Requests(asked.rows[:10], asked.ids, asked.names)
    run_replica(settings, few)
    began = cpu()
    run = run_replica(settings, asked)
    seconds = cpu() - began
    if not (run.lasts > run.firsts).all() or not (run.firsts > asked.rows["at"]).all():
        raise Failed("some request was not answered")
    return seconds


def busy(count: int) -> float:
    """One replica at about 95% of what it can take."""
    asked = requests_of(poisson(count, 22.0), np.full(count, PROMPT), np.full(count, OUTPUT))
    return timed(replica(caching=False), asked)


def sessions(count: int) -> float:
    """The same with a prefix cache, and 62 hashed blocks of one of `PREFIXES` in each prompt."""
    asked = requests_of(poisson(count, 22.0), np.full(count, PROMPT), np.full(count, OUTPUT))
    blocks = PROMPT // 16
    rows = asked.rows
    rows["prefix"] = np.random.default_rng(2).integers(0, PREFIXES, count) * blocks
    rows["hashes"] = blocks
    names = PREFIXES * blocks
    return timed(replica(caching=True), Requests(rows, np.arange(names, dtype=np.int32), names))


def fleet_text(sources: int) -> str:
    """A fleet of unlike sources with one replica each, and one route over them."""
    text = [f'version = 1\n[models."{MODEL}"]\n[routes.chat]\nmodel = "{MODEL}"\n[tenants.t]\n']
    text += [
        f'[sources.s{at}]\nkind = "server"\nurl = "http://s{at}.test/v1"\n'
        f'chip = "{CHIPS[at % len(CHIPS)]}"\n'
        f'[sources.s{at}.serves."{MODEL}"]\ncontext = 8000\n'
        for at in range(sources)
    ]
    return "".join(text)


def played(count: int, sources: int, *, compiled: bool) -> float:
    """`count` requests over a fleet."""
    from tollway.fleet.objects import KeyTerms
    from tollway.fleet.parse import parse
    from tollway.simulator.fleet_arrays import uncompiled
    from tollway.simulator.fleet_compiled import Compiled
    from tollway.simulator.plain import Plain
    from tollway.simulator.play import Play
    from tollway.simulator.supply import supply
    from tollway.simulator.trace import Trace, TraceRequest
    from tollway.units import Seconds, Tokens

    fleet = parse({"f": fleet_text(sources)}, "f")
    times = poisson(count, 12.0 * sources) / SECOND
    tokens = Tokens(PROMPT), Tokens(OUTPUT)
    trace = Trace("bench", tuple(TraceRequest(Seconds(at), *tokens) for at in times.tolist()), 16)
    play, pools = Play("chat", "k", (KeyTerms("k", "t"),), 1.7e9), supply(fleet, 16)
    if not compiled:
        plain = Plain(fleet, pools, trace, play)
        began = cpu()
        plain.run()
        seconds = cpu() - began
        answered = sum(one.outcome == "completed" for one in plain.ended)
    else:
        if why := uncompiled(fleet, pools, trace, play):
            raise Failed(f"not compiled: {why}")
        Compiled(fleet, pools, trace, play).run(10)
        began = cpu()
        run = Compiled(fleet, pools, trace, play)
        made = cpu() - began
        began = cpu()
        run.run()
        seconds = cpu() - began
        answered = int(run.results["answered"].sum())
        print(f"  (arrays of the trace: {count / made:,.0f} requests/CPU-s)", file=sys.stderr)
    if answered != count:
        raise Failed(f"{answered} of {count} requests were answered")
    return seconds


ROWS: dict[str, tuple[str, int, Callable[[int], float]]] = {
    "busy": ("one busy replica, Poisson, 1000 in / 200 out", 2_000_000, busy),
    "sessions": (f"the same, prefix cache, {PREFIXES:,} prefixes", 1_000_000, sessions),
    "fleet": (
        "64 unlike replicas, least-outstanding",
        400_000,
        lambda count: played(count, 64, compiled=True),
    ),
    "plain": (
        "plain execution, live dispatcher, 8 replicas",
        20_000,
        lambda count: played(count, 8, compiled=False),
    ),
    "start": ("start to first result (CPU-seconds)", 1, busy),
}


def child(name: str, count: int) -> tuple[float, float]:
    """Run a row in a process of its own: its own CPU seconds, and the whole process's."""
    before = cpu(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "bench.simulate", "--row", name, "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{name}: {done.stderr[-800:]}")
    sys.stderr.write(done.stderr)
    return float(json.loads(done.stdout)), cpu(resource.RUSAGE_CHILDREN) - before


def rivals(folder: Path) -> None:
    """Other simulators, each on the job that comes nearest. Their start is in it."""
    for name, run in (("vllm-sr-sim", sr_sim), ("aisimulate", aisimulate)):
        script = folder / "bin" / name
        if not script.exists():
            print(f"{name}: not installed there")
            continue
        with tempfile.TemporaryDirectory() as work:
            print(run(script, Path(work)))


def ran(command: list[str], count: int) -> str:
    """Requests a CPU-second of another program, in words."""
    before = cpu(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"failed: {done.stderr.strip()[-300:]}"
    return f"{count / (cpu(resource.RUSAGE_CHILDREN) - before):>12,.0f} requests/CPU-s"


def sr_sim(script: Path, work: Path) -> str:
    """Queues without iterations: 64 GPUs of one kind."""
    cdf, count = work / "cdf.json", 50_000
    cdf.write_text(json.dumps([[PROMPT + OUTPUT, 1.0]]))
    fixed = ["--n-s", "64", "--n-l", "1", "--lam", "700", "--n-req", str(count)]
    shown = ran([str(script), "simulate", "--cdf", str(cdf), *fixed], count)
    return f"{'vllm-sr-sim, 64 GPUs, no iterations':50} {shown}"


def aisimulate(script: Path, work: Path) -> str:
    """The first row: one engine of Llama 8B on an H100 under vLLM, Poisson."""
    count, config = 20_000, work / "predict.yaml"
    shape = work / "llama" / "config.json"
    shape.parent.mkdir()
    shape.write_text(json.dumps(LLAMA_8B))
    load = "{type: poisson, requests_per_second: 22.0, seed: 1}"
    config.write_text(
        f"traffic:\n  source: {{type: synthetic, input_tokens: {PROMPT}, output_tokens: {OUTPUT}}}"
        f"\n  load: {load}\n  stop: {{requests: {count}}}\n"
        f"engine:\n  model: {shape.parent}\n  hardware: h100_sxm\n  backend: vllm\n"
        "  workers: {aggregated: {parallelism: {replicas: 1, tensor: 1}}}\n"
    )
    told = ["--config", str(config), "--output-dir", str(work / "out"), "--format", "json"]
    shown = ran([str(script), "predict", *told], count)
    return f"{'AISimulate, one engine, the first row':50} {shown}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--rivals", type=Path, help="an environment with other simulators")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(ROWS[given.row][2](given.count))
        return 0
    child("busy", 1)
    for name, (words, count, _) in ROWS.items():
        own, whole = child(name, max(1, count // 10) if given.quick else count)
        if name == "start":
            print(f"{words:50} {whole:>12.2f}")
        else:
            done = max(1, count // 10) if given.quick else count
            print(f"{words:50} {done / own:>12,.0f} requests/CPU-s")
    if given.rivals:
        rivals(given.rivals)
    return 0


if __name__ == "__main__":
    sys.exit(main())
