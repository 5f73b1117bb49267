"""Chips: memory tiers, peak arithmetic, links, power and prices; each fact with its source.

Rules
1. What is not known is None or absent. What is known as a range is None too, and the range is in
   `ranges` by the key of its fact: nobody takes one end of it for the truth unasked. `at` makes a
   chip of one point of every range.
2. Arithmetic is dense. A rate that is published only with sparsity is halved, and its note says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from tollway.catalog.facts import Facts, Provenance, Range
from tollway.errors import TollwayError, unknown

_GB = 10**9
RATES = {
    "bf16": "bf16_tflops",
    "fp16": "fp16_tflops",
    "fp8": "fp8_tflops",
    "fp4": "fp4_tflops",
    "int8": "int8_tops",
    "int4": "int4_tops",
}
"""The key of each precision's dense peak rate, in 1e12 a second."""

STATUSES = ("released", "announced")
RENTS = ("hyperscaler", "neocloud", "rental")


@dataclass(frozen=True, slots=True)
class MemoryTier:
    """One kind of memory of a chip: `size` in bytes, `bandwidth` in bytes a second (None: unknown,
    or a range). Tiers are listed fastest first. `via` is the link through which the chip reaches
    it, None for memory of its own; `bandwidth` is then what the link lets through."""

    kind: str
    size: int
    bandwidth: float | None
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator. `flops` maps a precision to dense peak FLOP/s (operations for integers);
    `link` is bytes a second in one direction within a scale-up domain of `domain` chips,
    `scale_out` the same between domains; `power` is watts of the chip (TDP) and `all_in_power`
    watts with its share of server and cooling; `rents` maps a kind of lessor to dollars a
    chip-hour. None and absent keys are unknown. `ranges` holds what is known as a range, in the
    units of its field, and `facts` where each written fact comes from, both by key in the file."""

    name: str
    label: str
    vendor: str
    memory: tuple[MemoryTier, ...]
    flops: Mapping[str, float]
    link: float | None
    domain: int | None
    power: float | None
    facts: Mapping[str, Provenance]
    status: str
    available: date | None
    link_name: str | None
    scale_out: float | None
    all_in_power: float | None
    rents: Mapping[str, float]
    ranges: Mapping[str, Range]

    def at(self, share: float) -> "Chip":
        """The chip with every range replaced by the point at `share` of it: 0 the low ends, 1 the
        high ends. It has no ranges."""
        points = {key: one.low + share * (one.high - one.low) for key, one in self.ranges.items()}
        tiers = [
            replace(
                tier,
                size=round(points.get(f"memory[{index}].gb", tier.size)),
                bandwidth=points.get(f"memory[{index}].gb_s", tier.bandwidth),
            )
            for index, tier in enumerate(self.memory)
        ]
        flops = {precision: points[key] for precision, key in RATES.items() if key in points}
        return replace(
            self,
            memory=tuple(tiers),
            flops=MappingProxyType({**self.flops, **flops}),
            link=points.get("link_gb_s", self.link),
            scale_out=points.get("scale_out_gb_s", self.scale_out),
            power=points.get("power_w", self.power),
            all_in_power=points.get("all_in_power_w", self.all_in_power),
            ranges=MappingProxyType({}),
        )


def read_chip(name: str, text: str) -> Chip:
    """A chip from the text of its TOML file.

    Raises:
        TollwayError: the text is not a chip; the message names the key.
    """
    facts = Facts(text, f"chip {name}")
    memory = tuple(_tier(facts, table, at) for at, table in enumerate(facts.tables("memory")))
    if not memory:
        raise TollwayError(f"chip {name} has no memory. Add a [[memory]] table with gb and gb_s.")
    flops = {precision: facts.uncertain(key, 1e12) for precision, key in RATES.items()}
    status = facts.word("status") or "released"
    if status not in STATUSES:
        raise TollwayError(str(unknown(status, STATUSES, f"{facts.place}: status")))
    chip = Chip(
        name=name,
        label=facts.word("label") or name,
        vendor=facts.word("vendor") or "unknown",
        memory=memory,
        flops=MappingProxyType({key: rate for key, rate in flops.items() if rate is not None}),
        link=facts.uncertain("link_gb_s", _GB),
        domain=facts.whole("domain"),
        power=facts.uncertain("power_w"),
        facts=MappingProxyType(facts.provenance),
        status=status,
        available=facts.day("available"),
        link_name=facts.word("link"),
        scale_out=facts.uncertain("scale_out_gb_s", _GB),
        all_in_power=facts.uncertain("all_in_power_w"),
        rents=MappingProxyType(_rents(facts)),
        ranges=MappingProxyType(facts.ranges),
    )
    facts.end()
    return chip


def _rents(facts: Facts) -> dict[str, float]:
    part = facts.inner("usd_per_hour")
    if part is None:
        return {}
    rents = {kind: part.number(kind) for kind in RENTS}
    part.end()
    return {kind: rent for kind, rent in rents.items() if rent is not None}


def _tier(facts: Facts, table: Mapping[str, object], at: int) -> MemoryTier:
    part = facts.part(table, f"memory[{at}]")
    size = part.uncertain("gb", _GB)
    within = part.ranges.get(f"memory[{at}].gb")
    if within is not None:
        size = within.low  # nothing fits by hope
    if size is None:
        raise TollwayError(f"{part.place} lacks gb. Add `gb = …` (1e9 bytes).")
    tier = MemoryTier(
        kind=part.word("kind") or "memory",
        size=round(size),
        bandwidth=part.uncertain("gb_s", _GB),
        via=part.word("via"),
    )
    part.end()
    return tier
