"""Hosts, paths and rules: what can be read in two ways is not acted on."""

import posixpath
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.egressing import EgressRule, SecretUse
from tollway.guard.addresses import METADATA_NAMES
from tollway.guard.reach import (
    UnclearError,
    Wanted,
    host_fits,
    judge,
    knows_host,
    path_fits,
    plain_host,
    plain_path,
    split_authority,
    why_no_secret,
)

RULE = EgressRule("code", ("github.com", "*.github.com"), ("GET",), ("/acme/**", "/health"))


def wanted(**changes: object) -> Wanted:
    facts: dict[str, object] = {
        "scheme": "https", "host": "github.com", "port": 443, "method": "GET", "path": "/acme/x",
    }  # fmt: skip
    return Wanted(**{**facts, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("GitHub.com", "github.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("a_b.example.com", "a_b.example.com"),
    ],
)
def test_a_host_is_compared_in_one_form(text: str, host: str) -> None:
    assert plain_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "a.com.", ".a.com", "127.1", "2130706433", "0x7f000001", "0x7f.1",
     "017700000001", "1.2.3", "1.2.3.4.5", "a b", "a/b", "a@b", "a:b", "::1", "[127.0.0.1]",
     "[a.com]",
     "[::1", "::1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "bücher.de", "a\u3002com", "a\x00.com",
     "a%2ecom",
     "*", "*.com", "a.com#b", "a.com?b", "a\\b", "-a.com", "a-.com",
     "a" * 64 + ".com", "x." * 127 + "com"],
)  # fmt: skip
def test_what_may_be_read_as_another_host_is_refused(text: str) -> None:
    with pytest.raises(UnclearError):
        plain_host(text)


@given(st.text(max_size=30))
def test_whatever_the_text_a_host_is_plain_or_refused(text: str) -> None:
    try:
        host = plain_host(text)
    except UnclearError:
        return
    assert host == host.lower()
    assert host.isascii()
    assert not set(host) & set("/\\@?#%* \t\r\n\0[]")
    assert plain_host(f"[{host}]" if ":" in host else host) == host


@pytest.mark.parametrize(
    "text", ["a.com:0", "a.com:65536", "a.com:", "a.com:+1", "a.com:1:2", ":1"]
)
def test_a_port_is_a_port(text: str) -> None:
    with pytest.raises(UnclearError):
        split_authority(text, None)


def test_host_and_port_are_told_apart() -> None:
    assert split_authority("a.com:8443", None) == ("a.com", 8443)
    assert split_authority("[::1]:8443", None) == ("::1", 8443)
    assert split_authority("[::1]", 443) == ("::1", 443)
    assert split_authority("a.com", 80) == ("a.com", 80)
    with pytest.raises(UnclearError):
        split_authority("a.com", None)


@pytest.mark.parametrize(
    "target",
    ["", "a", "*", "http://a/b", "/../a", "/a/..", "/a/./b", "/a/%2e%2e/b", "/a/%2E/b", "/a/.%2e/b",
     "/a/%252e%252e/b", "/a/%25252e./b", "/a/..;/b", "/a/..;x=1/b", "/a/..%2fb", "/a/..%5cb",
     "/a\\..\\b", "/a/%2e%2e%2fb", "/a%", "/a%2", "/a%zz", "/a b", "/a\tb", "/a#b", "/a?b#c",
     "/a\x00",
     "/\u00e9", "/a/..%00/b", "/a/%2e%2e%3b/b"],
)  # fmt: skip
def test_dot_segments_in_any_encoding_and_broken_paths_are_refused(target: str) -> None:
    with pytest.raises(UnclearError):
        plain_path(target.encode())


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/a%2fb", "an encoded slash"),
        ("/a%2Fb", "an encoded slash"),
        ("/a%252fb", "an escape within an escape"),
        ("/a%5cb", "a backslash"),
        ("/a\\b", "a backslash"),
        ("/a;b", "a semicolon"),
        ("/a%3bb", "a semicolon"),
        ("//a", "two slashes in a row"),
        ("/a//b", "two slashes in a row"),
        ("/a%00", "an encoded control character"),
        ("/a%0d%0ab", "an encoded control character"),
        ("/a%2541", "an escape within an escape"),
        ("/v1/..%c0%afv2", "an escape of no letter"),
        ("/v1/%c0%ae%c0%ae/v2", "an escape of no letter"),
        ("/a%ff", "an escape of no letter"),
    ],
)
def test_what_servers_read_differently_is_ambiguous(target: str, why: str) -> None:
    assert plain_path(target.encode())[2] == why


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b?c=/../d", "/a/b", "?c=/../d"),
        ("/%61/%7Eb", "/a/~b", ""),
        ("/a%20b%c3%a9", "/a%20b%C3%A9", ""),
        ("/a.b/...c", "/a.b/...c", ""),
        ("/@scope/name", "/@scope/name", ""),
        ("/100%25", "/100%25", ""),
        ("/a?", "/a", "?"),
    ],
)
def test_a_plain_path_is_compared_in_one_form(target: str, path: str, query: str) -> None:
    assert plain_path(target.encode()) == (path, query, None)


PIECES = st.sampled_from(
    ["a", "b", ".", "..", "/", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%25", "2e", "2f", "%3b", "x"]
)


@given(st.lists(PIECES, max_size=12).map(lambda parts: "/" + "".join(parts)))
def test_no_reading_of_a_plain_path_leads_out_of_its_folder(target: str) -> None:
    try:
        path, _, ambiguous = plain_path(target.encode())
    except UnclearError:
        return
    reading = path
    for _ in range(4):  # as servers read it: slash and backslash alike, decoded once or more
        for form in (reading, reading.replace("\\", "/")):
            stripped = "/".join(segment.partition(";")[0] for segment in form.split("/"))
            assert ".." not in stripped.split("/")
            assert "." not in stripped.split("/")
        decoded = unquote(reading)
        if ambiguous is None:
            assert decoded.count("/") == path.count("/")
            assert posixpath.normpath(decoded).rstrip("/") == decoded.rstrip("/") or decoded == "/"
        reading = decoded


@given(st.text(max_size=20))
def test_what_is_encoded_as_it_should_be_is_plain_again(text: str) -> None:
    try:
        path, _, _ = plain_path(b"/" + quote(text, safe="").encode())
    except UnclearError:
        return
    assert unquote(path) == f"/{text}"


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("a.com", "a.com", True),
        ("a.com", "b.a.com", False),
        ("*.a.com", "b.a.com", True),
        ("*.a.com", "c.b.a.com", True),
        ("*.a.com", "a.com", False),
        ("*.a.com", "evila.com", False),
        ("*", "a.com", True),
        ("*", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("*.internal", "metadata.google.internal", False),
        ("metadata.google.internal", "metadata.google.internal", True),
    ],
)
def test_a_host_fits_its_pattern(pattern: str, host: str, fits: bool) -> None:
    assert host_fits(pattern, host) is fits


@pytest.mark.parametrize("name", sorted(METADATA_NAMES))
def test_no_wildcard_means_a_metadata_service(name: str) -> None:
    assert not host_fits("*", name)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a", "/a", True),
        ("/a", "/a/", False),
        ("/a", "/ab", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/a/*/c", "/a/b/c", True),
        ("/a/**", "/a/b/c", True),
        ("/a/**", "/a", False),
        ("/a/**", "/ab", False),
        ("/bot*/send", "/bot12/send", True),
        ("/a.b", "/aXb", False),
        ("/**", "/", True),
    ],
)
def test_a_path_fits_its_pattern(pattern: str, path: str, fits: bool) -> None:
    assert path_fits(pattern, path) is fits


def test_what_no_rule_lets_through_is_denied() -> None:
    assert judge((), wanted(), "acme").action == "deny"
    assert judge((RULE,), wanted(), "acme").action == "allow"
    for change in (
        {"host": "evil.com"}, {"host": "github.com.evil.com"}, {"port": 22}, {"method": "POST"},
        {"path": "/other"}, {"scheme": "http"},
    ):  # fmt: skip
        assert judge((RULE,), wanted(**change), "acme").action == "deny", change


def test_the_first_rule_that_fits_decides() -> None:
    ask = EgressRule("ask", ("github.com",), action="ask", paths=("/acme/secret/**",))
    rules = (ask, RULE)
    assert judge(rules, wanted(path="/acme/secret/x"), "acme").action == "ask"
    assert judge(rules, wanted(), "acme").rule == RULE


def test_an_ambiguous_path_does_not_slip_past_a_rule_that_names_paths() -> None:
    ask = EgressRule("ask", ("github.com",), action="ask", paths=("/secret/**",))
    rest = EgressRule("rest", ("github.com",))
    sly = wanted(path="/public%2F..%2Fsecret/x", ambiguous="an encoded slash")
    assert judge((ask, rest), sly, "acme").action == "deny"
    assert judge((rest,), sly, "acme").action == "allow", "where no path matters it may be odd"


def test_a_rule_is_for_its_tenants() -> None:
    rule = EgressRule("r", ("github.com",), tenants=("acme",))
    assert judge((rule,), wanted(), "acme").action == "allow"
    assert judge((rule,), wanted(), "other").action == "deny"
    assert knows_host((rule,), "github.com", 443, "acme")
    assert not knows_host((rule,), "github.com", 443, "other")


def test_a_secret_goes_where_its_table_says_and_nowhere_else() -> None:
    use = SecretUse("s", ("github.com",), "S", ("GET",), ("/acme/**",), tenants=("acme",))
    assert why_no_secret(use, wanted(), "acme") is None
    for change in (
        {"host": "evil.com"}, {"host": "a.github.com"}, {"port": 8443}, {"scheme": "http"},
        {"method": "PUT"}, {"path": "/x"}, {"ambiguous": "an encoded slash"},
    ):  # fmt: skip
        assert why_no_secret(use, wanted(**change), "acme") is not None, change
    assert why_no_secret(use, wanted(), "other") is not None
