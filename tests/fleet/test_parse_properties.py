"""Whatever the text, parse answers with a fleet or with faults."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.fleet.parse import parse
from tollway.fleet.render import render
from tollway.inspect.demo import demo_fleet_text

DEMO = demo_fleet_text()
LINES = DEMO.splitlines()
WORDS = sorted(set(DEMO.replace("{", " ").replace(",", " ").split()))
VALUES = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "1.5",
        "nan",
        "true",
        '""',
        '"x"',
        '"10s"',
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[1]",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "07:32:00",
        '"\\u0000"',
        "111111111111111111111111111111",
        '{"a-b"={}}',
    ]
)
TABLES = (
    "sources",
    "models",
    "routes",
    "tenants",
    "credentials",
    "gateway",
    "queue",
    "breaker",
    "price_books",
    "contracts",
    "plan",
    "workloads",
    "sites",
    "builds",
    "egress",
    "secrets",
)


def outcome(text: str) -> Fleet | None:
    """The fleet, or None for faults; anything else that is raised fails the test."""
    faults: tuple[Fault, ...] = ()
    try:
        return parse({"fleet.toml": text}, "fleet.toml")
    except FaultsFound as found:
        faults = found.faults
    assert faults
    for line in map(str, faults):
        assert "\n" not in line
        assert "stand-in" not in line
        assert line.startswith("fleet.toml")
    return None


@given(st.text())
def test_any_text_is_a_fleet_or_faults(text: str) -> None:
    outcome(text)


@given(st.lists(st.sampled_from(WORDS) | VALUES | st.sampled_from("[]{}=.,\n"), max_size=30))
def test_any_words_of_a_fleet_file_are_a_fleet_or_faults(words: list[str]) -> None:
    outcome(" ".join(words))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_demo_with_a_line_lost_doubled_or_changed_is_a_fleet_or_faults(data: Any) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["lose", "double", "value", "cut"]))
        if change == "lose":
            del lines[at]
        elif change == "double":
            lines.insert(at, lines[at])
        elif change == "value":
            lines[at] = lines[at].partition("=")[0] + "= " + data.draw(VALUES)
        else:
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    outcome("\n".join(lines))


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(it)}" for key, it in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


KEYS = st.sampled_from(
    [
        "kind",
        "serves",
        "model",
        "candidates",
        "prices",
        "since",
        "aliases",
        "url",
        "listen",
        "chip",
        "name",
        "weights",
        "objectives",
        "limits",
        "day",
        "routes",
        "x",
        "slo",
        "ttft",
        "require",
        "rates",
        "steps",
        "of",
    ]
)
TREES = st.recursive(
    VALUES | st.sampled_from(['"emulated"', '"api"', '"server"', '"h200"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(TABLES), TREES, max_size=5))
def test_any_tables_are_a_fleet_or_faults(tables: dict[str, Any]) -> None:
    outcome("version = 1\n" + "\n".join(f"{key} = {toml(it)}" for key, it in tables.items()))


def test_hostile_nesting_and_numbers_are_faults() -> None:
    assert outcome("x = " + "[" * 100_000) is None
    assert outcome("x = " + "9" * 10_000) is None
    assert outcome(".".join(["sources"] * 3000) + " = 1") is None
    assert outcome("[" + ".".join(["gateway"] * 3000) + "]") is None


@settings(deadline=None)
@given(
    st.integers(0, 10**11),
    st.floats(0.001, 10**6, allow_nan=False).map(lambda it: round(it, 3)),
    st.integers(1, 2**40),
    st.none() | st.integers(0, 9 * 10**18),
)
def test_a_rendered_fleet_parses_to_the_same_fleet(
    price: int, seconds: float, size: int, budget: int | None
) -> None:
    fleet = parse({"demo.toml": DEMO}, "demo.toml")
    source = fleet.sources["h200"]
    (serving,) = source.serves.values()
    prices = (
        replace(serving.prices[0], output=price, hours=(60, 30), tier="flex"),
        *serving.prices,
    )
    source = replace(
        source,
        serves={serving.model: replace(serving, prices=prices)},
        timeouts=replace(source.timeouts, idle=seconds),
    )
    tenant = fleet.tenants["demo"]
    changed = replace(
        fleet,
        gateway=replace(fleet.gateway, max_body=size, drain=seconds),
        sources={**fleet.sources, "h200": source},
        tenants={"demo": replace(tenant, budget=replace(tenant.budget, month=budget))},
    )
    again = parse({"fleet.toml": render(changed)}, "fleet.toml")
    assert replace(again, digest="") == replace(changed, digest="")
