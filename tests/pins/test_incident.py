"""What is asked about, since when it was there, and what it could read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from pins_fleet import COMPONENTS, LOCK, SHA, fleet

from tollway.pins.component import PypiPackage
from tollway.pins.incident import Held, Stay, reached, stays
from tollway.pins.lock import Lock
from tollway.pins.sought import Sought, sought

LITELLM = COMPONENTS[3]
assert isinstance(LITELLM, PypiPackage)
GOOD = replace(LITELLM, version="1.82.6")

OSV: dict[str, Any] = {
    "id": "GHSA-test-0000-0001",
    "aliases": ["CVE-2026-1"],
    "summary": "It is bad.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "LiteLLM"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "1.82.7"}, {"fixed": "1.82.9"}]}
            ],
        }
    ],
}


def find(said: str, *records: dict[str, Any]) -> Sought:
    found = sought(said, records)
    assert found is not None
    return found


def at(day: int) -> datetime:
    return datetime(2026, 5, day, tzinfo=UTC)


def held(day: int | None, *components: Any) -> Held:
    when = None if day is None else at(day)
    return Held(when, f"day {day}", Lock(component=components))


@pytest.mark.parametrize(
    "said",
    [
        "litellm",
        "LiteLLM",
        "litellm@1.82.8",
        "pypi:litellm",
        "pypi:litellm@1.82.8",
        "pkg:pypi/litellm@1.82.8",
        "pkg:pypi/litellm",
        SHA,
        "litellm-2026",
    ],
)
def test_a_component_is_found_by_whatever_names_it(said: str) -> None:
    assert find(said).matches(LITELLM) == "yes"


@pytest.mark.parametrize(
    "said",
    ["litellm@1.82.7", "npm:litellm", "pkg:pypi/litellm@1.82.7", "sha256:" + "0" * 64, "lite"],
)
def test_another_release_ecosystem_or_digest_is_not_it(said: str) -> None:
    assert find(said).matches(LITELLM) == "no"


@pytest.mark.parametrize(
    ("version", "match"),
    [
        ("1.82.6", "no"),
        ("1.82.7", "yes"),
        ("1.82.8", "yes"),
        ("1.82.9", "no"),
        ("1.82.8rc1", "unknown"),
    ],
)
def test_a_range_of_an_advisory_holds_its_beginning_and_not_its_fix(
    version: str, match: str
) -> None:
    for said in ("GHSA-test-0000-0001", "cve-2026-1"):
        assert find(said, OSV).matches(replace(LITELLM, version=version)) == match


def test_an_advisory_that_nobody_has_is_not_taken_for_a_name() -> None:
    assert sought("GHSA-none-0000-0000") is None
    assert sought("CVE-1999-1", [OSV]) is None


def test_npm_names_are_told_from_their_versions() -> None:
    mail = COMPONENTS[5]
    assert find("postmark-mcp").matches(mail) == "yes"
    assert find("postmark-mcp@1.0.15").matches(mail) == "yes"
    assert find("postmark-mcp@1.0.16").matches(mail) == "no"
    assert find("postmark-mcp-2025").matches(mail) == "no"
    scoped = replace(
        mail, name="@nx/devkit@21.5.0", version="21.5.0", purl="pkg:npm/%40nx/devkit@21.5.0"
    )
    assert find("GHSA-cxm3-wv7p-598c").matches(scoped) == "yes"
    assert find("@nx/devkit@21.5.0").matches(scoped) == "yes"


def test_it_was_there_from_the_first_lock_that_has_it_to_the_first_that_has_not() -> None:
    history = [held(1, GOOD), held(2, LITELLM), held(3, LITELLM), held(4, GOOD), held(None, GOOD)]
    found, left = stays(find("litellm@1.82.8"), history)
    assert found == (Stay(LITELLM, at(2), at(4), now=False),)
    assert left == ()


def test_what_is_there_now_has_no_end() -> None:
    found, _ = stays(find("litellm@1.82.8"), [held(2, LITELLM), held(None, LITELLM)])
    assert found == (Stay(LITELLM, at(2), None, now=True),)
    fresh, _ = stays(find("litellm@1.82.8"), [held(2, GOOD), held(None, LITELLM)])
    assert fresh == (Stay(LITELLM, None, None, now=True),)


def test_a_lock_that_cannot_be_read_is_named_and_clears_nothing() -> None:
    broken = Held(at(1), "commit 1", None, "is not TOML")
    found, left = stays(find("gone"), [broken, held(None, GOOD)])
    assert found == ()
    assert [(it.what, it.why) for it in left] == [("commit 1", "is not TOML")]


def test_a_release_that_cannot_be_compared_is_named() -> None:
    odd = replace(LITELLM, version="1.82.8.dev1")
    found, left = stays(find("CVE-2026-1", OSV), [held(None, odd)])
    assert found == ()
    assert [it.component for it in left] == ["pypi:litellm"]


def reach(said: str) -> Any:
    found, _ = stays(find(said), [Held(None, "ai.lock", LOCK)])
    return reached(fleet(), LOCK, found)


def test_a_package_of_the_gateway_reads_every_credential() -> None:
    uses = reach("litellm")
    assert [it.secret for it in uses.rotations] == [
        "env:OPENAI_API_KEY", "env:ANTHROPIC_API_KEY", "env:MAIL_TOKEN", "secret github",
    ]  # fmt: skip
    assert uses.everything


def test_a_server_of_tools_and_its_package_read_the_servers_own_secrets_alone() -> None:
    for said in ("mcp:desk", "postmark-mcp"):
        uses = reach(said)
        assert [(it.secret, it.reader) for it in uses.rotations] == [
            ("env:MAIL_TOKEN", "tool server desk")
        ]
        assert uses.servers == ("desk",)
        assert not uses.everything


def test_a_model_names_its_source_its_routes_and_its_fallback() -> None:
    uses = reach("model-api:openai/gpt-5-2025-08-07")
    assert uses.parts == ("source openai", "route chat", "route gpt-5-2025-08-07")
    assert uses.rotations == ()
    assert uses.fallbacks == (
        "model-api:openai/gpt-5-2025-08-07 -> model-api:anthropic/claude-sonnet-4-5",
    )


def test_weights_and_runtimes_are_used_by_sources_of_our_own() -> None:
    assert reach("weights:llama").models == ("own/llama-3.3-70b",)
    assert reach("runtime:vllm").models == ("own/llama-3.3-70b",)
