"""What is publicly known: chips and models, each fact with source, date and confidence."""

from tollway.catalog.chips import Chip, MemoryTier
from tollway.catalog.facts import Provenance, Range
from tollway.catalog.models import (
    Checkpoint,
    Experts,
    Indexer,
    LatentAttention,
    LinearAttention,
    ModelShape,
)
from tollway.catalog.numbers import Numbers, numbers_of
from tollway.catalog.shelf import chip, chip_names, known_as, model, model_names

__all__ = [
    "Checkpoint",
    "Chip",
    "Experts",
    "Indexer",
    "LatentAttention",
    "LinearAttention",
    "MemoryTier",
    "ModelShape",
    "Numbers",
    "Provenance",
    "Range",
    "chip",
    "chip_names",
    "known_as",
    "model",
    "model_names",
    "numbers_of",
]
