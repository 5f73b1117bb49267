"""What a model is chosen for: how much goes in and comes out, who waits, and which axes count."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

from tollway.errors import Fault, FaultsFound, unknown
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

LIMITS: Mapping[str, tuple[str, float, float]] = MappingProxyType(
    {
        "in": ("input", 1, 10_000_000),
        "out": ("output", 1, 10_000_000),
        "cached": ("cached", 0, 10_000_000),
        "turns": ("turns", 1, 10_000),
        "pause": ("pause", 0, 86_400),
    }
)
"""What may be said of a use: its field, and from where to where it goes."""


def sized(name: str, said: Mapping[str, float | None], place: str = "") -> Use:
    """A use with the sizes that were said, by the names of `LIMITS`; the usual ones for the others.
    `place` is what stands before a name where it is said.

    Raises:
        FaultsFound: there is no such use, or a size makes no sense.
    """
    if name not in USES:
        raise FaultsFound([unknown(name, USES, f"{place}use")])
    usual = USES[name]
    sizes = {key: said.get(key) for key in LIMITS}
    given = {
        LIMITS[key][0]: size if key == "pause" else round(size)
        for key, size in sizes.items()
        if size is not None
    }
    use = replace(usual, **given)
    faults: list[Fault] = []
    for key, (of, least, most) in LIMITS.items():
        value = float(getattr(use, of))
        bound = min(most, use.input) if key == "cached" else most
        if not least <= value <= bound:
            mend = f"Write {least:g} to {bound:,.10g}."
            faults.append(Fault(f"{place}{key}", f"is {value:.10g}", mend))
    if faults:
        raise FaultsFound(faults)
    return use
