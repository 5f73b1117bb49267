"""Counters and histograms, and their Prometheus text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tollway.fleet.usage import Usage
from tollway.gateway.metrics import GAP_BOUNDS, TABLE, Metrics
from tollway.gateway.metrics_reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, as Prometheus' own parser reads it."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def at(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def busy() -> Metrics:
    metrics = Metrics()
    metrics.request_ended("s", "m", "completed", 1.5)
    metrics.request_ended(None, None, "refused", 0.01)
    metrics.refused("rate_limited")
    metrics.fell_back("s", "m")
    metrics.unpinned("s", "m", "refused")
    metrics.attempt_failed("s", "m", "cut")
    metrics.used("s", "m", Usage(input=10, cached_input=4, output=3, estimated=True), 5)
    metrics.first_content("s", "m", 0.3)
    metrics.stream_ended(("s", "m"), [2] + [0] * (len(GAP_BOUNDS) - 1) + [1], 20.5, 42.0)
    metrics.drained("s", True)
    metrics.breaker("s", "m", "open")
    metrics.drift("s", "m", "alarm")
    metrics.set_live(3, 4, 5)
    metrics.traced(6, 7)
    metrics.unlogged(8)
    return metrics


def test_prometheus_reads_what_was_counted() -> None:
    read = samples(busy())
    pair = {"source": "s", "model": "m"}
    assert read[at("tollway_requests_total", **pair, outcome="completed")] == 1
    assert read[at("tollway_requests_total", source="", model="", outcome="refused")] == 1
    assert read[at("tollway_refusals_total", reason="rate_limited")] == 1
    assert read[at("tollway_fallbacks_total", **pair)] == 1
    assert read[at("tollway_attempt_failures_total", **pair, kind="cut")] == 1
    assert read[at("tollway_tokens_total", **pair, kind="input")] == 10
    assert read[at("tollway_tokens_total", **pair, kind="cached_input")] == 4
    assert read[at("tollway_usage_estimated_total", **pair)] == 1
    assert read[at("tollway_telemetry_requests_total", outcome="told")] == 6
    assert read[at("tollway_telemetry_requests_total", outcome="lost")] == 7
    assert read[at("tollway_request_log_lost_total")] == 8
    assert read[at("tollway_ttft_seconds_sum", **pair)] == 0.3
    assert read[at("tollway_ttft_seconds_bucket", **pair, le="0.2")] == 0
    assert read[at("tollway_ttft_seconds_bucket", **pair, le="0.35")] == 1
    assert read[at("tollway_inter_token_seconds_count", **pair)] == 3
    assert read[at("tollway_inter_token_seconds_bucket", **pair, le="0.005")] == 2
    assert read[at("tollway_inter_token_seconds_bucket", **pair, le="10.0")] == 2
    assert read[at("tollway_inter_token_seconds_bucket", **pair, le="+Inf")] == 3
    assert read[at("tollway_stream_tokens_per_second_count", **pair)] == 1
    assert read[at("tollway_live_streams")] == 3
    assert read[at("tollway_connections")] == 4
    assert read[at("tollway_ledger_pending")] == 5


def test_every_metric_of_the_table_is_rendered_with_its_type() -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(busy().render().decode())
    }
    for metric in TABLE:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        assert family.documentation == metric.help
        assert family.samples
        assert {*metric.labels} <= {*family.samples[0].labels}


def test_an_empty_table_is_readable() -> None:
    assert samples(Metrics()) == {}


def test_a_breaker_is_in_one_state() -> None:
    metrics = Metrics()
    for state in ("closed", "open", "half_open"):
        metrics.breaker("s", "m", state)
        read = samples(metrics)
        states = {
            name: read[at("tollway_breaker_state", source="s", model="m", state=name)]
            for name in ("closed", "open", "half_open")
        }
        assert states == {name: float(name == state) for name in states}


@pytest.mark.parametrize("value", [0.1, 0.100001])
def test_a_value_that_equals_a_bound_belongs_below_it(value: float) -> None:
    metrics = Metrics()
    metrics.first_content("s", "m", value)
    bucket = at("tollway_ttft_seconds_bucket", source="s", model="m", le="0.1")
    assert samples(metrics)[bucket] == (value == 0.1)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=20))
def test_any_label_is_read_back(name: str) -> None:
    metrics = Metrics()
    metrics.fell_back(name, "m")
    families = text_string_to_metric_families(metrics.render().decode())
    read = [sample.labels["source"] for family in families for sample in family.samples]
    assert read == [name]


def test_large_counts_keep_every_digit() -> None:
    metrics = Metrics()
    metrics.used("s", "m", Usage(input=2**53 - 1), 0)
    metrics.used("s", "m", Usage(output=1), 0)
    assert b" 9007199254740991\n" in metrics.render()


def test_the_reference_page_is_current() -> None:
    assert PAGE.read_text() == reference(), "run: make docs"
