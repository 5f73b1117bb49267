"""Advisories: a release is affected, clear, or undecided; undecided is never clear."""

import json

import pytest

from tollway.pins.advisories import Advisories, Answer, judged
from tollway.pins.semver import order_of


def _answer(affected: dict[str, object], version: str, **record: object) -> Answer | None:
    ecosystem = str(affected.get("package", {"ecosystem": "PyPI"})["ecosystem"])  # type: ignore[index]
    told = {"id": "X-1", "modified": "2026-11-01T00:00:00Z", "affected": [affected], **record}
    found = Advisories()
    kind = {"PyPI": "pypi", "npm": "npm"}.get(ecosystem, "other")
    found.add("x.json", json.dumps(told).encode(), frozenset({(kind, "a-b")}))
    advisories = found.by_package.get((kind, "a-b"))
    return judged(advisories[0], version) if advisories else None


def _range(kind: str, *events: tuple[str, str]) -> list[dict[str, object]]:
    return [{"type": kind, "events": [{what: at} for what, at in events]}]


_PYPI = {"ecosystem": "PyPI", "name": "A_b"}
_NPM = {"ecosystem": "npm", "name": "a-b"}


@pytest.mark.parametrize(
    ("ranges", "version", "answer"),
    [
        (_range("ECOSYSTEM", ("introduced", "0"), ("fixed", "2.0")), "1.9", "affected"),
        (_range("ECOSYSTEM", ("introduced", "0"), ("fixed", "2.0")), "2.0", "clear"),
        (_range("ECOSYSTEM", ("introduced", "0"), ("fixed", "2.0")), "2.0rc1", "affected"),
        (_range("ECOSYSTEM", ("introduced", "0")), "0.0.0a1", "affected"),
        (_range("ECOSYSTEM", ("introduced", "1"), ("last_affected", "2")), "2.0", "affected"),
        (_range("ECOSYSTEM", ("introduced", "1"), ("last_affected", "2")), "2.0.1", "clear"),
        (_range("ECOSYSTEM", ("introduced", "1"), ("last_affected", "2")), "0.9", "clear"),
        (
            _range("ECOSYSTEM", ("fixed", "2"), ("introduced", "3"), ("introduced", "1")),
            "3.5",
            "affected",
        ),
        (
            _range("ECOSYSTEM", ("fixed", "2"), ("introduced", "3"), ("introduced", "1")),
            "2.5",
            "clear",
        ),
        (_range("ECOSYSTEM", ("introduced", "0"), ("limit", "2")), "2.0", "clear"),
        (_range("ECOSYSTEM", ("introduced", "0"), ("limit", "*")), "2.0", "affected"),
        (_range("GIT", ("introduced", "0")), "1.0", "undecided"),
        (_range("ECOSYSTEM", ("introduced", "not a version")), "1.0", "undecided"),
        (_range("ECOSYSTEM", ("introduced", "0"), ("fixed", "1.0")), "no version", "undecided"),
        (_range("ECOSYSTEM", ("fixed", "1.0")), "0.5", "undecided"),
        (_range("NEW-KIND", ("introduced", "0")), "1.0", "undecided"),
        ([], "1.0", "undecided"),
    ],
)
def test_a_range_holds_a_release_or_cannot_say(
    ranges: object, version: str, answer: Answer
) -> None:
    assert _answer({"package": _PYPI, "ranges": ranges}, version) == answer


def test_a_listed_release_is_affected_however_it_is_written() -> None:
    affected = {"package": _PYPI, "versions": ["1.0"]}
    assert _answer(affected, "1.0.0") == "affected"
    assert _answer(affected, "1.0.1") == "clear"
    both = {**affected, "ranges": _range("GIT", ("introduced", "0"))}
    assert _answer(both, "1.0.1") == "clear"


def test_npm_versions_are_ordered_as_semver_says() -> None:
    ranges = _range("SEMVER", ("introduced", "1.0.0-alpha.2"), ("fixed", "1.0.0"))
    for version, answer in (("1.0.0-alpha.10", "affected"), ("1.0.0-alpha.1", "clear")):
        assert _answer({"package": _NPM, "ranges": ranges}, version) == answer
    order = ["1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0", "1.0.1"]
    assert sorted(order, key=order_of) == order
    assert order_of("v1.2.3+build") == order_of("1.2.3")


def test_a_withdrawn_advisory_affects_nothing() -> None:
    affected = {"package": _PYPI, "versions": ["1.0"]}
    assert _answer(affected, "1.0", withdrawn="2026-11-02T00:00:00Z") is None


def test_another_ecosystem_is_not_ours() -> None:
    affected = {"package": {"ecosystem": "Maven", "name": "a-b"}, "versions": ["1.0"]}
    assert _answer(affected, "1.0") is None


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"{}", b'{"id": 1}', b"[" * 9999, b"\xff"])
def test_what_is_no_record_is_counted_as_unread(data: bytes) -> None:
    found = Advisories()
    found.add("x.json", data, frozenset())
    assert [place for place, _ in found.unread] == ["x.json"]
