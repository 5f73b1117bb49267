"""How long one step of a mixed batch takes: a roofline with overheads.

Rules
1. Every term is physical and monotone: more sequences, more context, less bandwidth or fewer FLOP/s
   never make a step shorter.
2. Bytes and arithmetic of the same weights overlap (a 4-norm of both); terms of different kernels
   add up.
3. A precision that the chip cannot compute in is only a storage format: its arithmetic runs at the
   bf16 rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, sqrt

from tollway.engine import constants as c
from tollway.engine.deployment import Deployment, kv_bytes
from tollway.engine.sizes import sizes_of
from tollway.units import Seconds


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a prompt: `tokens` computed now, after `past` that are in the cache already."""

    tokens: int
    past: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step computes. `decodes` holds the context length of each sequence that decodes one
    token, itself included."""

    decodes: Sequence[int] = ()
    chunks: Sequence[Chunk] = ()


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step, by what they are spent on.

    `weights` and `kv` are the times to read them at the efficiency that engines reach; `gemm` is
    the arithmetic of the same weights, `dense` and `experts` what reading and computing take
    together. `total` is dense + experts + kv + attention + network + overhead.
    """

    weights: Seconds
    kv: Seconds
    gemm: Seconds
    dense: Seconds
    experts: Seconds
    attention: Seconds
    network: Seconds
    overhead: Seconds
    total: Seconds


class StepTimer:
    """Step times of one deployment. What does not depend on the batch is computed once."""

    def __init__(self, deployment: Deployment) -> None:
        model, chip, tp = deployment.model, deployment.chip, deployment.tp
        number = c.NUMBER_BYTES[deployment.precision]
        sizes = sizes_of(model)
        self.deployment = deployment
        self._sizes = sizes
        self._bandwidth = tp * (chip.memory[0].bandwidth or 0.0)
        self._bf16 = tp * chip.flops["bf16"]
        self._flops = tp * chip.flops.get(deployment.precision, chip.flops["bf16"])
        attention = c.NUMBER_BYTES["bf16"] if model.bf16_attention else number
        self._dense_bytes = (
            sizes.attention * attention + sizes.ffn * number + sizes.head * c.NUMBER_BYTES["bf16"]
        )
        self._expert_bytes = sizes.expert * number
        self._kv_bytes = kv_bytes(model, tp, deployment.kv_precision) * tp

    def of(self, batch: Batch) -> StepTime:
        """The time of one step; an empty batch takes none."""
        sequences = len(batch.decodes) + len(batch.chunks)
        if not sequences:
            return StepTime(*(Seconds(0.0),) * 9)
        tokens = len(batch.decodes) + sum(chunk.tokens for chunk in batch.chunks)
        weights = self._dense_bytes / (c.EFFICIENCY_WEIGHTS * self._bandwidth)
        gemm = self._dense_flops(tokens, sequences) / (c.EFFICIENCY_GEMM * self._flops)
        dense = _meet(weights, gemm)
        read, computed = self._experts(tokens)
        experts = _meet(read, computed)
        kv = self._kv(batch)
        attention = self._attention(batch)
        network = self._network(tokens)
        overhead = c.LAYER_OVERHEAD * self.deployment.model.layers + c.SEQUENCE_OVERHEAD * sequences
        return StepTime(
            weights=Seconds(weights + read),
            kv=Seconds(kv),
            gemm=Seconds(gemm + computed),
            dense=Seconds(dense),
            experts=Seconds(experts),
            attention=Seconds(attention),
            network=Seconds(network),
            overhead=Seconds(overhead),
            total=Seconds(dense + experts + kv + attention + network + overhead),
        )

    def _dense_flops(self, tokens: int, sequences: int) -> float:
        # Only the last token of a sequence goes through the output projection.
        body = self._sizes.attention + self._sizes.ffn
        return 2.0 * (tokens * body + sequences * self._sizes.head)

    def _experts(self, tokens: int) -> tuple[float, float]:
        experts = self.deployment.model.experts
        if experts is None:
            return 0.0, 0.0
        visited = 1.0 - (1.0 - experts.active / experts.count) ** tokens
        layers = self._sizes.moe_layers
        read = layers * experts.count * visited * self._expert_bytes
        flops = 2.0 * layers * tokens * experts.active * self._sizes.expert
        return (
            read / (c.EFFICIENCY_EXPERTS * self._bandwidth),
            flops / (c.EFFICIENCY_EXPERT_GEMM * self._flops),
        )

    def _kv(self, batch: Batch) -> float:
        model = self.deployment.model
        whole = sum(batch.decodes) + sum(chunk.past + chunk.tokens for chunk in batch.chunks)
        read = (model.attention_layers - model.window_layers) * whole
        if model.window is not None and model.window_layers:
            window = model.window
            seen = sum(min(context, window) for context in batch.decodes)
            seen += sum(
                min(chunk.past + chunk.tokens, window + chunk.tokens) for chunk in batch.chunks
            )
            read += model.window_layers * seen
        return read * self._kv_bytes / (c.EFFICIENCY_KV * self._bandwidth)

    def _attention(self, batch: Batch) -> float:
        model, sizes = self.deployment.model, self._sizes
        full = model.attention_layers - model.window_layers
        decode = full * sum(batch.decodes)
        prefill = full * sum(_pairs(chunk, None) for chunk in batch.chunks)
        if model.window is not None and model.window_layers:
            window = model.window
            decode += model.window_layers * sum(min(n, window) for n in batch.decodes)
            prefill += model.window_layers * sum(_pairs(chunk, window) for chunk in batch.chunks)
        flops = 2.0 * (decode * sizes.score_decode + prefill * sizes.score_prefill)
        return flops / (c.EFFICIENCY_ATTENTION * self._bf16)

    def _network(self, tokens: int) -> float:
        model, chip, tp = self.deployment.model, self.deployment.chip, self.deployment.tp
        if tp == 1:
            return 0.0
        # Two all-reduces a layer, each moving the hidden state in bf16 there and back.
        waiting = 2 * model.layers * c.ALL_REDUCE_LATENCY * sqrt(log2(tp))
        moved = 4.0 * model.layers * tokens * model.hidden * c.NUMBER_BYTES["bf16"] * (tp - 1) / tp
        return waiting + moved / (c.EFFICIENCY_LINK * (chip.link or c.LINK_ASSUMED))


def step_time(deployment: Deployment, batch: Batch) -> StepTime:
    """The time of one step of `batch` on `deployment`."""
    return StepTimer(deployment).of(batch)


def decode_step(deployment: Deployment, sequences: int, context: int) -> StepTime:
    """One token for each of `sequences` sequences that are `context` tokens long."""
    return step_time(deployment, Batch(decodes=(context,) * sequences))


def prefill_chunk(deployment: Deployment, tokens: int, past: int = 0) -> StepTime:
    """`tokens` of one prompt, after `past` that are in the cache already."""
    return step_time(deployment, Batch(chunks=(Chunk(tokens, past),)))


def _meet(read: float, computed: float) -> float:
    norm = c.MEETING_NORM
    return (read**norm + computed**norm) ** (1.0 / norm)


def _pairs(chunk: Chunk, window: int | None) -> float:
    """(query, key) pairs of a chunk: each token attends to itself and to all before it, or to the
    last `window` of them."""
    first, last = chunk.past + 1, chunk.past + chunk.tokens
    if window is None or last <= window:
        return (first + last) * chunk.tokens / 2
    if first >= window:
        return float(window * chunk.tokens)
    growing = window - first + 1
    return (first + window) * growing / 2 + window * (chunk.tokens - growing)
