"""Addresses: public ones pass, and nothing else that leads inside."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.guard.addresses import METADATA, networks, why_not

V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
V6_GLOBAL = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address)
PRIVATE_V4 = st.sampled_from(
    ["10.1.2.3", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.168.1.1", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "100.100.100.200", "198.18.0.1"]
).map(IPv4Address)  # fmt: skip


@given(V4 | V6 | V6_GLOBAL)
def test_what_the_standard_library_calls_not_global_is_refused(
    address: IPv4Address | IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert why_not(str(address)) is not None


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "140.82.112.3", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
     "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_public_addresses_pass(text: str) -> None:
    assert why_not(text) is None


@given(PRIVATE_V4, st.integers(0, 2**80 - 1), st.integers(0, 2**64 - 1))
def test_a_private_address_within_an_address_is_refused(
    inner: IPv4Address, rest: int, prefix: int
) -> None:
    number = int(inner)
    within = (
        IPv6Address((0xFFFF << 32) | number),  # mapped
        IPv6Address(number),  # compatible
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address((0x64FF9B0001 << 80) | number),  # NAT64, local
        IPv6Address((0x2002 << 112) | (number << 80) | rest),  # 6to4
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),  # Teredo
        IPv6Address(((0x2A00 << 112) | (0x5EFE << 32)) | number),  # ISATAP
    )
    for address in within:
        assert why_not(str(address)) is not None, address


@pytest.mark.parametrize("address", METADATA, ids=str)
def test_a_metadata_service_is_reached_only_when_it_is_listed_by_itself(
    address: IPv4Address | IPv6Address,
) -> None:
    assert why_not(str(address)) is not None
    wide = networks(["0.0.0.0/0", "::/0"])
    assert why_not(str(address), wide) == "is a metadata service"
    assert why_not(str(address), networks([str(address)])) is None


def test_a_listed_network_is_reached_and_its_neighbours_are_not() -> None:
    private = networks(["10.1.0.0/16", "fd00:1::/32"])
    assert why_not("10.1.2.3", private) is None
    assert why_not("::ffff:10.1.2.3", private) is None
    assert why_not("fd00:1::5", private) is None
    assert why_not("10.2.2.3", private) == "is private"
    assert why_not("fd00:2::5", private) == "is private"


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "fe80::1%eth0", "::1%1"])
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert why_not(text) is not None


@given(st.text(max_size=40))
def test_whatever_the_text_there_is_an_answer(text: str) -> None:
    reason = why_not(text)
    if reason is None:
        assert ip_address(text).is_global
