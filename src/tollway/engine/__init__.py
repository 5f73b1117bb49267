"""How fast a model runs on a chip: step time, memory tiers, batching."""

from tollway.engine.batching import Batching, Plan, Sequence
from tollway.engine.deployment import Capacity, Deployment, EngineSettings, deploy, kv_capacity
from tollway.engine.step import (
    Batch,
    Chunk,
    StepTime,
    StepTimer,
    decode_step,
    prefill_chunk,
    step_time,
)

__all__ = [
    "Batch",
    "Batching",
    "Capacity",
    "Chunk",
    "Deployment",
    "EngineSettings",
    "Plan",
    "Sequence",
    "StepTime",
    "StepTimer",
    "decode_step",
    "deploy",
    "kv_capacity",
    "prefill_chunk",
    "step_time",
]
