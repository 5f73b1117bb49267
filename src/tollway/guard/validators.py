"""Checks of what a pattern found: check digits, issuer ranges, structure. Bytes in, yes or no out.

Rules
1. A validator says no only to what cannot be the thing. Where it cannot know, it says yes.
"""

import json
import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

from tollway.guard import national

_ISSUERS = (
    (4, 4, (13, 16, 19)), (51, 55, (16,)), (2221, 2720, (16,)), (34, 34, (15,)), (37, 37, (15,)),
    (6011, 6011, (16, 19)), (644, 649, (16, 19)), (65, 65, (16, 19)), (3528, 3589, (16, 19)),
    (300, 305, (14, 16)), (36, 36, (14, 16)), (38, 39, (14, 16)), (62, 62, (16, 17, 18, 19)),
    (60, 60, (16,)), (50, 50, (16, 18, 19)), (56, 58, (16, 18, 19)), (6304, 6304, (16, 18, 19)),
    (6759, 6763, (16, 18, 19)), (81, 81, (16,)), (82, 82, (16,)), (2200, 2204, (16,)),
    (9792, 9792, (16,)),
)  # fmt: skip
"""First and last issuer prefix, and the lengths of its numbers (ISO/IEC 7812; the issuers' own
ranges as in https://en.wikipedia.org/wiki/Payment_card_number)."""

_IBAN_COUNTRIES = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28
EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26
IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28
NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25
SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_IBAN_LENGTHS = MappingProxyType({it[:2]: int(it[2:]) for it in _IBAN_COUNTRIES.split()})
"""Characters of an IBAN, by country (SWIFT's IBAN registry)."""

_PLACEHOLDERS = (
    b"example", b"changeme", b"change_me", b"placeholder", b"your", b"xxxx", b"redacted", b"dummy",
    b"sample", b"insert", b"replace", b"<", b"${", b"{{", b"...", b"****", b"test", b"12345678",
    b"password", b"secret", b"process.env", b"os.environ", b"getenv", b"none", b"null",
    b"undefined",
)  # fmt: skip


_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def digits(found: bytes) -> str:
    """The decimal digits of what was found."""
    return bytes(byte for byte in found if 48 <= byte <= 57).decode()


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1's check digit."""
    total = 0
    for place, letter in enumerate(reversed(number)):
        value = int(letter) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def payment_card(found: bytes) -> bool:
    """Issuer range, length, check digit; and not one digit alone."""
    number = digits(found)
    known = any(
        first <= int(number[: len(str(first))]) <= last and len(number) in lengths
        for first, last, lengths in _ISSUERS
    )
    return known and len(set(number)) > 1 and luhn(number)


def iban(found: bytes) -> bool:
    """Country, length, and ISO 7064 mod 97-10."""
    text = "".join(found.decode("ascii").split()).replace("-", "").upper()
    if _IBAN_LENGTHS.get(text[:2]) != len(text) or not text.isalnum():
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def jwt(found: bytes) -> bool:
    """A header that is JSON with an algorithm (RFC 7519, 7515)."""
    head = found.partition(b".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except ValueError:
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def entropy(found: bytes) -> float:
    """Bits a byte, by how often each byte occurs (Shannon)."""
    size = len(found)
    return -sum(n / size * math.log2(n / size) for n in Counter(found).values()) if size else 0.0


def assigned(found: bytes) -> bool:
    """A value that somebody made up or generated: no placeholder, no name, no path, no call."""
    value = found.strip(b"\"'`")
    lowered = value.lower()
    if any(word in lowered for word in _PLACEHOLDERS) or value[:1] in b"/$%@#(.-":
        return False
    if _UUID.fullmatch(value) or _tells(value):
        return False
    kinds = (
        any(48 <= byte <= 57 for byte in value),
        any(65 <= byte <= 90 for byte in value),
        any(97 <= byte <= 122 for byte in value),
    )
    return kinds[0] and sum(kinds) >= 2 and _runs(value) and not _dotted(value)


def _tells(value: bytes) -> bool:
    """Whether it is JSON as base64: a page's mark, say. What is in it is looked at by itself."""
    if not value.startswith((b"eyJ", b"W3", b"eyA", b"ewo")):
        return False
    try:
        json.loads(urlsafe_b64decode(value + b"=" * (-len(value) % 4)))
    except ValueError:
        return False
    return True


def _runs(value: bytes) -> bool:
    """Whether letters and digits change often enough for a generated value."""
    classes = bytes(
        100 if 48 <= byte <= 57 else 117 if 65 <= byte <= 90 else 108 if 97 <= byte <= 122 else 46
        for byte in value
    )
    changes = sum(a != b for a, b in pairwise(classes))
    return changes * 6 >= len(value)


def _dotted(value: bytes) -> bool:
    """Whether it is a name of several words, an attribute or a call: `settings.key2`, `f(x)`."""
    if b"." in value and all(re.fullmatch(rb"[A-Za-z_]\w*", it) for it in value.split(b".")):
        return True
    return b"(" in value or b"::" in value or value.count(b".") > 1 or value.count(b"_") > 3


def credentials(found: bytes) -> bool:
    """A URL's password that is none of the usual placeholders."""
    password = found.rpartition(b"@")[0].rpartition(b":")[2].lower()
    usual = (b"password", b"pass", b"passwd", b"pwd", b"secret", b"user", b"token", b"pw", b"port")
    marked = (b"$", b"{", b"<", b"*", b"%s", b"[", b"...", b"xxx", b"your")
    return password not in usual and not any(mark in password for mark in marked)


def email(found: bytes) -> bool:
    """A domain with a top-level domain that is letters, and none reserved for examples
    (RFC 2606)."""
    domain = found.rpartition(b"@")[2].lower()
    reserved = (b"example.com", b"example.org", b"example.net", b"localhost")
    endings = (
        b".example",
        b".invalid",
        b".test",
        b".local",
        b".localhost",
        b".png",
        b".jpg",
        b".py",
    )
    return not domain.endswith(endings) and domain.removeprefix(b"www.") not in reserved


def phone(found: bytes) -> bool:
    """Seven to fifteen digits (ITU-T E.164), not all alike; not a decimal fraction."""
    number = digits(found)
    if re.fullmatch(rb"\+[0-9]+\.[0-9]+", found):
        return False
    return 7 <= len(number) <= 15 and len(set(number)) > 2


def pem(found: bytes) -> bool:
    """A line of base64 after the heading, none of those that documentation prints."""
    return re.search(rb"[A-Za-z0-9+/=]{24}", found) is not None and no_example(found)


def no_example(found: bytes) -> bool:
    """Not one of the keys that documentation prints, which end in EXAMPLE."""
    return b"EXAMPLE" not in found


def mixed(found: bytes) -> bool:
    """Letters and digits both."""
    has_both = any(48 <= byte <= 57 for byte in found) and any(byte > 57 for byte in found)
    return has_both and no_example(found)


def _of_text(check: Callable[[str], bool]) -> Callable[[bytes], bool]:
    return lambda found: check(
        "".join(letter for letter in found.decode("ascii", "replace").upper() if letter.isalnum())
    )


VALIDATORS: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        "assigned": assigned,
        "credentials": credentials,
        "email": email,
        "iban": iban,
        "jwt": jwt,
        "mixed": mixed,
        "no_example": no_example,
        "pem": pem,
        "payment_card": payment_card,
        "phone": phone,
        **{name: _of_text(check) for name, check in national.CHECKS.items()},
    }
)
"""What a detector's `validator` may name."""
