"""Fleets with a plan for tests, written as a person would."""

from pathlib import Path

from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "plan"

HEAD = """
version = 1
[models.m]
[sources.api]
kind = "api"
url = "https://api.example/v1"
serves.m = {}
"""

PLAN = """
[plan]
start = "2027-01"
months = 12
period = "month"
"""

CHAT = """
[workloads.chat]
models = ["m"]
input_tokens = 900
output_tokens = 100
tokens_per_day = 24_000
unserved = "20"
"""

SITE = """
[sites.here]
pue = 1.2
[[sites.here.supply]]
kind = "grid"
since = "2027-01"
mw = 1
kwh = "0.08"
mw_month = "4_000"
"""

BUILD = """
[builds.own]
site = "here"
how = "modular"
chip = "h200"
chips = 8
mw = 0.5
most = 4
lead_months = 2
capex = "1_000_000"
facility = "200_000"
deposit = "25%"
opex = "10_000"
resale = "40%"
debt = { share = "60%", rate = "12%", months = 12 }
"""


def planned(*parts: str, plan: str = PLAN, demand: str = CHAT) -> Fleet:
    """A fleet that plans with those parts."""
    return parse({"fleet.toml": "\n".join((HEAD, plan, demand, *parts))}, "fleet.toml")


def example() -> Fleet:
    """The fleet that the guide plans with."""
    files = ("fleet.toml", "demand.toml", "contracts.toml", "builds.toml")
    return parse({name: (EXAMPLE / name).read_text() for name in files}, "fleet.toml")
