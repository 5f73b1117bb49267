# pyright: basic
"""The arrays of the compiled execution: a record a replica, a request, a kind of engine."""

import numpy as np

from tollway.simulator.source import digest

MOST_TIERS = 4
MOST_UNITS = 10
RESIDUES = 16 * MOST_UNITS

WAITING, PREFILLING, DECODING, GONE = 0, 1, 2, 3
MIXED, WHOLE, APART = 0, 1, 2
NONE = -1
NEVER = 2**62

KIND = np.dtype(
    [
        ("blocks", "i8"),
        ("sequences", "i8"),
        ("batch_tokens", "i8"),
        ("mixing", "i8"),
        ("rows", "i8"),
        ("reserve", "i8"),
        ("caching", "i8"),
        ("hashed", "i8"),
        ("per_hash", "i8"),
        ("context", "i8"),
        ("spare", "i8"),
        ("unit", "i8"),
        ("gain", "i8"),
        ("cycle", "i8"),
        ("base_at", "i8"),
        ("experts_at", "i8"),
        ("prompt_at", "i8"),
        ("groups", "i8"),
        ("bends", "i8", (4 + 2 * MOST_TIERS,)),
        ("constant", "f8", (14,)),
        (f"sources_{digest()}", "i1"),
    ],
    align=True,
)
"""One kind of engine. `base_at`, `experts_at` and `prompt_at` are where its tables begin."""

REPLICA = np.dtype(
    [
        ("kind", "i8"),
        ("start", "i8"),
        ("end", "i8"),
        ("steps", "i8"),
        ("moves", "i8"),
        ("chunks", "i8"),
        ("chunks_tail", "i8"),
        ("partial", "i8"),
        ("leaving", "i8"),
        ("waiting", "i8"),
        ("waiting_tail", "i8"),
        ("queued", "i8"),
        ("seated", "i8"),
        ("arrived", "i8"),
        ("beat", "i8"),
        ("place", "i8"),
        ("next_end", "i8"),
        ("decodes", "i8"),
        ("last", "i8"),
        ("context", "i8"),
        ("own", "i8"),
        ("promised", "i8"),
        ("cached", "i8"),
        ("idle", "i8"),
        ("run", "i8"),
        ("run_tail", "i8"),
        ("stepped", "i8"),
        ("busy", "i8"),
        ("preempted", "i8"),
        ("hit", "i8"),
        ("prefilled", "i8"),
        ("peak", "i8"),
        ("residues", "i4", (RESIDUES,)),
    ],
    align=True,
)
"""One replica between two steps. `end` is `NEVER` while it is idle; lists of requests (`chunks` of
this step, `waiting`, decoding ones from the `last` to come, `leaving` at the end of the step) begin
with `NONE` when empty. `next_end` is the beat at which the next answer is complete, `place` the
phase of blocks, `run` the blocks that were let go first."""

SEQUENCE = np.dtype(
    [
        ("prefix", "i8"),
        ("request", "i4"),
        ("hashes", "i4"),
        ("prompt", "i4"),
        ("output", "i4"),
        ("known", "i4"),
        ("left", "i4"),
        ("generated", "i4"),
        ("shared", "i4"),
        ("cached", "i4"),
        ("phase", "i4"),
        ("order", "i4"),
        ("crosses", "i4"),
        ("next", "i4"),
        ("before", "i4"),
        ("slot", "i4"),
        ("leaves", "i4"),
        ("began", "i8"),
        ("ends", "i8"),
    ],
    align=True,
)
"""A row for a request that is here: `prefix` is where its `hashes` ids begin. `next` and `before`
link the lists above, `slot` those that end at one beat, `leaves` those that leave."""

REQUEST = np.dtype(
    [("at", "i8"), ("prefix", "i8"), ("hashes", "i4"), ("prompt", "i4"), ("output", "i4")],
    align=True,
)
"""One request of a workload, at picosecond `at`: tokens of prompt and output, and where its
`hashes` ids begin."""

RUN = np.dtype([("prefix", "i8"), ("left", "i4"), ("next", "i4")], align=True)
"""Hashed blocks that were let go together; their moment is the number of the run."""
