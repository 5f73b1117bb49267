"""Whatever an index answers, nothing is served that was not listed, dated and proved."""

import gzip
import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from index_rig import DAY, JSON, OLD, Index, Upstream, npm, pypi, running, say, table, wheel

from tollway.index.house import SHELF

Request = BaseHTTPRequestHandler
BOMB = gzip.compress(b" " * (16 << 20), 1)


@dataclass
class Served:
    """An index with the default rules, but that any name is well-known; and its upstreams."""

    upstream: Upstream
    elsewhere: Upstream
    index: Index
    client: httpx2.Client

    def page(self, name: str) -> httpx2.Response:
        return self.client.get(f"/pypi/simple/{name}/", headers={"accept": JSON})

    def files(self, name: str) -> list[dict[str, object]]:
        answer = self.page(name)
        return answer.json()["files"] if answer.status_code == 200 else []

    def file(self, name: str, number: int = 0) -> httpx2.Response:
        """The bytes of a listed file."""
        return self.client.get(f"/pypi/simple/{name}/{self.files(name)[number]['url']}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("index")
    (folder / "secret").write_text("the-credential")
    (folder / "secret").chmod(0o600)
    with Upstream() as upstream, Upstream() as elsewhere:
        files = f'files = ["{elsewhere.root}/packages"]'
        text = table(
            {
                "own": pypi(elsewhere, 'names = ["own-*"]\ncredential = "own"\nuser = "ci"'),
                "pypi": pypi(upstream, files),
                "npm": npm(upstream),
            },
            'max_page = "1MiB"\nmax_file = "1MiB"',
            unranked="allow",
            sdists="ask",
        ).replace('timeout = "2s"', 'timeout = "1s"')
        index = Index(folder, text + '[credentials]\nown = "file:secret"\n')
        text = index.fleet.read_text().replace(
            '[credentials]\nprivate = "env:TOLLWAY_TEST_INDEX_SECRET"\n', ""
        )
        index.fleet.write_text(text)
        with running(index), httpx2.Client(base_url=index.url, trust_env=False) as client:
            yield Served(upstream, elsewhere, index, client)


@pytest.fixture(autouse=True)
def as_it_was(served: Served) -> Iterator[None]:
    yield
    served.upstream.answers.clear()
    served.index.later = 0.0


def refused(answer: httpx2.Response, words: str) -> None:
    assert answer.status_code in (403, 404), answer.text
    assert words in answer.text
    assert b"PK\x03\x04" not in answer.content


def test_what_is_listed_dated_and_proved_is_served(served: Served) -> None:
    """The control of all that follows."""
    told = served.upstream.add_wheel("good", "1.0", {"good.py": ""})
    [file] = served.files("good")
    assert file["hashes"] == told["hashes"]
    assert file["yanked"] is False
    answer = served.file("good")
    assert hashlib.sha256(answer.content).hexdigest() == told["hashes"]["sha256"]


def test_a_name_that_the_upstream_lacks_is_nowhere(served: Served) -> None:
    refused(served.page("lacking"), "does not have it")


def test_no_upload_time_is_refused(served: Served) -> None:
    served.upstream.add_wheel("undated", "1.0", {"undated.py": ""}, age=None)
    assert served.files("undated") == []


def test_a_day_to_come_is_no_upload_time(served: Served) -> None:
    served.upstream.add_wheel("future", "1.0", {"future.py": ""}, age=-DAY)
    assert served.files("future") == []
    served.upstream.add_wheel("future", "0.9", {"future.py": "old"}, age=OLD)
    assert [it["filename"] for it in served.files("future")] == ["future-0.9-py3-none-any.whl"]


def test_this_clock_set_back_makes_files_younger_never_older(served: Served) -> None:
    served.upstream.add_wheel("skewed", "1.0", {"skewed.py": ""}, age=10 * DAY)
    assert served.file("skewed").status_code == 200
    served.index.later = -5 * DAY
    time.sleep(0.01)  # the list's own freshness, a millisecond here
    [file] = served.files("skewed")
    assert "cooldown" in str(file["yanked"])


def hang(_: Request) -> None:
    time.sleep(1.5)


def cut(request: Request) -> None:
    say(request, b'{"meta": ', JSON, headers={"Content-Length": "400"})
    request.close_connection = True


def cut_cleanly(request: Request) -> None:
    say(request, b'{"meta": {"api-version": "1.1"}, "name": "bad", "files": [', JSON)


def twice(request: Request) -> None:
    page = b'{"meta": {"api-version": "1.1"}, "name": "bad", "files": [], "files": []}'
    say(request, page, JSON)


def other_name(request: Request) -> None:
    page = {"meta": {"api-version": "1.1"}, "name": "good", "files": []}
    say(request, json.dumps(page).encode(), JSON)


def later_version(request: Request) -> None:
    page = {"meta": {"api-version": "2.0"}, "name": "bad", "files": []}
    say(request, json.dumps(page).encode(), JSON)


def giant(request: Request) -> None:
    say(request, b" " * (2 << 20), JSON)


def bomb(request: Request) -> None:
    say(request, BOMB, JSON, headers={"Content-Encoding": "gzip"})


def not_packed(request: Request) -> None:
    say(request, b"{}", JSON, headers={"Content-Encoding": "gzip"})


def cut_packed(request: Request) -> None:
    page = b'{"meta": {"api-version": "1.1"}, "name": "bad", "files": []}'
    say(request, gzip.compress(page)[:-4], JSON, headers={"Content-Encoding": "gzip"})


def packed_oddly(request: Request) -> None:
    say(request, b"{}", JSON, headers={"Content-Encoding": "br"})


def broken(request: Request) -> None:
    say(request, b"", "text/plain", 500)


def page_of_a_captive_portal(request: Request) -> None:
    say(request, b"<html><body>Please sign in<a href=/>", "text/html")


def something_else(request: Request) -> None:
    say(request, b"{}", "application/octet-stream")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (hang, "does not answer in time"),
        (cut, "cut off"),
        (cut_cleanly, "not whole JSON"),
        (twice, 'says "files" twice'),
        (other_name, "it is of 'good'"),
        (later_version, "version '2.0'"),
        (giant, "larger than"),
        (bomb, "larger than"),
        (not_packed, "not packed as it says"),
        (cut_packed, "cut off"),
        (packed_oddly, "nobody asked for"),
        (broken, "answers 500"),
        (page_of_a_captive_portal, "has no end"),
        (something_else, "application/octet-stream"),
    ],
)
def test_an_answer_that_cannot_be_believed_lists_nothing(
    served: Served, answer: Callable[[Request], None], words: str
) -> None:
    served.upstream.answers["/simple/bad/"] = answer
    refused(served.page("bad"), words)


def test_an_upstream_that_is_gone_serves_nothing(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        text = table({"pypi": f'kind = "pypi"\nurl = "http://127.0.0.1:{port}/simple"'})
        with running(Index(tmp_path, text)) as index:
            refused(httpx2.get(f"{index.url}/pypi/simple/any/"), "cannot be asked now")


def test_other_bytes_than_were_told_never_reach_a_client(served: Served) -> None:
    told = served.upstream.add_wheel("swapped", "1.0", {"swapped.py": ""})
    path = told["url"].removeprefix(served.upstream.root)
    served.upstream.bodies[path] = wheel("swapped", "1.0", {"swepped.py": ""})
    refused(served.file("swapped"), "not the one that was told")
    told["size"] = len(served.upstream.bodies[path]) - 1
    refused(served.file("swapped"), "were told")


def test_a_file_that_is_cut_off_or_endless_never_completes(served: Served) -> None:
    told = served.upstream.add_wheel("cut", "1.0", {"cut.py": ""})
    served.upstream.answers[told["url"].removeprefix(served.upstream.root)] = cut
    refused(served.file("cut"), "cut off")
    served.upstream.answers[told["url"].removeprefix(served.upstream.root)] = giant
    refused(served.file("cut"), "larger than")


def test_a_weaker_digest_than_sha256_is_none(served: Served) -> None:
    served.upstream.add_wheel("weak", "1.0", {"weak.py": ""}, hashes={"md5": "0" * 32})
    served.upstream.add_wheel("weak", "1.1", {"weak.py": ""}, hashes={"sha256": "A" * 64})
    assert served.files("weak") == []


def test_a_redirect_leads_only_to_where_the_upstream_is_declared_to_have_files(
    served: Served,
) -> None:
    told = served.upstream.add_wheel("moved", "1.0", {"moved.py": ""})
    path = told["url"].removeprefix(served.upstream.root)

    def redirect(to: str) -> None:
        def answer(request: Request) -> None:
            say(request, b"", "text/plain", 302, {"Location": to})

        served.upstream.answers[path] = answer

    asked = len(served.elsewhere.asked)
    for to in (
        f"{served.elsewhere.root}/other{path}",
        "http://example.com/x",
        "//[::1]:1/",
        "file:///etc/passwd",
    ):
        redirect(to)
        refused(served.file("moved"), "does not name")
    redirect(f"{served.elsewhere.root}/packages/../other{path}")
    refused(served.file("moved"), "does not name")
    assert len(served.elsewhere.asked) == asked
    redirect(path)  # to itself, and on
    refused(served.file("moved"), "redirects more than")
    served.elsewhere.bodies[path] = served.upstream.bodies[path]
    redirect(f"{served.elsewhere.root}{path}")
    assert served.file("moved").status_code == 200


def test_a_file_that_lies_elsewhere_is_not_fetched(served: Served) -> None:
    told = served.upstream.add_wheel("lying", "1.0", {"lying.py": ""})
    told["url"] = told["url"].replace(served.upstream.root, "http://127.0.0.1:9")
    refused(served.file("lying"), "does not name")


def test_another_projects_file_on_a_page_is_not_there(served: Served) -> None:
    served.upstream.add_wheel("mine", "1.0", {"mine.py": ""})
    other = wheel("theirs", "1.0", {})
    served.upstream.add_file("mine", "theirs-1.0-py3-none-any.whl", other)
    served.upstream.add_file("mine", "mine-1.0.exe", b"MZ")
    served.upstream.add_file("mine", "..%2fmine-1.0-py3-none-any.whl", other)
    assert [it["filename"] for it in served.files("mine")] == ["mine-1.0-py3-none-any.whl"]


def test_a_file_listed_twice_is_no_list(served: Served) -> None:
    served.upstream.add_wheel("doubled", "1.0", {"doubled.py": ""})
    served.upstream.add_wheel("doubled", "1.0", {"doubled.py": "other"})
    refused(served.page("doubled"), "lists one file twice")


def test_a_list_that_changed_before_the_file_was_asked_for_serves_neither(served: Served) -> None:
    served.upstream.add_wheel("changing", "1.0", {"changing.py": ""})
    [file] = served.files("changing")
    del served.upstream.pages["changing"]
    served.upstream.add_wheel("changing", "1.0", {"changing.py": "bad"})
    time.sleep(0.01)
    answer = served.client.get(f"/pypi/simple/changing/{file['url']}")
    refused(answer, "lists other bytes under this name now")


def test_html_without_dates_is_held_to_the_same_rules(served: Served) -> None:
    body = wheel("html", "1.0", {"html.py": ""})
    digest = hashlib.sha256(body).hexdigest()
    link = f'<a href="/packages/html-1.0-py3-none-any.whl#sha256={digest}">x</a>'

    def answer(request: Request) -> None:
        say(request, f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), "text/html")

    served.upstream.answers["/simple/html/"] = answer
    assert served.files("html") == []
    direct = served.client.get(f"/pypi/files/html/sha256-{digest}/html-1.0-py3-none-any.whl")
    refused(direct, "has no upload time")


@pytest.mark.parametrize(
    "path",
    [
        "/pypi/files/good/sha256-0/..%2f..%2fguard.sqlite",
        "/pypi/files/..%2f..%2f/sha256-0/x.whl",
        "/pypi/simple/..%2f/",
        "/npm/..%2fguard.sqlite",
        "/npm/-/npm/v1/security/audits",
        "/npm/good/-/..%2f..%2fguard.sqlite",
        "/",
        "/pypi/simple/",
    ],
)
def test_paths_lead_nowhere_but_to_packages(served: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", int(served.index.url.rpartition(":")[2]))) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert b" 404 " in raw.makefile("rb").readline()


def test_nothing_can_be_published(served: Served) -> None:
    for method in ("PUT", "POST", "DELETE"):
        assert served.client.request(method, "/npm/good").status_code == 405
        assert served.client.request(method, "/pypi/simple/good/").status_code == 405


def test_a_page_of_elsewhere_in_a_browser_is_refused(served: Served) -> None:
    answer = served.client.get("/pypi/simple/good/", headers={"host": "rebound.example"})
    refused(answer, "127.0.0.1 or localhost alone")


def test_a_wheel_that_is_none_is_refused(served: Served) -> None:
    served.upstream.add_file("nozip", "nozip-1.0-py3-none-any.whl", b"no zip archive")
    refused(served.file("nozip"), "no zip archive")


def test_a_file_that_was_changed_on_the_disk_is_fetched_again(served: Served) -> None:
    told = served.upstream.add_wheel("kept", "1.0", {"kept.py": ""})
    assert served.file("kept").status_code == 200
    path = served.index.state / SHELF / f"sha256-{told['hashes']['sha256']}"
    right = path.read_bytes()
    path.write_bytes(right.replace(b"kept", b"keqt"))
    assert served.file("kept").content == right
    del served.upstream.bodies[told["url"].removeprefix(served.upstream.root)]
    path.write_bytes(b"bad")
    refused(served.file("kept"), "does not have it")


def test_metadata_is_proved_too(served: Served) -> None:
    text = b"Metadata-Version: 2.1\nName: meta\nVersion: 1.0\n"
    told = served.upstream.add_wheel("meta", "1.0", {"meta.py": ""})
    told["core-metadata"] = {"sha256": hashlib.sha256(text).hexdigest()}
    path = told["url"].removeprefix(served.upstream.root) + ".metadata"
    served.upstream.bodies[path] = text + b"Requires-Dist: bad\n"
    url = f"/pypi/simple/meta/{served.files('meta')[0]['url']}.metadata"
    refused(served.client.get(url), "not the one that was told")
    served.upstream.bodies[path] = text
    assert served.client.get(url).content == text


def test_a_credential_goes_to_its_own_index_and_what_clients_say_goes_nowhere(
    served: Served,
) -> None:
    served.elsewhere.add_wheel("own-tool", "1.0", {"own.py": ""})
    served.upstream.add_wheel("public-tool", "1.0", {"public.py": ""})
    mine = {"accept": JSON, "authorization": "Bearer clients-own", "cookie": "a=b", "x-odd": "1"}
    for name, upstream in (("own-tool", served.elsewhere), ("public-tool", served.upstream)):
        assert served.client.get(f"/pypi/simple/{name}/", headers=mine).status_code == 200
        told = {key.lower(): value for key, value in upstream.heads[-1].items()}
        assert "cookie" not in told
        assert "x-odd" not in told
        wanted = "Basic Y2k6dGhlLWNyZWRlbnRpYWw=" if name == "own-tool" else None
        assert told.get("authorization") == wanted


def test_a_book_that_cannot_be_read_serves_nothing(tmp_path: Path) -> None:
    with Upstream() as upstream:
        upstream.add_wheel("good", "1.0", {"good.py": ""})
        with running(Index(tmp_path, table({"pypi": pypi(upstream)}, unranked="allow"))) as index:
            url = f"{index.url}/pypi/simple/good/"
            assert httpx2.get(url).status_code == 200
            index.house.stock.desk._approvals._book.close()  # type: ignore[attr-defined]
            refused(httpx2.get(url), "Nothing is served now")
