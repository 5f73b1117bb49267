"""The threat frameworks as they are kept."""

import pytest

from tollway.catalog.threats import FRAMEWORKS, framework, threats
from tollway.errors import TollwayError


def test_each_framework_has_all_of_its_entries() -> None:
    sizes = {key: len(framework(key).threats) for key in FRAMEWORKS}
    assert sizes == {"owasp-llm": 10, "owasp-agentic": 10, "atlas": 170}
    assert len(framework("atlas").tactics) == 16
    assert len(framework("atlas").mitigations) == 35
    assert len(threats()) == 190


def test_ids_are_in_the_order_of_the_frameworks() -> None:
    ids = list(threats())
    assert ids[:10] == [f"LLM{at:02}" for at in range(1, 11)]
    assert ids[10:20] == [f"ASI{at:02}" for at in range(1, 11)]
    assert ids[20:] == sorted(ids[20:])


def test_a_framework_says_its_version_date_licence_and_source() -> None:
    told = [framework(key) for key in FRAMEWORKS]
    assert [(it.version, it.licence) for it in told] == [
        ("2025", "CC-BY-SA-4.0"),
        ("2026", "CC-BY-SA-4.0"),
        ("5.6.0", "Apache-2.0"),
    ]
    assert all(it.source.startswith("https://") and it.published < it.read for it in told)


def test_a_technique_is_of_known_tactics_and_a_part_has_its_whole() -> None:
    known = threats()
    atlas = framework("atlas")
    for technique in atlas.threats:
        assert technique.tactics
        assert set(technique.tactics) <= set(atlas.tactics)
        assert ".".join(technique.id.split(".")[:2]) in known
    assert known["AML.T0010.005"].title == "AI Agent Tool"
    assert known["AML.T0109"].title == "AI Supply Chain Rug Pull"


def test_a_framework_that_is_not_kept_is_named_with_those_that_are() -> None:
    with pytest.raises(TollwayError, match="known: atlas, owasp-agentic, owasp-llm"):
        framework("stride")
