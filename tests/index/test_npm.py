"""npm's registry, as it is served."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from index_rig import Index, Upstream, npm, running, table

SHORT = {"accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"}


@dataclass
class Served:
    upstream: Upstream
    client: httpx2.Client


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Upstream() as upstream:
        text = table({"npm": npm(upstream)}, unranked="allow")
        with (
            running(Index(tmp_path_factory.mktemp("npm"), text)) as index,
            httpx2.Client(base_url=index.url, trust_env=False) as client,
        ):
            yield Served(upstream, client)


def test_latest_is_a_version_that_is_served_and_the_rest_is_restricted(served: Served) -> None:
    served.upstream.add_npm("tagged", "1.0.0", {})
    served.upstream.add_npm("tagged", "1.1.0-rc.1", {})
    served.upstream.add_npm("tagged", "1.1.0", {}, age=60.0)
    found = served.client.get("/npm/tagged").json()
    assert found["dist-tags"] == {"latest": "1.0.0"}
    assert list(found["versions"]) == ["1.0.0", "1.1.0-rc.1"]
    assert list(found["policyRestrictions"]["versions"]) == ["1.1.0"]
    assert "1 minute old" in found["policyRestrictions"]["message"]
    assert set(found["time"]) == {"1.0.0", "1.1.0-rc.1", "1.1.0"}
    short = served.client.get("/npm/tagged", headers=SHORT)
    assert short.headers["content-type"].startswith("application/vnd.npm.install-v1+json")
    assert "time" not in short.json()
    assert short.json()["dist-tags"] == {"latest": "1.0.0"}


@pytest.mark.parametrize("path", ["/npm/@scope%2fone", "/npm/@scope/one", "/npm/@scope%2Fone"])
def test_scoped_names_are_one_name_however_they_are_written(served: Served, path: str) -> None:
    served.upstream.packuments.pop("@scope/one", None)
    served.upstream.add_npm("@scope/one", "1.0.0", {"index.js": ""})
    found = served.client.get(path).json()
    tarball = found["versions"]["1.0.0"]["dist"]["tarball"]
    assert tarball.endswith("/npm/@scope/one/-/one-1.0.0.tgz")
    assert served.client.get(tarball).status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "other"}, "is of 'other'"),
        ({"time": {}}, "has no upload time"),
        ({"versions": {"1.0.0": {"version": "1.0.0", "name": "other"}}}, "says that it is another"),
        ({"versions": {"one": {}}}, "is none"),
        ({"versions": []}, "no object"),
    ],
)
def test_a_packument_that_cannot_be_believed_gives_nothing(
    served: Served, change: dict[str, object], words: str
) -> None:
    served.upstream.packuments.pop("odd", None)
    served.upstream.add_npm("odd", "1.0.0", {})
    served.upstream.packuments["odd"] |= change
    assert served.client.get("/npm/odd").json().get("versions", {}) == {}
    answer = served.client.get("/npm/odd/-/odd-1.0.0.tgz")
    assert answer.status_code == 403
    assert words in answer.json()["error"]


def test_sha1_alone_is_no_digest(served: Served) -> None:
    told = served.upstream.add_npm("weak", "1.0.0", {})
    del told["dist"]["integrity"]
    answer = served.client.get("/npm/weak/-/weak-1.0.0.tgz")
    assert (answer.status_code, "SHA-512" in answer.text) == (403, True)


def test_a_tarball_of_another_package_is_refused(served: Served) -> None:
    served.upstream.add_npm("confused", "1.0.0", {}, told={"name": "confused"})
    other = served.upstream.add_npm("elsewhere", "1.0.0", {})
    served.upstream.packuments["confused"]["versions"]["1.0.0"]["dist"] = other["dist"]
    answer = served.client.get("/npm/confused/-/confused-1.0.0.tgz")
    assert (answer.status_code, "is of elsewhere@1.0.0" in answer.text) == (403, True)


def test_a_binding_that_npm_builds_unasked_is_a_script(served: Served) -> None:
    served.upstream.add_npm("native", "1.0.0", {"binding.gyp": "{}"})
    answer = served.client.get("/npm/native/-/native-1.0.0.tgz")
    assert "runs install at its installation (index.scripts)" in answer.json()["error"]


def test_what_was_deprecated_as_malware_is_denied(served: Served) -> None:
    served.upstream.add_npm("bad", "1.0.0", {}, told={"deprecated": "Compromised version"})
    served.upstream.add_npm("bad", "0.0.1-security", {})
    served.upstream.add_npm("bad", "0.9.0", {}, told={"deprecated": "use good"})
    assert list(served.client.get("/npm/bad").json()["versions"]) == ["0.9.0"]
