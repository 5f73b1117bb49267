"""What an index answers fills packages; what it does not answer leaves them as they were."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import FaultsFound
from tollway.inspect.packages import enrich
from tollway.inspect.packages.entries import npm, pypi
from tollway.pins.component import Artifact, Publisher
from tollway.pins.packages import Indexed, read_packument, read_simple

Index = tuple[str, dict[str, bytes]]
"""Its URL, and what it answers by path."""

_NAME = "pypi_attestations-0.0.19.tar.gz"
_DIGEST = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
_PROVENANCE = (Path(__file__).parent / "attested" / f"{_NAME}.provenance").read_bytes()
_INTEGRITY = "sha512-" + "A" * 86 + "=="


@pytest.fixture
def index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, dict[str, bytes]]]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    served: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", served
    server.shutdown()
    thread.join()
    server.server_close()


async def test_names_sizes_times_and_a_verified_publisher_are_filled(
    index: Index,
) -> None:
    url, served = index
    file = {
        "filename": _NAME,
        "hashes": {"sha256": _DIGEST},
        "size": 29882,
        "upload-time": "2024-12-04T23:14:03.1Z",
        "yanked": False,
        "provenance": f"{url}/proof",
    }
    page = {"meta": {"api-version": "1.3"}, "name": "pypi-attestations", "files": [file]}
    served["/simple/pypi-attestations/"] = json.dumps(page).encode()
    served["/proof"] = _PROVENANCE
    unnamed = Artifact(name="pypi-attestations-0.0.19", digest=f"sha256:{_DIGEST}")
    package = pypi("pypi-attestations", "0.0.19", [unnamed])
    told = await enrich([package], {"pypi": f"{url}/simple/"})
    (filled,) = told.packages
    assert filled.artifacts == (
        Artifact(
            name=_NAME,
            digest=f"sha256:{_DIGEST}",
            size=29882,
            uploaded=datetime(2024, 12, 4, 23, 14, 3, 100_000, UTC),
        ),
    )
    assert filled.publishers == (
        Publisher(kind="GitHub", identity="trailofbits/pypi-attestations", workflow="release.yml"),
    )
    assert told.unaudited == ()


async def test_a_registry_tells_of_an_npm_package(index: Index) -> None:
    url, served = index
    dist = {"tarball": f"{url}/@a/b/-/b-1.0.0.tgz", "integrity": _INTEGRITY}
    document = {
        "time": {"1.0.0": "2026-01-02T03:04:05Z"},
        "versions": {
            "1.0.0": {
                "dist": dist,
                "deprecated": "use c",
                "_npmUser": {"name": "me"},
                "scripts": {"postinstall": "node x.js"},
            },
            "1.0.1": {"dist": "?"},
        },
    }
    served["/@a%2Fb"] = json.dumps(document).encode()
    package = npm("@a/b", "1.0.0", [Artifact(name="b-1.0.0.tgz", digest="sha512:" + "0" * 128)])
    told = await enrich([package], {"npm": url})
    (filled,) = told.packages
    (artifact,) = filled.artifacts
    assert artifact.uploaded == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert artifact.yanked == "use c"
    assert filled.publishers == (Publisher(kind="npm-user", identity="me"),)
    answer = told.indexed["npm:@a/b@1.0.0"]
    assert isinstance(answer, Indexed)
    assert answer.unread == 1
    assert answer.files[0].scripts == ("postinstall: node x.js",)


async def test_without_an_answer_a_package_stays_and_says_why(
    index: Index,
) -> None:
    url, _ = index
    package = pypi("x", "1.0", [Artifact(name="x", digest=f"sha256:{_DIGEST}")])
    told = await enrich([package], {"pypi": f"{url}/simple"})
    assert told.packages == (package,)
    assert [it.why for it in told.unaudited] == ["it answered 404"]
    told = await enrich([package], {"pypi": "http://127.0.0.1:1/simple"})
    assert "it could not be asked" in told.unaudited[0].why
    told = await enrich([package], {})
    assert told.unaudited[0].why == "no index of pypi was named; name one with --index"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_KEYS = ("filename", "hashes", "size", "upload-time", "yanked", "provenance")
_file = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("filename", "hashes", "size", "upload-time", "yanked", "provenance"), _json
    ),
)


@given(st.lists(_file | _json, max_size=4))
def test_every_entry_of_a_page_is_read_or_counted(entries: list[object]) -> None:
    page = {"meta": {"api-version": "1.1"}, "files": entries}
    found = read_simple(json.dumps(page).encode(), "page")
    assert len(found.files) + found.unread == len(entries)


@given(st.dictionaries(st.text(max_size=6), st.fixed_dictionaries({"dist": _json}) | _json))
def test_every_version_of_a_packument_is_read_or_counted(entries: dict[str, object]) -> None:
    found = read_packument(json.dumps({"versions": entries}).encode(), "packument")
    assert len(found.files) + found.unread == len(entries)


@pytest.mark.parametrize("read", [read_simple, read_packument])
@given(data=st.binary(max_size=60))
def test_what_is_no_page_is_refused(read: object, data: bytes) -> None:
    assert callable(read)
    with pytest.raises(FaultsFound):
        read(data, "page")
