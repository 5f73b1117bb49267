"""What a checkpoint is quantised to, and which parts of it are left in bf16.

Rules
1. A part is left in bf16 when the list of what is not converted names it in at least half of the
   layers that have it: publishers spare single layers too, which weigh little.
2. A checkpoint that mixes two precisions is refused: one number cannot stand for both.
"""

import re
from typing import cast

from tollway.catalog.config_file import ConfigFile
from tollway.errors import TollwayError

_METHODS = {
    "fp8": "fp8",
    "fbgemm_fp8": "fp8",
    "mxfp4": "fp4",
    "mxfp8": "fp8",
    "nvfp4": "fp4",
    "w8a8_fp8": "fp8",
    "fp8_per_channel_per_token": "fp8",
    "fp8_pb_wo": "fp8",
    "nvfp4_awq": "fp4",
    "w4a16_awq": "int4",
    "int8_sq": "int8",
    "w4a8_mxfp4_fp8": "fp4",
}
_BITS = {
    ("float", 8): "fp8",
    ("float", 4): "fp4",
    ("int", 8): "int8",
    ("int", 4): "int4",
}
_DTYPES = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "float32": "bf16",  # serving engines cast it down
}
_LISTS = ("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers", "exclude")
_WHOLE = r"(self_attn|self_attention|attention|attn)(\*|\.\*|$)"
_PARTS = {
    "attention_in": re.compile(
        _WHOLE + r"|\.(q_proj|k_proj|v_proj|qkv_proj|q_a_proj|q_b_proj|kv_b_proj)\b"
    ),
    "attention_out": re.compile(_WHOLE + r"|self_attn\.o_proj\b"),
    "linear": re.compile(r"(linear_attn|mamba|mixer)(\*|\.\*|$)|linear_attn\.(in|out)_proj"),
    "shared": re.compile(r"shared_experts?(\*|\.|$)"),
    "dense": re.compile(r"\bmlp(\*|\.\*|$)|\bmlp\.(gate_up|gate|up|down)_proj|mlp\.\(gate"),
    "experts": re.compile(r"\bexperts(\*|\.\*|$)"),
}
_LAYER = re.compile(r"layers\.(\d+)\b")


def precision_of(
    config: ConfigFile, second: str | None, layers: int, ffns: tuple[int, int]
) -> tuple[str, frozenset[str], str | None]:
    """The precision of a checkpoint, what is left in bf16 of it, and the KV precision that it was
    made for (None: not said). `second` is the text of `hf_quant_config.json`; `ffns` are how many
    of the `layers` have a dense FFN, and how many have experts.

    Raises:
        TollwayError: the form is not understood; the message names the key.
    """
    table = config.inner("quantization_config", {}) or config.inner("compression_config", {})
    if second is not None:
        beside = ConfigFile(second, f"{config.place}: hf_quant_config.json", {})
        table = beside.inner("quantization", {}) or beside
    if table is None:
        written = config.word("torch_dtype") or config.word("dtype")
        inner = config.inner("text_config", {})
        if written is None and inner is not None:
            written = inner.word("torch_dtype") or inner.word("dtype")
        return _dtype(config, written), frozenset(), None
    kv = table.word("kv_cache_quant_algo") or table.word("kv_cache_dtype")
    precision = _method(table)
    return precision, _spared(table, layers, ffns), None if kv is None else kv.lower()[:3]


def _dtype(config: ConfigFile, written: str | None) -> str:
    if written is None:
        return "bf16"
    if written not in _DTYPES:
        raise TollwayError(
            f"{config.place}: torch_dtype is {written}, which is not understood; known: "
            f"{', '.join(_DTYPES)}. Say the precision in TOML."
        )
    return _DTYPES[written]


def _method(table: ConfigFile) -> str:
    algorithm = table.word("quant_algo") or table.word("quant_method") or "none"
    groups = table.raw("config_groups")
    if isinstance(groups, dict):
        return _of_groups(table, cast("dict[str, object]", groups))
    bits = table.whole("bits") or table.whole("w_bit")
    if algorithm.lower() in ("awq", "gptq", "auto-round") and bits in (4, 8):
        return f"int{bits}"
    if algorithm == "bitsandbytes":
        return "int4" if table.flag("load_in_4bit") else "int8"
    if algorithm.lower() not in _METHODS:
        raise TollwayError(
            f"{table.place}: quant_method is {algorithm}, which is not understood; known: "
            f"{', '.join(_METHODS)}, awq, gptq, bitsandbytes, compressed-tensors. "
            "Say the precision in TOML."
        )
    return _METHODS[algorithm.lower()]


def _of_groups(table: ConfigFile, groups: dict[str, object]) -> str:
    found: set[str] = set()
    for group in groups.values():
        inner = cast("dict[str, object]", group) if isinstance(group, dict) else {}
        weights = inner.get("weights")
        said = cast("dict[str, object]", weights) if isinstance(weights, dict) else {}
        kind = (str(said.get("type")), said.get("num_bits"))
        found.add(_BITS.get(cast("tuple[str, int]", kind), f"{kind[1]}-bit {kind[0]}"))
    if len(found) != 1 or not found <= set(_BITS.values()):
        raise TollwayError(
            f"{table.place}: config_groups quantises weights to {' and '.join(sorted(found))}; one "
            f"of {', '.join(sorted(_BITS.values()))} is understood. Say the precision in TOML."
        )
    return found.pop()


def _spared(table: ConfigFile, layers: int, ffns: tuple[int, int]) -> frozenset[str]:
    names: list[str] = []
    for key in _LISTS:
        written = table.raw(key)
        if isinstance(written, list):
            names += [_plain(str(one)) for one in cast("list[object]", written)]
    dense, moe = ffns
    having = {"dense": dense, "shared": moe, "experts": moe}
    return frozenset(
        part
        for part, pattern in _PARTS.items()
        if _covers([name for name in names if pattern.search(name)], having.get(part, layers))
    )


def _plain(name: str) -> str:
    """A pattern such as `re:.*self_attn.*` as the name that it is about."""
    return name.removeprefix("re:").replace("\\.", ".").removesuffix("$").rstrip()


def _covers(names: list[str], layers: int) -> bool:
    numbers = [_LAYER.search(name) for name in names]
    if any(number is None for number in numbers):
        return True
    single = {number.group(1) for number in numbers if number is not None}
    return bool(single) and 2 * len(single) >= layers
