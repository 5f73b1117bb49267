"""Known values, terms and registered documents."""

import base64
import random

import pytest
from made import ENCODINGS, Encoding

from tollway.errors import FaultsFound, TollwayError
from tollway.guard.fingerprint import (
    SHINGLE,
    WINDOW,
    Document,
    Fingerprints,
    fingerprint,
    read,
    written,
)
from tollway.guard.known import Digests, known_values, terms
from tollway.guard.scanner import Scanner
from tollway.guard.stream import Hold, StreamScanner

VALUE = "Zq9#vT-unlikely-7"
WORDS = [
    "ash",
    "birch",
    "cedar",
    "dogwood",
    "elm",
    "gum",
    "hazel",
    "ivy",
    "juniper",
    "maple",
    "oak",
]
SALT = b"s" * 32


def prose(count: int, seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) + str(draw.randrange(99)) for _ in range(count))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda it: it.name)
def test_a_known_value_is_found_in_every_encoding(encoding: Encoding) -> None:
    scanner = Scanner(known_values({"db": VALUE.encode()}))
    text = f"so: {encoding.encode(f'pw {VALUE} end')} ok"
    (only,) = {it.detector for it in scanner.scan(text.encode("utf-8", "surrogatepass"))}
    assert only == "known:db"


def test_a_known_value_with_blanks_is_held_back_whole() -> None:
    scanner = Scanner(known_values({"phrase": b"correct horse battery staple"}))
    text = "it is correct horse battery staple, they say"
    for cut in range(1, len(text)):
        stream = StreamScanner(scanner, Hold(scanner))
        out = ""
        for passage in (stream.feed(text[:cut]), stream.feed(text[cut:]), stream.end()):
            if passage.findings:
                break
            out += passage.text
        assert "correct" not in out


def test_a_short_known_value_is_refused() -> None:
    with pytest.raises(FaultsFound, match="known:pin has 4 bytes"):
        known_values({"pin": b"1234"})


def test_terms_are_whole_words_in_any_case_with_any_white_space() -> None:
    scanner = Scanner(terms(["Project Nightjar", "Köhler"]))
    assert scanner.scan(b"about PROJECT \n nightjar.")
    assert scanner.scan("bei Köhler".encode())
    assert not scanner.scan(b"projects nightjars")
    assert scanner.scan(base64.b64encode(b"re: project nightjar today"))
    assert terms([]) == ()


def test_digests_find_a_value_without_holding_it() -> None:
    key = b"k" * 32
    digests = Digests(key, {Digests.digest(key, VALUE.encode()): "db"})
    for text in (VALUE, f'pw="{VALUE}"', f"({VALUE}).", f"x={VALUE};y"):
        (only,) = digests.found(text.encode())
        assert only.detector == "known:db"
        assert text.encode()[only.start : only.end] == VALUE.encode()
    assert not list(digests.found(f"{VALUE}8".encode()))


def test_a_verbatim_part_of_a_document_is_found_with_its_share() -> None:
    text = prose(2000, 1)
    registered = Fingerprints([fingerprint("plan.txt", text.encode(), SALT)], SALT)
    words = text.split()
    (whole,) = registered.found(text.encode())
    assert whole.share == 1.0
    half = f"{prose(300, 2)} {' '.join(words[500:1500]).upper()}. {prose(300, 3)}"
    (part,) = registered.found(half.replace(" ", ",\n ").encode())
    assert part.detector == "document:plan.txt"
    assert part.share is not None
    assert 0.4 < part.share < 0.6
    assert not list(registered.found(prose(5000, 4).encode()))


def test_any_shared_run_of_that_many_words_shares_a_hash() -> None:
    text = prose(400, 5).split()
    whole = fingerprint("it", " ".join(text).encode(), SALT).hashes
    size = SHINGLE + WINDOW - 1
    for start in range(len(text) - size):
        part = fingerprint("part", " ".join(text[start : start + size]).encode(), SALT).hashes
        assert part & whole, start


def test_fingerprints_go_to_bytes_and_back_and_disclose_no_words() -> None:
    document = fingerprint("plan.txt", prose(500, 6).encode(), SALT)
    data = written([document, Document("other", frozenset({1, 2**64 - 1}))])
    assert [it.hashes for it in read(data)] == [document.hashes, frozenset({1, 2**64 - 1})]
    assert not [word for word in WORDS if len(word) > 3 and word.encode() in data]
    other = fingerprint("plan.txt", prose(500, 6).encode(), b"t" * 32)
    assert not document.hashes & other.hashes
    with pytest.raises(TollwayError, match="no fingerprints"):
        read(b"junk")
    with pytest.raises(TollwayError, match="fewer than"):
        fingerprint("short", b"too few words", SALT)


def test_a_document_is_found_within_a_layer() -> None:
    text = prose(300, 7)
    registered = Fingerprints([fingerprint("plan.txt", text.encode(), SALT)], SALT)
    scanner = Scanner((), documents=registered)
    (only,) = scanner.scan(b"see " + base64.b64encode(text.encode()))
    assert (only.kind, only.layers) == ("document", ("base64",))


def test_a_document_whose_pairs_were_not_kept_is_found_all_the_same() -> None:
    text = prose(300, 8)
    whole = fingerprint("plan.txt", text.encode(), SALT)
    bare = Fingerprints([Document("plan.txt", whole.hashes)], SALT)
    (only,) = bare.found(f"{prose(50, 9)} {text}".encode())
    assert only.share == 1.0


def test_the_words_of_a_document_are_not_to_be_read_without_the_salt() -> None:
    one = fingerprint("plan.txt", prose(300, 8).encode(), SALT)
    other = fingerprint("plan.txt", prose(300, 8).encode(), b"t" * 32)
    assert len(one.pairs) == len(other.pairs) > 0
    shared = {one.pairs[at : at + 4] for at in range(0, len(one.pairs), 4)}
    assert not shared & {other.pairs[at : at + 4] for at in range(0, len(other.pairs), 4)}


def test_a_part_is_found_wherever_it_stands_among_words_of_the_same_document() -> None:
    text = prose(400, 10).split()
    registered = Fingerprints([fingerprint("it", " ".join(text).encode(), SALT)], SALT)
    draw = random.Random(11)
    for start in range(0, 360, 7):
        noise = [draw.choice(text) for _ in range(60)]
        part = text[start : start + 40]
        mixed = " ".join([*noise[:30], "unheard", *part, "unheard", *noise[30:]])
        (only,) = registered.found(mixed.encode())
        assert mixed[only.start : only.end] in mixed
        assert only.share


def test_a_document_is_known_between_tags_and_numbers() -> None:
    words = [f"word{'abcdefghij'[place % 10]}{chr(97 + place // 10)}x" for place in range(60)]
    registered = Fingerprints(
        [fingerprint("plan", " ".join(words).encode(), b"salt" * 8)], b"salt" * 8
    )
    ways = {
        "numbered": "\n".join(f"{place} {word}" for place, word in enumerate(words)),
        "tagged": " ".join(f"<b class='x'>{word}</b>" for word in words),
        "counted": " ".join(f"{word}1" for word in words),
    }
    for way, text in ways.items():
        (hit,) = registered.found(text.encode())
        assert hit.share == 1.0, way
        assert text[hit.start : hit.end].count("word") > 40, way
    assert not [*registered.found(" ".join(f"{word}1" for word in reversed(words)).encode())]
