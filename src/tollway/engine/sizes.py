"""How many numbers a model has, where they are, and what one token of context weighs."""

from dataclasses import dataclass

from tollway.catalog import LatentAttention, ModelShape


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
    """The sizes of a model. Norms and routers, under 0.1% of the numbers, are left out."""
    experts = model.experts
    moe_layers = 0 if experts is None else model.layers - experts.dense_layers
    shared = 0 if experts is None else experts.shared * 3 * model.hidden * experts.ffn
    dense_layers = model.layers - moe_layers
    table = model.vocab * model.hidden
    return Sizes(
        attention=model.layers * _attention(model),
        ffn=dense_layers * 3 * model.hidden * model.ffn + moe_layers * shared,
        expert=0 if experts is None else 3 * model.hidden * experts.ffn,
        moe_layers=moe_layers,
        head=table,
        embedding=0 if model.tied_embeddings else table,
        kv=_kv(model),
        score_prefill=_score_prefill(model),
        score_decode=_score_decode(model),
    )


def total_numbers(model: ModelShape) -> int:
    """All weights of a model."""
    sizes = sizes_of(model)
    count = 0 if model.experts is None else model.experts.count
    routed = sizes.moe_layers * count * sizes.expert
    return sizes.attention + sizes.ffn + routed + sizes.head + sizes.embedding


def _attention(model: ModelShape) -> int:
    if model.mla is None:
        width = model.heads * model.head_dim
        return model.hidden * (2 * width + 2 * model.kv_heads * model.head_dim)
    return _latent_attention(model, model.mla)


def _latent_attention(model: ModelShape, mla: LatentAttention) -> int:
    query = mla.q_rank * (model.hidden + model.heads * (mla.nope_dim + mla.rope_dim))
    down = model.hidden * (mla.kv_rank + mla.rope_dim)
    up = mla.kv_rank * model.heads * (mla.nope_dim + mla.value_dim)
    return query + down + up + model.heads * mla.value_dim * model.hidden


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
