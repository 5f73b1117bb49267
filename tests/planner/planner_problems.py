"""Fleets to plan for, written as a person would."""

from datetime import UTC, datetime

from tollway.catalog.own import own
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.planner.problem import Asked, Problem, problem_of
from tollway.planner.speeds import Speeds
from tollway.simulator.scores import Learned

PLAN = """version = 1
[plan]
start = "2027-01"
months = 12
[models."llama-3.3-70b"]
[workloads.chat]
models = ["llama-3.3-70b"]
input_tokens = 3_000
output_tokens = 1_000
tokens_per_day = 240_000_000
speed = 20
unserved = "20.00"
[parties.us]
title = "Us"
[parties.them]
title = "Them"
"""

API = """
[sources.api]
kind = "api"
url = "https://api.test/v1"
vendor = "acme"
region = "north"
serves."llama-3.3-70b".prices = [{ since = 2026-01-01, input = "1.00", output = "3.00" }]
"""

LEASE = """
[contracts.lease]
buyer = "us"
supplier = "them"
term = { start = "2027-01", months = 24 }
capacity = [{ chips = 8, chip = "h200" }]
fee = [{ monthly = "20_000" }]
notice = [{ by = "us", days = 90 }, { by = "them", days = 60 }]
termination = [{ by = "us", fee = "0" }]
depends = { region = "south" }
"""


def fleet(text: str) -> Fleet:
    return parse({"fleet.toml": text}, "fleet.toml")


def speeds() -> Speeds:
    return Speeds(own({}, datetime.now(UTC).date()), Learned())


def problem(text: str, asked: Asked | None = None) -> Problem:
    """The problem of a fleet; one without a source gets one, for a fleet file has some."""
    text = text if "[sources." in text else text + API
    return problem_of(fleet(text), speeds(), asked or Asked())
