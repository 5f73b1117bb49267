"""The service tiers that providers sell."""

from typing import Literal

Tier = Literal["standard", "flex", "batch", "priority"]
