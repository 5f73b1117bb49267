"""A value is taken for what the request names only where it is the same thing to every reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.guard.tools.entity import canonical_path, canonical_url, entity, host_of, links_in
from tollway.guard.tools.request import Request

REQUEST = (
    "Can you please pay the bill 'bill-december-2023.txt' for me? Send Bob Smith, "
    "alice@good.com and GB29 NWBK 6016 1331 9268 19 $1,200.50 on May 15th at 10:00 for two hours. "
    'Visit www.example.com, https://docs.x.io/a?b=1 and the #general channel. Write "message" to '
    "the file notes/x.txt. Call +49 151 123 456 78. Mail 'carol@good.com'. Stay at the "
    "Riverside View Hotel, and give them read access."
)
NAMED = (
    "bill-december-2023.txt", "Bob Smith", "alice@good.com", "Alice@Good.com", "carol@good.com",
    "Alice <alice@good.com>", "GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19", 1200.5,
    "1200.50", "2024-05-15", "2024-05-15 10:00", "2024-05-15 12:00", "2024-05-15T10:00:00",
    "www.example.com", "https://www.example.com/", "https://docs.x.io/a?b=1",
    "HTTPS://DOCS.X.IO:443/a?b=1", "general", "#general", "message", "notes/x.txt", "./notes/x.txt",
    "+4915112345678", "Riverside View Hotel", "r",
)  # fmt: skip
NOT_NAMED = (
    # other addresses that look like one of these, or hold it
    "alice@good.com.", "xalice@good.com", "alice+x@good.com", "alice@good.co",
    "alice@good.com.evil.io", '"alice@good.com" <evil@x.io>', "alice@good.com <evil@x.io>",
    "alice@good.com, evil@x.io", "alice@good.com\nevil@x.io", "alice@good.com%0aevil@x.io",
    "alice@evil@good.com", "ali\u200bce@good.com", "\u0430lice@good.com", "al\u0131ce@good.com",
    "alice@g\u00f6od.com", "alice\u2024@good.com", "mailto:alice@good.com",
    # accounts and numbers
    "GB29NWBK6016133192681", "GB29NWBK601613319268190", "XGB29NWBK60161331926819", 1200, 15, 10,
    12005, "4915112345678", "+49151123456789", True, float("nan"), float("inf"),
    # moments
    "2024-05-16", "2024-05-15 11:00", "2024-15-05",
    # URLs
    "https://www.example.com@evil.com", "https://www.example.com.evil.com",
    "https://evil.com/www.example.com", "https://www.example.com:8443",
    "https://www.example.com/?q=secret", "https://www.example.com\\@evil.com",
    "https://docs.x.io/a", "http://docs.x.io/a?b=1", "https://docs.x.io/A?b=1",
    "https://docs.x.io/a?b=1&c=2", "https://docs.x.io/a?b=1#x", "https://docs.x.io/%61?b=1",
    "https://user@docs.x.io/a?b=1", "example.com", "https://d\u043ecs.x.io/a?b=1",
    "ftp://www.example.com",
    # names: parts, ordinary words, paths
    "Bob", "Smith", "Riverside", "Riverside View", "View Hotel", "please", "file", "the",
    "generals", "general-2", "notes", "x.txt", "notes/../x.txt", "/notes/x.txt", "notes\\x.txt",
    "notes/x.txt/..", "../notes/x.txt", "notes/%2e%2e/x.txt", "bill-december-2023", "december",
    "2023", "rw", "", " ", "\u200b",
)  # fmt: skip


@pytest.mark.parametrize("value", NAMED, ids=repr)
def test_what_stands_in_the_request_is_named(value: str | float) -> None:
    assert Request(REQUEST).names(value)


@pytest.mark.parametrize("value", NOT_NAMED, ids=repr)
def test_what_only_looks_like_it_is_not(value: str | float) -> None:
    assert not Request(REQUEST).names(value)


LETTERS = st.characters(codec="utf-8", exclude_characters="\n")


@given(st.sampled_from(("alice@good.com", "https://docs.x.io/a?b=1", "GB29NWBK60161331926819")),
       st.text(LETTERS, min_size=1, max_size=4), st.integers(0, 30))  # fmt: skip
def test_no_letter_put_into_an_entity_leaves_it_the_same(good: str, more: str, at: int) -> None:
    value = good[:at] + more + good[at:]
    request = Request(f"Write to {good} today.")
    if entity(value) != entity(good):
        assert not request.names(value)


@given(st.text(max_size=60))
def test_no_value_is_too_odd_to_be_judged(value: str) -> None:
    entity(value)
    Request(value).names(value)
    Request(REQUEST).names(value)
    list(links_in(value))


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=30))
def test_a_host_of_good_com_is_never_read_out_of_a_url_that_leads_elsewhere(rest: str) -> None:
    """The same host as a browser's parser sees, for whatever follows the scheme."""
    from urllib.parse import urlsplit

    url = f"https://{rest}"
    found = canonical_url(url)
    if found is not None:
        assert urlsplit(url).hostname == urlsplit(found).hostname
        assert "@" not in urlsplit(url).netloc


def test_a_request_that_names_a_host_names_its_page_and_no_other_host() -> None:
    request = Request("Look at example.com for me.")
    assert request.names("https://example.com/")
    assert not request.names("https://example.com/login")
    assert not request.names("https://www.example.com")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("https://a.example@evil.example/x", None),
        ("https://a.example\\.evil.example", None),
        ("https://\u0430.example/", None),
    ],
)
def test_a_host_in_doubt_is_none(url: str, host: str | None) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("path", ["../a", "a/../b", "a\\b", "a/%2E%2e/b", "~/a", "a/%2fb"])
def test_a_path_that_climbs_is_none(path: str) -> None:
    assert canonical_path(path) is None


def test_days_and_times_are_no_accounts() -> None:
    text = (
        "From 2024-05-19 13:00 to 2024-05-19 14:30, pay GB29NWBK60161331926819 or 123-456-789-01."
    )
    assert [written for written, _ in links_in(text)] == [
        "GB29NWBK60161331926819",
        "123-456-789-01",
    ]


def test_a_request_without_a_time_leaves_it_open_and_one_with_a_time_does_not() -> None:
    assert Request("Remind me on May 3rd").names("2025-05-03 09:00")
    assert not Request("Remind me on May 3rd at noon").names("2025-05-03 09:00")
    assert Request("Meet on 3 May 2025, 9am, for an hour").names("2025-05-03 10:00")
