"""Deployments that several tests of the engine use."""

from dataclasses import replace

from tollway.catalog import Chip, chip, model
from tollway.engine import Deployment, EngineSettings, deploy


def llama70(tp: int = 8, chip_name: str = "h200") -> Deployment:
    return deploy(
        model("llama-3.3-70b"),
        chip(chip_name),
        tp,
        EngineSettings(precision="fp8", version="0.19.0"),
    )


def llama8(chip_name: str = "rtx-4090") -> Deployment:
    return deploy(model("llama-3.1-8b"), chip(chip_name), 1, EngineSettings(version="0.19.0"))


def slower(one: Chip, factor: float) -> Chip:
    """The same chip with its memory bandwidth multiplied."""
    tiers = tuple(
        replace(tier, bandwidth=None if tier.bandwidth is None else tier.bandwidth * factor)
        for tier in one.memory
    )
    return replace(one, memory=tiers)
