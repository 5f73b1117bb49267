"""Mini Shai-Hulud, 11-12 May 2026: @tanstack's own workflow published it, with valid provenance;
mistralai's came from elsewhere.

Provenance alone lets TanStack's pass: the publisher is the one that the lock names. Controls: the
cooldown; for mistralai the publishers of the lock.
"""

from pathlib import Path

import pytest
from index_rig import DAY, Upstream, decisions, installing, npm, pypi

from tollway.pins.component import Artifact, NpmPackage, Publisher, PypiPackage
from tollway.pins.lock import Lock, lock_text

ITSELF = {"name": "GitHub Actions", "trustedPublisher": {"id": "github", "oidcConfigId": "oidc:1"}}
RELEASE = {"kind": "GitHub", "repository": "mistralai/client-python", "workflow": "release.yml"}
ROUTER = "@tanstack/react-router"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def upstream():
    with Upstream() as it:
        it.add_npm(ROUTER, "1.100.0", {"index.js": ""}, user=ITSELF)
        it.add_npm(ROUTER, "1.100.1", {"index.js": "", "ran.js": ""}, user=ITSELF, age=3600.0)
        good = it.add_wheel("mistralai", "2.4.5", {"mistralai/__init__.py": ""})
        it.provenance("mistralai", good, RELEASE)
        bad = it.add_wheel("mistralai", "2.4.6", {"mistralai/__init__.py": ""}, age=9 * DAY)
        it.provenance("mistralai", bad, {**RELEASE, "repository": "somebody/else"})
        yield it


def lock() -> str:
    router = NpmPackage(
        name=f"{ROUTER}@1.99.0",
        version="1.99.0",
        purl="pkg:npm/%40tanstack/react-router@1.99.0",
        artifacts=(Artifact(name="react-router-1.99.0.tgz", digest=DIGEST),),
        publishers=(Publisher(kind="npm-user", identity="GitHub Actions"),),
    )
    mistral = PypiPackage(
        name="mistralai",
        version="2.4.0",
        purl="pkg:pypi/mistralai@2.4.0",
        artifacts=(Artifact(name="mistralai-2.4.0-py3-none-any.whl", digest=DIGEST),),
        publishers=(
            Publisher(kind="GitHub", identity="mistralai/client-python", workflow="release.yml"),
        ),
    )
    return lock_text(Lock(component=(router, mistral)))


def installed(into: Path) -> bool:
    return (into / "node_modules" / ROUTER / "ran.js").exists()


def test_a_valid_publisher_does_not_shorten_the_cooldown(
    tmp_path: Path, upstream: Upstream
) -> None:
    rules = {"young": "ask", "publishers": "ask"}
    with installing(tmp_path / "on", {"npm": npm(upstream)}, "", lock(), **rules) as programs:
        assert programs.npm(ROUTER).returncode == 0
        assert not installed(programs.into)
        pinned = programs.npm(f"{ROUTER}@1.100.1")
        assert pinned.returncode != 0
        assert "1 hour old, and the cooldown is 7 days (index.young)" in pinned.stderr


def test_provenance_alone_lets_it_pass(tmp_path: Path, upstream: Upstream) -> None:
    on = installing(tmp_path / "off", {"npm": npm(upstream)}, "", lock(), publishers="ask")
    with on as programs:
        assert programs.npm(ROUTER).returncode == 0
        assert installed(programs.into)


def test_another_publisher_than_the_lock_names_is_held(tmp_path: Path, upstream: Upstream) -> None:
    on = installing(tmp_path / "on", {"pypi": pypi(upstream)}, "", lock(), publishers="ask")
    with on as programs:
        assert programs.uv("mistralai==2.4.6").returncode != 0
        assert programs.uv("mistralai==2.4.5").returncode == 0
    assert ("asked", "pypi:mistralai@2.4.6", "index.publisher") in decisions(programs)
    with installing(tmp_path / "off", {"pypi": pypi(upstream)}, "", lock()) as programs:
        assert programs.uv("mistralai").returncode == 0
        assert programs.has("mistralai-2.4.6")
