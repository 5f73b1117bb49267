"""What is publicly known: chips, models, engines and prices, each fact with source and date."""

from tollway.catalog.chips import Chip, MemoryTier
from tollway.catalog.engines import Engine, EngineDefaults
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
from tollway.catalog.shelf import (
    chip,
    chip_names,
    contract_texts,
    engine,
    engine_defaults,
    engine_names,
    known_as,
    model,
    model_names,
)

__all__ = [
    "Checkpoint",
    "Chip",
    "Engine",
    "EngineDefaults",
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
    "contract_texts",
    "engine",
    "engine_defaults",
    "engine_names",
    "known_as",
    "model",
    "model_names",
    "numbers_of",
]
