"""What one step asks of the silicon, as seconds at peak rates: physics without a fitted constant.

Rules
1. Everything is counted for one chip; attention groups share the work of a step evenly where the
   engine levels them, else the busiest is counted.
2. Dense weights are split over tp; attention groups keep a copy each. FFN and experts are split
   over all chips of a pipeline stage. A pipeline of `pp` stages runs `pp` batches at once, so that
   one batch is that much smaller and passes through all layers.
3. How many experts `t` tokens visit is for the formula to say; reading all of them is counted.
4. A precision that the chip cannot compute in is only a storage format: its arithmetic runs at the
   bf16 rate.
"""

from dataclasses import dataclass, fields
from math import log2, sqrt

from tollway.catalog import Chip, ModelShape, numbers_of
from tollway.engine import constants as c
from tollway.engine.deployment import Deployment
from tollway.engine.replay import Span
from tollway.engine.weights import kv_bytes, scores, state_bytes, weights_of

FRAMEWORKS = ("vllm", "sglang", "trtllm")


@dataclass(slots=True)
class Work:
    """One step of one chip.

    Seconds at the chip's peaks: `dense_read`, `dense_math`, `wide_math` (in bf16), `expert_read`
    (all experts), `expert_math`, `expert_pad` (arithmetic of one more row in every expert),
    `kv_read`, `score_prefill`, `score_decode`, `wire` (bytes over a link).
    Counts: `layers`; of these `moe_layers` with separate kernels and `fused_layers` with fused
    ones, `mla_layers`, `block_layers` and `narrow_layers` that quantise activations in blocks to
    8 and to 4 bits; `hops` (collectives, each times the root of the log of its members), `ramps`
    (collectives, each times the root of its bytes and the log of its members), `doublings` (that
    log), `sequences`, `rows` (tokens of all sequences), `fresh` (prompt tokens). `prefills` is 1 in
    a step with a prompt, else 0; `spread` the share of experts that live on other chips; `share`
    the share of experts that a token visits; `narrow` 1 where weights have 4 bits; `fused` 1 where
    reading and computing of experts is one kernel.
    Ratios of FLOP to byte, against 500: `ridge` of the weights' precision, `expert_ridge` of the
    experts', `wide_ridge` of bf16. `vllm`, `sglang`, `trtllm` add up to 1;
    `software` is how much longer all of it takes.
    """

    dense_read: float
    dense_math: float
    wide_math: float
    expert_read: float
    expert_math: float
    expert_pad: float
    kv_read: float
    score_prefill: float
    score_decode: float
    wire: float
    layers: float
    moe_layers: float
    fused_layers: float
    mla_layers: float
    block_layers: float
    narrow_layers: float
    hops: float
    ramps: float
    doublings: float
    sequences: float
    rows: float
    fresh: float
    prefills: float
    spread: float
    share: float
    narrow: float
    fused: float
    ridge: float
    expert_ridge: float
    wide_ridge: float
    vllm: float
    sglang: float
    trtllm: float
    software: float


WORK_FIELDS = tuple(field.name for field in fields(Work))
RIDGE = 500.0
"""FLOP a byte of the chips and precisions that most results come from, about."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """FLOP/s of the weights' precision, of the experts' and of bf16; bytes/s of memory."""

    flops: float
    expert: float
    bf16: float
    bandwidth: float


def _rates(model: ModelShape, chip: Chip, precision: str) -> _Rates:
    bf16 = chip.flops.get("bf16", float("inf"))
    expert = chip.flops.get(precision, bf16)
    if (
        precision == "fp4"
        and model.stays_bf16("fp4") >= {"attention_in"}
        and model.precision == "fp4"
    ):
        # MXFP4 experts keep wider activations: 8 bits where arithmetic takes 4-bit weights.
        expert = chip.flops.get("fp8", bf16) if "fp4" in chip.flops else bf16
    return _Rates(chip.flops.get(precision, bf16), expert, bf16, chip.memory[0].bandwidth or 1.0)


class Rig:
    """A deployment, ready to be asked for the work of a step."""

    def __init__(self, deployment: Deployment) -> None:
        model, chip, layout = deployment.model, deployment.chip, deployment.layout
        rates = _rates(model, chip, deployment.precision)
        numbers, weights = numbers_of(model), weights_of(model, deployment.precision)
        tp, stage = layout.tp, layout.tp * layout.attention_dp
        self._model, self._layout = model, layout
        self._level = deployment.levels
        self._rows = 1 + (deployment.drafted)
        wide = "attention_in" in model.stays_bf16(deployment.precision)
        attention = numbers.attention_in + numbers.attention_out + numbers.linear + numbers.indexer
        ffn = numbers.dense + numbers.shared + numbers.router
        head = numbers.head * c.NUMBER_BYTES["bf16"] / tp
        read = (weights.attention / tp + weights.ffn / stage + head) / rates.bandwidth
        self._dense_read = read * deployment.weight_slowdown
        self._wide_math = 2.0 * attention / tp / rates.bf16 if wide else 0.0
        self._attention_math = 0.0 if wide else 2.0 * attention / tp / rates.flops
        self._ffn_math = 2.0 * ffn / stage / rates.flops
        self._head_math = 2.0 * numbers.head / tp / rates.bf16
        count = 1 if model.experts is None else model.experts.count
        self._share = numbers.active_experts / numbers.experts if numbers.experts else 0.0
        self._expert_read = weights.experts / stage / rates.bandwidth * deployment.weight_slowdown
        self._expert_math = 2.0 * numbers.active_experts / stage / rates.expert
        self._expert_pad = 2.0 * numbers.experts / stage / rates.expert
        self._kv_read = kv_bytes(model, tp, deployment.kv_precision) / rates.bandwidth
        self._rooms = _rooms(deployment)
        self._state = 2.0 * state_bytes(model, tp) / rates.bandwidth
        prefill, decode = scores(model)
        self._score_prefill = 2.0 * prefill / tp / rates.bf16
        self._score_decode = 2.0 * decode / tp / rates.bf16
        self._windowed = model.window_layers if model.window else 0
        self._full = model.attention_layers - self._windowed
        self._window = float(model.window or 0)
        self._network = _network(model, deployment)
        self._fixed = _counts(deployment, rates, count)

    def of(self, span: Span) -> Work:
        """The work of one step of a span."""
        layout = self._layout
        batch = 1.0 / layout.pp
        groups = layout.attention_dp
        busy = groups if self._level else max(1, min(groups, span.chunks))
        decodes = span.decodes * batch / groups
        fresh = span.prompt_tokens * batch / busy
        rows = decodes * self._rows + fresh
        whole = (span.decodes * self._rows + span.prompt_tokens) * batch
        sequences = decodes + span.chunks * batch / busy
        wire, hops, ramps, doublings = self._network
        context, kv, pairs = self._attended(span, batch, busy, decodes)
        return Work(
            dense_read=self._dense_read,
            dense_math=rows * self._attention_math + whole * self._ffn_math,
            wide_math=rows * self._wide_math + sequences * self._head_math,
            expert_read=self._expert_read,
            expert_math=self._expert_math * whole,
            expert_pad=self._expert_pad,
            kv_read=kv * self._kv_read * self._spill(span) + decodes * self._state,
            score_prefill=pairs * self._score_prefill,
            score_decode=context * self._rows * self._score_decode,
            wire=whole * wire,
            hops=hops,
            ramps=sqrt(whole) * ramps,
            doublings=doublings,
            sequences=(span.decodes + span.chunks) * batch,
            rows=whole,
            fresh=fresh,
            prefills=1.0 if span.chunks else 0.0,
            share=self._share,
            **self._fixed,
        )

    def _spill(self, span: Span) -> float:
        """How much longer the cache takes to read because slower tiers hold what the first cannot:
        tiers fill in order, and every token is read."""
        if len(self._rooms) == 1:
            return 1.0
        tokens = max(span.context + span.prompt_seen, 1e-9)
        left, seconds = tokens, 0.0
        for room, slower in self._rooms[:-1]:
            held = min(left, room)
            seconds += held * slower
            left -= held
        return (seconds + left * self._rooms[-1][1]) / tokens

    def _attended(
        self, span: Span, batch: float, busy: float, decodes: float
    ) -> tuple[float, float, float]:
        """Keys that decodes attend to, keys read, and (query, key) pairs of prompts, each summed
        over layers."""
        window, full, windowed = self._window, self._full, self._windowed
        context = span.context * batch / self._layout.attention_dp
        seen, pairs = span.prompt_seen * batch / busy, span.prompt_pairs * batch / busy
        fresh, chunks = span.prompt_tokens * batch / busy, span.chunks * batch / busy
        attended = context * full
        read = seen * full
        computed = pairs * full
        if windowed:
            attended += min(context, decodes * window) * windowed
            read += min(seen, fresh + window * chunks) * windowed
            computed += min(pairs, fresh * window) * windowed
        if self._model.indexer is not None:
            # The indexer scores every key; attention itself reads the best of them.
            attended = min(context, decodes * self._model.indexer.top) * full
        return attended, attended + read, computed


def _counts(deployment: Deployment, rates: _Rates, experts: int) -> dict[str, float]:
    model, layout, precision = deployment.model, deployment.layout, deployment.precision
    moe = 0 if model.experts is None else model.experts.layers
    fused = precision == "fp4" and "fp4" in deployment.chip.flops
    known = deployment.framework in FRAMEWORKS
    shares = {
        name: (1.0 if name == deployment.framework else 0.0) if known else 1.0 / len(FRAMEWORKS)
        for name in FRAMEWORKS
    }
    own = model.precision == "fp4"  # MXFP4: activations are not quantised to 4 bits
    return {
        "layers": float(model.layers),
        "moe_layers": 0.0 if fused else float(moe),
        "fused_layers": float(moe) if fused else 0.0,
        "mla_layers": 0.0 if model.mla is None else float(model.attention_layers),
        # Publishers scale the FP8 weights of experts by blocks, which costs kernels of its own.
        "block_layers": float(model.layers) if precision == "fp8" and moe else 0.0,
        "narrow_layers": float(model.layers) if precision == "fp4" and not own else 0.0,
        "spread": 1.0 - 1.0 / min(layout.ep, experts),
        "narrow": 1.0 if precision == "fp4" and not own else 0.0,
        "fused": 1.0 if fused else 0.0,
        "ridge": _ridge(rates.flops, rates.bandwidth),
        "expert_ridge": _ridge(rates.expert, rates.bandwidth),
        "wide_ridge": _ridge(rates.bf16, rates.bandwidth),
        "software": deployment.software,
        **shares,
    }


def _ridge(flops: float, bandwidth: float) -> float:
    return flops / bandwidth / RIDGE if flops != float("inf") else 1.0


def _rooms(deployment: Deployment) -> tuple[tuple[float, float], ...]:
    """Of each tier: tokens of the replica that it holds, and how much slower it is to read."""
    capacity = deployment.capacity
    first = capacity.tiers[0].bandwidth or 1.0
    return tuple(
        (
            tier.kv / capacity.token_bytes * deployment.layout.attention_dp,
            first / (tier.bandwidth or first),
        )
        for tier in capacity.tiers
    )


def _network(model: ModelShape, deployment: Deployment) -> tuple[float, float, float, float]:
    """Seconds a token at the link's peak; collectives times the root of the log of their members;
    collectives times that log and the root of a token's bytes; that log. Two all-reduces a layer
    move the hidden state there and back; with attention in groups, an all-gather and a
    reduce-scatter around the experts do the same."""
    layout = deployment.layout
    members = layout.tp * layout.attention_dp
    if members == 1:
        return 0.0, 0.0, 0.0, 0.0
    token = model.hidden * c.NUMBER_BYTES["bf16"]
    moved = 2.0 * token * (members - 1) / members / deployment.link
    each, log = 2.0 * model.layers, log2(members)
    return each * moved, each * sqrt(log), each * log * sqrt(token), log
