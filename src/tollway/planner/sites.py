"""What power a site has, and what it costs.

Rules
1. Supplies are added up, and drawn in the proportion of their megawatts: a kWh costs their mean.
2. Of a period, the megawatts are those that are there in each of its months.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from tollway.fleet.planning import Build, Site, Supply
from tollway.planner.fees import MILLION
from tollway.planner.horizon import months_of
from tollway.planner.program.instance import Period, Resource
from tollway.units import PicoDollars


def power_of(site: Site, periods: Sequence[Period]) -> Resource:
    """The site's megawatts at the meter in each period, by the name of the site."""
    return Resource(
        site.name,
        tuple(min(_megawatts(site, month) for month in months_of(period)) for period in periods),
    )


def taken(build: Build, site: Site) -> Fraction:
    """Megawatts at the meter that a module takes."""
    return Fraction(build.mw) * Fraction(site.pue)


def energy_price(build: Build, site: Site, period: Period, tokens_per_hour: int) -> PicoDollars:
    """Pico-dollars for the power of a million tokens, of a module that makes so many an hour at its
    full load; rounded half to even. Months without power count for nothing; without any in the
    period it is zero."""
    prices = [_mean(site, month, "kwh") for month in months_of(period) if _there(site, month)]
    if not prices:
        return PicoDollars(0)
    kwh_an_hour = taken(build, site) * 1000
    a_kwh = Fraction(sum(prices), len(prices))
    return PicoDollars(round(a_kwh * kwh_an_hour * MILLION / tokens_per_hour))


def charge_of(build: Build, site: Site, month: date) -> Fraction:
    """Pico-dollars of a month for the megawatts that a module takes, drawn or not."""
    return _mean(site, month, "mw_month") * taken(build, site)


def generation_of(build: Build, site: Site, month: date) -> Fraction:
    """Pico-dollars to build the generation behind a module that is delivered in a month."""
    return _mean(site, month, "capex") * taken(build, site)


def _there(site: Site, month: date) -> list[Supply]:
    return [it for it in site.supply if it.since <= month <= (it.until or month)]


def _megawatts(site: Site, month: date) -> Fraction:
    return sum((Fraction(it.mw) for it in _there(site, month)), Fraction(0))


def _mean(site: Site, month: date, what: str) -> Fraction:
    """What a unit costs in the mean of the site's supplies in a month; 0 where it has none."""
    whole = _megawatts(site, month)
    parts = [Fraction(it.mw) * int(getattr(it, what)) for it in _there(site, month)]
    return sum(parts, Fraction(0)) / whole if whole else Fraction(0)
