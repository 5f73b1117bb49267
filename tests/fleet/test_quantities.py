"""How quantities are written."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet import quantities
from tollway.fleet.quantities import MalformedError

READERS = (
    quantities.duration,
    quantities.size,
    quantities.money,
    quantities.token_price,
    quantities.day,
    quantities.hours,
    quantities.address,
    quantities.url,
    quantities.credential,
)


@pytest.mark.parametrize("reader", READERS)
@given(written=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates())
def test_anything_is_read_or_malformed(reader: Callable[[object], object], written: object) -> None:
    try:
        reader(written)
    except MalformedError as error:
        found = error
    else:
        return
    assert "\n" not in found.problem
    assert found.mend


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10), ("1.5m", 90), ("2h", 7200), ("366d", 366 * 86400)],
)
def test_durations(text: str, seconds: float) -> None:
    assert quantities.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "10 s", "-1s", "0s", "0.0h", "367d", "1e3s", "١s", "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        quantities.duration(text)


@pytest.mark.parametrize(("text", "count"), [("512B", 512), ("1MB", 10**6), ("32MiB", 2**25)])
def test_sizes(text: str, count: int) -> None:
    assert quantities.size(text) == count


@pytest.mark.parametrize("text", ["1", "0B", "1mb", "-1KiB", "2048GiB", "1.5MiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        quantities.size(text)


@pytest.mark.parametrize(
    ("text", "pair"),
    [("127.0.0.1:8400", ("127.0.0.1", 8400)), ("[::1]:0", ("::1", 0)), ("gw:65535", ("gw", 65535))],
)
def test_addresses(text: str, pair: tuple[str, int]) -> None:
    assert quantities.address(text) == pair


@pytest.mark.parametrize("text", ["8400", ":8400", "h:", "h:65536", "::1:80", "[x]:80", "a b:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        quantities.address(text)


def test_hours_may_end_at_midnight_either_way() -> None:
    assert quantities.hours("16:00-24:00") == (960, 1440)
    assert quantities.hours("16:00-00:00") == (960, 0)
    for text in ("24:00-01:00", "16:00-24:01", "25:00-26:00", "1:00-2:00"):
        with pytest.raises(MalformedError):
            quantities.hours(text)


@pytest.mark.parametrize("text", ["1.0000000000000000000000000001", "0.00000001"])
def test_money_is_never_rounded(text: str) -> None:
    with pytest.raises(MalformedError):
        quantities.token_price(text)


def test_a_malformed_url_or_credential_is_never_repeated() -> None:
    for text in ("sk-SECRET", "https://SECRET@x.test", "https://x.test/?k=SECRET", "x SECRET"):
        for reader in (quantities.url, quantities.credential):
            with pytest.raises(MalformedError) as caught:
                reader(text)
            assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("x.localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert quantities.is_loopback(host) is loopback
