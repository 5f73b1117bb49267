"""The list of known malicious releases."""

from datetime import UTC, datetime

import pytest

from tollway.catalog.incidents import incidents, incidents_version, known_bad


def told(ecosystem: str, name: str, version: str, uploaded: datetime | None = None) -> list[str]:
    found = known_bad(ecosystem, name, version, uploaded)
    return [f"{it.incident.name} {it.judgement}" for it in found]


@pytest.mark.parametrize(
    ("ecosystem", "name", "version", "incident"),
    [
        ("pypi", "lightning", "2.6.3", "lightning-2026"),
        ("pypi", "litellm", "1.82.8", "litellm-2026"),
        ("pypi", "mistralai", "2.4.6", "mini-shai-hulud-2026"),
        ("npm", "@mistralai/mistralai", "2.2.3", "mini-shai-hulud-2026"),
        ("pypi", "ultralytics", "8.3.41", "ultralytics-2024"),
        ("pypi", "torchtriton", "3.0.0", "torchtriton-2022"),
        ("npm", "nx", "21.7.0", "nx-2025"),
        ("npm", "postmark-mcp", "1.0.17", "postmark-mcp-2025"),
    ],
)
def test_a_known_bad_release_is_told(
    ecosystem: str, name: str, version: str, incident: str
) -> None:
    assert told(ecosystem, name, version) == [f"{incident} bad"]


def test_neither_another_version_nor_another_ecosystem_is_blamed() -> None:
    assert told("pypi", "lightning", "2.6.1") == []
    assert told("npm", "lightning", "2.6.2") == []
    assert told("pypi", "ultralytics", "8.3.43") == []


def test_a_release_of_a_wave_is_known_by_its_hour_and_unknown_without_one() -> None:
    during = datetime(2026, 5, 11, 19, 25, tzinfo=UTC)
    before = datetime(2026, 5, 11, 19, 19, tzinfo=UTC)
    assert told("npm", "@tanstack/router", "1.0.0", during) == ["mini-shai-hulud-2026 bad"]
    assert told("npm", "@tanstack/router", "1.0.0", before) == []
    assert told("npm", "@tanstack/router", "1.0.0") == ["mini-shai-hulud-2026 unknown"]


def test_every_incident_says_when_where_and_what() -> None:
    assert incidents_version() == "2026-11-23"
    for incident in incidents():
        assert incident.source.startswith("https://")
        assert incident.releases or incident.scope
        assert (incident.scope is None) == (incident.uploaded is None)
        assert incident.date.year >= 2022
