"""Reads packages: what requirement files lock, what indexes say of it, what artifacts hold."""

from tollway.inspect.packages.requirements import read_requirements

__all__ = ["read_requirements"]
