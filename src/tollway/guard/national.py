"""Check digits of national numbers. Text in, without separators and in capitals; yes or no out.

Sources: each country's own rule, as collected by python-stdnum's documentation,
https://arthurdejong.org/python-stdnum/doc/ ; the US rule is the Social Security Administration's,
https://www.ssa.gov/employer/randomization.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType


def _weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def us_ssn(number: str) -> bool:
    """Area, group and serial that are given out; none of those printed on samples."""
    area, group, serial = number[:3], number[3:5], number[5:]
    sample = number in ("078051120", "219099999", "123456789")
    return (
        area not in ("000", "666")
        and area < "900"
        and group != "00"
        and serial != "0000"
        and not sample
    )


def us_aba(number: str) -> bool:
    """A bank's routing number: weights 3, 7, 1."""
    ranges = 0 < int(number[:2]) <= 12 or 21 <= int(number[:2]) <= 32
    return ranges and _weighted(number, (3, 7, 1) * 3) % 10 == 0


def ca_sin(number: str) -> bool:
    """Luhn; the first digit is neither 0 nor 8."""
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(number)]
    return number[0] not in "08" and sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def uk_nhs(number: str) -> bool:
    """Weights 10 to 2, mod 11."""
    check = 11 - _weighted(number, tuple(range(10, 1, -1))) % 11
    return check % 11 == int(number[9]) and check != 10 and len(set(number)) > 2


def uk_nino(number: str) -> bool:
    """Prefixes that are given out."""
    return number[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ", "QQ")


def de_tax(number: str) -> bool:
    """ISO 7064 mod 11,10; one digit repeats within the first ten."""
    product = 10
    for digit in number[:10]:
        product = (((int(digit) + product) % 10 or 10) * 2) % 11
    repeats = sorted(number[:10].count(digit) for digit in set(number[:10]))
    return (11 - product) % 10 == int(number[10]) and repeats[-1] in (2, 3) and number[0] != "0"


def fr_nir(number: str) -> bool:
    """Mod 97; Corsica's departments count as 19 and 18."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and number[13:].isdigit() and 97 - int(body) % 97 == int(number[13:])


def es_dni(number: str) -> bool:
    """The letter by mod 23, also of a foreigner's X, Y or Z."""
    body = number[:-1].translate({ord("X"): "0", ord("Y"): "1", ord("Z"): "2"})
    return body.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
         6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def it_cf(number: str) -> bool:
    """The last letter, by place and value of the others."""
    even = {letter: int(letter, 36) - (10 if letter.isalpha() else 0) for letter in _ODD}
    total = sum(even[c] if i % 2 else _ODD[c] for i, c in enumerate(number[:15]))
    return chr(65 + total % 26) == number[15]


def nl_bsn(number: str) -> bool:
    """The eleven test."""
    total = _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1))
    return total % 11 == 0 and len(set(number)) > 2


def be_nrn(number: str) -> bool:
    """Mod 97, of those born since 2000 with a 2 before."""
    body, check = number[:9], int(number[9:])
    return check in (97 - int(body) % 97, 97 - int("2" + body) % 97) and "00" < number[2:4] < "13"


def se_pnr(number: str) -> bool:
    """Luhn over the last ten digits, with a date in front."""
    ten = number[-10:]
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(ten)]
    dated = "00" < ten[2:4] < "13" and "00" < ten[4:6] < "92"
    return dated and sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def fi_hetu(number: str) -> bool:
    """The letter by mod 31; the mark of the century is taken out with the separators, or is A."""
    body = number[:6] + number[-4:-1]
    return body.isdigit() and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(body) % 31] == number[-1]


def pl_pesel(number: str) -> bool:
    """Weights 1, 3, 7, 9, with a date in front."""
    check = -_weighted(number[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return check == int(number[10]) and 0 < int(number[2:4]) % 20 < 13 and 0 < int(number[4:6]) < 32


_D5 = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
       "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
_P8 = ("0123456789", "1576283094", "5803796142", "8916043527",
       "9453126870", "4286573901", "2793806415", "7046913258")  # fmt: skip


def in_aadhaar(number: str) -> bool:
    """Verhoeff's check digit; the first digit is above 1."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(_D5[check][int(_P8[place % 8][int(digit)])])
    return check == 0 and number[0] > "1"


def br_cpf(number: str) -> bool:
    """Two check digits, mod 11."""
    for size in (9, 10):
        rest = _weighted(number, tuple(range(size + 1, 1, -1))) * 10 % 11 % 10
        if rest != int(number[size]):
            return False
    return len(set(number)) > 2


def cn_rid(number: str) -> bool:
    """ISO 7064 mod 11-2, with a date inside."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    dated = "00" < number[10:12] < "13" and "00" < number[12:14] < "32"
    return dated and "10X98765432"[_weighted(number[:17], weights) % 11] == number[17]


def ch_ahv(number: str) -> bool:
    """EAN-13's check digit."""
    return _weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def au_tfn(number: str) -> bool:
    """Weights, mod 11."""
    return _weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and len(set(number)) > 2


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "us_ssn": us_ssn, "us_aba": us_aba, "ca_sin": ca_sin, "uk_nhs": uk_nhs, "uk_nino": uk_nino,
        "de_tax": de_tax, "fr_nir": fr_nir, "es_dni": es_dni, "it_cf": it_cf, "nl_bsn": nl_bsn,
        "be_nrn": be_nrn, "se_pnr": se_pnr, "fi_hetu": fi_hetu, "pl_pesel": pl_pesel,
        "in_aadhaar": in_aadhaar, "br_cpf": br_cpf, "cn_rid": cn_rid, "ch_ahv": ch_ahv,
        "au_tfn": au_tfn,
    }
)  # fmt: skip
"""By the name that a detector gives as its validator."""
