"""Traces: which steps a request takes, as they are taken."""
