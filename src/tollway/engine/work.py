"""What one step asks of the silicon, as seconds at peak rates: physics without a fitted constant.

Rules
1. Everything is counted for the chip that has most to do: steps wait for the slowest.
2. Dense weights are split over tp; groups of attention data parallelism keep a copy each. Experts
   are split over all chips of a pipeline stage.
3. Of `E` experts with `k` a token, `t` tokens visit E(1 - (1 - k/E)^t).
4. A precision that the chip cannot compute in is only a storage format: its arithmetic runs at the
   bf16 rate.
"""

from dataclasses import dataclass, fields
from math import log2, sqrt

from tollway.catalog import Chip, ModelShape
from tollway.engine import constants as c
from tollway.engine.question import Layout
from tollway.engine.replay import Span
from tollway.engine.sizes import sizes_of


@dataclass(slots=True)
class Work:
    """One step. Seconds at the chip's peaks: `dense_read`, `dense_math`, `expert_read`,
    `expert_math`, `expert_pad` (arithmetic of one more row in each expert visited), `kv_read`, `score_prefill`, `score_decode`, `wire` (bytes over a link).
    Counts: `layers`, `moe_layers`, `syncs` (collectives), `hops` (collectives, each times the root
    of the log of its members), `sequences`, `tokens` (of the busiest chip), `fresh` (prompt tokens),
    `prefills` (1 in a step with a prompt, else 0), `mla_layers`, and `spread` (the share of
    chips that hold other experts than one's own)."""

    dense_read: float
    dense_math: float
    expert_read: float
    expert_math: float
    expert_pad: float
    kv_read: float
    score_prefill: float
    score_decode: float
    wire: float
    layers: float
    moe_layers: float
    syncs: float
    hops: float
    sequences: float
    tokens: float
    fresh: float
    prefills: float
    mla_layers: float
    spread: float


WORK_FIELDS = tuple(field.name for field in fields(Work))


class Rig:
    """A model on chips, ready to be asked for the work of a step."""

    def __init__(
        self,
        model: ModelShape,
        chip: Chip,
        layout: Layout,
        precision: str,
        kv_precision: str,
        level: bool = True,
    ) -> None:
        self._level = level
        number = c.NUMBER_BYTES[precision]
        full = c.NUMBER_BYTES["bf16"]
        sizes = sizes_of(model)
        stage = layout.tp * layout.attention_dp
        bandwidth = chip.memory[0].bandwidth or 1.0
        bf16 = chip.flops.get("bf16", float("inf"))
        flops = chip.flops.get(precision, bf16)
        self._layout = layout
        self._model = model
        self._sizes = sizes
        attention = sizes.attention / layout.tp
        ffn = sizes.ffn / stage
        own = full if model.bf16_attention else number
        own_flops = bf16 if model.bf16_attention else flops
        self._dense_read = (attention * own + ffn * number) / bandwidth
        self._head_read = sizes.head / layout.tp * full / bandwidth
        self._attention_math = 2.0 * attention / own_flops
        self._ffn_math = 2.0 * ffn / flops
        self._head_math = 2.0 * sizes.head / layout.tp / bf16
        count = 0 if model.experts is None else model.experts.count
        active = 0 if model.experts is None else model.experts.active
        self._share = active / count if count else 0.0
        self._expert_read = sizes.moe_layers * count * sizes.expert * number / stage / bandwidth
        expert_flops = flops
        if model.bf16_attention:
            # MXFP4 experts keep wider activations: 8 bits where tensor cores take 4-bit weights.
            expert_flops = chip.flops.get("fp8", bf16) if "fp4" in chip.flops else bf16
        self._expert_math = 2.0 * sizes.moe_layers * active * sizes.expert / stage / expert_flops
        self._expert_pad = 2.0 * sizes.moe_layers * count * sizes.expert / stage / expert_flops
        heads = sizes.kv
        if model.mla is None:
            heads = heads / model.kv_heads * max(1.0, model.kv_heads / layout.tp)
        self._kv_read = heads * c.NUMBER_BYTES[kv_precision] / bandwidth
        self._score_prefill = 2.0 * sizes.score_prefill / layout.tp / bf16
        self._score_decode = 2.0 * sizes.score_decode / layout.tp / bf16
        self._full = model.layers - model.window_layers
        self._windowed = model.window_layers if model.window else 0
        self._window = float(model.window or 0)
        link = chip.link or c.LINK_ASSUMED
        self._wire, self._syncs, self._hops = _network(model, layout, link)

    def of(self, span: Span, drafted: int = 0) -> Work:
        """The work of one step of a span, in which each sequence that decodes also checks `drafted`
        tokens."""
        layout, model = self._layout, self._model
        groups = layout.attention_dp
        busy = groups if self._level else min(groups, span.chunks) or 1
        decodes = span.decodes / groups
        fresh = span.prompt_tokens / busy
        rows = decodes * (1 + drafted) + fresh
        whole = span.decodes * (1 + drafted) + span.prompt_tokens
        sequences = decodes + span.chunks / busy
        visited = 1.0 - (1.0 - self._share) ** whole if self._share else 0.0
        context = span.context / groups
        seen = span.prompt_seen / busy
        pairs = span.prompt_pairs / busy
        near, near_pairs = context, pairs
        if self._windowed:
            near = min(context, decodes * self._window)
            near_pairs = min(pairs, fresh * self._window)
            seen = seen * self._full + min(seen, fresh + self._window * span.chunks / busy) * (
                self._windowed
            )
        else:
            seen *= self._full
        return Work(
            dense_read=self._dense_read + self._head_read,
            dense_math=rows * self._attention_math
            + whole / groups * groups * self._ffn_math
            + sequences * self._head_math,
            expert_read=self._expert_read * visited,
            expert_math=self._expert_math * whole,
            expert_pad=self._expert_pad * visited,
            kv_read=(context * self._full + near * self._windowed + seen) * self._kv_read,
            score_prefill=(pairs * self._full + near_pairs * self._windowed) * self._score_prefill,
            score_decode=(context * self._full + near * self._windowed)
            * (1 + drafted)
            * self._score_decode,
            wire=whole * self._wire,
            layers=model.layers,
            moe_layers=self._sizes.moe_layers,
            syncs=self._syncs,
            hops=self._hops,
            sequences=span.decodes + span.chunks,
            tokens=rows,
            fresh=fresh,
            prefills=1.0 if span.chunks else 0.0,
            mla_layers=0.0 if model.mla is None else model.layers,
            spread=1.0 - 1.0 / layout.ep,
        )


def _network(model: ModelShape, layout: Layout, link: float) -> tuple[float, float, float]:
    """Seconds a token at the link's peak, collectives a step, and collectives times the root of the
    log of their members. Two all-reduces a layer move the hidden state there and back; with
    attention in groups, an all-gather and a reduce-scatter around the experts do the same."""
    members = layout.tp * layout.attention_dp
    if members == 1:
        return 0.0, 0.0, 0.0
    moved = 2.0 * model.hidden * c.NUMBER_BYTES["bf16"] * (members - 1) / members / link
    syncs = 2.0 * model.layers
    return syncs * moved, syncs, syncs * sqrt(log2(members))
