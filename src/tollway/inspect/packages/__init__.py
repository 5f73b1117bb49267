"""Reads packages: what requirement files lock, what indexes say of it, what artifacts hold."""

from tollway.inspect.packages.index_client import Enriched, enrich
from tollway.inspect.packages.requirements import read_requirements

__all__ = ["Enriched", "enrich", "read_requirements"]
