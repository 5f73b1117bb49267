"""A replica whose steps all take the same time is a queue that theory knows.

Chance is drawn anew each time: a result is held against theory within five standard errors of its
own batch means, and half a step.
"""

from math import factorial, sqrt

import numpy as np
import pytest

from tollway.simulator.arrays import Array, requests_of
from tollway.simulator.compiled import run_replica
from tollway.simulator.sequence import ReplicaSettings
from tollway.simulator.steps import StepTimes

STEP = 10**9
BATCHES = 40


def clockwork(seats: int) -> ReplicaSettings:
    """Every step takes `STEP`, whatever it computes: an answer of n tokens takes n steps."""
    steps = StepTimes(
        unit=1,
        gain=1,
        base=(STEP,) * (seats + 1),
        bends=(0, 0, 0, 0),
        constant=(0.0, 0.0, 0.0, float(STEP), *(0.0,) * 9, 1.0),
        prompt=(0.0, 0.0, 0.0, 0.0),
        experts=(),
    )
    return ReplicaSettings(
        steps, blocks=10**6, sequences=seats, batch_tokens=10**4, context=10**6, caching=False
    )


def waits(seats: int, load: float, tokens: Array) -> tuple[float, float]:
    """Mean steps between arrival and seat at this utilisation, and their standard error."""
    rate = load * seats / (tokens.mean() * STEP)
    gaps = np.random.default_rng().exponential(1.0 / rate, len(tokens))
    arrivals = np.cumsum(gaps).astype(np.int64)
    run = run_replica(clockwork(seats), requests_of(arrivals, np.ones(len(tokens)), tokens))
    # Who comes to a busy engine is looked at when the running step ends, half a step on average;
    # and the first token is out one step after that.
    waited = (run.firsts - arrivals) / STEP - 1.0
    means = waited.reshape(BATCHES, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1)) / sqrt(BATCHES)


def exponential(count: int, mean: float) -> Array:
    """Lengths of answers without memory."""
    return np.random.default_rng().geometric(1.0 / mean, count)


def erlang_c(servers: int, load: float) -> float:
    """The chance that all are busy (Erlang 1917)."""
    offered = servers * load
    tail = offered**servers / factorial(servers) / (1.0 - load)
    return tail / (sum(offered**n / factorial(n) for n in range(servers)) + tail)


@pytest.mark.timeout(600)  # the first of all compiles the replica
@pytest.mark.parametrize(("seats", "load"), [(1, 0.7), (4, 0.8), (16, 0.9)])
def test_waits_are_those_of_m_m_c(seats: int, load: float) -> None:
    mean = 100.0
    waited, error = waits(seats, load, exponential(800_000, mean))
    theory = erlang_c(seats, load) * mean / (seats * (1.0 - load))
    assert abs(waited - theory - 0.5) < 5.0 * error + 0.5


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lengths", [(100, 100), (20, 180), (1, 400)])
def test_waits_are_those_of_m_g_1(lengths: tuple[int, int]) -> None:
    load = 0.75
    tokens = np.random.default_rng().choice(lengths, 800_000)
    waited, error = waits(1, load, tokens)
    mean, square = np.mean(lengths), np.mean(np.square(lengths))
    # Pollaczek and Khinchine (1930).
    theory = load / mean * square / (2.0 * (1.0 - load))
    assert abs(waited - theory - 0.5) < 5.0 * error + 0.5
