"""Attestations: a real provenance object of PyPI, verified without a network.

`attested/` holds the public provenance of pypi-attestations 0.0.19, as PyPI served it and as the
tests of pypi-attestations (Apache-2.0) carry it.
"""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tollway.inspect.packages.attested import attested
from tollway.pins.component import Artifact, Publisher

_NAME = "pypi_attestations-0.0.19.tar.gz"
_PROVENANCE = (Path(__file__).parent / "attested" / f"{_NAME}.provenance").read_bytes()
_ARTIFACT = Artifact(
    name=_NAME,
    digest="sha256:9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_a_real_attestation_is_verified_offline() -> None:
    found = attested(_ARTIFACT, _PROVENANCE)
    assert found.problems == ()
    assert found.publishers == (
        Publisher(kind="GitHub", identity="trailofbits/pypi-attestations", workflow="release.yml"),
    )


def test_an_attestation_of_other_bytes_names_no_publisher() -> None:
    found = attested(replace(_ARTIFACT, digest="sha256:" + "0" * 64), _PROVENANCE)
    assert found.publishers == ()
    assert "digest" in found.problems[0]


@pytest.mark.parametrize(("key", "value"), [("repository", "evil/pkg"), ("workflow", "evil.yml")])
def test_an_index_that_names_another_publisher_is_not_believed(key: str, value: str) -> None:
    told = json.loads(_PROVENANCE)
    told["attestation_bundles"][0]["publisher"][key] = value
    found = attested(_ARTIFACT, json.dumps(told).encode())
    assert found.publishers == ()
    assert found.problems


def test_an_edited_signature_or_statement_is_not_verified() -> None:
    for key in ("signature", "statement"):
        told = json.loads(_PROVENANCE)
        envelope = told["attestation_bundles"][0]["attestations"][0]["envelope"]
        envelope[key] = (
            envelope[key][:40] + ("B" if envelope[key][40] == "A" else "A") + (envelope[key][41:])
        )
        found = attested(_ARTIFACT, json.dumps(told).encode())
        assert found.publishers == ()
        assert found.problems


@pytest.mark.parametrize(
    "provenance",
    [b"", b"{", b"{}", b'{"version":1,"attestation_bundles":[]}', _PROVENANCE[:4000]],
)
def test_what_is_no_provenance_says_so(provenance: bytes) -> None:
    found = attested(_ARTIFACT, provenance)
    assert found.publishers == ()
    assert found.problems
