"""A model on chips: what one replica is made of, and why some cannot be.

Rules
1. A deployment that cannot be is refused with the arithmetic that shows why.
2. Weights are sharded evenly over the tensor-parallel chips. KV heads are too, until there are
   fewer heads than chips; from there each head is kept more than once. An MLA latent belongs to
   all heads, so that every chip keeps all of it.
3. Weights and KV live in the first memory tier; spilling into later tiers is not modelled yet.
"""

from dataclasses import dataclass

from tollway.catalog import Chip, ModelShape
from tollway.engine.constants import BLOCK, MEMORY_SHARE, NUMBER_BYTES, RUNTIME_BYTES
from tollway.engine.sizes import sizes_of, total_numbers
from tollway.errors import TollwayError, unknown


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a serving engine is started with. `memory_share` is vLLM's gpu_memory_utilization;
    `batch_tokens` bounds tokens of one step, `sequences` those that run at once; both defaults
    are vLLM's for large chips."""

    precision: str | None = None
    kv_precision: str = "bf16"
    memory_share: float = MEMORY_SHARE
    batch_tokens: int = 8192
    sequences: int = 256
    context: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One replica: `model` in `precision` on `tp` chips. `context` is the longest sequence in
    tokens, `blocks` how many KV blocks of 16 tokens there are. Make it with `deploy`."""

    model: ModelShape
    chip: Chip
    tp: int
    precision: str
    kv_precision: str
    batch_tokens: int
    sequences: int
    context: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """KV memory of one chip of a deployment, in bytes, and what it holds in tokens. `tokens` is a
    whole number of blocks; below zero never: a model that does not fit is refused."""

    memory: int
    usable: int
    runtime: int
    weights: int
    kv: int
    token_bytes: float
    tokens: int


def deploy(
    model: ModelShape, chip: Chip, tp: int, settings: EngineSettings | None = None
) -> Deployment:
    """One replica of a model on `tp` chips.

    Raises:
        TollwayError: it cannot be; the message shows the arithmetic.
    """
    wanted = settings or EngineSettings()
    precision = wanted.precision or model.precision
    for name, what in ((precision, "precision"), (wanted.kv_precision, "KV precision")):
        if name not in NUMBER_BYTES:
            raise TollwayError(str(unknown(name, NUMBER_BYTES, what)))
    _check_chip(chip)
    _check_parallel(model, chip, tp)
    room = kv_capacity(model, chip, tp, settings=wanted)
    context = _context(model, chip, tp, room, wanted.context)
    return Deployment(
        model=model,
        chip=chip,
        tp=tp,
        precision=precision,
        kv_precision=wanted.kv_precision,
        batch_tokens=wanted.batch_tokens,
        sequences=wanted.sequences,
        context=context,
        blocks=room.tokens // BLOCK,
    )


def weight_bytes(model: ModelShape, precision: str) -> float:
    """Bytes of all weights. Embeddings and the output projection stay in bf16 when the rest is
    quantised, as published fp8 and fp4 checkpoints have it."""
    sizes = sizes_of(model)
    tables = sizes.head + sizes.embedding
    full = NUMBER_BYTES["bf16"]
    attention = full if model.bf16_attention else NUMBER_BYTES[precision]
    rest = total_numbers(model) - tables - sizes.attention
    return tables * full + sizes.attention * attention + rest * NUMBER_BYTES[precision]


def kv_bytes(model: ModelShape, tp: int, precision: str) -> float:
    """Bytes that one token of one layer takes in the cache of one chip."""
    numbers = float(sizes_of(model).kv)
    if model.mla is None:
        numbers = numbers / model.kv_heads * max(1.0, model.kv_heads / tp)
    return numbers * NUMBER_BYTES[precision]


def kv_capacity(
    model: ModelShape, chip: Chip, tp: int, *, settings: EngineSettings | None = None
) -> Capacity:
    """What is left for KV on each chip, and how many tokens it holds.

    Raises:
        TollwayError: the weights do not fit, or leave no room for one block.
    """
    wanted = settings or EngineSettings()
    precision = wanted.precision or model.precision
    memory = chip.memory[0].size
    usable = int(memory * wanted.memory_share)
    weights = round(weight_bytes(model, precision) / tp)
    kv = usable - weights - RUNTIME_BYTES
    token_bytes = kv_bytes(model, tp, wanted.kv_precision) * model.attention_layers
    tokens = int(kv / token_bytes) // BLOCK * BLOCK if kv > 0 else 0
    if tokens < BLOCK:
        raise TollwayError(
            f"{model.name} in {precision} does not fit on {tp} x {chip.name}: "
            f"{weights * tp / 1e9:.1f} GB of weights / {tp} = {weights / 1e9:.1f} GB a chip, plus "
            f"{RUNTIME_BYTES / 1e9:.1f} GB for the runtime, against "
            f"{memory / 1e9:.1f} GB x {wanted.memory_share:g} = {usable / 1e9:.1f} GB. "
            f"{_mend_of_size(model, chip, precision, wanted)}"
        )
    return Capacity(memory, usable, RUNTIME_BYTES, weights, kv, token_bytes, tokens)


def _mend_of_size(model: ModelShape, chip: Chip, precision: str, wanted: EngineSettings) -> str:
    room = chip.memory[0].size * wanted.memory_share - RUNTIME_BYTES
    for tp in (1, 2, 4, 8, 16, 32, 64):
        fits = weight_bytes(model, precision) / tp < room
        if fits and tp <= (chip.domain or 8) and model.heads % tp == 0:
            return f"Use tp {tp}, or a smaller precision."
    return "Use a smaller precision, or a chip with more memory."


def _check_chip(chip: Chip) -> None:
    if chip.memory[0].bandwidth is None:
        raise TollwayError(
            f"the memory bandwidth of {chip.name} is not known, so that no step can be timed. "
            "Add gb_s to its [[memory]] table."
        )
    if "bf16" not in chip.flops:
        raise TollwayError(
            f"the bf16 rate of {chip.name} is not known, so that no step can be timed. "
            "Add bf16_tflops to the chip."
        )


def _check_parallel(model: ModelShape, chip: Chip, tp: int) -> None:
    if tp < 1:
        raise TollwayError(f"tp is {tp}. It is the number of chips of one replica, 1 or more.")
    domain = chip.domain or 1
    if tp > max(domain, 8):
        raise TollwayError(
            f"tp {tp} is more than one scale-up domain of {chip.name} has ({domain} chips). "
            "Use fewer chips a replica, and more replicas."
        )
    if model.heads % tp:
        raise TollwayError(
            f"tp {tp} does not divide the {model.heads} heads of {model.name} "
            f"({model.heads} / {tp} = {model.heads / tp:.2f}). {_mend_of_parallel(model)}"
        )
    if model.mla is None and model.kv_heads % tp and tp % model.kv_heads:
        raise TollwayError(
            f"tp {tp} neither divides the {model.kv_heads} KV heads of {model.name} nor is a "
            f"multiple of them ({model.kv_heads} / {tp} = {model.kv_heads / tp:.2f}). "
            f"{_mend_of_parallel(model)}"
        )


def _mend_of_parallel(model: ModelShape) -> str:
    fine = [str(tp) for tp in (1, 2, 4, 8, 16) if model.heads % tp == 0]
    return f"Use tp {', '.join(fine)}."


def _context(model: ModelShape, chip: Chip, tp: int, room: Capacity, wanted: int | None) -> int:
    if wanted is None:
        return min(model.context, room.tokens)
    if wanted > model.context:
        raise TollwayError(
            f"context {wanted} is more than {model.name} was made for ({model.context} tokens). "
            f"Use {model.context} or less."
        )
    if wanted > room.tokens:
        raise TollwayError(
            f"a context of {wanted} tokens does not fit on {tp} x {chip.name}: "
            f"{room.kv / 1e9:.1f} GB of KV memory a chip / {room.token_bytes:,.0f} bytes a token = "
            f"{room.tokens} tokens. Use a shorter context or more chips."
        )
    return wanted
