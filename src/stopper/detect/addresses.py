"""What an IP address is for: public, or one of the kinds that a bottle may not reach."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

__all__ = ["Address", "Network", "classify", "embedded", "worst"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = "network.metadata"
_LOOPBACK = "network.loopback"
_UNSPECIFIED = "network.unspecified"
_LINK_LOCAL = "network.link_local"
_PRIVATE = "network.private_address"
_MULTICAST = "network.multicast"
_RESERVED = "network.reserved"

# Unspecified comes last, since an unused field full of zeros reads as it.
_WORST_FIRST = (
    _METADATA, _LOOPBACK, _LINK_LOCAL, _PRIVATE, _MULTICAST, _RESERVED, _UNSPECIFIED
)  # fmt: skip

# Where rows overlap, the worst counts. Sources: the IANA special-purpose address registries
# (RFC 6890 and what it was updated by) and the clouds' own documentation.
_RANGES = (
    # clouds
    ("169.254.169.254/32", _METADATA, "AWS, Azure, GCP, Oracle, OpenStack, DigitalOcean, ..."),
    ("169.254.169.253/32", _METADATA, "AWS resolver"),
    ("169.254.169.252/32", _METADATA, "GKE workload identity"),
    ("169.254.169.250/31", _METADATA, "AWS licence servers"),
    ("169.254.169.123/32", _METADATA, "AWS time"),
    ("169.254.170.2/32", _METADATA, "AWS ECS credentials"),
    ("169.254.170.23/32", _METADATA, "AWS EKS pod identity"),
    ("169.254.0.23/32", _METADATA, "Tencent"),
    ("169.254.42.42/32", _METADATA, "Scaleway"),
    ("100.100.100.200/32", _METADATA, "Alibaba"),
    ("168.63.129.16/32", _METADATA, "Azure WireServer"),
    ("192.0.0.192/32", _METADATA, "Oracle Cloud classic"),
    ("fd00:ec2::/32", _METADATA, "AWS metadata, resolver, time and pod identity"),
    ("fd20:ce::/32", _METADATA, "GCP"),
    ("fd00:c1::/32", _METADATA, "Oracle"),
    ("fd00:42::42/128", _METADATA, "Scaleway"),
    ("fd00:a9fe:a9fe::/48", _METADATA, "Linode"),
    ("fe80::a9fe:a9fe/128", _METADATA, "OpenStack"),
    # IPv4
    ("0.0.0.0/8", _UNSPECIFIED, "RFC 791, this network; Linux takes 0.0.0.0 for loopback"),
    ("10.0.0.0/8", _PRIVATE, "RFC 1918"),
    ("100.64.0.0/10", _PRIVATE, "RFC 6598, carrier-grade NAT"),
    ("127.0.0.0/8", _LOOPBACK, "RFC 1122"),
    ("169.254.0.0/16", _LINK_LOCAL, "RFC 3927"),
    ("172.16.0.0/12", _PRIVATE, "RFC 1918"),
    ("192.0.0.0/24", _RESERVED, "RFC 6890, protocol assignments"),
    ("192.0.2.0/24", _RESERVED, "RFC 5737, documentation"),
    ("192.31.196.0/24", _RESERVED, "RFC 7535, AS112"),
    ("192.52.193.0/24", _RESERVED, "RFC 7450, AMT"),
    ("192.88.99.0/24", _RESERVED, "RFC 7526, 6to4 relays"),
    ("192.168.0.0/16", _PRIVATE, "RFC 1918"),
    ("192.175.48.0/24", _RESERVED, "RFC 7534, AS112"),
    ("198.18.0.0/15", _RESERVED, "RFC 2544, benchmarks; fake answers of local proxies"),
    ("198.51.100.0/24", _RESERVED, "RFC 5737, documentation"),
    ("203.0.113.0/24", _RESERVED, "RFC 5737, documentation"),
    ("224.0.0.0/4", _MULTICAST, "RFC 5771"),
    ("240.0.0.0/4", _RESERVED, "RFC 1112, and broadcast (RFC 8190)"),
    # IPv6; all that lies outside 2000::/3 is reserved besides
    ("::/128", _UNSPECIFIED, "RFC 4291"),
    ("::1/128", _LOOPBACK, "RFC 4291"),
    ("2001::/23", _RESERVED, "RFC 2928: Teredo, benchmarks, AMT, AS112, ORCHID, DRIP"),
    ("2001:db8::/32", _RESERVED, "RFC 3849, documentation"),
    ("2002::/16", _RESERVED, "RFC 3056, 6to4"),
    ("2620:4f:8000::/48", _RESERVED, "RFC 7534, AS112"),
    ("3fff::/20", _RESERVED, "RFC 9637, documentation"),
    ("fc00::/7", _PRIVATE, "RFC 4193"),
    ("fe80::/10", _LINK_LOCAL, "RFC 4291"),
    ("fec0::/10", _PRIVATE, "RFC 3879, site-local, deprecated and still routed"),
    ("ff00::/8", _MULTICAST, "RFC 4291"),
)

_GLOBAL_UNICAST = ip_network("2000::/3")
_MAPPED = ip_network("::ffff:0:0/96")
_NAT64 = ip_network("64:ff9b::/96")
# These stand for the IPv4 address they hold and for nothing else, so it alone decides.
_TRANSPARENT = (_MAPPED, _NAT64)

_IPV4_MASK = 0xFFFF_FFFF


def _low(value: int) -> int:
    return value & _IPV4_MASK


# Where each kind of IPv6 address carries an IPv4 one.
_WRAPPERS: tuple[tuple[Network, Callable[[int], int]], ...] = (
    (_MAPPED, _low),
    (ip_network("::/96"), _low),  # IPv4-compatible, RFC 4291
    (ip_network("::ffff:0:0:0/96"), _low),  # IPv4-translated, RFC 2765
    (_NAT64, _low),  # RFC 6052
    (ip_network("64:ff9b:1::/48"), _low),  # RFC 8215, carved into /96
    (ip_network("64:ff9b:1::/48"), lambda v: (v >> 48 & 0xFFFF_0000) | (v >> 40 & 0xFFFF)),
    (ip_network("2002::/16"), lambda v: _low(v >> 80)),  # 6to4
    (ip_network("2001::/32"), lambda v: _low(v >> 64)),  # the Teredo server
    (ip_network("2001::/32"), lambda v: _low(~v)),  # the Teredo client
)
# ISATAP (RFC 5214) works below any prefix; two bits of its marker may be set either way.
_ISATAP_MASK = 0xFCFF_FFFF
_ISATAP = 0x0000_5EFE


def classify(address: Address) -> str | None:
    """The reason code that speaks against `address`; None when it is public.

    Every IPv4 address that an IPv6 address embeds is judged too, and the worst counts. The flags
    of `ipaddress` are not asked: Python 3.11 calls NAT64, 6to4 and site-local addresses global.
    """
    return worst(_own(form) for form in (address, *embedded(address)))


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address, by every scheme that its bits allow."""
    if isinstance(address, IPv4Address):
        return ()
    value = int(address)
    found = [IPv4Address(read(value)) for network, read in _WRAPPERS if address in network]
    if value >> 32 & _ISATAP_MASK == _ISATAP:
        found.append(IPv4Address(_low(value)))
    return tuple(found)


def worst(codes: Iterable[str | None]) -> str | None:
    """The code that matters most; None when all are None."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), None)


def _own(address: Address) -> str | None:
    value = int(address)
    if isinstance(address, IPv4Address):
        return worst(code for first, last, code in _IPV4 if first <= value <= last)
    if any(address in network for network in _TRANSPARENT):
        return None
    found = worst(code for first, last, code in _IPV6 if first <= value <= last)
    return found or (None if address in _GLOBAL_UNICAST else _RESERVED)


def _bounds(version: int) -> tuple[tuple[int, int, str], ...]:
    rows = ((ip_network(text), code) for text, code, _ in _RANGES)
    return tuple(
        (int(network.network_address), int(network.broadcast_address), code)
        for network, code in rows
        if network.version == version
    )


_IPV4 = _bounds(4)
_IPV6 = _bounds(6)
