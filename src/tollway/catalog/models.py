"""Models: the shape of a transformer, as its publisher's configuration states it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tollway.catalog.facts import Facts, Provenance
from tollway.errors import TollwayError


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): the cache holds one latent of
    `kv_rank` and one rotary key of `rope_dim` numbers a token and layer, for all heads."""

    kv_rank: int
    q_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: `count` in each layer after the first `dense_layers`, of which a token
    visits `active`, each with a gated FFN of width `ffn`; `shared` experts see every token."""

    count: int
    active: int
    ffn: int
    shared: int
    dense_layers: int


@dataclass(frozen=True, slots=True)
class ModelShape:
    """One model. Sizes are in numbers, not bytes; `context` is in tokens.

    `precision` is what the publisher ships. `window_layers` of the layers attend only to the last
    `window` tokens. `bf16_attention`: a quantised form leaves attention in bf16. `facts` says where
    each written fact comes from.
    """

    name: str
    label: str
    precision: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    context: int
    tied_embeddings: bool
    bf16_attention: bool
    window: int | None
    window_layers: int
    mla: LatentAttention | None
    experts: Experts | None
    facts: Mapping[str, Provenance]


def read_model(name: str, text: str) -> ModelShape:
    """A model from the text of its TOML file.

    Raises:
        TollwayError: the text is not a model; the message names the key.
    """
    facts = Facts(text, f"model {name}")
    mla = _latent(facts)
    model = ModelShape(
        name=name,
        label=facts.word("label") or name,
        precision=facts.word("precision") or "bf16",
        layers=facts.need("layers"),
        hidden=facts.need("hidden"),
        heads=facts.need("heads"),
        kv_heads=facts.need("kv_heads"),
        head_dim=facts.need("head_dim"),
        ffn=facts.need("ffn"),
        vocab=facts.need("vocab"),
        context=facts.need("context"),
        tied_embeddings=facts.flag("tied_embeddings"),
        bf16_attention=facts.flag("bf16_attention"),
        window=facts.whole("window"),
        window_layers=facts.whole("window_layers") or 0,
        mla=mla,
        experts=_experts(facts),
        facts=MappingProxyType(facts.provenance),
    )
    facts.end()
    return model


def _experts(facts: Facts) -> Experts | None:
    count = facts.whole("experts")
    active = facts.whole("experts_per_token")
    ffn = facts.whole("expert_ffn")
    shared = facts.whole("shared_experts") or 0
    dense_layers = facts.whole("dense_layers") or 0
    if count is None:
        return None
    if active is None or ffn is None:
        raise TollwayError(
            f"{facts.place} has experts but lacks experts_per_token or expert_ffn. Add both."
        )
    return Experts(count, active, ffn, shared, dense_layers)


def _latent(facts: Facts) -> LatentAttention | None:
    table = facts.table("mla")
    if table is None:
        return None
    sizes: dict[str, int] = {}
    for key in ("kv_rank", "q_rank", "rope_dim", "nope_dim", "value_dim"):
        value = facts.within(table, key, f"mla.{key}")
        if value is None:
            raise TollwayError(f"{facts.place}: mla lacks {key}. Add `{key} = …`.")
        sizes[key] = int(value)
    return LatentAttention(**sizes)
