"""Own silicon as offers: modules at a site, what they make of each workload, and what power costs.

Rules
1. What a module makes is predicted as for leased chips; its power is a price of its tokens.
2. What it depends on is its site's: region, power (the site's own where none is named), law; and
   its chip's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from tollway.errors import TollwayError
from tollway.fleet.planning import Build, Demand, Site
from tollway.planner.agreements import Drawn
from tollway.planner.builds import lead_months, runs, sales
from tollway.planner.portability import software_of
from tollway.planner.program.instance import Line, Offer, Period
from tollway.planner.sites import energy_price, taken
from tollway.planner.speeds import Speeds, load_of


def build_offer(
    build: Build,
    site: Site,
    demands: Mapping[str, Demand],
    periods: Sequence[Period],
    speeds: Speeds,
    life_months: int | None = None,
) -> Drawn:
    """The offer that a build is; chips live `life_months`, or as long as the build says."""
    lines, notes = _lines(build, site, demands, periods, speeds)
    ordered = runs(build, site, periods, life_months)
    if not ordered:
        notes = (*notes, f"{build.name} cannot serve within the plan, whenever it is ordered.")
    if not ordered or not lines:
        return Drawn(notes=notes)
    if build.lead_months is None:
        words = f"{build.name}: {lead_months(build)} months from order to service, as is usual"
        notes = (*notes, f"{words} for {build.how}.")
    offer = Offer(
        name=build.name,
        kind="build",
        attributes=_attributes(build, site, speeds),
        lines=lines,
        runs=ordered,
        exits=sales(build, site, periods, life_months),
        most=Fraction(build.most),
        least=Fraction(build.least),
        group=build.group or "",
        uses={site.name: taken(build, site)},
    )
    return Drawn(offer, notes)


def _lines(
    build: Build,
    site: Site,
    demands: Mapping[str, Demand],
    periods: Sequence[Period],
    speeds: Speeds,
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    found: list[Line] = []
    notes: dict[str, None] = {}
    declared = {(one.workload, one.model): one.tokens_per_hour for one in build.yields}
    for demand in demands.values():
        for model in demand.models:
            known = declared.get((demand.name, model))
            if known is not None:
                line = Line(demand.name, model, known, (), known, known)
            else:
                try:
                    pace = speeds.pace(build.chip, model, load_of(demand), build.chips)
                except TollwayError as error:
                    notes[f"{build.name} does not serve {demand.name}: {error}"] = None
                    continue
                value, low, high = pace.of(build.chips)
                line = Line(demand.name, model, value, (), low, high, pace.origin)
            price = tuple(energy_price(build, site, one, line.tokens) for one in periods)
            found.append(replace(line, price=price))
    return tuple(found), tuple(notes)


def _attributes(build: Build, site: Site, speeds: Speeds) -> dict[str, str]:
    software = software_of(speeds.chip(build.chip).vendor)
    said = {
        "chip": build.chip,
        "region": site.region,
        "power": site.power or site.name,
        "jurisdiction": site.jurisdiction,
        "software": software,
        "site": site.name,
    }
    return {**{key: value for key, value in said.items() if value}, **build.depends}
