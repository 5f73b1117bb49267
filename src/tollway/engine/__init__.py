"""How fast a model runs on a chip: step time, memory tiers, batching."""

from tollway.engine.anchors import Anchor, Calibration, calibrate
from tollway.engine.answer import Bound, Estimate, Origin, Prediction, Scenario, TierUse
from tollway.engine.deployment import Capacity, Deployment, Room, deploy, kv_capacity
from tollway.engine.fitted import StepTime
from tollway.engine.predict import predict
from tollway.engine.question import (
    EngineSettings,
    Layout,
    PrefillPool,
    Question,
    Speculation,
    Workload,
)
from tollway.engine.step import (
    Batch,
    Chunk,
    StepTimer,
    decode_step,
    prefill_chunk,
    step_time,
)
from tollway.engine.sustain import Sustained, sustained

__all__ = [
    "Anchor",
    "Batch",
    "Bound",
    "Calibration",
    "Capacity",
    "Chunk",
    "Deployment",
    "EngineSettings",
    "Estimate",
    "Layout",
    "Origin",
    "Prediction",
    "PrefillPool",
    "Question",
    "Room",
    "Scenario",
    "Speculation",
    "StepTime",
    "StepTimer",
    "Sustained",
    "TierUse",
    "Workload",
    "calibrate",
    "decode_step",
    "deploy",
    "kv_capacity",
    "predict",
    "prefill_chunk",
    "step_time",
    "sustained",
]
