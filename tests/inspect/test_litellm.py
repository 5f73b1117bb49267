"""A LiteLLM configuration as a fleet file: what is carried, what is said, and no key gets out."""

import json
from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.fleet.credential import Credential
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.inspect.litellm.convert import Given, Imported, convert
from tollway.inspect.litellm.marked import read_marked
from tollway.units import PicoDollars

TODAY = date(2026, 11, 22)
ONE = "model_list:\n- model_name: m\n  litellm_params: {model: gpt-5-mini}\n"


def imported(config: str, **more: Any) -> Imported:
    teams, keys = more.get("teams"), more.get("keys")
    return convert(
        Given(
            config=(config, "config.yaml"),
            teams=None if teams is None else (json.dumps(teams), "teams.json"),
            keys=None if keys is None else (json.dumps(keys), "keys.json"),
            environ=more.get("environ", {}),
            today=TODAY,
        )
    )


def fleet(config: str, **more: Any) -> Fleet:
    return parse({"f": imported(config, **more).text}, "f")


def deployed(*entries: dict[str, Any], **settings: Any) -> str:
    """A configuration as LiteLLM's own tools write it."""
    return yaml.safe_dump({"model_list": list(entries), **settings}, sort_keys=False)


def entry(name: str, model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, **params}}


@pytest.mark.parametrize(
    ("params", "url", "credential", "dialects", "kind", "upstream"),
    [
        (
            {"model": "gpt-5-mini"},
            *("https://api.openai.com/v1", "OPENAI_API_KEY", ("openai", "responses"), "api"),
            "gpt-5-mini",
        ),
        (
            {"model": "openai/gpt-5-mini", "api_key": "os.environ/MINE"},
            *("https://api.openai.com/v1", "MINE", ("openai", "responses"), "api", "gpt-5-mini"),
        ),
        (
            {"model": "claude-sonnet-5"},
            *("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", ("anthropic",), "api"),
            "claude-sonnet-5",
        ),
        (
            {"model": "anthropic/claude-x", "api_base": "https://relay.example.com"},
            *("https://relay.example.com/v1", "ANTHROPIC_API_KEY", ("anthropic",), "api"),
            "claude-x",
        ),
        (
            {"model": "gemini/gemini-3.6-flash"},
            *("https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY", ("gemini",)),
            *("api", "gemini-3.6-flash"),
        ),
        (
            {"model": "azure/dep", "api_base": "https://eu.openai.azure.com/", "api_key": "secret"},
            *("https://eu.openai.azure.com/openai/v1", "AZURE_API_KEY", ("openai",), "api", "dep"),
        ),
        (
            {"model": "openai/facebook/opt", "api_base": "http://0.0.0.0:8001/v1/"},
            *("http://0.0.0.0:8001/v1", None, ("openai",), "server", "facebook/opt"),
        ),
        (
            {"model": "my-model", "api_base": "https://engine.example.com/v1", "api_key": "none"},
            *("https://engine.example.com/v1", None, ("openai",), "api", "my-model"),
        ),
        (
            {"model": "hosted_vllm/llama", "api_base": "http://gpu:8000/v1/chat/completions"},
            *("http://gpu:8000/v1", None, ("openai",), "server", "llama"),
        ),
        (
            {"model": "ollama/llama3", "api_base": "http://localhost:11434"},
            *("http://localhost:11434/v1", None, ("openai",), "server", "llama3"),
        ),
        (
            {"model": "llama-3.3-70b", "custom_llm_provider": "groq"},
            *("https://api.groq.com/openai/v1", "GROQ_API_KEY", ("openai",), "api"),
            "llama-3.3-70b",
        ),
    ],
)
def test_a_deployment_becomes_a_source_where_litellm_would_have_asked(
    params: dict[str, Any],
    url: str,
    credential: str | None,
    dialects: tuple[str, ...],
    kind: str,
    upstream: str,
) -> None:
    made = fleet(deployed({"model_name": "m", "litellm_params": params}))
    (source,) = made.sources.values()
    assert (source.base_url, source.dialects, source.kind) == (url, dialects, kind)
    assert source.serves["m"].upstream_model == upstream
    expected = None if credential is None else Credential("env", credential)
    assert source.credential == expected


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"model": "bedrock/claude"}, "provider bedrock is not carried: Bedrock's requests are"),
        ({"model": "vertex_ai/gemini-pro"}, "Vertex AI takes tokens that end within the hour"),
        ({"model": "nobody/llama"}, "provider nobody is not carried: this importer does not know"),
        ({"model": "huggingface/a/b", "api_base": "http://gpu:80"}, "provider huggingface is not"),
        ({"model": "llama"}, "which provider is meant is not known from the name"),
        ({"model": "openai/*"}, "is a wildcard: a fleet file names each model"),
        ({"model": "azure/dep"}, "provider azure needs api_base"),
        ({"model": "openai/"}, "names no model behind the provider's name"),
        (
            {"model": "openai/x", "api_base": "os.environ/NOT_SET"},
            "api_base is in the variable NOT_SET: export it, and import again",
        ),
        (
            {"model": "openai/x", "api_base": "https://user:hunter2@host/v1"},
            "api_base holds a user, a query or a fragment (not shown)",
        ),
        ({}, "has no model_name, or no litellm_params.model"),
    ],
)
def test_what_cannot_be_carried_is_left_out_with_its_line_and_the_reason(
    params: dict[str, Any], why: str
) -> None:
    made = imported(
        deployed(entry("kept", "gpt-5-mini"), {"model_name": "m", "litellm_params": params})
    )
    (note,) = made.notes
    assert why in note.why
    assert note.why.endswith("the deployment is left out")
    assert (note.line, note.key) == (5, "model_list[1]")
    assert (made.carried, made.listed) == (1, 2)
    assert "hunter2" not in str(note)


def test_a_key_in_the_file_is_never_written_and_never_said() -> None:
    secrets = ["sk-live-aaaa", "sk-live-bbbb", "hunter2", "sk-master", "postgres://u:pw@h/db"]
    config = deployed(
        entry("a", "openai/x", api_key="sk-live-aaaa", extra_headers={"x-key": "hunter2"}),
        entry("b", "openai/y", api_key="sk-live-aaaa"),
        entry("c", "openai/z", api_key="sk-live-bbbb"),
        entry("d", "openai/z", api_key="os.environ/OPENAI_API_KEY"),
        router_settings={"redis_password": "hunter2"},
        general_settings={"master_key": "sk-master", "database_url": "postgres://u:pw@h/db"},
        environment_variables={"OPENAI_API_KEY": "sk-live-bbbb"},
    )
    made = imported(config)
    said = made.text + "\n".join(map(str, made.notes))
    assert not [secret for secret in secrets if secret in said]
    found = parse({"f": made.text}, "f")
    names = {
        model: source.credential.name
        for source in found.sources.values()
        for model in source.serves
        if source.credential
    }
    assert names == {
        "a": "OPENAI_API_KEY_2",
        "b": "OPENAI_API_KEY_2",
        "c": "OPENAI_API_KEY_3",
        "d": "OPENAI_API_KEY",
    }
    assert [it.line for it in made.notes if "plain text (not shown)" in it.why] == [5, 11, 15]


def test_deployments_of_one_model_are_sources_that_share_it_by_weight() -> None:
    made = fleet(
        deployed(
            entry(
                "gpt",
                "azure/eu",
                api_base="https://eu.openai.azure.com",
                api_key="os.environ/A",
                rpm=6,
            ),
            entry(
                "gpt",
                "azure/ca",
                api_base="https://ca.openai.azure.com",
                api_key="os.environ/B",
                rpm=18,
            ),
            entry(
                "gpt-2", "azure/eu2", api_base="https://eu.openai.azure.com", api_key="os.environ/A"
            ),
        )
    )
    assert list(made.sources) == ["azure", "azure-2"]
    assert {name: list(it.serves) for name, it in made.sources.items()} == {
        "azure": ["gpt", "gpt-2"],
        "azure-2": ["gpt"],
    }
    (objective,) = made.routes["gpt"].objectives
    assert objective.name == "weighted"
    assert dict(objective.weights) == {"azure": pytest.approx(1 / 3, rel=1e-4), "azure-2": 1.0}


@pytest.mark.parametrize(
    ("strategy", "objective"),
    [
        (None, "weighted"),
        ("simple-shuffle", "weighted"),
        ("least-busy", "least-outstanding"),
        ("latency-based-routing", "fastest"),
        ("cost-based-routing", "cheapest"),
        ("usage-based-routing-v2", "least-outstanding"),
        ("provider-budget-routing", "least-outstanding"),
    ],
)
def test_a_strategy_becomes_an_objective(strategy: str | None, objective: str) -> None:
    two = [entry("m", "openai/x"), entry("m", "groq/x")]
    made = fleet(deployed(*two, router_settings={"routing_strategy": strategy}))
    assert [it.name for it in made.routes["m"].objectives] == [objective]


def test_a_deployment_that_bounds_requests_in_flight_is_a_source_of_its_own() -> None:
    made = fleet(
        deployed(
            entry("a", "openai/x", max_parallel_requests=5),
            entry("b", "openai/y", max_parallel_requests=5),
            entry("c", "openai/z"),
            entry("d", "openai/w"),
        )
    )
    assert [(list(it.serves), it.slots) for it in made.sources.values()] == [
        (["a"], 5),
        (["b"], 5),
        (["c", "d"], None),
    ]


def test_prices_are_exact_whatever_way_they_are_written() -> None:
    config = """
model_list:
- model_name: a
  litellm_params: {model: openai/a, input_cost_per_token: 0.00000015, output_cost_per_token: 6e-7}
- model_name: b
  litellm_params: {model: openai/b}
  model_info: {input_cost_per_token: 1.5e-06, cache_read_input_token_cost: 0.00000003750}
- model_name: c
  litellm_params: {model: openai/c, input_cost_per_token: 0.0000000000001}
- model_name: d
  litellm_params: {model: openai/d, input_cost_per_token: a lot, input_cost_per_second: 0.1}
"""
    made = imported(config)
    serves = {
        name: serving
        for source in parse({"f": made.text}, "f").sources.values()
        for name, serving in source.serves.items()
    }
    (a,), (b,) = serves["a"].prices, serves["b"].prices
    assert (a.since, a.input, a.output) == (TODAY, PicoDollars(150_000), PicoDollars(600_000))
    assert (b.input, b.cached_input, b.output) == (1_500_000, 37_500, 0)
    assert made.unpriced == ("c", "d")
    assert [(it.line, it.key.rpartition(".")[2]) for it in made.notes] == [
        (9, "input_cost_per_token"),
        (11, "input_cost_per_token"),
        (11, "input_cost_per_second"),
    ]


def test_fallbacks_aliases_times_and_breakers_are_carried() -> None:
    config = deployed(
        entry("big", "openai/big"),
        entry("big", "groq/big"),
        entry("small", "openai/small", timeout=5, stream_timeout=0.25),
        entry("other", "groq/other"),
        router_settings={
            "fallbacks": [{"small": ["big", "gone"]}, {"nickname": ["small"]}],
            "default_fallbacks": ["other"],
            "model_group_alias": {"nickname": "big", "hid": {"model": "small", "hidden": True}},
            "timeout": 30,
            "cooldown_time": 45,
            "allowed_fails": 3,
        },
        litellm_settings={"request_timeout": 600},
        general_settings={"global_max_parallel_requests": 100},
    )
    made = fleet(config)
    assert made.models["big"].aliases == ("nickname",)
    assert made.models["small"].aliases == ("hid",)
    routes = {
        name: [f"{it.source}:{it.model}" for it in route.fallbacks]
        for name, route in made.routes.items()
    }
    assert routes["small"] == ["openai:big", "groq:big"]
    assert routes["big"] == ["openai-2:small"]
    assert routes["other"] == []
    small = made.sources["openai-2"]
    assert (small.timeouts.total, small.timeouts.first_content, small.timeouts.idle) == (
        5,
        0.25,
        0.25,
    )
    assert made.sources["openai"].timeouts.total == 30
    breaker = made.sources["openai"].breaker
    assert (breaker.open_for, breaker.window, breaker.min_samples) == (45, 60, 4)
    assert made.gateway.max_streams == 100


def test_every_setting_that_is_not_carried_is_said_with_its_line() -> None:
    config = ONE + (
        "  something_new: 1\n"
        "litellm_settings:\n"
        "  drop_params: true\n"
        "  cache: true\n"
        "  success_callback: [langfuse]\n"
        "  context_window_fallbacks: [{m: [n]}]\n"
        "  request_timeout: os.environ/T\n"
        "router_settings:\n"
        "  num_retries: 3\n"
        "  routing_strategy: my-own\n"
        "  fallbacks: [{m: [unknown]}, {unknown: [m]}]\n"
        "  brand_new_setting: 1\n"
        "general_settings:\n"
        "  master_key: sk-1234\n"
        "guardrails: [{guardrail_name: x}]\n"
        "brand_new_section: {a: 1}\n"
    )
    found = {note.line: note.key for note in imported(config).notes}
    assert found == {
        4: "model_list[0].something_new",
        6: "litellm_settings.drop_params",
        7: "litellm_settings.cache",
        8: "litellm_settings.success_callback",
        9: "litellm_settings.context_window_fallbacks",
        10: "litellm_settings.request_timeout",
        12: "router_settings.num_retries",
        13: "router_settings.routing_strategy",
        14: "router_settings.fallbacks.unknown",
        15: "router_settings.brand_new_setting",
        17: "general_settings.master_key",
        18: "guardrails",
        19: "brand_new_section",
    }


def test_teams_become_tenants_with_their_limits_and_keys_become_commands() -> None:
    teams = [
        {
            "team_id": "t-1",
            "team_alias": "Search & Ads",
            "max_budget": 200.5,
            "budget_duration": "30d",
            "tpm_limit": 100_000,
            "rpm_limit": 60,
            "max_parallel_requests": 8,
            "models": ["m", "gone"],
            "spend": 3.2,
            "blocked": True,
        },
        {"team_id": "t-2", "team_alias": None, "max_budget": 5, "budget_duration": "7d"},
        {"team_id": "t-3", "models": ["gone"]},
        {
            "team_id": "t-4",
            "models": ["all-proxy-models"],
            "max_budget": 9,
            "budget_duration": "1d",
        },
    ]
    keys = {
        "keys": [
            {"token": "9f86d0", "key_alias": "night run", "team_id": "t-1", "rpm_limit": 5,
             "expires": "2027-01-31T00:00:00Z", "models": ["m"]},
            {"token": "aaaaaa", "models": ["gone"]},
        ]
    }  # fmt: skip
    made = imported(ONE, teams=teams, keys=keys)
    tenants = parse({"f": made.text}, "f").tenants
    assert list(tenants) == ["Search-Ads", "t-2", "t-4"]
    search = tenants["Search-Ads"]
    limits = search.limits
    assert (limits.requests_per_minute, limits.tokens_per_minute, limits.concurrency) == (
        60,
        100_000,
        8,
    )
    assert (search.budget.month, search.budget.day) == (200_500_000_000_000, None)
    assert search.routes == ("m",)
    assert tenants["t-4"].routes is None
    assert tenants["t-4"].budget.day == 9 * 10**12
    assert made.keys == (
        "tollway keys create --tenant Search-Ads --name 'night run' --requests-per-minute 5 "
        "--expires 2027-01-31 --route m",
    )
    assert "9f86d0" not in made.text
    said = {note.key: note.why for note in made.notes if note.file != "config.yaml"}
    assert "are not carried; they are left out" in said["teams[0].models"]
    assert "revoke its keys" in said["teams[0].blocked"]
    assert "of a UTC day or month" in said["teams[1].max_budget"]
    assert "may ask only for models that are not carried" in said["teams[2]"]
    assert "may ask only for models that are not carried" in said["keys[1]"]


def test_a_budget_over_all_of_litellm_is_that_of_the_one_tenant() -> None:
    made = fleet(ONE + "litellm_settings: {max_budget: 100, budget_duration: 30d}\n")
    assert made.tenants["team"].budget.month == 100 * 10**12


def test_anchors_merge_keys_and_shared_credentials_are_read_through() -> None:
    made = fleet("""
base: &base {api_base: "http://gpu:8000/v1", timeout: 7}
credential_list:
- credential_name: groq
  credential_values: {api_key: os.environ/GROQ_TEAM}
model_list:
- model_name: a
  litellm_params: {<<: *base, model: hosted_vllm/a}
- model_name: b
  litellm_params: {model: groq/b, litellm_credential_name: groq}
""")
    assert made.sources["hosted-vllm"].timeouts.total == 7
    assert made.sources["groq"].credential == Credential("env", "GROQ_TEAM")


def test_a_url_in_a_variable_is_read_where_the_variable_is_set() -> None:
    config = deployed(entry("m", "hosted_vllm/m", api_base="os.environ/GPU"))
    made = fleet(config, environ={"GPU": "http://10.1.1.1:8000/v1"})
    assert made.sources["hosted-vllm"].base_url == "http://10.1.1.1:8000/v1"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("a: [", "config.yaml: line 1 is not YAML: "),
        ("a: b: c", "config.yaml: line 1 is not YAML: mapping values are not allowed here"),
        ("", "config.yaml has no model_list. Name LiteLLM's config.yaml"),
        ("- just\n- a list", "has no model_list"),
        ("model_list: []", "has no model_list"),
        (
            "model_list:\n- model_name: '*'\n  litellm_params: {model: '*'}",
            "no deployment that can be",
        ),
        ("&a [*a]", "nests too deep, or in itself"),
        ("x: " + "[" * 60 + "]" * 60, "nests too deep, or in itself"),
        ("x: \x00", "is not YAML"),
    ],
)
def test_a_configuration_that_is_none_is_refused_with_its_line(config: str, words: str) -> None:
    with pytest.raises(FaultsFound) as found:
        imported(config)
    assert words in str(found.value)


def test_a_tag_makes_no_object() -> None:
    read = read_marked("a: !!python/object/apply:os.system ['true']", "x")
    assert read.entries["a"].items is not None


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["openai/x", "gpt-5", "https://h.example/v1", "os.environ/K", "m", "*"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["m", "n", "model", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PARAMS = st.dictionaries(
    st.sampled_from(
        [
            *("api_base", "api_key", "rpm", "weight", "timeout", "stream_timeout", "region_name"),
            *("max_parallel_requests", "input_cost_per_token", "output_cost_per_token"),
            *("custom_llm_provider", "temperature"),
        ]
    ),
    VALUES,
    max_size=5,
)
NAMES = st.sampled_from(["m", "n", "o", "a b", ""]) | st.text(max_size=5)
MODELS = st.sampled_from(["openai/x", "groq/y", "azure/z", "claude-5", "gemini/g", "bedrock/b"])
ENTRIES = st.builds(
    lambda name, model, params, info: {
        "model_name": name,
        "litellm_params": {"model": model, **params},
        "model_info": info,
    },
    NAMES,
    MODELS,
    PARAMS,
    VALUES,
)
SETTINGS = st.dictionaries(
    st.sampled_from(
        [
            *("fallbacks", "default_fallbacks", "model_group_alias", "timeout", "stream_timeout"),
            *("allowed_fails", "cooldown_time", "routing_strategy", "max_budget"),
            *("budget_duration", "global_max_parallel_requests", "model_alias_map"),
        ]
    ),
    VALUES | st.just([{"m": ["n", "o"]}, {"n": ["m"]}]) | st.just({"p": "m"}),
    max_size=5,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ENTRIES, max_size=4), SETTINGS, SETTINGS, SETTINGS, VALUES)
def test_whatever_is_configured_what_is_written_is_sound(
    entries: list[Any], router: Any, litellm: Any, general: Any, teams: Any
) -> None:
    config = yaml.safe_dump(
        {
            "model_list": [entry("m", "gpt-5-mini"), *entries],
            "router_settings": router,
            "litellm_settings": litellm,
            "general_settings": general,
            "teams": teams,
        }
    )
    made = imported(config)
    assert parse({"f": made.text}, "f").models["m"]
    assert made.text.isprintable() or "\n" in made.text
