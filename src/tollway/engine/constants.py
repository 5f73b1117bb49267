"""What the engine model assumes and does not fit; each with its source."""

LINK_ASSUMED = 25e9
"""Bytes a second in one direction where the catalogue knows no link. Assumed: PCIe 4.0 x16, less
its protocol."""

MEMORY_SHARE = 0.9
"""Share of a chip's memory that an engine may fill: vLLM's default gpu_memory_utilization."""

RUNTIME_BYTES = 1_700_000_000
"""Bytes a chip needs beside weights and KV (context, graphs, activations). From one published
measurement: Llama-3.1-8B in bf16 on an RTX 4090 under vLLM 0.19 left 2,588 blocks of 16 tokens
(LLMServingSim's per-request data set)."""

BLOCK = 16
"""Tokens in one KV block: vLLM's default block size."""

SEQUENCES = 256
BATCH_TOKENS = 8192
"""How many sequences run at once, and tokens of one step, where neither the question nor the
catalogue's engine says: vLLM's on smaller chips."""

KV_PRECISION = "bf16"
"""Precision of the cache where neither the question nor the checkpoint says: engines' "auto"."""

NUMBER_BYTES = {
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.53125,
    "int4": 0.53125,
}
"""Bytes of one number. Four-bit forms carry one byte of scale for every 32 numbers (OCP MX)."""

SOFTWARE = {"amd": 1.3}
"""How much longer steps take than the shared constants say, by vendor of the chip; 1 where nobody
has measured. AMD: per peak FLOP/s, MI300X, MI325X and MI355X take 1.48, 1.36 and 1.29 times as long
as NVIDIA's chips of their time offline on Llama-2-70B, MI325X 1.2 times on Mixtral-8x7B, MI355X 0.9
times on Llama-3.1-405B (ratios of closed results of MLPerf Inference v4.1 and v5.1; derived, not
verified by MLCommons)."""
