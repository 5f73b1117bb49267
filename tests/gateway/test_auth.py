"""Which credential a request presents."""

import pytest

from tollway.gateway.auth import presented_key

KEY = b"tw_abcdefgh_0123456789abcdefghijklmnopqrstuv"


@pytest.mark.parametrize(
    ("authorization", "x_api_key", "key"),
    [
        (b"Bearer " + KEY, None, KEY),
        (b"bearer " + KEY, None, KEY),
        (b"BEARER   " + KEY + b" ", None, KEY),
        (None, KEY, KEY),
        (None, b" " + KEY + b"\t", KEY),
        (b"Bearer " + KEY, KEY, KEY),
    ],
)
def test_either_header_presents_a_key(
    authorization: bytes | None, x_api_key: bytes | None, key: bytes
) -> None:
    assert presented_key(authorization, x_api_key) == key


@pytest.mark.parametrize(
    ("authorization", "x_api_key"),
    [
        (None, None),
        (b"", None),
        (b"Bearer", None),
        (b"Bearer ", None),
        (KEY, None),
        (b"Bearer" + KEY, None),
        (b"Bearer\t" + KEY, None),
        (b"Basic dTpw", None),
        (b"Bearer " + KEY + b" " + KEY, None),
        (b"Bearer " + KEY + b", " + KEY, None),
        (b"Bearer " + KEY + b"\x00", None),
        (b"Bearer " + KEY + b"\n", None),
        (b"Bearer \xc3\xa9", None),
        (b"Bearer " + b"x" * 257, None),
        (None, b""),
        (None, b"a b"),
        (None, b"x" * 257),
    ],
)
def test_what_cannot_be_read_is_no_credential(
    authorization: bytes | None, x_api_key: bytes | None
) -> None:
    assert presented_key(authorization, x_api_key) is None


@pytest.mark.parametrize(
    ("authorization", "x_api_key"),
    [
        (b"Bearer " + KEY, b"tw_another_key"),
        (b"Basic dTpw", KEY),
        (b"", KEY),
        (b"Bearer " + KEY, b""),
    ],
)
def test_two_different_credentials_are_none(authorization: bytes, x_api_key: bytes) -> None:
    assert presented_key(authorization, x_api_key) is None
