"""Secrets in answers: found in every encoding, at every split, and nothing else is held back."""

import json
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollway.guard.reflection import LAG, Filter, Reflections

SECRET = b"ghp_A1b2/C3+d4%E5&f6\"G7h8I9j0KLMNOPQRS'<x>\\"
SENTINEL = b"TWS_SENTINEL"
REFLECTIONS = Reflections({"s": SECRET})


def encodings(value: bytes) -> Mapping[str, bytes]:
    """The value in every encoding that is promised."""
    once = quote(value, safe="").encode()
    found = {
        "raw": value,
        "url": once,
        "url of all": "".join(f"%{byte:02x}" for byte in value).encode(),
        "url twice": quote(once, safe="").encode(),
        "hex": value.hex().encode(),
        "HEX": value.hex().upper().encode(),
        "hex apart": value.hex(":").encode(),
        "json": json.dumps(value.decode()).encode(),
        "json in json": json.dumps(json.dumps(value.decode())).encode(),
        "json of all": "".join(f"\\u{byte:04X}" for byte in value).encode(),
        "html of all": "".join(f"&#{byte};" for byte in value).encode(),
        "html hex": "".join(f"&#x{byte:x};" for byte in value).encode(),
        "mime": encodebytes(b"-" * 40 + value + b"-" * 20),
    }
    for shift in range(3):
        front = b"u:x"[: shift + 1] if shift else b""
        found[f"base64 at {shift}"] = b64encode(front + value)
        found[f"base64 at {shift}, with more"] = b64encode(front + value + b"more")
        found[f"base64url at {shift}"] = urlsafe_b64encode(front + value).rstrip(b"=")
    return found


@pytest.mark.parametrize("name", encodings(SECRET))
def test_a_reflection_is_found_at_every_split(name: str) -> None:
    text = b"before " + encodings(SECRET)[name] + b" after"
    for cut in range(len(text) + 1):
        stream = Filter(REFLECTIONS, {"s": SENTINEL})
        out = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.end()
        assert stream.seen == {"s"}, cut
        assert out.count(SENTINEL) == 1, cut
        assert REFLECTIONS.found(out) == ()
        assert out.startswith(b"before ")
        assert out.endswith(b" after")


@pytest.mark.parametrize("name", encodings(SECRET))
def test_a_reflection_is_found_byte_by_byte(name: str) -> None:
    stream = Filter(REFLECTIONS, {"s": SENTINEL})
    text = b"before " + encodings(SECRET)[name] + b" after"
    out = b"".join(stream.feed(bytes((byte,))) for byte in text) + stream.end()
    assert (stream.seen, out.count(SENTINEL)) == ({"s"}, 1)


@given(st.text("abcDEF019-_./+= ", min_size=8, max_size=60), st.data())
@example("aaaaaaaa", None)
@example("abababababab", None)
def test_any_secret_is_found_in_any_encoding_split_anywhere(
    secret: str, data: st.DataObject | None
) -> None:
    value = secret.encode()
    reflections = Reflections({"s": value})
    for name, encoded in encodings(value).items():
        text = b"<" + encoded + b">"
        cut = 3 if data is None else data.draw(st.integers(0, len(text)))
        stream = Filter(reflections, {"s": b"!"})
        out = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.end()
        assert stream.seen == {"s"}, name
        assert not reflections.found(out)


def test_without_the_filter_the_secret_is_in_the_answer() -> None:
    for name, encoded in encodings(SECRET).items():
        assert REFLECTIONS.found(b"x " + encoded), name


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_what_holds_no_secret_passes_unchanged(pieces: list[bytes]) -> None:
    stream = Filter(REFLECTIONS, {"s": SENTINEL})
    assert b"".join(map(stream.feed, pieces)) + stream.end() == b"".join(pieces)


@given(st.lists(st.sampled_from([SECRET[:4], SECRET[:9], SECRET[:-1], b"hello, you", b"{}"])))
def test_what_is_held_back_tells_nothing_of_a_secret(pieces: list[bytes]) -> None:
    """Who can make a host answer guesses would learn each letter by what is late."""
    stream = Filter(REFLECTIONS, {"s": SENTINEL})
    given_ = out = 0
    for piece in (b" " * 50, *pieces, b" " * LAG):
        given_ += len(piece) + 1
        out += len(stream.feed(piece + b" "))
        assert out == max(given_ - LAG, 0)


def test_a_shorter_stream_comes_out_whole_at_its_end() -> None:
    stream = Filter(REFLECTIONS, {"s": SENTINEL})
    assert stream.feed(b"hello ") + stream.feed(SECRET) + stream.end() == b"hello " + SENTINEL


@pytest.mark.parametrize("part", [slice(0, 100), slice(700, 800), slice(-110, None)])
def test_a_part_of_a_long_secret_is_found(part: slice) -> None:
    key = b"-----BEGIN KEY-----\n" + b"".join(b"%03dabcdEFGH+/" % n for n in range(200))
    reflections = Reflections({"key": key})
    assert reflections.found(b"x" + key[part] + b"y")
    assert reflections.found(key[part].hex().encode())
    assert reflections.found(b64encode(b"u" + key[part]))


def test_each_of_several_secrets_is_replaced_by_its_own_sentinel() -> None:
    both = Reflections({"a": b"first-secret", "b": b"second-secret"})
    stream = Filter(both, {"a": b"[A]", "b": b"[B]"})
    text = b"first-secret second-secret first-secret"
    assert stream.feed(text) + stream.end() == b"[A] [B] [A]"


def test_a_secret_that_is_too_short_to_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 8"):
        Reflections({"s": b"1234567"})
