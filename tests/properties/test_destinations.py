"""Laws of destinations: one spelling, no way in through a wrapper, nothing wider than its rule."""

from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from stopper.core.reason import Refusal
from stopper.detect.addresses import classify
from stopper.detect.allow import judge, judge_answers, parse_rule
from stopper.detect.hosts import Host, classify_host, parse_host
from stopper.detect.urls import Url, parse_url

NEAR = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
PUBLIC_V4 = st.integers(0, 2**32 - 1).map(IPv4Address).filter(lambda a: classify(a) is None)
NEAR_V4 = st.sampled_from(NEAR).flatmap(
    lambda n: st.integers(int(n.network_address), int(n.broadcast_address)).map(IPv4Address)
)
ANY_V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
LABEL = st.from_regex(r"[a-z][a-z0-9_-]{0,10}[a-z0-9]", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
PUBLIC_NAME = st.lists(LABEL, min_size=1, max_size=4).map(
    lambda labels: ".".join([*labels, "example", "com"])
)


def _wrapped(inner: int, prefix: int) -> list[int]:
    """Every way that an IPv4 address travels inside an IPv6 one, below any prefix for ISATAP."""
    iid = 0x5EFE << 32 | inner
    return [
        0xFFFF << 32 | inner,
        inner,
        0xFFFF << 48 | inner,
        0x64_FF9B << 96 | inner,
        0x64_FF9B_0001 << 80 | inner,
        0x64_FF9B_0001 << 80 | (inner >> 16) << 64 | (inner & 0xFFFF) << 40,
        0x2002 << 112 | inner << 80,
        0x2001 << 112 | inner << 64,
        0x2001 << 112 | (inner ^ 0xFFFF_FFFF),
        0x2A00 << 112 | prefix << 64 | iid,
        0x2A00 << 112 | prefix << 64 | 0x0200 << 48 | iid,
    ]


@given(NEAR_V4, st.integers(0, 2**48 - 1))
def test_no_wrapper_hides_an_address(inner: IPv4Address, prefix: int) -> None:
    """What may not be reached in IPv4 may not be reached through IPv6 either."""
    assert classify(inner) is not None
    for value in _wrapped(int(inner), prefix):
        assert classify(IPv6Address(value)) is not None


@given(PUBLIC_V4)
def test_only_mapped_and_nat64_stand_for_a_public_address(inner: IPv4Address) -> None:
    """A wrapper that nobody needs is refused even around a public address."""
    codes = [classify(IPv6Address(value)) for value in _wrapped(int(inner), 0)]
    assert (codes[0], codes[3]) == (None, None)
    assert None not in (*codes[1:3], *codes[4:9])


@given(ANY_V6 | PUBLIC_V4)
def test_what_python_knows_to_be_near_is_never_public(address: IPv6Address | IPv4Address) -> None:
    """Where the flags of `ipaddress` speak against an address, so do we."""
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    flags = (
        address.is_private or address.is_loopback or address.is_link_local
        or address.is_multicast or address.is_unspecified or not address.is_global
    )  # fmt: skip
    assert classify(address) is not None or not flags or mapped


@given(PUBLIC_NAME, st.data())
def test_case_and_trailing_dot_do_not_matter(name: str, data: st.DataObject) -> None:
    """Every spelling of a name is one host, so no spelling dodges a rule."""
    shouted = "".join(
        char.upper() if data.draw(st.booleans()) else char for char in name
    )  # fmt: skip
    assert parse_host(shouted + ".") == parse_host(shouted) == parse_host(name) == Host(name)


@given(st.text(max_size=40) | PUBLIC_NAME | (ANY_V6 | PUBLIC_V4).map(str))
def test_a_host_reads_as_itself(text: str) -> None:
    """A canonical spelling is canonical."""
    host = parse_host(text)
    if isinstance(host, Host):
        assert parse_host(str(host)) == host
        assert str(host).isascii()


@given(ANY_V6)
def test_literals_and_addresses_agree(address: IPv6Address) -> None:
    """A literal is judged as the address that it spells, however it spells it."""
    for text in (str(address), address.exploded, address.exploded.upper()):
        host = parse_host(f"[{text}]")
        assert isinstance(host, Host)
        assert classify_host(host) == classify(address)


@given(
    PUBLIC_NAME,
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=30),
    st.integers(1, 65535),
)
def test_a_url_reads_as_itself(name: str, tail: str, port: int) -> None:
    """What is built again has the host that was judged, for any path, query and fragment."""
    url = parse_url(f"http://{name}:{port}/{tail}")
    if isinstance(url, Url):
        assert (url.host.name, url.port) == (name, port)
        assert parse_url(str(url)) == url


@given(PUBLIC_NAME, PUBLIC_NAME)
def test_a_wildcard_covers_what_ends_in_its_labels(base: str, name: str) -> None:
    """`*.base` reaches exactly the names with at least one more label."""
    rule = parse_rule(f"*.{base}")
    below = name.split(".")[-len(base.split(".")) :] == base.split(".") and name != base
    assert rule.reaches(Host(name), 443) == below
    assert rule.reaches(Host(f"x.{base}"), 443)
    assert not rule.reaches(Host(base), 443)


@given(PUBLIC_NAME, st.lists(ANY_V6 | PUBLIC_V4 | NEAR_V4, max_size=6))
def test_only_public_answers_are_dialled(
    name: str, addresses: list[IPv6Address | IPv4Address]
) -> None:
    """Whatever a resolver answers for a public name, only all-public answers come back."""
    rule = parse_rule(f"{name}:443")
    vetted = judge_answers(Host(name), addresses, rule)
    if isinstance(vetted, Refusal):
        assert not addresses or any(classify(address) for address in addresses)
    else:
        assert set(vetted) == set(addresses)
        assert not any(classify(address) for address in vetted)


@given(st.text(st.sampled_from("/.%2eEfF5cC;\\ab"), max_size=30))
def test_a_path_rule_holds_however_the_path_is_written(tail: str) -> None:
    """Of the paths below a rule, none leaves it after decoding and resolving dot segments."""
    rule = parse_rule("example.com/mine/*")
    path = f"/mine/{tail}"
    if isinstance(judge(Host("example.com"), 443, "GET", path, (rule,)), Refusal):
        return
    for _ in range(8):
        path = _decoded(path)
        assert ".." not in path.replace("\\", "/").split("/")


def _decoded(path: str) -> str:
    for code, char in (("%2e", "."), ("%2E", "."), ("%2f", "/"), ("%2F", "/"), ("%5c", "\\")):
        path = path.replace(code, char)
    return path.replace("%5C", "\\").replace("%25", "%")
