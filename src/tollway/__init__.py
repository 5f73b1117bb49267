"""Tollway: the control plane for a team that runs on inference."""

__version__ = "0.1.0"
