"""What is told, held against the conventions' own package."""

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest
from opentelemetry.semconv._incubating.attributes.gen_ai_attributes import (
    GenAiOperationNameValues,
    GenAiProviderNameValues,
    GenAiTokenTypeValues,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from tollway.fleet.objects import BreakerTerms, Source, SourceTimeouts
from tollway.gateway.telemetry import measures
from tollway.gateway.telemetry.measures import TABLE, values
from tollway.gateway.telemetry.spans import OPERATIONS, attempt_facts, failed, request_facts
from tollway.gateway.tracing import providers
from tollway.gateway.tracing.providers import place_of
from tollway.gateway.tracing.records import Served, Tried
from tollway.gateway.tracing.said import model_of_event, read_body, reasons
from tollway.units import Seconds

KNOWN_LATER = {"moonshot_ai"}
"""In the registry since it has a repository of its own, which has no package yet."""


def known() -> Iterator[str]:
    """Every attribute's name in the package."""
    for name in (
        "opentelemetry.semconv.attributes",
        "opentelemetry.semconv._incubating.attributes",
    ):
        for module in iter_modules(import_module(name).__path__, f"{name}."):
            for value in vars(import_module(module.name)).values():
                if isinstance(value, str) and re.fullmatch(r"[a-z0-9_.]+", value):
                    yield value


def tried(**changes: object) -> Tried:
    one = Tried(
        "1" * 16, 1, "s", "openai", "h", 1, "m", 10.0, 13.0, 1.0, "503", 503, 7, 4, 2, 21, 5
    )
    one.estimated = False
    one.answered_as = "m-1"
    one.reasons = ("stop",)
    for name, value in changes.items():
        setattr(one, name, value)
    return one


def served(*attempts: Tried, **changes: object) -> Served:
    one = Served(
        "r", "2" * 32, "3" * 16, None, "", True, "t", "k", "chat", "tag", "chat", "/x", True, 9.0
    )
    one.ended, one.first, one.status, one.attempts = 13.0, 2.0, 200, attempts
    for name, value in changes.items():
        setattr(one, name, value)
    return one


def test_every_attribute_is_one_of_the_conventions_or_ours_by_name() -> None:
    names = set(request_facts(served(tried(), code="x", status=500)))
    names |= set(attempt_facts(served(), tried(estimated=True)))
    for _, _, facts in values(served(tried())):
        names |= set(facts)
    theirs = {name for name in names if not name.startswith("tollway.")}
    assert theirs <= set(known())
    assert {"gen_ai.provider.name", "error.type", "server.address", "http.route"} <= theirs


def test_every_measure_is_one_of_the_conventions() -> None:
    constants = {value for value in vars(gen_ai_metrics).values() if isinstance(value, str)}
    assert {measure.name for measure in TABLE} <= constants


def test_buckets_are_those_that_the_conventions_ask_for() -> None:
    bounds = {measure.name: measure.bounds for measure in TABLE}
    assert bounds["gen_ai.client.token.usage"][-1] == 67108864
    assert bounds["gen_ai.client.operation.duration"][-1] == 81.92
    assert bounds["gen_ai.server.time_to_first_token"][-1] == 10.0
    assert bounds["gen_ai.server.time_per_output_token"][-1] == 2.5
    assert [len(each) for each in bounds.values()] == [14, 14, 16, 13]
    assert all(list(each) == sorted(set(each)) for each in bounds.values())


def test_operations_and_token_types_are_words_of_the_conventions() -> None:
    assert set(OPERATIONS.values()) <= {each.value for each in GenAiOperationNameValues}
    found = [facts.get("gen_ai.token.type") for _, _, facts in values(served(tried()))]
    types = {each for each in found if isinstance(each, str)}
    assert types == {each.value for each in GenAiTokenTypeValues}


def test_providers_are_words_of_the_conventions() -> None:
    theirs = {each.value for each in GenAiProviderNameValues} | KNOWN_LATER
    assert set(providers._BY_HOST.values()) <= theirs
    assert set(providers._BY_VENDOR.values()) <= theirs


@pytest.mark.parametrize(
    ("url", "vendor", "told"),
    [
        ("https://api.openai.com/v1", None, ("openai", "api.openai.com", 443)),
        ("https://x.openai.azure.com/v1", None, ("azure.ai.openai", "x.openai.azure.com", 443)),
        (
            "https://us-east5-aiplatform.googleapis.com/v1",
            "x",
            ("gcp.vertex_ai", "us-east5-aiplatform.googleapis.com", 443),
        ),
        ("http://10.0.0.7:8000/v1", None, ("own", "10.0.0.7", 8000)),
        ("http://10.0.0.7/v1", "XAI", ("x_ai", "10.0.0.7", 80)),
        ("http://[::1]:1/v1", "Acme", ("acme", "::1", 1)),
        (
            "https://notapi.openai.com.evil.test/v1",
            None,
            ("own", "notapi.openai.com.evil.test", 443),
        ),
    ],
)
def test_a_source_is_told_as_whose_it_is(
    url: str, vendor: str | None, told: tuple[str, str, int]
) -> None:
    times = SourceTimeouts(Seconds(1), Seconds(1), Seconds(1), Seconds(1))
    terms = BreakerTerms(Seconds(1), 1, 0.5, Seconds(1), 1, None, Seconds(1), None)
    source = Source("own", "api", url, None, None, {}, times, terms, None, vendor, None, None)
    place = place_of(source)
    assert (place.provider, place.address, place.port) == told


def test_the_pace_is_of_what_comes_after_the_first_token() -> None:
    told = {measure.name: value for measure, value, _ in values(served(tried(error=None)))}
    assert told["gen_ai.server.time_to_first_token"] == 2.0
    assert told["gen_ai.server.time_per_output_token"] == pytest.approx((13.0 - 9.0 - 2.0) / 20)
    assert told["gen_ai.client.operation.duration"] == 3.0


def test_nothing_is_measured_of_an_answer_that_is_not_whole() -> None:
    names = {measure.name for measure, _, _ in values(served(tried(), code="cut"))}
    assert not any(name.startswith("gen_ai.server") for name in names)
    assert list(values(served(first=None))) == []


def test_estimated_tokens_are_not_measured() -> None:
    found = {measure for measure, _, _ in values(served(tried(estimated=True)))}
    assert measures.USAGE not in found


def test_a_route_does_not_grow_with_the_models_that_clients_name() -> None:
    facts = request_facts(served(path="/v1beta/models/some:one:streamGenerateContent"))
    assert facts["http.route"] == "/v1beta/models/{model}:streamGenerateContent"
    assert request_facts(served(path="/v1/messages"))["http.route"] == "/v1/messages"


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (200, None, False),
        (200, "upstream_cut", True),
        (502, "x", True),
        (429, "x", False),
        (None, "cancelled", False),
        (200, "cancelled", False),
    ],
)
def test_a_request_has_failed_where_the_gateway_owes_an_answer(
    status: int | None, code: str | None, ours: bool
) -> None:
    assert failed(served(status=status, code=code)) is ours


@pytest.mark.parametrize(
    ("body", "model", "ends"),
    [
        (b'{"model":"m","choices":[{"finish_reason":"stop"}]}', "m", ("stop",)),
        (b'{"model":"c","stop_reason":"end_turn","content":[]}', "c", ("end_turn",)),
        (b'{"modelVersion":"g","candidates":[{"finishReason":"STOP"}]}', "g", ("STOP",)),
        (b'{"model":"a prompt, perhaps","choices":[]}', None, ()),
        (b'{"model":1,"choices":[{"finish_reason":{"a":1}}]}', None, ()),
        (b'{"choices":[{"message":{"content":"\\"model\\":\\"x\\""}}]}', None, ()),
        (b"not JSON", None, ()),
    ],
)
def test_of_an_answer_only_its_names_are_read(
    body: bytes, model: str | None, ends: tuple[str, ...]
) -> None:
    assert read_body(body) == (model, ends)


def test_the_first_event_says_whose_answer_it_is_in_every_dialect() -> None:
    chat = b': hello\n\nevent: x\ndata: {"model":"m","choices":[]}\n\ndata: {"model":"n"}\n\n'
    assert model_of_event(chat) == "m"
    assert model_of_event(b'data: {"type":"message_start","message":{"model":"c"}}\n\n') == "c"
    assert model_of_event(b'data: {"type":"created","response":{"model":"r"}}\n\n') == "r"
    assert model_of_event(b'data: {"modelVersion":"g"}\r\n\r\n') == "g"
    assert model_of_event(b"data: [DONE]\n\n") is None
    assert reasons(["stop", None, "x" * 200, "two words", "length"]) == ("stop", "length")
