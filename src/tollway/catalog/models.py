"""Models: the shape of a transformer or hybrid, as its publisher's configuration states it.

Rules
1. A layer has at most one mixer (attention or linear attention) and at most one FFN (dense or
   experts). Where layers differ, how many there are of a kind counts; their order does not.
2. What a quantised checkpoint leaves in bf16 is said by part: one of `PARTS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tollway.catalog.facts import Facts, Provenance
from tollway.errors import TollwayError, unknown

PARTS = ("attention_in", "attention_out", "linear", "dense", "shared", "experts")
"""Parts of a model that a quantised checkpoint may leave in bf16: the projections to queries, keys
and values (or to a latent), the projection out of attention, linear attention, dense FFN layers,
shared experts, routed experts. "attention" in a file means both of its parts. Tables and routers
always stay."""

_NEEDED = ("hidden", "heads", "kv_heads", "head_dim", "vocab", "context")
_COUNTS = ("ffn", "window_layers", "mtp_layers")
_FLAGS = ("tied_embeddings", "attention_gate")


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): the cache holds one latent of
    `kv_rank` and one rotary key of `rope_dim` numbers a token and layer, for all heads. `q_rank` is
    None where queries are not compressed."""

    kv_rank: int
    q_rank: int | None
    rope_dim: int
    nope_dim: int
    value_dim: int


@dataclass(frozen=True, slots=True)
class LinearAttention:
    """Layers that keep a state of fixed size instead of a KV cache: gated delta net
    (arXiv:2412.06464) or Mamba-2 (arXiv:2405.21060), whose groups are `key_heads` and whose state
    size is `key_dim`. A sequence keeps `value_heads * key_dim * value_dim` numbers a layer, and the
    last `conv - 1` inputs of a convolution."""

    kind: str
    layers: int
    key_heads: int
    key_dim: int
    value_heads: int
    value_dim: int
    conv: int


@dataclass(frozen=True, slots=True)
class Indexer:
    """Sparse attention (DeepSeek-V3.2): `heads` light heads of `head_dim` score every token of the
    context, and attention reads the best `top` of them. Its cache holds one key of `head_dim` a
    token and layer."""

    heads: int
    head_dim: int
    top: int


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: `count` in each of `layers` layers, of which a token visits `active`,
    each with an FFN of width `ffn`. `shared` experts, together `shared_ffn` wide, see every token.
    `latent` is the width that experts work in where it is not the model's own."""

    count: int
    active: int
    ffn: int
    shared: int
    shared_ffn: int
    layers: int
    latent: int | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A published form of the weights: what it leaves in bf16 (`PARTS`), and the KV precision that
    it was made for, None where it does not say."""

    precision: str
    bf16: frozenset[str]
    kv_precision: str | None
    repository: str | None


@dataclass(frozen=True, slots=True)
class ModelShape:
    """One model. Sizes are in numbers, not bytes; `context` is in tokens.

    `attention_layers` of the `layers` have a KV cache, `dense_layers` a dense FFN of width `ffn`
    made of `ffn_matrices` matrices (3 where gated). `window_layers` of the attention layers attend
    only to the last `window` tokens. `attention_gate`: attention's output is gated by a projection
    as wide as the queries. `mtp_layers` predict further tokens (DeepSeek-V3, arXiv:2412.19437).
    `vision` counts what lies in memory beside the language model. `precision` is what the publisher
    ships, `bf16` what that leaves in bf16, `kv_precision` the KV precision that it was made for
    (None: not said), `checkpoints` other published forms by precision.
    `total` and `active` are the publisher's own counts. `facts` says where each fact comes from.
    """

    name: str
    label: str
    precision: str
    layers: int
    attention_layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    dense_layers: int
    ffn: int
    vocab: int
    context: int
    facts: Mapping[str, Provenance]
    ffn_matrices: int = 3
    tied_embeddings: bool = False
    attention_gate: bool = False
    bf16: frozenset[str] = frozenset()
    window: int | None = None
    window_layers: int = 0
    mla: LatentAttention | None = None
    indexer: Indexer | None = None
    linear: LinearAttention | None = None
    experts: Experts | None = None
    mtp_layers: int = 0
    vision: int = 0
    kv_precision: str | None = None
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict[str, Checkpoint])
    total: float | None = None
    active: float | None = None

    @property
    def bf16_attention(self) -> bool:
        """Whether the publisher's form leaves attention in bf16."""
        return "attention_in" in self.bf16

    def stays_bf16(self, precision: str) -> frozenset[str]:
        """The parts left in bf16 when the rest is in `precision`: as the checkpoint published in
        it says, else as the publisher's own."""
        published = self.checkpoints.get(precision)
        return self.bf16 if published is None else published.bf16


def read_model(name: str, text: str) -> ModelShape:
    """A model from the text of its TOML file.

    Raises:
        TollwayError: the text is not a model; the message names the key.
    """
    facts = Facts(text, f"model {name}")
    layers, linear = facts.need("layers"), _linear(facts)
    experts, dense = _ffns(facts, layers)
    model = ModelShape(
        name=name,
        label=facts.word("label") or name,
        precision=facts.word("precision") or "bf16",
        layers=layers,
        attention_layers=facts.whole("attention_layers")
        or layers - (linear.layers if linear else 0),
        **{key: facts.need(key) for key in _NEEDED},
        dense_layers=dense,
        **{key: facts.whole(key) or 0 for key in _COUNTS},
        ffn_matrices=facts.whole("ffn_matrices") or 3,
        **{key: facts.flag(key) for key in _FLAGS},
        bf16=_parts(facts.words("bf16"), facts.place),
        window=facts.whole("window"),
        mla=_latent(facts),
        indexer=_indexer(facts),
        linear=linear,
        experts=experts,
        vision=round((facts.number("vision_b") or 0) * 1e9),
        kv_precision=facts.word("kv_precision"),
        checkpoints=MappingProxyType(_checkpoints(facts)),
        total=_billions(facts, "total_b"),
        active=_billions(facts, "active_b"),
        facts=MappingProxyType(facts.provenance),
    )
    facts.end()
    _check(model, facts.place)
    return model


def _check(model: ModelShape, place: str) -> None:
    if model.dense_layers and not model.ffn:
        raise TollwayError(f"{place} lacks ffn. Add `ffn = …`, the width of its dense FFN.")
    if model.window_layers and model.window is None:
        raise TollwayError(
            f"{place} has window_layers but lacks window. Add `window = …` (tokens)."
        )
    if model.window_layers > model.attention_layers:
        raise TollwayError(
            f"{place}: window_layers is {model.window_layers}, more than the "
            f"{model.attention_layers} layers that attend. Write how many of those have a window."
        )


def _billions(facts: Facts, key: str) -> float | None:
    value = facts.number(key)
    return None if value is None else value * 1e9


def _parts(words: tuple[str, ...], place: str) -> frozenset[str]:
    for word in words:
        if word not in (*PARTS, "attention"):
            raise TollwayError(str(unknown(word, (*PARTS, "attention"), f"{place}: bf16")))
    both = ("attention_in", "attention_out") if "attention" in words else ()
    return frozenset((*words, *both)) - {"attention"}


def _checkpoints(facts: Facts) -> dict[str, Checkpoint]:
    found: dict[str, Checkpoint] = {}
    for at, table in enumerate(facts.tables("checkpoints")):
        part = facts.part(table, f"checkpoints[{at}]")
        precision = part.word("precision")
        if precision is None:
            raise TollwayError(f"{part.place} lacks precision. Add `precision = …`.")
        found[precision] = Checkpoint(
            precision=precision,
            bf16=_parts(part.words("bf16"), part.place),
            kv_precision=part.word("kv_precision"),
            repository=part.word("repository"),
        )
        part.end()
    return found


def _ffns(facts: Facts, layers: int) -> tuple[Experts | None, int]:
    """The experts, and how many layers have a dense FFN."""
    experts, dense = _experts(facts), facts.whole("dense_layers")
    if dense is None:
        dense = layers if experts is None else 0
    if experts is not None and not experts.layers:
        experts = replace(experts, layers=layers - dense)
    return experts, dense


def _experts(facts: Facts) -> Experts | None:
    """The experts; where the file does not say in how many layers, in none of them yet."""
    count = facts.whole("experts")
    active = facts.whole("experts_per_token")
    ffn = facts.whole("expert_ffn")
    shared = facts.whole("shared_experts") or 0
    shared_ffn = facts.whole("shared_ffn")
    latent = facts.whole("expert_latent")
    moe_layers = facts.whole("moe_layers")
    if count is None:
        return None
    if active is None or ffn is None:
        raise TollwayError(
            f"{facts.place} has experts but lacks experts_per_token or expert_ffn. Add both."
        )
    if active > count:
        raise TollwayError(
            f"{facts.place}: experts_per_token is {active}, more than its {count} experts. "
            "Write how many experts one token visits."
        )
    return Experts(
        count=count,
        active=active,
        ffn=ffn,
        shared=shared,
        shared_ffn=shared * ffn if shared_ffn is None else shared_ffn,
        layers=moe_layers or 0,
        latent=latent,
    )


def _latent(facts: Facts) -> LatentAttention | None:
    part = facts.inner("mla")
    if part is None:
        return None
    mla = LatentAttention(
        kv_rank=part.need("kv_rank"),
        q_rank=part.whole("q_rank"),
        rope_dim=part.need("rope_dim"),
        nope_dim=part.need("nope_dim"),
        value_dim=part.need("value_dim"),
    )
    part.end()
    return mla


def _indexer(facts: Facts) -> Indexer | None:
    part = facts.inner("indexer")
    if part is None:
        return None
    indexer = Indexer(part.need("heads"), part.need("head_dim"), part.need("top"))
    part.end()
    return indexer


def _linear(facts: Facts) -> LinearAttention | None:
    part = facts.inner("linear")
    if part is None:
        return None
    kind = part.word("kind") or "gated-delta"
    if kind not in ("gated-delta", "mamba2"):
        raise TollwayError(str(unknown(kind, ("gated-delta", "mamba2"), f"{part.place}.kind")))
    linear = LinearAttention(
        kind=kind,
        layers=part.need("layers"),
        key_heads=part.need("key_heads"),
        key_dim=part.need("key_dim"),
        value_heads=part.need("value_heads"),
        value_dim=part.need("value_dim"),
        conv=part.need("conv"),
    )
    part.end()
    return linear
