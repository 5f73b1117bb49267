"""`thoughtSignature`, which is base64, so that another dialect's has to be base64 too."""

import base64
import binascii
from typing import Final

from tollway.dialects.meaning import Signature
from tollway.dialects.signatures import read_signature, signature_text

MARK: Final = "dG9sbHdheS5"
"""How base64 of "tollway." and a dialect's name begins."""
SKIP: Final = "skip_thought_signature_validator"
"""Stands for the signature of a call that no Gemini made: since Gemini 3 the first call of an
answer must have one (Google's guide to thought signatures)."""


def write_thought_signature(signature: Signature) -> str:
    """What a Gemini client is given to bring back."""
    if signature.made_in == "gemini":
        return signature.data
    return base64.b64encode(signature_text(signature, "gemini").encode()).decode()


def read_thought_signature(text: str | None) -> Signature | None:
    """The signature of a part. Clients may bring it back in base64's URL-safe letters."""
    if not text or text == SKIP:
        return None
    if text.startswith(MARK):
        try:
            return read_signature(base64.b64decode(plain_base64(text)).decode(), "gemini")
        except (binascii.Error, UnicodeDecodeError):
            pass
    return Signature("gemini", text)


def plain_base64(text: str) -> str:
    """Base64 in its plain letters and padded, as other APIs want it."""
    plain = text.replace("-", "+").replace("_", "/")
    return plain + "=" * (-len(plain) % 4)


def is_sealed(text: str | None, signature: Signature | None) -> bool:
    """Whether a signature is the whole thought: one without any text, not even an empty one; and
    whatever Responses made, which encrypts them all."""
    return signature is not None and (text is None or signature.made_in == "responses")
