"""A fleet that is planned: an API, a lease in force, three contracts on offer, a build."""

from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse

_SIZE = """
[contracts.{name}]
buyer = "us"
supplier = "elm"
term = {{ start = "2027-04", months = 24 }}
capacity = [{{ chips = {chips}, chip = "mi300x" }}]
fee = [{{ rate = "1.70", per = "chip-hour" }}]
notice = [{{ by = "us", days = 180 }}]
termination = [{{ by = "us", fee = "0" }}]
offer = {{ since = "2027-01", lead_months = 3, group = "elm" }}
"""

TEXT = (
    """
version = 1
[plan]
start = "2027-01"
months = 24
[models."llama-3.3-70b"]
[sources.alder]
kind = "api"
url = "https://alder.example/v1"
serves."llama-3.3-70b".prices = [{ since = 2026-10-01, input = "0.55", output = "0.75" }]
[workloads.chat]
models = ["llama-3.3-70b"]
precision = "fp8"
input_tokens = 2_000
output_tokens = 400
tokens_per_day = 5_000_000_000
ttft = "2s"
speed = 25
unserved = "20.00"
[workloads.chat.outlooks.boom]
since = "2027-07"
probability = "25%"
growth = "100%"
[parties.us]
title = "Us"
[parties.aspen]
title = "Aspen"
[parties.dogwood]
title = "Dogwood"
[parties.elm]
title = "Elm"
[contracts.aspen-h100]
buyer = "us"
supplier = "aspen"
term = { start = "2026-07", end = "2028-06" }
capacity = [{ chips = 64, chip = "h100" }, { since = "2027-10", chips = 96 }]
fee = [{ rate = "2.20", per = "chip-hour" }]
notice = [{ by = "either", days = 90 }]
termination = [{ by = "us", fee = "0" }]
[contracts.dogwood-block]
buyer = "us"
supplier = "dogwood"
term = { start = "2027-01", months = 12 }
capacity = [{ chips = 64, chip = "h200" }]
fee = [{ monthly = "100_000" }]
notice = [{ by = "us", none = true }]
offer = { since = "2027-01", most = 100, lead_months = 0 }
[sites.plains]
supply = [{ kind = "grid", since = "2027-01", mw = 2, kwh = "0.06" }]
[builds.own-h200]
site = "plains"
how = "modular"
chip = "h200"
chips = 128
mw = 0.18
most = 4
capex = "4_700_000"
"""
    + _SIZE.format(name="elm-128", chips=128)
    + _SIZE.format(name="elm-256", chips=256)
)


def planned_fleet() -> Fleet:
    return parse({"fleet.toml": TEXT}, "fleet.toml")
