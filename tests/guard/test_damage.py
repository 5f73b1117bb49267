"""What is packed with damage or oddly, glued to letters, or set apart beside words, is found."""

import base64
import io
import random
import struct
import zipfile
import zlib
from gzip import compress

import pytest
from made import firing, made, scanner

from tollway.guard.stream import Hold, StreamScanner

KEY = made("AKIA<base32 16>")
SAID = f"aws {KEY} ".encode()


def found(text: str) -> set[str]:
    return {it.detector for it in scanner().scan(text.encode())}


def sees(packed: bytes) -> bool:
    return "aws-access-key" in found("see: " + base64.b64encode(packed).decode())


def zipped(method: int, stated: int | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.txt", KEY)
    data = bytearray(out.getvalue())
    if stated is not None:
        data[8:10] = struct.pack("<H", stated)
    return bytes(data)


def in_window(bits: int, level: int = 9) -> bytes:
    pack = zlib.compressobj(level, zlib.DEFLATED, bits)
    return pack.compress(SAID) + pack.flush()


def named(flags: int) -> bytes:
    head = b"\x1f\x8b\x08" + bytes((flags,)) + bytes(6)
    head += b"\x05\0extra" if flags & 4 else b""
    head += b"name\0" if flags & 8 else b""
    head += b"comment\0" if flags & 16 else b""
    head += b"ab" if flags & 2 else b""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    return head + pack.compress(SAID) + pack.flush()


def test_a_wrong_checksum_hides_nothing() -> None:
    assert sees(compress(SAID)[:-8] + b"\1" * 8)
    assert sees(zlib.compress(SAID)[:-4] + b"abcd")


def test_what_comes_before_a_fault_of_a_short_stream_is_read() -> None:
    broken = bytearray(zlib.compress(SAID + b" and other words, and others again"))
    broken[-12] ^= 0xFF
    assert sees(bytes(broken))


@pytest.mark.parametrize("level", [1, 5, 6, 9])
@pytest.mark.parametrize("bits", range(9, 16))
def test_zlib_of_any_window_and_level_is_opened(bits: int, level: int) -> None:
    assert sees(in_window(bits, level))


@pytest.mark.parametrize("flags", [0, 4, 8, 16, 2, 30])
def test_gzip_with_any_header_is_opened(flags: int) -> None:
    assert sees(named(flags))


@pytest.mark.parametrize("stated", [None, 0, 8, 99])
@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_a_zip_member_is_read_whatever_its_header_states(method: int, stated: int | None) -> None:
    assert sees(zipped(method, stated))


def test_a_dictionary_of_gigabytes_is_not_believed() -> None:
    data = bytearray(zipped(14))
    at = data.index(b"a.txt") + len("a.txt") + 5
    data[at : at + 4] = b"\xff" * 4
    assert sees(bytes(data))


def test_base64_with_up_to_three_letters_glued_to_its_front_is_found() -> None:
    glues = ("", "x", "Q", "xx", "zQ", "xxx", "Q9x", "MTE", "QUE")
    for detector, text in firing():
        if detector.kind != "secret" or detector.keywords or not text.isascii():
            continue
        encoded = base64.b64encode(text.encode()).decode()
        missed = [glue for glue in glues if detector.id not in found(f"see: {glue}{encoded} .")]
        assert not missed, detector.id


@pytest.mark.parametrize("mark", [*" .,|*\n\t\r\v\f", "\xa0", "\u2003", "\u2028", "\u1680"])
def test_letters_set_apart_between_words_are_found(mark: str) -> None:
    assert "aws-access-key" in found(f"see {mark.join(KEY)}")
    assert "aws-access-key" in found(f"see{mark}{mark.join(KEY)}{mark}and more")


@pytest.mark.parametrize("left", ["x", "_", "id", "key", "1"])
@pytest.mark.parametrize("right", ["", "x", "_", "xyz"])
def test_letters_glued_to_a_key_with_a_beginning_hide_nothing(left: str, right: str) -> None:
    glued = {
        "aws-access-key", "github-token", "gitlab-token", "stripe-key", "npm-token", "pypi-token",
        "shopify-token", "docker-token", "anthropic-key", "google-api-key", "groq-key",
        "nvidia-key",
        "google-oauth-secret", "digitalocean-token", "slack-token", "xai-key", "perplexity-key",
    }  # fmt: skip
    for detector, text in firing():
        if detector.id in glued and text.isascii() and " " not in text and "=" not in text:
            assert detector.id in found(f"see {left}{text}{right} and"), detector.id


def test_underlines_around_a_card_number_hide_nothing() -> None:
    number = "4111" + "1111" * 3
    hits = scanner().scan(f"_{number}_{number}_".encode())
    assert [it.detector for it in hits] == ["payment-card"] * 2


LINES = [made("<base64 64>", seed) for seed in range(12)]
ARMOUR = [
    "-----BEGIN RSA PRIVATE KEY-----",
    *LINES,
    LINES[0][:22] + "==",
    "-----END RSA PRIVATE KEY-----",
]
WRITTEN = {
    "plain": "\n".join(ARMOUR),
    "C": "const char *k =\n" + "\n".join(f'  "{it}\\n"' for it in ARMOUR) + ";",
    "Java": " +\n".join(f'"{it}\\n"' for it in ARMOUR),
    "JavaScript": " +\n".join(f'"{it}"' for it in ARMOUR),
    "Python": "\n".join(f"'{it}\\n'" for it in ARMOUR),
    "PHP": " .\n".join(f"'{it}'" for it in ARMOUR),
    "JSON list": '["' + '", "'.join(ARMOUR) + '"]',
    "HTML": "<br>\n".join(ARMOUR),
    "HTML list": "\n".join(f"<li>{it}</li>" for it in ARMOUR),
    "table": "\n".join(f"| {it} |" for it in ARMOUR),
    "continued": "\\\n".join(ARMOUR),
    "comment": "\n".join(f"# {it}" for it in ARMOUR),
    "encrypted": "\n".join(
        f'"{it}\\n"'
        for it in [
            ARMOUR[0],
            "Proc-Type: 4,ENCRYPTED",
            "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF",
            "",
            *ARMOUR[1:],
        ]
    ),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_private_key_in_source_code_is_found_whole(way: str) -> None:
    text = f"Here it is:\n{WRITTEN[way]}\nand this is what follows."
    (hit,) = [it for it in scanner().scan(text.encode()) if it.detector == "private-key"]
    inside = text.encode()[hit.start : hit.end].decode()
    assert all(line in inside for line in ARMOUR[1:-1])
    assert "what follows" not in inside


@pytest.mark.parametrize("way", WRITTEN)
def test_a_stream_gives_out_no_line_of_a_private_key_in_source_code(way: str) -> None:
    text = f"Here it is:\n{WRITTEN[way]}\nand this is what follows."
    stream = StreamScanner(scanner(), Hold(scanner()))
    out = ""
    for at in range(0, len(text), 7):
        passage = stream.feed(text[at : at + 7])
        if any(it.detector == "private-key" for it in passage.findings):
            break
        out += passage.text
    assert LINES[0][:20] not in out


def test_the_end_of_a_large_packed_text_is_read() -> None:
    draw = random.Random(3)
    text = bytes(draw.choices(b"abcdefgh ", k=400_000)) + SAID
    assert sees(zlib.compress(text))
    assert sees(zlib.compress(text)[:-4] + b"abcd")


def test_a_private_key_that_is_cut_off_is_found() -> None:
    for text in WRITTEN.values():
        cut = text[: text.index(LINES[6])]
        assert "private-key" in found(cut)


def test_a_program_that_names_the_heading_of_a_private_key_is_no_key() -> None:
    assert "private-key" not in found(
        'if "-----BEGIN PRIVATE KEY-----" in text:\n    read("/usr/local/share/certificates/keys")'
    )


def test_noise_in_base64_is_inspected_to_its_end() -> None:
    # Noise begins like packed streams every few kilobytes; what it gives must not add up.
    for seed in range(10):
        noise = base64.b64encode(random.Random(seed).randbytes(150_000)).decode()
        assert "uninspected" not in found(noise)
