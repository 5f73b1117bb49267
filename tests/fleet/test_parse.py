"""What a sound file becomes."""

from dataclasses import replace
from datetime import date

import pytest

from tollway.errors import FaultsFound
from tollway.fleet.credential import Credential
from tollway.fleet.objects import Candidate, Fleet, Limits, Objective, Price
from tollway.fleet.parse import parse
from tollway.fleet.render import render
from tollway.inspect.demo import demo_fleet_text
from tollway.units import PicoDollars

WHOLE = """
version = 1
[gateway]
listen = "[::1]:0"
max_body = "1MB"
[queue]
batch = { wait = "1h" }
[timeouts]
idle = "1m"
[breaker]
min_speed = 5
ttft_deadline = "30s"
thinking = "2m"
[models.gpt]
aliases = ["g"]
[models."llama-3.1-8b"]
[credentials]
one = "env:KEY"
[sources.api]
kind = "api"
url = "HTTPS://API.Vendor.test:8443/v1/"
credential = "one"
ca_file = "ca.pem"
breaker = { min_speed = 0, probes = 2 }
timeouts = { connect = "250ms" }
[sources.api.serves.gpt]
upstream_model = "gpt-2026-01-01"
prepaid = 200000
expected_ttft = "600ms"
expected_speed = 90
[[sources.api.serves.gpt.prices]]
since = 2025-08-07
input = "0.25"
cached_input = "0.025"
output = "2.00"
[[sources.api.serves.gpt.prices]]
since = 2026-06-01
tier = "batch"
hours = "16:30-00:30"
input = "0.0375"
cache_write = "0.30"
output = "1"
request = "0.0001"
[sources.own]
kind = "server"
url = "http://10.0.0.7:8000/v1"
slots = 4
serves = { gpt = {} }
[sources.pretend]
kind = "emulated"
listen = "0.0.0.0:8411"
chip = "h100"
serves = { "llama-3.1-8b" = {} }
[routes.chat]
model = "gpt"
fallbacks = ["pretend:llama-3.1-8b"]
objectives = ["commitment-first", { name = "weighted", weights = { own = 2 } }]
[tenants.demo]
limits = { requests_per_minute = 600 }
budget = { day = "5.00", overdraft = "0.50" }
class = "batch"
routes = ["g", "chat"]
"""


def whole() -> Fleet:
    return parse({"fleet.toml": WHOLE}, "fleet.toml")


def test_prices_are_exact_pico_dollars_and_absent_ones_follow_input() -> None:
    first, second = whole().sources["api"].serves["gpt"].prices
    amounts = map(PicoDollars, (250_000, 25_000, 250_000, 2_000_000, 0))
    assert first == Price(date(2025, 8, 7), "standard", None, *amounts)
    assert second.hours == (16 * 60 + 30, 30)
    assert (second.input, second.cached_input, second.cache_write) == (37_500, 37_500, 300_000)
    assert second.request == 100_000_000


def test_a_source_overrides_the_fleets_timeouts_and_breaker_key_by_key() -> None:
    fleet = whole()
    api, own = fleet.sources["api"], fleet.sources["own"]
    assert (api.timeouts.connect, api.timeouts.idle, api.timeouts.total) == (0.25, 60.0, 900.0)
    assert (api.breaker.min_speed, api.breaker.probes) == (None, 2)
    assert (own.breaker.min_speed, own.breaker.probes) == (5.0, 1)
    assert (api.breaker.ttft_deadline, api.breaker.thinking) == (30.0, 120.0)


def test_urls_are_normalised_and_emulators_are_asked_on_loopback() -> None:
    sources = whole().sources
    assert sources["api"].base_url == "https://api.vendor.test:8443/v1"
    assert sources["pretend"].base_url == "http://127.0.0.1:8411/v1"
    assert sources["pretend"].emulation is not None
    assert sources["pretend"].emulation.host == "0.0.0.0"
    assert sources["api"].credential == Credential("env", "KEY")


def test_every_model_and_alias_is_a_route_unless_one_is_declared() -> None:
    routes = whole().routes
    assert list(routes) == ["chat", "gpt", "g", "llama-3.1-8b"]
    assert routes["g"].candidates == (Candidate("api", "gpt"), Candidate("own", "gpt"))
    assert routes["g"].objectives == (Objective("least-outstanding", 0.0),)
    assert routes["chat"].fallbacks == (Candidate("pretend", "llama-3.1-8b"),)
    assert routes["chat"].objectives[1].weights == {"own": 2.0}
    text = WHOLE.replace("[routes.chat]", "[routes.g]").replace('"g", "chat"', '"g"')
    assert parse({"a": text}, "a").routes["g"].fallbacks == routes["chat"].fallbacks


def test_what_is_not_written_has_its_default() -> None:
    fleet = whole()
    assert (fleet.gateway.host, fleet.gateway.port) == ("::1", 0)
    assert fleet.gateway.max_body == 1_000_000
    assert fleet.queue.batch_length == 10_000
    assert fleet.queue.batch_wait == 3600.0
    assert fleet.queue.interactive_wait == 10.0
    assert fleet.models["gpt"].reserve_output == 512
    tenant = fleet.tenants["demo"]
    assert tenant.limits == Limits(requests_per_minute=600)
    assert (tenant.budget.day, tenant.budget.month) == (5 * 10**12, None)
    assert tenant.request_class == "batch"


def test_includes_add_their_tables_to_the_main_file() -> None:
    main, _, tenants = WHOLE.partition("[tenants.demo]")
    parts = {"fleet.toml": main, "tenants.toml": "[tenants.demo]" + tenants}
    assert replace(parse(parts, "fleet.toml"), digest="") == replace(whole(), digest="")


def test_the_digest_is_of_the_texts_and_not_of_where_the_main_file_lies() -> None:
    fleet = whole()
    assert len(fleet.digest) == 64
    assert parse({"elsewhere.toml": WHOLE}, "elsewhere.toml").digest == fleet.digest
    assert parse({"fleet.toml": WHOLE + "\n"}, "fleet.toml").digest != fleet.digest
    with_include = parse({"fleet.toml": WHOLE, "x.toml": ""}, "fleet.toml").digest
    assert with_include != fleet.digest
    assert with_include != parse({"fleet.toml": WHOLE, "y.toml": ""}, "fleet.toml").digest


def test_the_demo_is_sound_and_large_enough_for_a_replay() -> None:
    fleet = parse({"demo.toml": demo_fleet_text()}, "demo.toml")
    chat = fleet.routes["chat"]
    assert [it.source for it in chat.candidates] == ["h200", "mi300x"]
    assert [it.source for it in chat.fallbacks] == ["b200"]
    demo = fleet.tenants["demo"]
    # 600 requests of 8k input and 1k output tokens in 12 seconds: two minutes at ten times pace.
    assert (demo.limits.tokens_per_minute or 0) >= 600 * 9_000
    assert (demo.limits.requests_per_minute or 0) >= 3_000
    price = max(it.serves[chat.model].prices[0].output for it in fleet.sources.values())
    assert (demo.budget.day or 0) >= 10 * 600 * 9_000 * price


def test_chips_scaling_and_prefill_of_a_server_are_read_and_rendered_back() -> None:
    text = """
version = 1
[models.m]
[sources.own]
kind = "server"
url = "http://10.0.0.1:8000/v1"
chip = "h100"
tp = 2
replicas = 3
scaling = { max = 8, target = 32, cold_start = "90s" }
serves.m = {}
[sources.apart]
kind = "server"
url = "http://10.0.0.2:8000/v1"
chip = "h100"
prefill = { chip = "h200", replicas = 2 }
serves.m = {}
"""
    fleet = parse({"f": text}, "f")
    silicon = fleet.sources["own"].silicon
    assert silicon is not None
    assert (silicon.chip, silicon.tp, silicon.replicas) == ("h100", 2, 3)
    assert silicon.scaling is not None
    assert (silicon.scaling.most, silicon.scaling.cold_start, silicon.scaling.idle) == (8, 90, 600)
    apart = fleet.sources["apart"].silicon
    assert apart is not None
    assert apart.prefill is not None
    assert (apart.prefill.chip, apart.prefill.replicas, apart.replicas) == ("h200", 2, 1)
    again = parse({"f": render(fleet)}, "f")
    assert again.sources == fleet.sources


def test_what_is_said_of_chips_makes_sense_or_is_a_fault() -> None:
    text = """
version = 1
[models.m]
[sources.none]
kind = "server"
url = "http://10.0.0.1:8000/v1"
replicas = 3
serves.m = {}
[sources.few]
kind = "server"
url = "http://10.0.0.2:8000/v1"
chip = "h10"
replicas = 3
scaling = { max = 2, target = 32 }
prefill = { chip = "h100" }
serves.m = {}
"""
    with pytest.raises(FaultsFound) as caught:
        parse({"f": text}, "f")
    said = str(caught.value)
    assert "sources.none.replicas says nothing without a chip" in said
    assert 'sources.few.chip is "h10"' in said
    assert "sources.few.prefill is not rehearsed beside scaling" in said
    assert "sources.few.scaling.max is 2, fewer than the 3 replicas" in said
