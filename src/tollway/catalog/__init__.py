"""What is publicly known: chips and models, each fact with source, date and confidence."""

from tollway.catalog.chips import Chip, MemoryTier
from tollway.catalog.facts import Provenance
from tollway.catalog.models import Experts, LatentAttention, ModelShape
from tollway.catalog.shelf import chip, chip_names, model, model_names

__all__ = [
    "Chip",
    "Experts",
    "LatentAttention",
    "MemoryTier",
    "ModelShape",
    "Provenance",
    "chip",
    "chip_names",
    "model",
    "model_names",
]
