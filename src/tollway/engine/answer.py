"""What the engine model answers: each figure with its interval and where it comes from.

Rules
1. `low` and `high` are an 80% interval; a figure is never given without one.
2. A figure that cannot be given is None, and `refused` says why and what would mend it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Origin = Literal["measured here", "measured", "interpolated", "extrapolated", "spec sheet", "stale"]
"""How near an answer is to what was measured. Measured here: calibrated with this deployment's own
results. Measured: chip, model and framework were in the fit together. Interpolated: each was, not
together. Extrapolated: one was not. Spec sheet: nothing of this vendor
was, or the chip does not ship yet. Stale: one of the user's own sources was seen to be outside."""

Bound = Literal["bandwidth", "compute", "capacity", "network", "overhead", "prefill"]
"""What binds: reading memory, arithmetic, room for KV, links between chips, software, or a pool of
prefill chips that is busy all the time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 80% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TierUse:
    """What one chip keeps in one memory tier, in bytes. `usable` is what the engine may fill;
    `weights`, `runtime` and `kv_room` fill it; `kv_used` is how much of the room this load takes on
    average. `binding` names the tier that decode waits for."""

    kind: str
    size: int
    usable: int
    weights: int
    runtime: int
    kv_room: int
    kv_used: int
    binding: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """The same question, were the software `slowdown` times slower than on mature chips."""

    name: str
    slowdown: float
    ttft: float | None
    tpot: float
    chip_tokens: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer.

    Seconds: `ttft`, `tpot`, both means over requests. Tokens a second: `user_tokens` (one stream),
    `chip_tokens` (output tokens of all streams a chip, all chips counted), `total_tokens` (the
    same of one replica or of one disaggregated pair). `requests` is requests a second. `energy` is
    joules an output token at the chips' rated power. `usd_per_mtok` is dollars a million output
    tokens. `running` is the mean number of sequences in decode, `waiting` those that wait for their
    first token. `shares` says what the time of steps goes to, by term, and adds up to 1.
    """

    ttft: Estimate | None
    tpot: Estimate
    user_tokens: Estimate
    chip_tokens: Estimate
    total_tokens: Estimate
    requests: Estimate
    energy: Estimate | None
    usd_per_mtok: Estimate | None
    memory: tuple[TierUse, ...]
    kv_tokens: int
    running: float
    waiting: float
    preempted: float
    chips: int
    precision: str
    origin: Origin
    binds: Bound
    shares: Mapping[str, float]
    scenarios: tuple[Scenario, ...]
    warnings: tuple[str, ...]
    refused: tuple[str, ...]
