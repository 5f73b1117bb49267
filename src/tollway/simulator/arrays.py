# pyright: basic
"""Puts replicas, their engines and their requests into the arrays of the compiled execution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tollway.engine.constants import BLOCK
from tollway.errors import TollwayError
from tollway.simulator.layout import (
    APART,
    GONE,
    KIND,
    MIXED,
    MOST_TIERS,
    MOST_UNITS,
    NEVER,
    NONE,
    REPLICA,
    REQUEST,
    RUN,
    SEQUENCE,
    WHOLE,
)
from tollway.simulator.sequence import SPARE_SHARE, ReplicaSettings
from tollway.simulator.steps import PROMPT

Array = np.ndarray[Any, np.dtype[Any]]
_MIXING = {"mixed": MIXED, "whole": WHOLE, "apart": APART}


@dataclass(frozen=True, slots=True)
class Engines:
    """Kinds of engines, with their tables end to end."""

    kinds: Array
    base: Array
    experts: Array
    prompts: Array


@dataclass(frozen=True, slots=True)
class Requests:
    """A workload in the order of arrival: `rows` of `REQUEST`, and the ids of hashed blocks that
    they point into, which count from 0 to below `names`."""

    rows: Array
    ids: Array
    names: int

    def __len__(self) -> int:
        return len(self.rows)


def requests_of(
    arrivals: Sequence[int] | Array,
    prompts: Sequence[int] | Array,
    outputs: Sequence[int] | Array,
    prefixes: Sequence[Sequence[int]] | None = None,
) -> Requests:
    """Requests in the order of arrival (picoseconds), with tokens of prompt and output. `prefixes`
    are ids of hashed blocks of any kind; they are numbered anew."""
    rows = np.zeros(len(arrivals), REQUEST)
    rows["at"], rows["prompt"], rows["output"] = arrivals, prompts, outputs
    ids, names = np.zeros(0, np.int32), 0
    if prefixes is not None:
        rows["hashes"] = [len(one) for one in prefixes]
        rows["prefix"] = np.cumsum(rows["hashes"]) - rows["hashes"]
        flat = [block for one in prefixes for block in one]
        numbers = {block: at for at, block in enumerate(dict.fromkeys(flat))}
        ids, names = np.array([numbers[block] for block in flat], np.int32), len(numbers)
    return Requests(rows, ids, names)


def engines_of(settings: Sequence[ReplicaSettings]) -> Engines:
    """The arrays of several kinds of engines."""
    kinds = np.zeros(len(settings), KIND)
    base: list[int] = []
    experts: list[float] = []
    prompts: list[float] = []
    for kind, one in zip(kinds, settings, strict=True):
        steps = one.steps
        if steps.unit > MOST_UNITS or steps.bends[3] > MOST_TIERS:
            raise TollwayError(
                f"a stride of {steps.gain}/{steps.unit} tokens on {steps.bends[3] + 1} memory "
                f"tiers has no compiled form: at most 1/{MOST_UNITS} and {MOST_TIERS + 1} tiers."
            )
        kind["blocks"], kind["sequences"] = one.blocks, one.sequences
        kind["batch_tokens"], kind["mixing"] = one.batch_tokens, _MIXING[one.mixing]
        kind["rows"], kind["reserve"] = one.rows, one.reserve
        kind["caching"], kind["hashed"] = one.caching, one.hashed
        kind["per_hash"], kind["spare"] = one.hashed // BLOCK, one.blocks // SPARE_SHARE
        kind["context"] = one.context
        kind["unit"], kind["gain"] = steps.unit, steps.gain
        kind["cycle"] = BLOCK * steps.unit
        kind["base_at"], kind["prompt_at"] = len(base), len(prompts)
        kind["experts_at"] = len(experts) if steps.experts else NONE
        kind["groups"] = len(steps.prompt) // PROMPT
        kind["bends"][: len(steps.bends)] = steps.bends
        kind["constant"][:] = steps.constant
        base += steps.base
        experts += steps.experts
        prompts += steps.prompt
    return Engines(
        kinds,
        np.array(base, np.int64),
        np.array(experts or [0.0], np.float64),
        np.array(prompts, np.float64),
    )


def replicas_of(kinds: Sequence[int]) -> Array:
    """Idle replicas of these kinds."""
    replicas = np.zeros(len(kinds), REPLICA)
    replicas["kind"] = kinds
    for empty in ("chunks", "partial", "leaving", "waiting", "waiting_tail", "last", "run"):
        replicas[empty] = NONE
    replicas["end"] = replicas["next_end"] = NEVER
    return replicas


def rows_of(start: int, count: int) -> Array:
    """Free rows of `SEQUENCE` from number `start`, linked."""
    rows = np.zeros(count, SEQUENCE)
    rows["phase"] = GONE
    rows["next"] = np.arange(start + 1, start + count + 1)
    rows["next"][-1] = NONE
    return rows


def ring_size(longest: int, settings: Sequence[ReplicaSettings]) -> int:
    """Beats between the first and the last token of an answer of `longest` tokens, as a power of
    two."""
    beats = max(longest * one.steps.unit // one.steps.gain + 2 for one in settings)
    return 1 << beats.bit_length()


def caches_of(count: int, names: int) -> Array:
    """Of each replica and hashed block: how many hold it (`NONE`: not cached), and the run in which
    it was let go last."""
    caches = np.zeros((count, max(names, 1), 2), np.int32)
    caches[:, :, 0] = NONE
    return caches


def runs_of(count: int) -> Array:
    """Room for that many runs."""
    return np.zeros(count, RUN)
