from ipaddress import IPv4Address, ip_address

import pytest

from stopper.detect.addresses import classify, embedded, worst

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255
192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255
203.0.112.255 203.0.114.0 223.255.255.255
2000:: 2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700::1111
2620:4f:7fff::1 2620:4f:8001::1 2a00:1450::1 3ffe::1 3fff:1000::1 ::ffff:8.8.8.8 64:ff9b::808:808
2a00:1450::5efe:8.8.8.8
"""

REFUSED = {
    "network.metadata": """
        169.254.169.254 169.254.169.253 169.254.169.252 169.254.169.250 169.254.169.251
        169.254.169.123 169.254.170.2 169.254.170.23 169.254.0.23 169.254.42.42 100.100.100.200
        168.63.129.16 192.0.0.192 fd00:ec2::254 fd00:ec2::253 fd00:ec2::23 fd20:ce::254
        fd00:c1::a9fe:a9fe fd00:42::42 fd00:a9fe:a9fe::1 fe80::a9fe:a9fe
        ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::169.254.169.254 ::ffff:0:169.254.169.254
        64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 2002:a9fe:a9fe::
        2001:0:a9fe:a9fe::1 2001::5601:5601 2a00:1450::5efe:169.254.169.254
        2a00:1450::200:5efe:a9fe:a9fe ::ffff:168.63.129.16
    """,
    "network.loopback": """
        127.0.0.1 127.0.0.0 127.255.255.255 127.1.2.3 ::1 ::127.0.0.1 ::ffff:127.0.0.1
        ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::127.0.0.1 2002:7f00:1:: 2001:0:7f00:1::
        2001::80ff:fffe fe80::5efe:127.0.0.1
    """,
    "network.unspecified": "0.0.0.0 0.1.2.3 0.255.255.255 :: ::ffff:0.0.0.0 64:ff9b::",
    "network.link_local": "169.254.0.1 169.254.255.255 fe80::1%lo febf::1 ::ffff:169.254.1.1",
    "network.private_address": """
        10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 172.16.0.0 172.31.255.255 192.168.0.0
        192.168.255.255 fc00::1 fdff::1 fec0::1 feff::1 ::ffff:10.0.0.1 ::10.0.0.1
        ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::6440:1 64:ff9b:1::10.0.0.1
        64:ff9b:1:a00:0:100:: 2002:a00:1:: 2002:c0a8:101::1 2001:0:a00:1:: 2001::f5ff:fffe
        2a00:1450::5efe:10.0.0.1 2a00:1450::200:5efe:10.0.0.1
    """,
    "network.multicast": "224.0.0.1 239.255.255.255 ff02::1 ff0e::1 ::ffff:224.0.0.1",
    "network.reserved": """
        192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1
        198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 240.0.0.1 255.255.255.255
        ::2 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b:1::808:808 100::1 100:0:0:1::1 200::1 1fff::1 2001::
        2001:2::1 2001:3::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1
        2002:808:808:: 2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 f000::1
        ::ffff:255.255.255.255 64:ff9b::c612:1
    """,
}
CASES = [(text, None) for text in PUBLIC.split()] + [
    (text, code) for code, texts in REFUSED.items() for text in texts.split()
]


@pytest.mark.parametrize(("text", "code"), CASES, ids=[text for text, _ in CASES])
def test_classify(text: str, code: str | None) -> None:
    """Each address has the code of its group; both ends of every range are there."""
    assert classify(ip_address(text)) == code


def test_embedded_lists_every_reading() -> None:
    """A Teredo address holds its server and its client, which is written inverted."""
    found = embedded(ip_address("2001:0:102:304:0:0:fafa:f9f9"))
    assert found == (IPv4Address("1.2.3.4"), IPv4Address("5.5.6.6"))
    assert embedded(ip_address("10.0.0.1")) == ()


def test_worst_is_the_code_that_matters_most() -> None:
    """Metadata matters more than what its range is called."""
    assert worst([None, "network.link_local", "network.metadata"]) == "network.metadata"
    assert worst([None, None]) is None
