"""The efficiencies of a first roofline: which share of a peak real engines reach.

Rules
1. A constant that several chips share generalises better than one fitted to each chip, so there is
   one of each here, and none is tuned to a model or a chip.
2. Where a constant is assumed rather than fitted, its comment says so.

The fitted ones come from a fit over public InferenceX results, see docs/concepts/engine.md.
"""

from tollway.units import Seconds

EFFICIENCY_WEIGHTS = 0.91
"""Share of peak memory bandwidth while reading dense weights. Fitted."""

EFFICIENCY_EXPERTS = 0.66
"""Share of peak memory bandwidth while reading expert weights. Fitted."""

EFFICIENCY_KV = 0.88
"""Share of peak memory bandwidth while reading the KV cache. Fitted."""

EFFICIENCY_GEMM = 0.82
"""Share of peak arithmetic in dense matrix products. Fitted."""

EFFICIENCY_EXPERT_GEMM = 0.20
"""Share of peak arithmetic in grouped expert products. Fitted, weakly identified."""

EFFICIENCY_ATTENTION = 0.11
"""Share of peak bf16 arithmetic in attention. Fitted, weakly identified."""

EFFICIENCY_LINK = 0.37
"""Share of a scale-up link's bandwidth in an all-reduce. Fitted."""

LAYER_OVERHEAD = Seconds(58e-6)
"""Launches and gaps of one layer. Fitted."""

SEQUENCE_OVERHEAD = Seconds(20e-6)
"""Scheduling, sampling and detokenising of one sequence in one step. Fitted."""

ALL_REDUCE_LATENCY = Seconds(5e-6)
"""Latency of a small all-reduce between two chips, scaled by the root of the log of their number.
Assumed: the order of magnitude that intra-node collectives show at small messages."""

LINK_ASSUMED = 25e9
"""Bytes a second in one direction where the catalogue knows no link. Assumed: PCIe 4.0 x16, less
its protocol."""

MEETING_NORM = 4.0
"""Reading weights and computing with them overlap: the time is the 4-norm of both, which is near
the larger one and rounds the corner of the roofline where they meet. Chosen in the same fit."""

MEMORY_SHARE = 0.9
"""Share of a chip's memory that an engine may fill: vLLM's default gpu_memory_utilization."""

RUNTIME_BYTES = 1_700_000_000
"""Bytes a chip needs beside weights and KV (context, graphs, activations). From one published
measurement: Llama-3.1-8B in bf16 on an RTX 4090 under vLLM 0.19 left 2,588 blocks of 16 tokens
(LLMServingSim's per-request data set)."""

KV_PRECISION = "bf16"
BATCH_TOKENS = 8192
SEQUENCES = 256
"""What vLLM starts with on large chips, where nothing is declared."""

BLOCK = 16
"""Tokens in one KV block: vLLM's default block size."""

NUMBER_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.53125, "int4": 0.53125}
"""Bytes of one weight. Four-bit forms carry one byte of scale for every 32 numbers (OCP MX)."""
