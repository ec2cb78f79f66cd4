"""Host names and address literals: one strict reading, and what a name gives away unresolved."""

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna
from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.addresses import Address, classify

__all__ = ["MAX_HOST", "Host", "classify_host", "parse_host", "read_ipv6"]

MAX_HOST = 253
_MAX_LABEL = 63
_MAX_SHOWN = 45

_LOOPBACK = "network.loopback"
_METADATA = "network.metadata"
_PRIVATE = "network.private_address"
_RESERVED = "network.reserved"

# What a name and everything below it stands for by convention; the longest suffix decides.
_SUFFIXES = {
    # loopback: RFC 6761, distributions' hosts files, and public names that answer 127.0.0.1
    "localhost": _LOOPBACK,
    "localdomain": _LOOPBACK,
    "localhost4": _LOOPBACK,
    "localhost6": _LOOPBACK,
    "localdomain4": _LOOPBACK,
    "localdomain6": _LOOPBACK,
    "ip6-localhost": _LOOPBACK,
    "ip6-loopback": _LOOPBACK,
    "loopback": _LOOPBACK,
    "localtest.me": _LOOPBACK,
    "lvh.me": _LOOPBACK,
    "vcap.me": _LOOPBACK,
    "lacolhost.com": _LOOPBACK,
    "fuf.me": _LOOPBACK,
    "local.gd": _LOOPBACK,
    "localho.st": _LOOPBACK,
    "ulh.us": _LOOPBACK,
    # public zones that answer now one address and now another
    "rbndr.us": _PRIVATE,
    "1u.ms": _PRIVATE,
    # metadata services
    "metadata": _METADATA,
    "instance-data": _METADATA,
    "instance-data.ec2.internal": _METADATA,
    "metadata.google.internal": _METADATA,
    "metadata.goog": _METADATA,
    "metadata.azure.com": _METADATA,
    "metadata.tencentyun.com": _METADATA,
    "metadata.platformequinix.com": _METADATA,
    "metadata.packet.net": _METADATA,
    "api.metadata.cloud.ibm.com": _METADATA,
    "rancher-metadata": _METADATA,
    # private: RFC 6762, RFC 8375, ICANN's .internal, RFC 6761's .test, and old habits
    "local": _PRIVATE,
    "home.arpa": _PRIVATE,
    "internal": _PRIVATE,
    "intranet": _PRIVATE,
    "private": _PRIVATE,
    "corp": _PRIVATE,
    "home": _PRIVATE,
    "lan": _PRIVATE,
    "test": _PRIVATE,
    # what clusters, clouds and routers name their own, and no registry has delegated
    "svc": _PRIVATE,
    "pod": _PRIVATE,
    "cluster": _PRIVATE,
    "k8s": _PRIVATE,
    "kube": _PRIVATE,
    "consul": _PRIVATE,
    "nomad": _PRIVATE,
    "mesos": _PRIVATE,
    "thisdcos.directory": _PRIVATE,
    "docker": _PRIVATE,
    "rancher": _PRIVATE,
    "novalocal": _PRIVATE,
    "openstacklocal": _PRIVATE,
    "lxd": _PRIVATE,
    "incus": _PRIVATE,
    "vagrant": _PRIVATE,
    "localnet": _PRIVATE,
    "localdev": _PRIVATE,
    "mshome.net": _PRIVATE,
    "fritz.box": _PRIVATE,
    # never delegated: RFC 6761, RFC 7686, RFC 9476; and .arpa, which serves no HTTP
    "arpa": _RESERVED,
    "alt": _RESERVED,
    "example": _RESERVED,
    "invalid": _RESERVED,
    "onion": _RESERVED,
}

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_LAST_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IPV6_TEXT = re.compile(r"[0-9A-Fa-f:.]+")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\"#%&'()*+,/;<=>?@\[\\\]^`{|}~$!]")
_DOTS = str.maketrans("。．｡", "...")  # noqa: RUF001  what IDNA 2003 takes for dots
_SOFT = frozenset({"Cf", "Mn", "Me"})
# Public zones that answer the address written in the name.
_ECHO_ZONE = re.compile(
    r"(?P<rest>.*?)\.(?:(?:nip|sslip|xip|backname)\.io|traefik\.me"
    r"|(?:my\.)?local-ip\.(?:co|sh|medicmobile\.org)|[0-9a-z]+\.plex\.direct)"
)
_ECHO_QUAD = re.compile(r"(?<![0-9])([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})$")
_ECHO_HEX = re.compile(r"(?<![0-9a-z])([0-9a-f]{8})$")
_ECHO_IPV6 = re.compile(r"(?<![0-9a-z-])((?:[0-9a-f]{0,4}-){2,7}[0-9a-f]{0,4})$")


class Host(Struct, frozen=True):
    """A host in its one canonical spelling.

    `name` is lower case, punycode, without trailing dot; for an address it is the address's text
    without brackets, and `address` is set.
    """

    name: str
    address: Address | None = None

    def __str__(self) -> str:
        return f"[{self.name}]" if isinstance(self.address, IPv6Address) else self.name


def parse_host(text: str | bytes) -> Host | Refusal:
    """Read a host as it stands in a URL or a Host header, without its port.

    Names are LDH labels and `_`; other scripts are converted to punycode. An IPv4 address is four
    plain decimal numbers, an IPv6 address stands in brackets: what other parsers would also take
    for an address is refused as `network.odd_address`, everything else as `network.bad_host`.
    Malformed input is never quoted in the refusal, since it may hold a password.
    """
    if isinstance(text, bytes):
        if not text.isascii():
            return _bad("a host with bytes outside ASCII")
        text = text.decode("ascii")
    if not 0 < len(text) <= MAX_HOST + 1:
        return _bad(f"a host that is empty or longer than {MAX_HOST} characters")
    if text.startswith("["):
        return _bracketed(text)
    if ":" in text:
        bare = _IPV6_TEXT.fullmatch(text) and read_ipv6(text)
        return _odd(text) if bare else _bad("a host with a colon in it")
    if _FORBIDDEN.search(text):
        return _bad("a host with a character that no name has")
    if _reads_as_address(text):
        address = _ipv4(text)
        return Host(text, address) if address else _odd(text)
    return _name(text)


def read_ipv6(text: str) -> IPv6Address | None:
    """The IPv6 address that all of `text` is, without brackets; None for anything else."""
    try:
        return IPv6Address(text)
    except AddressValueError:
        return None


def classify_host(host: Host) -> str | None:
    """The reason code that speaks against `host` before any resolution; None when none does.

    A literal is judged as an address. A name is judged by convention: names of loopback and of
    metadata services, private and reserved top-level domains, and names without a dot, which only
    a search domain or a hosts file can answer.
    """
    if host.address is not None:
        return classify(host.address)
    labels = host.name.split(".")
    if "metadata" in labels and labels[-1] == "internal":
        return _METADATA
    for start in range(len(labels)):
        code = _SUFFIXES.get(".".join(labels[start:]))
        if code:
            return code
    return _PRIVATE if len(labels) == 1 else _echoed(host.name)


def _name(text: str) -> Host | Refusal:
    name = text.lower() if text.isascii() else _punycode(text)
    if name is None:
        return _bad("a host with characters that IDNA does not allow")
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_HOST or not all(_is_label(label) for label in labels):
        return _bad("a host with a malformed label")
    return Host(name)


def _is_label(label: str) -> bool:
    """Whether it is a label in the DNS; of an A-label's text nothing is said, since it resolves."""
    return len(label) <= _MAX_LABEL and _LABEL.fullmatch(label) is not None


def _punycode(text: str) -> str | None:
    """The name in ASCII, or None where compatibility forms or odd dots make it ambiguous."""
    lower = text.lower()
    if text.translate(_DOTS) != text or not (_is_plain(text) and _is_plain(lower)):
        return None
    try:
        return ".".join(
            label if label.isascii() else idna.encode(label).decode("ascii")
            for label in lower.split(".")
        )
    except UnicodeError:
        return None


def _is_plain(text: str) -> bool:
    return unicodedata.normalize("NFKC", text) == text


def _reads_as_address(text: str) -> bool:
    """Whether a lenient parser would see numbers: the last label is decimal or hexadecimal.

    `127.1`, `0x7f.0.0.1`, `2130706433`, `0177.0.0.1`, circled, fullwidth and other scripts' digits
    all do, also with invisible characters between.
    """
    last = _lenient(text).rstrip(".").rpartition(".")[2]
    return _LAST_NUMBER.fullmatch(last) is not None


def _lenient(text: str) -> str:
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).translate(_DOTS).lower()
    return "".join(
        str(unicodedata.digit(char, char))
        for char in folded
        if unicodedata.category(char) not in _SOFT
    )


def _bracketed(text: str) -> Host | Refusal:
    inner = text[1:-1]
    if not text.endswith("]") or not _IPV6_TEXT.fullmatch(inner):
        return _bad("a host in brackets that is no IPv6 address")
    address = read_ipv6(inner)
    if address:
        return Host(str(address), address)
    if _reads_as_address(inner):
        return _odd(text)
    return _bad("a host in brackets that is no IPv6 address")


def _ipv4(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _echoed(name: str) -> str | None:
    zone = _ECHO_ZONE.fullmatch(name)
    address = zone and _written(zone["rest"])
    return classify(address) if address else None


def _written(text: str) -> Address | None:
    """The address that such a name ends in."""
    if quad := _ECHO_QUAD.search(text):
        return _ipv4(".".join(str(int(part)) for part in quad.groups()))
    if digits := _ECHO_HEX.search(text):
        return IPv4Address(int(digits[1], 16))
    if groups := _ECHO_IPV6.search(text):
        return read_ipv6(groups[1].replace("-", ":"))
    return None


def _odd(text: str) -> Refusal:
    return refuse(
        "network.odd_address", text if text.isascii() and len(text) <= _MAX_SHOWN else "The host"
    )


def _bad(what: str) -> Refusal:
    return refuse("network.bad_host", what)
