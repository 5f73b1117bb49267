"""Which addresses are public: those that a task may be connected to without being named.

Rules
1. What is not known to be public is not. An address within an address (IPv4 in IPv6) must be
   public too.
2. Networks that the fleet file lists as private may be reached; one that holds a metadata service's
   address does not open that address: it is listed by itself.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(text), what)
    for text, what in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(text), what)
    for text, what in (
        # https://www.iana.org/assignments/iana-ipv6-special-registry
        ("::/128", "this host"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "a local translation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "for protocols, Teredo among them"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
    )
)
_GLOBAL = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_ISATAP = (0x00005EFE, 0x02005EFE)

METADATA: tuple[Address, ...] = tuple(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google Cloud, Azure, and others
        "169.254.170.2",  # AWS, credentials of containers
        "169.254.170.23",  # AWS, credentials of pods
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS, credentials of pods
        "fd20:ce::254",  # Google Cloud
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "168.63.129.16",  # Azure; a public address
    )
)
METADATA_NAMES = frozenset(
    ("metadata", "metadata.google.internal", "metadata.goog", "instance-data",
     "instance-data.ec2.internal", "metadata.azure.internal", "metadata.tencentyun.com",
     "metadata.packet.net", "metadata.platformequinix.com")
)  # fmt: skip
"""Names of metadata services; no wildcard means them."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as the fleet file lists them."""
    return tuple(ip_network(text) for text in texts)


def why_not(text: str, private: Iterable[Network] = ()) -> str | None:
    """Why the address of this text may not be connected to; None where it may be."""
    try:
        address = ip_address(text)
    except ValueError:
        return "is not an address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "names an interface"
    within = _within(address) or address
    allowed = tuple(private)
    if address in METADATA or within in METADATA:
        listed = any(it.num_addresses == 1 and (address in it or within in it) for it in allowed)
        return None if listed else "is a metadata service"
    if any(address in network or within in network for network in allowed):
        return None
    return _special(within, embedded=within != address)


def _special(address: Address, *, embedded: bool) -> str | None:
    known = _V4 if isinstance(address, IPv4Address) else _V6
    for network, what in known:
        if address in network:
            return f"holds {address}, which is {what}" if embedded else f"is {what}"
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return "is not public"
    return None


def _within(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to. Of an ISATAP address only a special one, as
    the same bits may be anybody's interface."""
    if isinstance(address, IPv4Address):
        return None
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if address in _MAPPED or address in _NAT64:
        return last
    if address in _SIX_TO_FOUR:
        return IPv4Address((number >> 80) & 0xFFFFFFFF)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP and _special(last, embedded=True) is not None:
        return last
    return None
