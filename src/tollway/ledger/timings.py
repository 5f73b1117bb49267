"""How long streamed requests took, one by one: what a deployment can be measured by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """One request that ended well at its first attempt. `arrived` is seconds on one clock, `ttft`
    and `duration` seconds from there; tokens as the source stated them."""

    source: str
    model: str
    arrived: float
    ttft: float
    duration: float
    input: int
    cached_input: int
    output: int
