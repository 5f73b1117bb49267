"""How many numbers a model has, where they are, and what one token of context weighs."""

from dataclasses import dataclass

from tollway.catalog import ModelShape, numbers_of


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers (not bytes) of a model.

    `attention` and `ffn` are totals over layers; `ffn` counts dense layers and shared experts.
    `expert` is one expert of one layer; `moe_layers` layers have them. `head` is the output
    projection, `embedding` the input table (zero where the two are one). `kv` is numbers a token
    adds to the cache of one layer; `score` is multiply-adds a head-summed (query, key) pair costs.
    """

    attention: int
    ffn: int
    expert: int
    moe_layers: int
    head: int
    embedding: int
    kv: int
    score_prefill: int
    score_decode: int


def sizes_of(model: ModelShape) -> Sizes:
    """The sizes of a model. Linear attention counts as attention, routers as FFN."""
    numbers = numbers_of(model)
    experts = model.experts
    moe_layers = 0 if experts is None else experts.layers
    routed = moe_layers * (0 if experts is None else experts.count)
    return Sizes(
        attention=numbers.attention_in + numbers.attention_out + numbers.indexer + numbers.linear,
        ffn=numbers.dense + numbers.shared + numbers.router,
        expert=numbers.experts // routed if routed else 0,
        moe_layers=moe_layers,
        head=numbers.head,
        embedding=numbers.embedding,
        kv=_kv(model),
        score_prefill=_score_prefill(model),
        score_decode=_score_decode(model),
    )


def total_numbers(model: ModelShape) -> int:
    """All weights of a model, without its vision tower."""
    return numbers_of(model).total - model.vision


def _kv(model: ModelShape) -> int:
    if model.mla is None:
        return 2 * model.kv_heads * model.head_dim
    return model.mla.kv_rank + model.mla.rope_dim


def _score_prefill(model: ModelShape) -> int:
    if model.mla is None:
        return 2 * model.heads * model.head_dim
    return model.heads * (model.mla.nope_dim + model.mla.rope_dim + model.mla.value_dim)


def _score_decode(model: ModelShape) -> int:
    # A decoding MLA engine multiplies with the latent itself instead of unpacking it (weight
    # absorption, arXiv:2405.04434), which is more arithmetic and far less memory.
    if model.mla is None:
        return 2 * model.heads * model.head_dim
    return model.heads * (2 * model.mla.kv_rank + model.mla.rope_dim)
