"""What is said on a command line about a deployment and its load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentOptions:
    """The model, how it is spread over chips, and what its engine is started with.

    Parameters
    ----------
    model
        A model of the catalogue, its Hugging Face name, or a file: its config.json, or TOML.
    catalog
        A folder of your own chips, models and engines (*.toml, *.json).
    tp
        Chips that share each attention computation (tensor parallelism).
    pp
        Pipeline stages.
    ep
        Chips over which whole experts are spread. 1 splits each expert.
    dp_attention
        Groups of tp chips that attend to their own sequences and share the experts.
    precision
        Of weights: bf16, fp16, fp8, fp4, int8, int4. Default: as published.
    kv_precision
        Of the KV cache. Default: as the checkpoint says, else bf16.
    engine
        vllm, sglang, trtllm, …; vllm@0.11.0 names the version, for its defaults.
    context
        The longest sequence in tokens. Default: the model's own, or what fits.
    max_num_seqs
        Sequences that run at once. Default: the engine's.
    token_budget
        Tokens of one step (max-num-batched-tokens). Default: the engine's.
    memory_share
        Share of a chip's memory that the engine may fill. Default: the engine's.
    memory_tiers
        How many of the chip's memory tiers may be filled, the fastest first.
    kv_blocks
        KV blocks of 16 tokens, as the engine's own log says.
    spec_tokens
        Tokens drafted a step by speculative decoding.
    acceptance
        The share of drafted tokens that are kept, 0 to 1.
    prefix_share
        The share of prompt tokens found in the prefix cache, 0 to below 1.
    """

    model: str
    catalog: Path | None = None
    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp_attention: int = 1
    precision: str | None = None
    kv_precision: str | None = None
    engine: str = "vllm"
    context: int | None = None
    max_num_seqs: int | None = None
    token_budget: int | None = None
    memory_share: float | None = None
    memory_tiers: int = 1
    kv_blocks: int | None = None
    spec_tokens: int | None = None
    acceptance: float | None = None
    prefix_share: float = 0.0


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Who asks for how much.

    Parameters
    ----------
    input
        Mean tokens of a prompt.
    output
        Mean tokens of an answer.
    spread
        Lengths are uniform within this share of the means: 0.1 is from 90% to 110%.
    concurrency
        Users, each asking again once answered. Default: 1.
    rate
        Requests a second, arriving at random, instead of users.
    requests
        How many are asked in all. Default: ten for each user.
    """

    input: Annotated[int, Parameter(name="--in")] = 1024
    output: Annotated[int, Parameter(name="--out")] = 1024
    spread: float = 0.0
    concurrency: int | None = None
    rate: float | None = None
    requests: int | None = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillOptions:
    """Prefill on chips of its own.

    Parameters
    ----------
    prefill_chip
        Prefill on this chip and decode on --chip (disaggregation). They may differ.
    prefill_tp
        Chips of one prefill replica.
    prefill_replicas
        Prefill replicas.
    decode_replicas
        Decode replicas beside them.
    prefill_price
        USD for an hour of one prefill chip. Default: as --price.
    kv_link_gb_s
        GB a second over which KV caches move. Default: the slower chip's network.
    """

    prefill_chip: str | None = None
    prefill_tp: int = 1
    prefill_replicas: int = 1
    decode_replicas: int = 1
    prefill_price: float | None = None
    kv_link_gb_s: float | None = None
