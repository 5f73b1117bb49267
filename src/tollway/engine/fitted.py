"""The fitted constants, as `scripts/fit_engine.py` wrote them, and the one formula they enter.

Rules
1. One of each for all chips, models and engines: what several share generalises better than what
   one is given for itself.
2. The formula takes numbers or arrays of them: the fit and the answer are the same arithmetic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import cast

from tollway.engine.work import Work

DATA = "fitted.json"


@dataclass(frozen=True, slots=True)
class Constants:
    """Shares of peak: `weight_read`, `narrow_read` (times that with 4-bit weights), `expert_read`,
    `kv_read`, `math`, `expert_math`, `score_prefill`, `score_decode`, `link`. `ridge` is the power
    with which the share of peak arithmetic falls as arithmetic outgrows memory. `pad_rows` is rows
    of padding an expert, `imbalance` how much more the busiest chip of spread experts has, `blend`
    the norm in which reading and computing of experts overlap, `fused_blend` the same in fused
    kernels. `route` is the power of tokens that visit experts as if each chose for itself.
    Seconds: `layer`, `moe_layer`, `fused_layer`, `mla_layer`, `block_layer`, `narrow_layer` (the
    kernels of a layer of that kind), `host_layer` (of a step with a prompt, launched one by one),
    `step`, `sequence` (`team` times as much more with each doubling of chips), `hop`, `ramp` (for
    each root of a byte of a collective). Times on these by engine: `vllm`, `sglang`, `trtllm`.
    Before the first token: `front` seconds, `front_token` a prompt token, `front_user` for each
    user at once, `front_mla` with such models, and `front_steps` decode steps."""

    weight_read: float
    narrow_read: float
    expert_read: float
    kv_read: float
    math: float
    ridge: float
    expert_math: float
    pad_rows: float
    imbalance: float
    route: float
    blend: float
    fused_blend: float
    score_prefill: float
    score_decode: float
    link: float
    hop: float
    ramp: float
    layer: float
    moe_layer: float
    fused_layer: float
    mla_layer: float
    block_layer: float
    narrow_layer: float
    host_layer: float
    step: float
    sequence: float
    team: float
    vllm: float
    sglang: float
    trtllm: float
    front: float
    front_token: float
    front_user: float
    front_mla: float
    front_steps: float


CONSTANTS = tuple(field.name for field in fields(Constants))


@dataclass(slots=True)
class StepTime:
    """Seconds of one step, by what they are spent on.

    `weights` and `kv` are the times to read them at the efficiency that engines reach, `gemm` the
    arithmetic of the same weights; `dense` and `experts` are what reading and computing take
    together. `total` is dense + experts + kv + attention + network + overhead.
    """

    weights: float
    kv: float
    gemm: float
    dense: float
    experts: float
    attention: float
    network: float
    overhead: float
    total: float


def step_time(c: Constants, w: Work) -> StepTime:
    """How long the work of one step takes."""
    own = w.vllm * c.vllm + w.sglang * c.sglang + w.trtllm * c.trtllm
    read = w.dense_read / (c.weight_read * c.narrow_read**w.narrow)
    wide = w.wide_ridge**c.ridge
    math = (w.wide_math * wide + w.dense_math * w.ridge**c.ridge) / c.math
    dense = _meet(read, math, 4.0)
    visited = 1.0 - (1.0 - w.share) ** (w.rows**c.route)
    expert_read = w.expert_read * visited / c.expert_read
    expert_math = w.expert_math * (1.0 + c.imbalance * w.spread)
    expert_math = expert_math + c.pad_rows * w.expert_pad * visited
    expert_math = expert_math * w.expert_ridge**c.ridge / c.expert_math
    blend = c.blend + (c.fused_blend - c.blend) * w.fused
    experts = _meet(expert_read, expert_math, blend)
    kv = w.kv_read / c.kv_read
    attention = w.score_prefill * wide / c.score_prefill
    attention = attention + w.score_decode / c.score_decode
    network = w.wire / c.link + w.hops * c.hop + w.ramps * c.ramp
    launches = own * w.layers * c.layer + (
        w.moe_layers * c.moe_layer
        + w.fused_layers * c.fused_layer
        + w.mla_layers * c.mla_layer
        + w.block_layers * c.block_layer
        + w.narrow_layers * c.narrow_layer
    )
    busy = launches + dense + experts + kv + attention + network
    host = own * w.prefills * w.layers * c.host_layer
    each = c.sequence * (1.0 + c.team * w.doublings)
    total = _meet(busy, host, 2.0) + own * (c.step + each * w.sequences)
    rest = total - (dense + experts + kv + attention + network)
    parts = (read + expert_read, kv, math + expert_math, dense, experts)
    others = (attention, network, rest, total)
    return StepTime(*(seconds * w.software for seconds in (*parts, *others)))


def _meet(one: float, other: float, norm: float) -> float:
    """Reading and computing overlap: near the larger, and rounded where they meet."""
    return (one**norm + other**norm) ** (1.0 / norm)


@cache
def fitted() -> Mapping[str, object]:
    """The whole file of fitted constants, with the folds and intervals."""
    text = (files("tollway.engine") / DATA).read_text(encoding="utf-8")
    return cast("Mapping[str, object]", json.loads(text))


@cache
def constants() -> Constants:
    """The constants fitted on everything."""
    return constants_of(cast("Mapping[str, float]", fitted()["constants"]))


def constants_of(values: Mapping[str, float]) -> Constants:
    """Constants from their written form."""
    return Constants(**{name: float(values[name]) for name in CONSTANTS})
