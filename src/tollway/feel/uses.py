"""What a model is chosen for: how much goes in and comes out, who waits, and which axes count."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from tollway.feel.arithmetic import Answer, waiting
from tollway.feel.frontier import Axis
from tollway.feel.texts import Mode
from tollway.units import Seconds

UseName = Literal["code", "essay", "agent", "batch"]
USE_NAMES: tuple[UseName, ...] = get_args(UseName)


@dataclass(frozen=True, slots=True)
class Use:
    """One task: `turns` requests, each of `input` tokens (of which `cached` are read from a cache)
    and `output` tokens, and `pause` seconds of tools after each turn but the last. `mode` is how it
    is felt; None: nobody waits for it."""

    name: UseName
    mode: Mode | None
    input: int
    output: int
    cached: int = 0
    turns: int = 1
    pause: Seconds = Seconds(0.0)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What counts, in the order in which ties are broken."""
        return ("quality", "cost") if self.mode is None else ("quality", "wait", "cost")

    def wait(self, ttft: float, tpot: float) -> Seconds:
        """Seconds that somebody waits for one task; where nobody does, those that it takes."""
        whole = Answer(
            tokens=self.output * self.turns,
            turns=self.turns,
            pauses=Seconds(self.pause * (self.turns - 1)),
        )
        return waiting(self.mode or "agent", 1.0 / tpot, ttft, whole)


USES: Mapping[str, Use] = MappingProxyType(
    {
        "code": Use("code", "code", input=3000, output=500),
        "essay": Use("essay", "text", input=500, output=1000),
        "agent": Use("agent", "agent", input=8000, output=250, turns=20, pause=Seconds(2.0)),
        "batch": Use("batch", None, input=2000, output=500),
    }
)
"""Sizes are judgements, to be replaced by those of one's own traffic."""
