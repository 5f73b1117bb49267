"""Chips: memory tiers, peak arithmetic, links; each fact with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tollway.catalog.facts import Facts, Provenance
from tollway.errors import TollwayError

_GB = 10**9
_PRECISIONS = ("bf16", "fp8", "fp4")


@dataclass(frozen=True, slots=True)
class MemoryTier:
    """One kind of memory of a chip: `size` in bytes, `bandwidth` in bytes a second (None: unknown).
    Tiers are listed fastest first."""

    kind: str
    size: int
    bandwidth: float | None


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator. `flops` maps a precision to dense peak FLOP/s; `link` is bytes a second in
    one direction within a scale-up domain of `domain` chips; `power` is watts. None and absent
    keys are unknown. `facts` says where each written fact comes from, by its key in the file."""

    name: str
    label: str
    vendor: str
    memory: tuple[MemoryTier, ...]
    flops: Mapping[str, float]
    link: float | None
    domain: int | None
    power: float | None
    facts: Mapping[str, Provenance]


def read_chip(name: str, text: str) -> Chip:
    """A chip from the text of its TOML file.

    Raises:
        TollwayError: the text is not a chip; the message names the key.
    """
    facts = Facts(text, f"chip {name}")
    memory = tuple(_tier(facts, table, at) for at, table in enumerate(facts.tables("memory")))
    if not memory:
        raise TollwayError(f"chip {name} has no memory. Add a [[memory]] table with gb and gb_s.")
    flops: dict[str, float] = {}
    for precision in _PRECISIONS:
        tera = facts.number(f"{precision}_tflops")
        if tera is not None:
            flops[precision] = tera * 1e12
    link = facts.number("link_gb_s")
    chip = Chip(
        name=name,
        label=facts.word("label") or name,
        vendor=facts.word("vendor") or "unknown",
        memory=memory,
        flops=MappingProxyType(flops),
        link=None if link is None else link * _GB,
        domain=facts.whole("domain"),
        power=facts.number("power_w"),
        facts=MappingProxyType(facts.provenance),
    )
    facts.end()
    return chip


def _tier(facts: Facts, table: Mapping[str, object], at: int) -> MemoryTier:
    place = f"memory[{at}]"
    for key in table:
        if key not in ("kind", "gb", "gb_s"):
            raise TollwayError(f"{facts.place}: {place} has no {key}; known: gb, gb_s, kind.")
    size = facts.within(table, "gb", f"{place}.gb")
    if size is None:
        raise TollwayError(f"{facts.place}: {place} lacks gb. Add `gb = …` (1e9 bytes).")
    bandwidth = facts.within(table, "gb_s", f"{place}.gb_s")
    return MemoryTier(
        kind=str(table.get("kind", "memory")),
        size=round(size * _GB),
        bandwidth=None if bandwidth is None else bandwidth * _GB,
    )
