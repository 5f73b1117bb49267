"""`tollway retrace`: an engine's own log of requests, in virtual time beside what was measured.

Rules
1. Nothing of what was measured moves what is predicted, but in the columns that say fitted.
2. What the engine was set up with is read from the `meta.json` beside the log.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.catalog import Chip, ModelShape
from tollway.cli.predict_question import catalogue_of, chip_of, model_of
from tollway.cli.retrace_table import Shown, as_json, as_table, as_words
from tollway.engine import Deployment, EngineSettings, Layout, deploy
from tollway.engine.constants import BLOCK
from tollway.errors import TollwayError
from tollway.simulator.enginelog import EngineFacts, parse_facts, parse_log, times_of
from tollway.simulator.retrace import ends_of, engine_of, fitted_to, refitted
from tollway.simulator.retrace import retrace as run
from tollway.simulator.supply import pace_of

LOG, FACTS = "requests.jsonl", "meta.json"
FP8 = "-fp8"
"""How publishers end the names of their FP8 checkpoints."""


def retrace(
    log: Path,
    /,
    *,
    chip: str | None = None,
    model: str | None = None,
    engine: str = "vllm",
    precision: str | None = None,
    catalog: Path | None = None,
    fit: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Replay an engine's own log in virtual time, beside what it measured.

    Parameters
    ----------
    log
        A folder with requests.jsonl and meta.json, or the first of them.
    chip
        The chip it ran on, as for `tollway predict`. Default: as meta.json says.
    model
        The model, likewise.
    engine
        vllm, sglang, trtllm, …
    precision
        Of weights. Default: as published.
    catalog
        A folder of your own chips, models and engines (*.toml, *.json).
    fit
        Show beside it what three constants fitted to this log give.
    json
        Print one JSON object.
    """
    path = log / LOG if log.is_dir() else log
    facts = parse_facts(str(path.with_name(FACTS)), _read(path.with_name(FACTS)))
    requests = parse_log(str(path), _read(path))
    known = catalogue_of(catalog)
    name = model or _said(facts.model, "model")
    if precision is None and name.lower().endswith(FP8):
        name, precision = name[: -len(FP8)], "fp8"
    shape = model_of(known, name)
    silicon = chip_of(known, chip or _said(facts.hardware.device_name, "chip"))
    made = _deployed(shape, silicon, facts, (engine, precision))
    one = engine_of(made, caching=facts.kv_cache.enable_prefix_caching, ahead=facts.ahead)
    fast, slow = ends_of(one)
    found = fitted_to(requests, one) if fit else None
    shown = Shown(
        deployment=made,
        requests=len(requests),
        seconds=requests[-1].at,
        origin=pace_of(one.pool, near=False).origin,
        measured=times_of(requests),
        ours=run(requests, one),
        fast=run(requests, fast),
        slow=run(requests, slow),
        factors=None if found is None else found.factors,
        fitted=None if found is None else run(requests, refitted(one, found)).times,
    )
    if json:
        sys.stdout.write(as_json(shown, str(log)))
    else:
        as_table(shown)
    sys.stderr.write(as_words(shown))
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise TollwayError(f"{path}: {why}. Name a folder that holds {LOG} and {FACTS}.") from None


def _said(name: str | None, what: str) -> str:
    if not name:
        raise TollwayError(f"{FACTS} names no {what}. Say which, as in --{what} NAME.")
    return name


def _deployed(
    model: ModelShape, chip: Chip, facts: EngineFacts, said: tuple[str, str | None]
) -> Deployment:
    engine, precision = said
    own, cache = facts.engine_kwargs, facts.kv_cache
    dp = own.data_parallel_size
    layout = Layout(
        tp=own.tensor_parallel_size,
        ep=own.tensor_parallel_size * dp if own.enable_expert_parallel else 1,
        attention_dp=dp,
    )
    blocks = None
    if cache.num_gpu_blocks is not None:
        blocks = cache.num_gpu_blocks * cache.block_size // BLOCK * dp
    context = own.max_model_len
    settings = EngineSettings(
        precision=precision,
        kv_precision="fp8" if own.kv_cache_dtype.startswith("fp8") else None,
        batch_tokens=own.max_num_batched_tokens,
        sequences=own.max_num_seqs,
        context=None if context is None or context > model.context else context,
        framework=engine,
        version=facts.vllm_version if engine == "vllm" else None,
        blocks=blocks,
    )
    return deploy(model, chip, layout, settings)
