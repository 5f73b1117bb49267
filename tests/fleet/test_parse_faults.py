# ruff: noqa: E501 - a fault is one line, and is shown whole here
"""Each kind of fault, with the text that a person reads."""

import pytest
from inline_snapshot import snapshot

from tollway.errors import FaultsFound
from tollway.fleet.parse import parse

SOUND = """\
version = 1
[models."llama-3.1-8b"]
aliases = ["mini"]
[models.large]
[credentials]
vendor = "env:VENDOR_KEY"
[sources.rented]
kind = "emulated"
listen = "127.0.0.1:8411"
chip = "h200"
[sources.rented.serves."llama-3.1-8b"]
precision = "fp8"
context = 32768
prices = [{ since = 2026-01-01, input = "0.40", output = "1.20" }]
[sources.vendor]
kind = "api"
url = "https://api.vendor.test/v1"
credential = "vendor"
serves = { large = {}, "llama-3.1-8b" = {} }
[routes.chat]
model = "llama-3.1-8b"
candidates = ["rented"]
fallbacks = ["vendor:large"]
objectives = ["cheapest", { name = "weighted", weights = { rented = 1.0 } }]
require = { precision = ["fp8"] }
slo = { ttft = "2s" }
deadline = "60s"
[tenants.team]
limits = { concurrency = 8 }
budget = { day = "5.00" }
routes = ["chat", "mini"]
"""


def faults(text: str, **included: str) -> list[str]:
    documents = {"fleet.toml": text} | {f"{name}.toml": it for name, it in included.items()}
    try:
        parse(documents, "fleet.toml")
    except FaultsFound as found:
        return [str(fault) for fault in found.faults]
    return []


def edited(old: str, new: str) -> list[str]:
    assert SOUND.count(old) == 1, old
    return faults(SOUND.replace(old, new))


def test_the_file_that_these_tests_edit_is_sound() -> None:
    assert faults(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "version = 1",
            "version = = 1",
            snapshot(
                [
                    "fleet.toml is not TOML: line 1, column 11: Invalid value. Everything else is checked once this is TOML."
                ]
            ),
        ),
        (
            "version = 1",
            "version = 2",
            snapshot(
                ["fleet.toml: version is 2; known: 1. This release of Tollway reads version 1."]
            ),
        ),
        (
            "version = 1",
            "version = true",
            snapshot(["fleet.toml: version is true, not a whole number. Write a whole number."]),
        ),
        (
            "version = 1\n",
            "",
            snapshot(["fleet.toml: version is missing. Write version = 1 on the first line."]),
        ),
        (
            "version = 1",
            "version = 1\nfoo = 1",
            snapshot(
                [
                    "fleet.toml: foo is not a key of this table; known: breaker, builds, console, contracts, credentials, drift, egress, gateway, guard, include, index, models, parties, pins, plan, price_books, queue, retry, routes, sandbox, secrets, sites, sources, telemetry, tenants, timeouts, tools, version, workloads"
                ]
            ),
        ),
        (
            "[sources.rented]",
            "[source.rented]",
            snapshot(
                [
                    'fleet.toml: source is not a key of this table; known: breaker, builds, console, contracts, credentials, drift, egress, gateway, guard, include, index, models, parties, pins, plan, price_books, queue, retry, routes, sandbox, secrets, sites, sources, telemetry, tenants, timeouts, tools, version, workloads. Did you mean "sources"?',
                    'fleet.toml: sources.rented.kind is missing. Write kind = "api", "server" (an engine that you run) or "emulated".',
                    "fleet.toml: sources.rented.url is missing. Write it: where it answers, up to where `/chat/completions` would follow.",
                ]
            ),
        ),
        (
            "version = 1",
            'version = 1\ninclude = "a.toml"',
            snapshot(['fleet.toml: include is "a.toml", not a list. Write a list.']),
        ),
        (
            'kind = "emulated"',
            "",
            snapshot(
                [
                    'fleet.toml: sources.rented.kind is missing. Write kind = "api", "server" (an engine that you run) or "emulated".'
                ]
            ),
        ),
        (
            'kind = "emulated"',
            'kind = "emulate"',
            snapshot(
                [
                    'fleet.toml: sources.rented.kind is "emulate"; known: api, emulated, server. Did you mean "emulated"?'
                ]
            ),
        ),
        (
            'kind = "emulated"',
            "kind = 3",
            snapshot(
                [
                    "fleet.toml: sources.rented.kind is 3; known: api, emulated, server. Write one of them as text."
                ]
            ),
        ),
        (
            'kind = "emulated"',
            'kind = "emulated"\nurl = "https://x.test"',
            snapshot(
                [
                    "fleet.toml: sources.rented.url is not a key of this table; known: breaker, chip, kind, labels, listen, prefill, region, replicas, scaling, seed, serves, slots, timeouts, tp, vendor"
                ]
            ),
        ),
        (
            'chip = "h200"',
            "",
            snapshot(
                [
                    "fleet.toml: sources.rented.chip is missing. Write it: the chip that it pretends to be, by its catalog name."
                ]
            ),
        ),
        (
            'chip = "h200"',
            'chip = "h20"',
            snapshot(
                [
                    'fleet.toml: sources.rented.chip is "h20"; known: a100, a100-40gb, a100-pcie, ai200, ai250, arc-b60, b200, b300, crescent-island-160, crescent-island-480, dgx-spark, dgx-station and 36 more. Did you mean "h200"?'
                ]
            ),
        ),
        (
            'chip = "h200"',
            'chip = "h200"\ntp = 0',
            snapshot(["fleet.toml: sources.rented.tp is 0. It must be at least 1."]),
        ),
        (
            'chip = "h200"',
            'chip = "h200"\nslots = -1',
            snapshot(["fleet.toml: sources.rented.slots is -1. It must be at least 1."]),
        ),
        (
            'chip = "h200"',
            'chip = "h200"\nslots = 1.5',
            snapshot(
                [
                    "fleet.toml: sources.rented.slots is 1.5, not a whole number. Write a whole number."
                ]
            ),
        ),
        (
            'chip = "h200"',
            'chip = "h200"\nslot = 5',
            snapshot(
                [
                    'fleet.toml: sources.rented.slot is not a key of this table; known: breaker, chip, kind, labels, listen, prefill, region, replicas, scaling, seed, serves, slots, timeouts, tp, vendor. Did you mean "slots"?'
                ]
            ),
        ),
        (
            '"127.0.0.1:8411"',
            '"8411"',
            snapshot(
                [
                    'fleet.toml: sources.rented.listen is "8411", not an address to listen on. Write "HOST:PORT": "127.0.0.1:8400".'
                ]
            ),
        ),
        (
            '"127.0.0.1:8411"',
            '"127.0.0.1:8400"',
            snapshot(
                [
                    "fleet.toml: sources.rented.listen is port 8400, which gateway.listen has already. Choose another port."
                ]
            ),
        ),
        (
            '"127.0.0.1:8411"',
            '"0.0.0.0:8400"',
            snapshot(
                [
                    "fleet.toml: sources.rented.listen is port 8400, which gateway.listen has already. Choose another port."
                ]
            ),
        ),
        (
            '"127.0.0.1:8411"',
            '"127.0.0.1:0"',
            snapshot(
                [
                    "fleet.toml: sources.rented.listen has port 0. Choose a port: the gateway must know where to find it."
                ]
            ),
        ),
        (
            'credential = "vendor"',
            'credential = "vendor"\ndialects = ["anthropic", "anthropic", "claude"]',
            snapshot(
                [
                    'fleet.toml: sources.vendor.dialects has "anthropic" twice. Write it once.',
                    'fleet.toml: sources.vendor.dialects[2] is "claude"; known: anthropic, gemini, openai, responses',
                ]
            ),
        ),
        (
            'credential = "vendor"',
            'credential = "vendor"\ndialects = ["anthropic", "anthropic"]',
            snapshot(['fleet.toml: sources.vendor.dialects has "anthropic" twice. Write it once.']),
        ),
        (
            "[sources.vendor]",
            '[sources.twin]\nkind = "emulated"\nlisten = "localhost:8411"\nchip = "h100"\nserves = { "llama-3.1-8b" = {} }\n[sources.vendor]',
            snapshot(
                [
                    "fleet.toml: sources.twin.listen is port 8411, which sources.rented.listen has already. Choose another port."
                ]
            ),
        ),
        (
            'serves = { large = {}, "llama-3.1-8b" = {} }',
            "serves = { larg = {}, large = {} }",
            snapshot(
                [
                    'fleet.toml: sources.vendor.serves.larg names model "larg"; known: large, llama-3.1-8b. Did you mean "large"?'
                ]
            ),
        ),
        (
            'serves = { large = {}, "llama-3.1-8b" = {} }',
            'serves = { "llama-3.1-8b" = {} }',
            snapshot(
                [
                    "fleet.toml: models.large is served by no source. Write [sources.NAME.serves.large], or take the model out.",
                    'fleet.toml: routes.chat.fallbacks[0] is "vendor:large", and vendor doesn\'t serve "large". It serves llama-3.1-8b; "vendor:MODEL" names another model than the route\'s.',
                ]
            ),
        ),
        (
            'serves = { large = {}, "llama-3.1-8b" = {} }',
            "serves = {}",
            snapshot(
                [
                    "fleet.toml: sources.vendor.serves is empty. Write it: the models it serves, by name."
                ]
            ),
        ),
        (
            '[sources.rented.serves."llama-3.1-8b"]',
            "[sources.rented.serves.large]",
            snapshot(
                [
                    "fleet.toml: sources.rented.serves.large cannot be emulated: the catalog doesn't know the model; known: bloom-7b1, codellama-13b, deepseek-r1, deepseek-r1-distill-qwen-14b, deepseek-v3, deepseek-v3.1, deepseek-v3.2, falcon-180b, gemma-3-12b, gemma-3-27b, gemma-3-4b, glm-4.5 and 62 more. Emulate a model that it knows.",
                    'fleet.toml: routes.chat.candidates[0] is "rented", and rented doesn\'t serve "llama-3.1-8b". It serves large; "rented:MODEL" names another model than the route\'s.',
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"http://api.vendor.test/v1"',
            snapshot(
                [
                    'fleet.toml: sources.vendor.url is "http://api.vendor.test/v1": plain http shows prompts and keys to the network. Write https://, or kind = "server" for an engine in your own network.'
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"http://127.0.0.1:8400/v1"',
            snapshot(
                [
                    "fleet.toml: sources.vendor.url is \"http://127.0.0.1:8400/v1\", the gateway's own address. Name the engine's address."
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"ftp://api.vendor.test/v1"',
            snapshot(
                [
                    'fleet.toml: sources.vendor.url is not an http(s) URL. Write "https://HOST/PATH", up to where `/chat/completions` would follow.'
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"https://user:pass@api.vendor.test/v1"',
            snapshot(
                [
                    "fleet.toml: sources.vendor.url holds a user, a query or a fragment (not shown). Name a credential instead, with `credential`; the URL is host and path only."
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"https://api.vendor.test/v1?key=SECRET"',
            snapshot(
                [
                    "fleet.toml: sources.vendor.url holds a user, a query or a fragment (not shown). Name a credential instead, with `credential`; the URL is host and path only."
                ]
            ),
        ),
        (
            '"https://api.vendor.test/v1"',
            '"https://[::1/v1"',
            snapshot(
                [
                    'fleet.toml: sources.vendor.url is not a URL. Write "https://HOST/PATH", up to where `/chat/completions` would follow.'
                ]
            ),
        ),
        (
            'credential = "vendor"',
            'credential = "vendr"',
            snapshot(
                [
                    'fleet.toml: sources.vendor.credential names no credential (value not shown); known: vendor. Did you mean "vendor"?'
                ]
            ),
        ),
        (
            'credential = "vendor"',
            'credential = "sk-SECRET"',
            snapshot(
                [
                    "fleet.toml: sources.vendor.credential names no credential (value not shown); known: vendor. Declare it in [credentials]."
                ]
            ),
        ),
        (
            '"env:VENDOR_KEY"',
            '"sk-SECRET"',
            snapshot(
                [
                    'fleet.toml: credentials.vendor is not a reference to a secret (value not shown). Write where the secret is, "env:NAME" or "file:PATH", and change the secret if it stood here.'
                ]
            ),
        ),
        (
            '"env:VENDOR_KEY"',
            '"env:sk-SECRET"',
            snapshot(
                [
                    'fleet.toml: credentials.vendor does not name an environment variable (value not shown). Write where the secret is, "env:NAME" or "file:PATH", and change the secret if it stood here.'
                ]
            ),
        ),
        (
            '"env:VENDOR_KEY"',
            '{ key = "sk-SECRET" }',
            snapshot(
                [
                    'fleet.toml: credentials.vendor is not a reference to a secret (value not shown). Write where the secret is, "env:NAME" or "file:PATH", and change the secret if it stood here.'
                ]
            ),
        ),
        (
            '"env:VENDOR_KEY"',
            '"file:"',
            snapshot(
                [
                    'fleet.toml: credentials.vendor does not name a file (value not shown). Write where the secret is, "env:NAME" or "file:PATH", and change the secret if it stood here.'
                ]
            ),
        ),
        (
            'input = "0.40"',
            "input = 0.4",
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is 0.4, a float. Money is exact: write it as text, "0.4".'
                ]
            ),
        ),
        (
            'input = "0.40"',
            "input = 4",
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is 4, not text. Money is exact: write it as text, "4".'
                ]
            ),
        ),
        (
            'input = "0.40"',
            'input = "-0.40"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is "-0.40". A price is zero or more.'
                ]
            ),
        ),
        (
            'input = "0.40"',
            'input = "$0.40"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is "$0.40", not a price. Write USD as a decimal in text: "0.25".'
                ]
            ),
        ),
        (
            'input = "0.40"',
            'input = "0.4000001"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is "0.4000001" a million tokens, finer than a pico-dollar a token. Write at most 6 decimal places.'
                ]
            ),
        ),
        (
            'input = "0.40"',
            'input = "4000000"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is "4000000" a million tokens. Prices end at "100000" a million tokens.'
                ]
            ),
        ),
        (
            'input = "0.40", ',
            "",
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is missing. Write it: input tokens.'
                ]
            ),
        ),
        (
            'input = "0.40"',
            'inputs = "0.40"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].input is missing. Write it: input tokens.',
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].inputs is not a key of this table; known: cache_write, cached_input, hours, input, output, request, since, tier. Did you mean "input"?',
                ]
            ),
        ),
        (
            "since = 2026-01-01",
            'since = "2026-01-01"',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].since is "2026-01-01", not a date. Write a date without quotes or time: 2026-01-31.'
                ]
            ),
        ),
        (
            "since = 2026-01-01",
            "since = 2026-01-01T00:00:00Z",
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].since is 2026-01-01 00:00:00+00:00, not a date. Write a date without quotes or time: 2026-01-31.'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20" }, { since = 2026-01-01, input = "1", output = "1" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[1].since is 2026-01-01, and prices[0] holds for tier standard at the same time. Give them different dates, tiers or hours.'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20" }, { since = 2026-01-01, hours = "22:00-02:00", input = "1", output = "1" }, { since = 2026-01-01, hours = "01:00-03:00", input = "1", output = "1" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[2].since is 2026-01-01, and prices[1] holds for tier standard at the same time. Give them different dates, tiers or hours.'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20", hours = "9-17" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].hours is "9-17", not hours of the day. Write UTC hours as text: "16:30-00:30".'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20", hours = "09:00-09:00" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].hours is "09:00-09:00", which covers nothing. Leave `hours` away where a price holds all day.'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20", tier = "standart" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].tier is "standart"; known: batch, flex, priority, standard. Did you mean "standard"?'
                ]
            ),
        ),
        (
            'output = "1.20" }',
            'output = "1.20", request = "0.0000000000001" }',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".prices[0].request is "0.0000000000001", finer than a pico-dollar. Write at most 12 decimal places.'
                ]
            ),
        ),
        (
            'precision = "fp8"\n',
            'precision = "FP 8"\n',
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".precision is "FP 8". Write lower-case letters, digits, dots, dashes: fp8.'
                ]
            ),
        ),
        (
            "context = 32768",
            "context = 0",
            snapshot(
                [
                    'fleet.toml: sources.rented.serves."llama-3.1-8b".context is 0. It must be at least 1.'
                ]
            ),
        ),
        (
            'aliases = ["mini"]',
            'aliases = ["large"]',
            snapshot(
                [
                    'fleet.toml: models."llama-3.1-8b".aliases[0] is "large", the name of a model. Choose another alias.',
                    'fleet.toml: tenants.team.routes[1] is "mini"; known: chat, large, llama-3.1-8b',
                ]
            ),
        ),
        (
            'aliases = ["mini"]',
            'aliases = ["mini", "mini"]',
            snapshot(
                [
                    'fleet.toml: models."llama-3.1-8b".aliases[1] is "mini", an alias of models.llama-3.1-8b already. Choose another alias.'
                ]
            ),
        ),
        (
            "[models.large]",
            '[models.large]\naliases = ["chat"]',
            snapshot(
                [
                    'fleet.toml: models.large.aliases[0] is "chat", a route to model "llama-3.1-8b". Choose another alias.'
                ]
            ),
        ),
        (
            "[models.large]",
            '[models.large]\naliases = ["mi ni"]',
            snapshot(
                [
                    'fleet.toml: models.large.aliases[0] is "mi ni". Use letters, digits and . _ : / @ + - , 128 at most.'
                ]
            ),
        ),
        (
            "[models.large]",
            '[models.large]\n[models."a b"]',
            snapshot(
                [
                    'fleet.toml: models."a b" is not a name that headers can carry. Use letters, digits and . _ : / @ + - , 128 at most.',
                    'fleet.toml: models."a b" is served by no source. Write [sources.NAME.serves."a b"], or take the model out.',
                ]
            ),
        ),
        (
            "[models.large]",
            "[models.large]\nreserve_output = 0",
            snapshot(["fleet.toml: models.large.reserve_output is 0. It must be at least 1."]),
        ),
        (
            'model = "llama-3.1-8b"',
            'model = "llama-3.1-8"',
            snapshot(
                [
                    'fleet.toml: routes.chat.model is "llama-3.1-8"; known: large, llama-3.1-8b. Did you mean "llama-3.1-8b"?'
                ]
            ),
        ),
        (
            'model = "llama-3.1-8b"\n',
            "",
            snapshot(
                ["fleet.toml: routes.chat.model is missing. Write it: the model that it serves."]
            ),
        ),
        (
            "[routes.chat]",
            "[routes.large]",
            snapshot(
                [
                    'fleet.toml: routes.large.model is "llama-3.1-8b", though the route has the name of model "large". Rename the route, or serve the model that it is named after.',
                    'fleet.toml: tenants.team.routes[0] is "chat"; known: large, llama-3.1-8b, mini',
                ]
            ),
        ),
        (
            'candidates = ["rented"]',
            'candidates = ["rentd"]',
            snapshot(
                [
                    'fleet.toml: routes.chat.candidates[0] names source "rentd"; known: rented, vendor. Did you mean "rented"?'
                ]
            ),
        ),
        (
            'candidates = ["rented"]',
            'candidates = ["rented:large"]',
            snapshot(
                [
                    'fleet.toml: routes.chat.candidates[0] is "rented:large", and rented doesn\'t serve "large". It serves llama-3.1-8b; "rented:MODEL" names another model than the route\'s.'
                ]
            ),
        ),
        (
            'candidates = ["rented"]',
            "candidates = []",
            snapshot(
                [
                    "fleet.toml: routes.chat.candidates is empty. Name sources, or leave `candidates` away: every source that serves the model."
                ]
            ),
        ),
        (
            'candidates = ["rented"]',
            'candidates = "rented"',
            snapshot(['fleet.toml: routes.chat.candidates is "rented", not a list. Write a list.']),
        ),
        (
            'candidates = ["rented"]',
            'candidates = ["rented", "rented:llama-3.1-8b"]',
            snapshot(
                [
                    'fleet.toml: routes.chat.candidates[1] is "rented:llama-3.1-8b", which candidates[0] names already. Name it once.'
                ]
            ),
        ),
        (
            'fallbacks = ["vendor:large"]',
            'fallbacks = ["rented"]',
            snapshot(
                [
                    'fleet.toml: routes.chat.fallbacks[0] is "rented", which candidates[0] names already. Name it once.'
                ]
            ),
        ),
        (
            'candidates = ["rented"]\nfallbacks = ["vendor:large"]',
            'fallbacks = ["vendor"]',
            snapshot(
                [
                    'fleet.toml: routes.chat.fallbacks[0] is "vendor", which is a candidate already. Write `candidates` without it, or take it out of `fallbacks`.'
                ]
            ),
        ),
        (
            '"cheapest"',
            '"cheepest"',
            snapshot(
                [
                    'fleet.toml: routes.chat.objectives[0] is "cheepest"; known: cheapest, commitment-first, fastest, least-outstanding, prefix-affinity, weighted. Did you mean "cheapest"?'
                ]
            ),
        ),
        (
            '"cheapest"',
            '"cheapest", "cheapest"',
            snapshot(['fleet.toml: routes.chat.objectives[1] is "cheapest" again. Name it once.']),
        ),
        (
            '"cheapest"',
            '{ name = "cheapest", tolerance = -0.1 }',
            snapshot(
                ["fleet.toml: routes.chat.objectives[0].tolerance is -0.1. It must be at least 0."]
            ),
        ),
        (
            '"cheapest"',
            '{ name = "cheapest", weights = { rented = 1 } }',
            snapshot(
                [
                    "fleet.toml: routes.chat.objectives[0].weights are for `weighted` only. Take them out."
                ]
            ),
        ),
        (
            '"cheapest"',
            "3",
            snapshot(["fleet.toml: routes.chat.objectives[0] is 3, not text. Write text."]),
        ),
        (
            '{ name = "weighted", weights = { rented = 1.0 } }',
            '"weighted"',
            snapshot(
                [
                    'fleet.toml: routes.chat.objectives[1] has no weights. Write { name = "weighted", weights = { SOURCE = 1.0 } }.'
                ]
            ),
        ),
        (
            '{ name = "weighted", weights = { rented = 1.0 } }',
            '{ name = "weighted", weights = { rented = 0 } }',
            snapshot(
                [
                    "fleet.toml: routes.chat.objectives[1].weights give no candidate any weight. Give a candidate's source a weight above 0: weights = { SOURCE = 1.0 }."
                ]
            ),
        ),
        (
            "rented = 1.0",
            "rented = 1.0, rentd = 1.0",
            snapshot(
                [
                    'fleet.toml: routes.chat.objectives[1].weights.rentd is "rentd"; known: rented, vendor. Did you mean "rented"?'
                ]
            ),
        ),
        (
            "rented = 1.0",
            "rented = 1.0, vendor = 1.0",
            snapshot(
                [
                    "fleet.toml: routes.chat.objectives[1].weights.vendor is no candidate of this route; candidates: rented. Take the weight out."
                ]
            ),
        ),
        (
            "rented = 1.0",
            "rented = inf",
            snapshot(
                [
                    "fleet.toml: routes.chat.objectives[1].weights.rented is inf, not a finite number. Write a finite number."
                ]
            ),
        ),
        (
            'objectives = ["cheapest", { name = "weighted", weights = { rented = 1.0 } }]',
            "objectives = []",
            snapshot(
                [
                    'fleet.toml: routes.chat.objectives is empty. Name one, as in ["least-outstanding"].'
                ]
            ),
        ),
        (
            'precision = ["fp8"]',
            'precision = ["bf16"], context = 65536',
            snapshot(
                [
                    "fleet.toml: routes.chat.require is met by no candidate: rented serves fp8, not bf16 and serves 32768 tokens, not 65536. Demand less, or let a serving state what it really serves."
                ]
            ),
        ),
        (
            'candidates = ["rented"]\nfallbacks = ["vendor:large"]',
            'candidates = ["vendor"]',
            snapshot(
                [
                    "fleet.toml: routes.chat.objectives[1].weights.rented is no candidate of this route; candidates: vendor. Take the weight out.",
                    "fleet.toml: routes.chat.require is met by no candidate: vendor states no precision. Demand less, or let a serving state what it really serves.",
                ]
            ),
        ),
        (
            'ttft = "2s"',
            'ttft = "90s"',
            snapshot(
                [
                    "fleet.toml: routes.chat.slo.ttft is 90s, later than the route's deadline. Promise at most 60s, or give the route a later deadline."
                ]
            ),
        ),
        (
            'ttft = "2s"',
            "ttft = 2",
            snapshot(
                [
                    'fleet.toml: routes.chat.slo.ttft is 2, not a duration. Write text with one unit: "250ms", "10s", "5m", "2h", "1d".'
                ]
            ),
        ),
        (
            'ttft = "2s"',
            'ttft = "2 seconds"',
            snapshot(
                [
                    'fleet.toml: routes.chat.slo.ttft is "2 seconds", not a duration. Write text with one unit: "250ms", "10s", "5m", "2h", "1d".'
                ]
            ),
        ),
        (
            'ttft = "2s"',
            'ttft = "0s"',
            snapshot(
                [
                    'fleet.toml: routes.chat.slo.ttft is "0s". A duration is more than zero and at most a year (366d).'
                ]
            ),
        ),
        (
            'ttft = "2s"',
            'ttft = "2s", speed = 0',
            snapshot(["fleet.toml: routes.chat.slo.speed is 0. It must be more than 0."]),
        ),
        (
            "concurrency = 8",
            "concurrency = 0",
            snapshot(["fleet.toml: tenants.team.limits.concurrency is 0. It must be at least 1."]),
        ),
        (
            "concurrency = 8",
            "concurency = 8",
            snapshot(
                [
                    'fleet.toml: tenants.team.limits.concurency is not a key of this table; known: concurrency, requests_per_minute, tokens_per_minute. Did you mean "concurrency"?'
                ]
            ),
        ),
        (
            'day = "5.00"',
            "day = 5.00",
            snapshot(
                [
                    'fleet.toml: tenants.team.budget.day is 5.0, a float. Money is exact: write it as text, "5.0".'
                ]
            ),
        ),
        (
            'day = "5.00"',
            'day = "99999999"',
            snapshot(
                [
                    'fleet.toml: tenants.team.budget.day is "99999999". The ledger counts to $9,000,000 at most.'
                ]
            ),
        ),
        (
            '["chat", "mini"]',
            '["chatt"]',
            snapshot(
                [
                    'fleet.toml: tenants.team.routes[0] is "chatt"; known: chat, large, llama-3.1-8b, mini. Did you mean "chat"?'
                ]
            ),
        ),
        (
            '["chat", "mini"]',
            "[]",
            snapshot(
                [
                    "fleet.toml: tenants.team.routes is empty. Name routes, or leave `routes` away: all."
                ]
            ),
        ),
        (
            "[tenants.team]",
            '[tenants.team]\nclass = "bulk"',
            snapshot(['fleet.toml: tenants.team.class is "bulk"; known: batch, interactive']),
        ),
        (
            "version = 1",
            "version = 1\n[gateway]\nmax_body = 1000",
            snapshot(
                [
                    'fleet.toml: gateway.max_body is 1000, not a size. Write text with a unit: "32KiB", "1MB", "32MiB".'
                ]
            ),
        ),
        (
            "version = 1",
            'version = 1\n[gateway]\nmax_body = "32 MB"',
            snapshot(
                [
                    'fleet.toml: gateway.max_body is "32 MB", not a size. Write text with a unit: "32KiB", "1MB", "32MiB".'
                ]
            ),
        ),
        (
            "version = 1",
            "version = 1\n[breaker]\nerror_share = 1.5",
            snapshot(["fleet.toml: breaker.error_share is 1.5. It must be at most 1."]),
        ),
        (
            "version = 1",
            "version = 1\n[queue]\nbatch = { length = -1 }",
            snapshot(["fleet.toml: queue.batch.length is -1. It must be at least 0."]),
        ),
        (
            "version = 1",
            "version = 1\n[retry]\nratio = nan",
            snapshot(
                ["fleet.toml: retry.ratio is nan, not a finite number. Write a finite number."]
            ),
        ),
        (
            "version = 1",
            "version = 1\nretry = 3",
            snapshot(["fleet.toml: retry is 3, not a table. Write a table."]),
        ),
    ],
)
def test_a_fault_says_place_value_and_mend(old: str, new: str, expected: list[str]) -> None:
    found = edited(old, new)
    assert found == expected
    assert found
    assert "SECRET" not in "".join(found)


def test_a_fleet_of_nothing_says_what_is_missing() -> None:
    assert faults("") == snapshot(
        [
            "fleet.toml: version is missing. Write version = 1 on the first line.",
            "fleet.toml declares no models. Write [models.NAME].",
            "fleet.toml declares no sources. Write [sources.NAME]; `tollway init` writes a first file.",
        ]
    )


def test_every_fault_of_every_document_comes_at_once_and_in_file_order() -> None:
    text = SOUND.replace('chip = "h200"', "chip = 3\nslot = 4").replace('day = "5.00"', "day = 5.0")
    more = "[sources.more]\nkind = 'server'\nurl = 'nowhere'\nserves = { big = {} }\n"
    assert faults(text, more=more, broken="x = ]") == snapshot(
        [
            "fleet.toml: sources.rented.chip is 3, not text. Write text.",
            'fleet.toml: sources.rented.slot is not a key of this table; known: breaker, chip, kind, labels, listen, prefill, region, replicas, scaling, seed, serves, slots, timeouts, tp, vendor. Did you mean "slots"?',
            'fleet.toml: tenants.team.budget.day is 5.0, a float. Money is exact: write it as text, "5.0".',
            'more.toml: sources.more.url is not an http(s) URL. Write "https://HOST/PATH", up to where `/chat/completions` would follow.',
            "broken.toml is not TOML: line 1, column 5: Invalid value. Everything else is checked once this is TOML.",
        ]
    )


def test_names_and_settings_declared_twice_name_both_files() -> None:
    again = """
[retry]
ratio = 0.1
[models.large]
[tenants.team]
"""
    assert faults(f"{SOUND}[retry]\n", again=again, third="[retry]\n[tenants.team]\n") == snapshot(
        [
            "again.toml: retry is declared in fleet.toml too. Keep one of them.",
            "again.toml: models.large is declared in fleet.toml too. Rename one of the two, or take it out.",
            "again.toml: tenants.team is declared in fleet.toml too. Rename one of the two, or take it out.",
            "third.toml: retry is declared in fleet.toml too. Keep one of them.",
            "third.toml: tenants.team is declared in fleet.toml too. Rename one of the two, or take it out.",
        ]
    )


def test_an_include_neither_includes_nor_states_another_format() -> None:
    assert faults(SOUND, more='version = 2\ninclude = ["x.toml"]\n') == snapshot(
        [
            "more.toml: version is 2; known: 1. This release of Tollway reads version 1.",
            "more.toml: include is for the main file only. Include the files from fleet.toml.",
        ]
    )


def test_a_fault_at_a_key_hides_what_would_only_follow_from_it() -> None:
    assert edited('serves = { large = {}, "llama-3.1-8b" = {} }', "serves = 3") == snapshot(
        ["fleet.toml: sources.vendor.serves is 3, not a table. Write a table."]
    )


def test_an_error_in_one_document_does_not_make_its_names_unknown_in_another() -> None:
    assert faults(SOUND.replace('"vendor:large"', '"elsewhere"'), more="[sources.elsewhere") == (
        snapshot(
            [
                "more.toml is not TOML: end of document: Expected ']' at the end of a table declaration. Everything else is checked once this is TOML."
            ]
        )
    )


def test_a_secret_in_a_faulty_file_is_nowhere_in_the_error_or_its_causes() -> None:
    for text in ('"sk-SECRET"', '["sk-SECRET"]', '{ a = "sk-SECRET" }', '"env:sk-SECRET"'):
        with pytest.raises(FaultsFound) as caught:
            parse({"fleet.toml": SOUND.replace('"env:VENDOR_KEY"', text)}, "fleet.toml")
        assert "SECRET" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
