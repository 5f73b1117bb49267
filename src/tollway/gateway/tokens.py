"""How many tokens a text is likely to be, cheaply: for limits and reservations, never for bills.

Rules
1. Four bytes of JSON text are one token. The JSON around a message stands for the tokens that a
   chat template adds.
2. Attachments (images, audio, files) are not text: each counts `ATTACHMENT_TOKENS`, however large.
3. The work is bounded by a few passes over the bytes; nothing is decoded.
4. Base64 is an attachment only as the value of a member that attachments have: a client that
   writes `;base64,` into its text is still counted by the length of it.
"""

import re
from typing import Final

BYTES_PER_TOKEN: Final = 4
"""The rule of thumb of OpenAI's tokenizer page for English; JSON's escapes even out the rest."""

ATTACHMENT_TOKENS: Final = 765
"""One 1024x1024 image in high detail, by OpenAI's published formula (85 + 4 tiles of 170)."""

_SEMICOLON: Final = 0x3B
_BASE64: Final = b";base64,"
_URL: Final = re.compile(
    rb'"(?:url|image_url|audio_url|video_url|file_data|file_url)"[ \t\n\r]*:[ \t\n\r]*'
    rb'"data:[^",]{0,256};base64,'
)
_DATA: Final = re.compile(rb'"data"[ \t\n\r]*:[ \t\n\r]*"')
_BLOB: Final = 256
"""A `data` string at least this long is an attachment's body."""

_ATTACHMENT: Final = re.compile(
    rb'"type"[ \t\n\r]*:[ \t\n\r]*"'
    rb'(?:image_url|input_image|input_audio|audio_url|video_url|file|input_file|image|document)"'
)
_GEMINI_ATTACHMENT: Final = re.compile(
    rb'"(?:inlineData|inline_data|fileData|file_data)"[ \t\n\r]*:[ \t\n\r]*\{'
)


def text_tokens(size: int) -> int:
    """Tokens of `size` bytes of text, rounded up."""
    return -(-size // BYTES_PER_TOKEN)


def json_tokens(raw: bytes) -> int:
    """Tokens of the JSON text of messages, a prompt or tools, attachments included."""
    typed = raw.find(b'"type"') >= 0  # every content part says its type
    # A search for one byte costs a tenth of one for eight, and prose has few semicolons.
    if (_SEMICOLON in raw and raw.find(_BASE64) >= 0) or (typed and raw.find(b'"data"') >= 0):
        raw = _without_blobs(raw)
    attached = len(_ATTACHMENT.findall(raw)) if typed else 0
    return text_tokens(len(raw)) + attached * ATTACHMENT_TOKENS


def turns_tokens(raw: bytes) -> int:
    """The same of a list of turns, each of which has its parts, if any, in a list of its own."""
    return text_tokens(len(raw)) if raw.find(b"[", 1) < 0 else json_tokens(raw)


def gemini_tokens(raw: bytes) -> int:
    """Tokens of the JSON text of Gemini's contents, whose parts say by their key what they are."""
    attached = len(_GEMINI_ATTACHMENT.findall(raw))
    if attached:
        raw = _without_blobs(raw)
    return text_tokens(len(raw)) + attached * ATTACHMENT_TOKENS


def _without_blobs(raw: bytes) -> bytes:
    kept: list[bytes] = []
    start = 0
    for begin, end in _blobs(raw):
        if begin >= start:
            kept.append(raw[start:begin])
            start = end
    kept.append(raw[start:])
    return b"".join(kept)


def _blobs(raw: bytes) -> list[tuple[int, int]]:
    """Spans of base64 text, in order: data URLs, and long strings under the key `data`."""
    spans: list[tuple[int, int]] = []
    for found in (*_URL.finditer(raw), *_DATA.finditer(raw)):
        end = raw.find(b'"', found.end())
        if end - found.end() >= _BLOB:
            spans.append((found.end(), end))
    spans.sort()
    return spans
