"""Reads files from disk for the core: the fleet file and its includes, logs of other programs."""
