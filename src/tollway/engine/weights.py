"""What a model weighs, by part, and what one token of context adds to its cache.

Rules
1. A quantised checkpoint leaves in bf16 what its publisher leaves; tables and routers always.
2. An MLA latent belongs to all heads, so that every chip of a group keeps all of it. KV heads are
   split over tp until there are fewer heads than chips; from there a head is kept more than once.
"""

from dataclasses import dataclass

from tollway.catalog import ModelShape, numbers_of
from tollway.engine.constants import NUMBER_BYTES

_FULL = NUMBER_BYTES["bf16"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of the weights of all layers: `attention` (linear attention and indexers too), `ffn`
    (dense layers, shared experts, routers), `experts` (routed), `tables` (embedding and output
    projection), `vision`."""

    attention: float
    ffn: float
    experts: float
    tables: float
    vision: float

    @property
    def total(self) -> float:
        """Bytes of the whole model."""
        return self.attention + self.ffn + self.experts + self.tables + self.vision


def weights_of(model: ModelShape, precision: str) -> Weights:
    """The weights of a model in a precision."""
    numbers = numbers_of(model)
    wide = model.stays_bf16(precision)

    def bytes_of(part: str, count: int) -> float:
        return count * (_FULL if part in wide else NUMBER_BYTES[precision])

    return Weights(
        attention=bytes_of("attention_in", numbers.attention_in)
        + bytes_of("attention_out", numbers.attention_out)
        + bytes_of("linear", numbers.linear)
        + numbers.indexer * NUMBER_BYTES[precision],
        ffn=bytes_of("dense", numbers.dense)
        + bytes_of("shared", numbers.shared)
        + numbers.router * _FULL,
        experts=bytes_of("experts", numbers.experts),
        tables=(numbers.head + numbers.embedding) * _FULL,
        vision=numbers.vision * _FULL,
    )


def weight_bytes(model: ModelShape, precision: str) -> float:
    """Bytes of all weights."""
    return weights_of(model, precision).total


def kv_bytes(model: ModelShape, tp: int, precision: str) -> float:
    """Bytes that one token of one layer takes in the cache of one chip."""
    if model.mla is not None:
        numbers = float(model.mla.kv_rank + model.mla.rope_dim)
        if model.indexer is not None:
            numbers += model.indexer.head_dim
    else:
        numbers = 2.0 * model.head_dim * max(1.0, model.kv_heads / tp)
    return numbers * NUMBER_BYTES[precision]


def state_bytes(model: ModelShape, tp: int) -> float:
    """Bytes that linear attention keeps for one sequence on one chip, all layers, in 32 bits as
    engines do."""
    one = model.linear
    if one is None:
        return 0.0
    state = one.value_heads * one.key_dim * one.value_dim
    inputs = (one.conv - 1) * (2 * one.key_heads * one.key_dim + one.value_heads * one.value_dim)
    return one.layers * (4.0 * state + _FULL * inputs) / tp


def scores(model: ModelShape) -> tuple[float, float]:
    """Multiply-adds that one (query, key) pair of one layer costs over all heads: in prefill, and
    in decode, where an MLA engine multiplies with the latent itself (arXiv:2405.04434)."""
    if model.mla is None:
        both = 2.0 * model.heads * model.head_dim
        return both, both
    mla = model.mla
    prefill = model.heads * (mla.nope_dim + mla.rope_dim + mla.value_dim)
    decode = model.heads * (2 * mla.kv_rank + mla.rope_dim)
    return float(prefill), float(decode)
