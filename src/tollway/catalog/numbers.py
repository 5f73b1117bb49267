"""How many numbers a model's weights have, by part: what a publisher calls its parameters."""

from dataclasses import dataclass

from tollway.catalog.models import LinearAttention, ModelShape


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of all layers together. `experts` counts every routed expert, `active_experts` those
    that one token visits. `head` is the output projection, `embedding` the input table (zero where
    the two are one); `indexer` belongs to sparse attention; `mtp` to the layers that predict
    further tokens, which publishers leave out of their counts."""

    attention_in: int
    attention_out: int
    indexer: int
    linear: int
    dense: int
    shared: int
    router: int
    experts: int
    active_experts: int
    head: int
    embedding: int
    vision: int
    mtp: int

    @property
    def total(self) -> int:
        """All weights but those of MTP layers."""
        return self.active - self.active_experts + self.experts + self.vision

    @property
    def active(self) -> int:
        """What one token of text is computed with."""
        return (
            self.attention_in
            + self.attention_out
            + self.indexer
            + self.linear
            + self.dense
            + self.shared
            + self.router
            + self.active_experts
            + self.head
            + self.embedding
        )


def numbers_of(model: ModelShape) -> Numbers:
    """The numbers of a model. Norms and biases, under 0.1% of them, are left out."""
    into, out, indexer = _attention(model)
    table = model.vocab * model.hidden
    linear = 0
    if model.linear is not None:
        linear = model.linear.layers * _linear(model.linear, model.hidden)
    dense = model.dense_layers * model.ffn_matrices * model.hidden * model.ffn
    shared, router, expert, count, active = _experts(model)
    one_ffn = shared + router + expert * count if count else dense // max(1, model.dense_layers)
    # An MTP module is one more layer and a projection of two hidden states into one.
    mtp = model.mtp_layers * (into + out + indexer + one_ffn + 2 * model.hidden**2)
    moe_layers = 0 if model.experts is None else model.experts.layers
    return Numbers(
        attention_in=model.attention_layers * into,
        attention_out=model.attention_layers * out,
        indexer=model.attention_layers * indexer,
        linear=linear,
        dense=dense,
        shared=moe_layers * shared,
        router=moe_layers * router,
        experts=moe_layers * expert * count,
        active_experts=moe_layers * expert * active,
        head=table,
        embedding=0 if model.tied_embeddings else table,
        vision=model.vision,
        mtp=mtp,
    )


def _attention(model: ModelShape) -> tuple[int, int, int]:
    hidden, mla = model.hidden, model.mla
    width = model.heads * model.head_dim
    if mla is None:
        gate = width if model.attention_gate else 0
        into = hidden * (width + gate + 2 * model.kv_heads * model.head_dim)
        return into, width * hidden, 0
    queries = model.heads * (mla.nope_dim + mla.rope_dim)
    query = hidden * queries if mla.q_rank is None else mla.q_rank * (hidden + queries)
    latent = hidden * (mla.kv_rank + mla.rope_dim)
    unpack = mla.kv_rank * model.heads * (mla.nope_dim + mla.value_dim)
    indexer = 0
    if model.indexer is not None:
        one = model.indexer
        indexer = (mla.q_rank or hidden) * one.heads * one.head_dim
        indexer += hidden * (one.head_dim + one.heads)
    return query + latent + unpack, model.heads * mla.value_dim * hidden, indexer


def _linear(linear: LinearAttention, hidden: int) -> int:
    keys = linear.key_heads * linear.key_dim
    values = linear.value_heads * linear.value_dim
    # Decay and update rate a head in a gated delta net; one step size a head in Mamba-2.
    gates = linear.value_heads * (2 if linear.kind == "gated-delta" else 1)
    mixed = 2 * keys + values
    return hidden * (mixed + values + gates) + mixed * linear.conv + values * hidden


def _experts(model: ModelShape) -> tuple[int, int, int, int, int]:
    """Of one layer: shared, router, one routed expert, how many there are and are visited."""
    one = model.experts
    if one is None:
        return 0, 0, 0, 0, 0
    width = one.latent or model.hidden
    shared = model.ffn_matrices * model.hidden * one.shared_ffn
    if one.latent is not None:
        shared += 2 * model.hidden * one.latent  # into the experts' width and back, for every token
    expert = model.ffn_matrices * width * one.ffn
    return shared, model.hidden * one.count, expert, one.count, one.active
