"""Check digits: one wrong digit is never right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.guard import validators
from tollway.guard.validators import VALIDATORS

RIGHT = {
    "payment_card": b"4111111111111111",
    "iban": b"GB82WEST12345698765432",
    "us_aba": b"021000021",
    "ca_sin": b"130692544",
    "uk_nhs": b"9434765919",
    "de_tax": b"36574261809",
    "fr_nir": b"295109912611193",
    "nl_bsn": b"111222333",
    "be_nrn": b"85073003328",
    "se_pnr": b"8803200016",
    "pl_pesel": b"44051401359",
    "in_aadhaar": b"234123412346",
    "br_cpf": b"52998224725",
    "ch_ahv": b"7569217076985",
    "au_tfn": b"123456782",
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_number_is_right_and_a_changed_last_digit_wrong(name: str) -> None:
    number = RIGHT[name]
    assert VALIDATORS[name](number)
    for digit in range(10):
        changed = number[:-1] + b"%d" % digit
        if changed != number:
            assert not VALIDATORS[name](changed), changed


@given(st.binary(max_size=64))
def test_no_validator_of_any_bytes_raises_but_those_of_numbers_get_numbers(data: bytes) -> None:
    for name in ("assigned", "credentials", "email", "jwt", "mixed", "pem", "phone"):
        VALIDATORS[name](data)


@given(st.text("0123456789", min_size=1, max_size=19))
def test_luhn_catches_every_single_wrong_digit(number: str) -> None:
    check = next(d for d in "0123456789" if validators.luhn(number + d))
    for other in "0123456789":
        assert validators.luhn(number + other) == (other == check)


def test_entropy_is_bits_a_byte() -> None:
    assert validators.entropy(b"") == 0
    assert validators.entropy(b"aaaa") == 0
    assert validators.entropy(b"abcd") == 2
