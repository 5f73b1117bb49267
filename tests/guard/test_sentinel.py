"""Sentinels: replaced where they may stand, found wherever they are hidden."""

import json
from base64 import b64decode, b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.fleet.egressing import SecretUse
from tollway.guard.scanner import Scanner
from tollway.guard.sentinel import (
    SENTINEL,
    Parts,
    detector,
    digest_of,
    replaced,
    sentinel_of,
    spots,
    why_not_here,
    without,
)

WORD = sentinel_of(bytes(range(20))).encode()
OTHER = sentinel_of(bytes(range(1, 21))).encode()
SECRET = b'hunter2/+ "%&'


def use(**changes: object) -> SecretUse:
    return SecretUse("s", ("a.com",), "S", **changes)  # pyright: ignore[reportArgumentType]


@given(st.binary(min_size=20, max_size=20))
def test_a_sentinel_survives_where_tokens_go(random: bytes) -> None:
    word = sentinel_of(random)
    assert SENTINEL.fullmatch(word.encode())
    assert quote(word, safe="") == word
    assert json.dumps(word) == f'"{word}"'
    assert len(digest_of(word.encode())) == 32


@pytest.mark.parametrize("size", [0, 19, 21])
def test_a_sentinel_has_160_bits(size: int) -> None:
    with pytest.raises(ValueError, match="are not 20"):
        sentinel_of(bytes(size))


def test_every_sentinel_of_a_request_is_seen() -> None:
    basic = b"Basic " + b64encode(b"user:" + WORD)
    parts = Parts(
        b"/x?k=" + WORD,
        ((b"x-key", WORD), (b"Authorization", basic), (b"x-" + WORD, b"v")),
        b'{"k": "' + WORD + b'"}',
    )
    seen = [(spot.part, spot.index) for spot in spots(parts)]
    assert seen == [("target", -1), ("header", 0), ("basic", 1), ("header", 2), ("body", -1)]


@pytest.mark.parametrize(
    ("terms", "headers", "fits"),
    [
        ({}, ((b"Authorization", b"Bearer " + WORD),), True),
        ({}, ((b"X-Key", WORD),), False),
        ({"header": "X-Key"}, ((b"x-key", WORD),), True),
        ({"template": "Bearer {secret}"}, ((b"authorization", b"bearer " + WORD),), True),
        ({"template": "Bearer {secret}"}, ((b"authorization", b"Bearer x" + WORD),), False),
        ({"template": "Bearer {secret}"}, ((b"authorization", WORD),), False),
        ({"place": "basic"}, ((b"authorization", b"Basic " + b64encode(b"u:" + WORD)),), True),
        ({"place": "basic"}, ((b"authorization", b"basic " + b64encode(WORD + b":")),), True),
        ({"place": "basic"}, ((b"x", b"Basic " + b64encode(b"u:" + WORD)),), None),
        ({"place": "basic"}, ((b"authorization", b"Bearer " + WORD),), False),
        ({"place": "head"}, ((b"anything", WORD),), True),
        ({}, ((b"authorization", b"Basic " + b64encode(b"u:" + WORD)),), False),
    ],
)
def test_a_sentinel_may_stand_where_its_table_says(
    terms: dict[str, object], headers: tuple[tuple[bytes, bytes], ...], fits: bool | None
) -> None:
    parts = Parts(b"/", headers)
    found = [why_not_here(use(**terms), spot, parts) for spot in spots(parts)]
    assert found == ([] if fits is None else [None] if fits else [found[0]])
    assert fits is None or (found[0] is None) is fits


def test_a_target_and_a_body_are_places_of_their_own() -> None:
    target, body = Parts(b"/?k=" + WORD, ()), Parts(b"/", (), WORD)
    assert why_not_here(use(), spots(target)[0], target) is not None
    assert why_not_here(use(place="head"), spots(target)[0], target) is None
    assert why_not_here(use(place="head"), spots(body)[0], body) is not None
    assert why_not_here(use(body=True), spots(body)[0], body) is None


def test_a_secret_is_written_as_its_place_demands() -> None:
    basic = b"Basic " + b64encode(b"u:" + WORD)
    parts = Parts(
        b"/?k=" + WORD,
        ((b"x-key", b"a " + WORD), (b"authorization", basic)),
        b'{"k": "' + WORD + b'"}',
        b"application/json; charset=utf-8",
    )
    done = replaced(parts, spots(parts), {WORD: SECRET})
    assert done.target == b"/?k=" + quote(SECRET, safe="").encode()
    assert done.headers[0] == (b"x-key", b"a " + SECRET)
    assert b64decode(done.headers[1][1][6:]) == b"u:" + SECRET
    assert json.loads(done.body) == {"k": SECRET.decode()}
    form = Parts(b"/", (), b"k=" + WORD, b"application/x-www-form-urlencoded")
    assert (
        replaced(form, spots(form), {WORD: SECRET}).body == b"k=" + quote(SECRET, safe="").encode()
    )


def test_only_the_spots_named_are_replaced() -> None:
    parts = Parts(b"/?k=" + WORD, ((b"a", WORD), (b"b", OTHER)))
    [_, header, _] = spots(parts)
    done = replaced(parts, [header], {WORD: b"secret-value"})
    assert done == Parts(b"/?k=" + WORD, ((b"a", b"secret-value"), (b"b", OTHER)))


@pytest.mark.parametrize("secret", [b"a\r\nx: y", b"a\nb", b"\x00", b"caf\xc3\xa9"])
def test_a_secret_that_no_header_can_carry_splits_no_header(secret: bytes) -> None:
    parts = Parts(b"/", ((b"a", WORD),))
    with pytest.raises(ValueError, match="no header can carry"):
        replaced(parts, spots(parts), {WORD: secret})


def test_what_is_inspected_holds_no_sentinel_that_may_stand_there() -> None:
    parts = Parts(b"/", ((b"a", WORD), (b"authorization", b"Basic " + b64encode(b"u:" + WORD))))
    plain = without(parts, spots(parts))
    assert spots(plain) == ()
    assert Scanner([detector()]).scan(b"\n".join(b for _, b in plain.headers)) == ()


@pytest.mark.parametrize(
    "hidden",
    [b64encode(WORD), b64encode(b"x" + WORD), b64encode(b"xy" + WORD), WORD.hex().encode(),
     b64encode(b64encode(WORD)), WORD.hex().upper().encode(), b"%54" + WORD[1:],
     "".join(f"%{byte:02x}" for byte in WORD).encode(),
     "".join(f"\\u{byte:04x}" for byte in WORD).encode(),
     "".join(f"&#{byte};" for byte in WORD).encode(), b" ".join(WORD[i:i+1] for i in range(36))],
)  # fmt: skip
def test_a_hidden_sentinel_is_found(hidden: bytes) -> None:
    assert spots(Parts(b"/?q=" + hidden, ())) == ()
    found = Scanner([detector()]).scan(b"GET /?q=" + hidden + b" HTTP/1.1")
    assert [one.detector for one in found] == ["sentinel"]
