"""Reads a model's shape from the text of its Hugging Face `config.json`.

Rules
1. An architecture is read only when it is listed here: what a class computes is not in its config.
2. A key that looks as if it changed the shape, and that nothing here read, refuses the file.
3. A multimodal wrapper is read for its `text_config`; what sees and hears is left out.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from tollway.catalog.config_file import ConfigFile
from tollway.catalog.facts import Provenance
from tollway.catalog.models import (
    Experts,
    Indexer,
    LatentAttention,
    LinearAttention,
    ModelShape,
)
from tollway.catalog.quantised import precision_of
from tollway.errors import TollwayError, did_you_mean, listed

_GEMMA = {"tie_word_embeddings": True, "head_dim": 256, "max_position_embeddings": 131072}
_GEMMA3 = {**_GEMMA, "vocab_size": 262208, "sliding_window_pattern": 6}

ARCHITECTURES: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "CohereForCausalLM": {"tie_word_embeddings": True},
        "Cohere2ForCausalLM": {"tie_word_embeddings": True},
        "DeepseekV2ForCausalLM": {},
        "DeepseekV3ForCausalLM": {},
        "DeepseekV32ForCausalLM": {},
        "Ernie4_5ForCausalLM": {"tie_word_embeddings": True},
        "Gemma2ForCausalLM": {**_GEMMA, "sliding_window_pattern": 2},
        "Gemma3ForCausalLM": _GEMMA3,
        "Gemma3ForConditionalGeneration": _GEMMA3,
        "Glm4MoeForCausalLM": {},
        "Glm4MoeLiteForCausalLM": {},
        "GlmMoeDsaForCausalLM": {},
        "GptOssForCausalLM": {},
        "GraniteForCausalLM": {},
        "KimiK25ForConditionalGeneration": {},
        "Llama4ForCausalLM": {},
        "Llama4ForConditionalGeneration": {},
        "LlamaForCausalLM": {},
        "MiniMaxM2ForCausalLM": {},
        "Mistral3ForConditionalGeneration": {},
        "MistralForCausalLM": {"windowed": True},
        "MixtralForCausalLM": {"windowed": True},
        "NemotronHForCausalLM": {"ffn_matrices": 2},
        "Olmo2ForCausalLM": {},
        "Olmo3ForCausalLM": {},
        "Phi3ForCausalLM": {"windowed": True},
        "Qwen2ForCausalLM": {},
        "Qwen2MoeForCausalLM": {},
        "Qwen3ForCausalLM": {},
        "Qwen3MoeForCausalLM": {},
        "Qwen3NextForCausalLM": {"attn_output_gate": True, "full_attention_interval": 4},
        "Qwen3VLForConditionalGeneration": {},
        "Qwen3VLMoeForConditionalGeneration": {},
        "Qwen3_5ForConditionalGeneration": {},
        "Qwen3_5ForCausalLM": {},
        "Qwen3_5MoeForConditionalGeneration": {},
        "Qwen3_5MoeForCausalLM": {},
        "SeedOssForCausalLM": {},
    }
)
"""Known architectures, each with what its class takes where the file does not say."""

_SHAPES = re.compile(
    "layer|head|expert|moe|attn|attention|window|chunk|mamba|ssm|linear|conv|latent|lora|rank|index"
    "|mtp|nextn|kv|block|compress|group|hybrid|interval|pattern|freq|sparse|memory|state|width"
)
_HARMLESS = re.compile(
    "rope|rotary|vision|audio|image|video|token|loss|dropout|eps|dtype|bias|init|_act$|norm|scal"
    "|softcap|overlap|kernels$|jitter|cache|logits|implementation|transformers|residual|time_step"
    "|n_group$|topk_group$|^chunk_size$|temperature|^qk_head_dim$|dedicated|^expand$|mamba_expand"
    "|^mtp_hybrid|multiplier|^mamba_chunk_size$|^num_key_value_groups$|^_?sliding_window_pattern$|^pretraining|^max_window_layers$|^ep_size$|quantization"
)


def read_config(
    name: str, text: str, origin: Provenance, quantisation: str | None = None
) -> ModelShape:
    """A model from the text of its `config.json`, and of its `hf_quant_config.json` where it has
    one. `origin` says where they come from.

    Raises:
        TollwayError: it is not a config, or says what is not understood; the message names the key.
    """
    whole = ConfigFile(text, f"config.json of {name}", {})
    architecture = _architecture(whole)
    file = whole.inner("text_config", ARCHITECTURES[architecture]) or whole.with_defaults(
        ARCHITECTURES[architecture]
    )
    shape = _shape(name, file, origin)
    moe_layers = 0 if shape.experts is None else shape.experts.layers
    ffns = (shape.dense_layers, moe_layers)
    precision, bf16, kv_precision = precision_of(whole, quantisation, shape.layers, ffns)
    tied = whole.flag("tie_word_embeddings") or shape.tied_embeddings
    _refuse_the_rest(file)
    return replace(
        shape, precision=precision, bf16=bf16, kv_precision=kv_precision, tied_embeddings=tied
    )


def _shape(name: str, file: ConfigFile, origin: Provenance) -> ModelShape:
    layers = file.need("num_hidden_layers")
    mixers = _mixers(file, layers)
    experts, dense_layers = _experts(file, layers, mixers)
    mla = _latent(file)
    heads, hidden = file.need("num_attention_heads"), file.need("hidden_size")
    return ModelShape(
        name=name,
        label=name,
        precision="bf16",
        layers=layers,
        attention_layers=mixers["attention"] + mixers["window"],
        hidden=hidden,
        heads=heads,
        kv_heads=file.whole("num_key_value_heads") or heads,
        head_dim=file.whole("head_dim") or (hidden // heads if mla is None else mla.nope_dim),
        dense_layers=dense_layers,
        ffn=_dense_width(file) if dense_layers else 0,
        ffn_matrices=file.whole("ffn_matrices") or 3,
        vocab=file.need("vocab_size"),
        context=file.need("max_position_embeddings"),
        tied_embeddings=file.flag("tie_word_embeddings") is True,
        attention_gate=file.flag("attn_output_gate") is True,
        window=_window(file) if mixers["window"] else None,
        window_layers=mixers["window"],
        mla=mla,
        indexer=_indexer(file),
        linear=_linear(file, mixers["linear"]),
        experts=experts,
        mtp_layers=_mtp(file),
        facts=MappingProxyType({"config.json": origin}),
    )


def _architecture(whole: ConfigFile) -> str:
    written = whole.raw("architectures")
    names = [str(one) for one in cast("list[object]", written)] if isinstance(written, list) else []
    if not names:
        raise TollwayError(
            f"{whole.place} names no architectures. "
            "Hand in the config.json that lies beside the model's weights."
        )
    if names[0] not in ARCHITECTURES:
        raise TollwayError(
            f"{whole.place}: architectures is {names[0]}, which is not understood; known: "
            f"{listed(ARCHITECTURES)}. {did_you_mean(names[0], ARCHITECTURES)} "
            "Or describe its shape in TOML (docs/reference/catalogue.md)."
        )
    return names[0]


def _mixers(file: ConfigFile, layers: int) -> Counter[str]:
    """How many layers attend to all, attend to a window, keep a state, or (hybrids whose layers
    mix or feed forward, not both) have only an FFN, dense or of experts."""
    pattern = file.word("hybrid_override_pattern")
    if pattern is not None:
        kinds = {"M": "linear", "*": "attention", "-": "dense", "E": "experts"}
        return _counted(file, "hybrid_override_pattern", list(pattern), kinds, layers)
    interval = file.whole("full_attention_interval")
    types = file.raw("layer_types")
    if isinstance(types, list):
        kinds = {
            "full_attention": "attention",
            "sliding_attention": "window",
            "chunked_attention": "window",
            "linear_attention": "linear",
        }
        found = _counted(file, "layer_types", cast("list[object]", types), kinds, layers)
        return found if _window(file) else _opened(found)
    if interval is not None:
        return Counter(attention=layers // interval, linear=layers - layers // interval)
    windowed = _windowed_layers(file, layers)
    return Counter(attention=layers - windowed, window=windowed)


def _opened(found: Counter[str]) -> Counter[str]:
    return found + Counter(attention=found["window"]) - Counter(window=found["window"])


def _counted(
    file: ConfigFile, key: str, types: list[object], kinds: Mapping[str, str], layers: int
) -> Counter[str]:
    for one in types:
        if not isinstance(one, str) or one not in kinds:
            raise TollwayError(
                f"{file.place}: {key} has {one!r}, which is not understood; known: "
                f"{', '.join(kinds)}. Describe the model in TOML instead."
            )
    if len(types) != layers:
        raise TollwayError(
            f"{file.place}: {key} names {len(types)} layers, and num_hidden_layers is {layers}. "
            "Hand in the config.json as it was published."
        )
    return Counter(kinds[str(one)] for one in types)


def _window(file: ConfigFile) -> int | None:
    """The window in tokens; None where it is as long as the longest context."""
    window = file.whole("sliding_window") or file.whole("attention_chunk_size")
    return None if window is None or window >= file.need("max_position_embeddings") else window


def _windowed_layers(file: ConfigFile, layers: int) -> int:
    pattern = file.whole("sliding_window_pattern")
    used, every = file.flag("use_sliding_window"), file.flag("windowed")
    chunked = file.whole("attention_chunk_size") is not None
    without_rope = file.whole("no_rope_layer_interval") or 4  # those layers see everything
    if _window(file) is None or used is False:
        return 0
    if chunked:
        return layers - layers // without_rope
    if pattern is not None:
        return layers - layers // pattern
    if used:
        return layers - (file.whole("max_window_layers") or 0)
    if every:
        return layers
    raise TollwayError(
        f"{file.place}: sliding_window is {_window(file)}, and nothing says in which layers. "
        "Add layer_types, or describe the model in TOML."
    )


def _dense_width(file: ConfigFile) -> int:
    return file.whole("intermediate_size_mlp") or file.need("intermediate_size")


def _experts(file: ConfigFile, layers: int, mixers: Counter[str]) -> tuple[Experts | None, int]:
    """The experts, and how many layers have a dense FFN."""
    counts = [file.whole(key) for key in ("num_local_experts", "num_experts", "n_routed_experts")]
    count = next((one for one in counts if one is not None), None)
    ffn_layers = layers - mixers["dense"] - mixers["experts"]
    hybrid = ffn_layers != layers
    if count is None:
        return None, mixers["dense"] if hybrid else layers
    dense = mixers["dense"] if hybrid else _dense_layers(file, layers)
    moe_layers = mixers["experts"] if hybrid else layers - dense
    ffn = file.whole("moe_intermediate_size") or file.need("intermediate_size")
    shared, shared_ffn = _shared(file, ffn)
    if dense > layers:
        raise TollwayError(
            f"{file.place}: {dense} dense layers are more than num_hidden_layers, {layers}. "
            "Hand in the config.json as it was published."
        )
    if not moe_layers:
        return None, dense
    experts = Experts(
        count=count,
        active=file.need("num_experts_per_tok"),
        ffn=ffn,
        shared=shared,
        shared_ffn=shared_ffn,
        layers=moe_layers,
        latent=file.whole("moe_latent_size"),
    )
    return experts, dense


def _shared(file: ConfigFile, ffn: int) -> tuple[int, int]:
    width = file.whole("shared_expert_intermediate_size")
    each = file.whole("moe_shared_expert_intermediate_size")
    beside = file.whole("shared_intermediate_size")
    count = file.whole("n_shared_experts")
    if file.whole("interleave_moe_layer_step") is not None:
        return 1, ffn  # Llama 4 has one shared expert as wide as the routed ones, unsaid
    if count is None:
        width = width or beside
        return (0, 0) if width is None else (1, width)
    return count, count * (each or ffn)


def _dense_layers(file: ConfigFile, layers: int) -> int:
    first = file.whole("first_k_dense_replace") or 0
    only = file.raw("mlp_only_layers")
    listed_dense = len(cast("list[object]", only)) if isinstance(only, list) else 0
    step = file.whole("interleave_moe_layer_step") or file.whole("decoder_sparse_step") or 1
    frequency = file.raw("moe_layer_freq")
    if isinstance(frequency, list):
        return sum(1 for one in cast("list[object]", frequency) if not one)
    step = file.whole("moe_layer_freq") or step
    rest = layers - max(first, listed_dense)
    return layers - rest // step


def _latent(file: ConfigFile) -> LatentAttention | None:
    rank = file.whole("kv_lora_rank")
    if rank is None:
        return None
    return LatentAttention(
        kv_rank=rank,
        q_rank=file.whole("q_lora_rank"),
        rope_dim=file.need("qk_rope_head_dim"),
        nope_dim=file.need("qk_nope_head_dim"),
        value_dim=file.need("v_head_dim"),
    )


def _indexer(file: ConfigFile) -> Indexer | None:
    heads = file.whole("index_n_heads")
    if heads is None:
        return None
    return Indexer(heads, file.need("index_head_dim"), file.need("index_topk"))


def _linear(file: ConfigFile, layers: int) -> LinearAttention | None:
    if not layers:
        return None
    if file.word("hybrid_override_pattern") is not None:
        return LinearAttention(
            kind="mamba2",
            layers=layers,
            key_heads=file.whole("n_groups") or file.need("mamba_num_groups"),
            key_dim=file.whole("ssm_state_size") or file.need("mamba_state_dim"),
            value_heads=file.need("mamba_num_heads"),
            value_dim=file.need("mamba_head_dim"),
            conv=file.whole("conv_kernel") or 4,
        )
    return LinearAttention(
        kind="gated-delta",
        layers=layers,
        key_heads=file.need("linear_num_key_heads"),
        key_dim=file.need("linear_key_head_dim"),
        value_heads=file.need("linear_num_value_heads"),
        value_dim=file.need("linear_value_head_dim"),
        conv=file.need("linear_conv_kernel_dim"),
    )


def _mtp(file: ConfigFile) -> int:
    used = file.flag("use_mtp")
    keys = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
    counts = [file.whole(key) for key in (*keys, "mtp_transformer_layers")]
    return 0 if used is False else next((one for one in counts[:3] if one is not None), 0)


def _refuse_the_rest(file: ConfigFile) -> None:
    for key, value in file.unread():
        if not value or _HARMLESS.search(key) or not _SHAPES.search(key):
            continue
        raise TollwayError(
            f"{file.place}: {key} is {str(value)[:60]}, which may change the model's shape and is "
            "not understood. Describe the model in TOML (docs/reference/catalogue.md)."
        )
