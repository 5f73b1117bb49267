"""Traces against a running gateway."""
