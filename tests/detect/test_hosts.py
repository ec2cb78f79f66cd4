import pytest

from stopper.core.reason import Refusal
from stopper.detect.hosts import Host, classify_host, parse_host

LABEL = "a" * 63

SPELLINGS = {
    # what we try                        host                           its one spelling
    "a name":                    ("api.example.com",           "api.example.com"),
    "upper case":                ("API.Example.COM",           "api.example.com"),
    "a trailing dot":            ("api.example.com.",          "api.example.com"),
    "bytes":                     (b"Api.Example.com",          "api.example.com"),
    "an underscore":             ("_dmarc.example.com",        "_dmarc.example.com"),
    "hyphens inside":            ("r3---sn-x.example.com",     "r3---sn-x.example.com"),
    "digits that start a name":  ("127.example.com",           "127.example.com"),
    "one label":                 ("redis",                     "redis"),
    "labels of 63":              (f"{LABEL}.com",              f"{LABEL}.com"),
    "253 characters":            (".".join([LABEL] * 3 + ["a" * 61]),
                                          ".".join([LABEL] * 3 + ["a" * 61])),
    "umlauts":                   ("bücher.example.com",        "xn--bcher-kva.example.com"),
    "umlauts in upper case":     ("BÜCHER.example.com",        "xn--bcher-kva.example.com"),
    "punycode of a symbol":      ("xn--n3h.example.com",       "xn--n3h.example.com"),
    "punycode of nothing we read": ("xn--99999999999.com",     "xn--99999999999.com"),
    "punycode":                  ("XN--bcher-kva.example.com", "xn--bcher-kva.example.com"),
    "Cyrillic that looks Latin": ("аpple.com",                 "xn--pple-43d.com"),  # noqa: RUF001
    "Chinese":                   ("例子.com",                    "xn--fsqu00a.com"),
    "dotted decimal":            ("93.184.216.34",             "93.184.216.34"),
    "IPv6":                      ("[2606:4700::1111]",         "[2606:4700::1111]"),
    "IPv6 in another spelling":  ("[2606:4700:0:0::0:1111]",   "[2606:4700::1111]"),
    "IPv6 in upper case":        ("[2A00:1450::ABCD]",         "[2a00:1450::abcd]"),
}  # fmt: skip

ODD_TEXTS = """
127.1 127.0.1 0x7f.0.0.1 0x7f000001 0X7F000001 2130706433 0177.0.0.1 017700000001 00000177.0.0.1
0 00 0x 0x0 1 1.2.3 1.2.3.4.5 256.0.0.1 127.0.0.256 127.0.0.1. 127.0.0.1.. 169.254.169.254.
2852039166 0xa9fea9fe 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 0251.254.169.254 169.254.43518
169.16689662 0xA9FEA9FE 4294967295 99999999999 010.0.0.1 10.0.0.01 0x7f.1 127.0.0.0x1 1..2
example.123 example.0x1f ①②⑦.⓪.⓪.① ①②⑦.0.0.1 １２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1
0ｘ7f.0.0.1 ¹²⁷.0.0.1 ₁₂₇.0.0.1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟷𝟸𝟽.0.0.1 ١٢٧.٠.٠.١ १२७.०.०.१ ⒈⒉⒊4
127.0.0.\u200b1 127\u200b.0.0.1 127.0.0.1\ufeff 1\u00ad27.0.0.1 127.0.0.1\ufe0f
::1 :: fe80::1 ::ffff:127.0.0.1 2606:4700::1111 [127.0.0.1] [2130706433]
"""  # noqa: RUF001  the odd digits are the point
ODD = ODD_TEXTS.split()

BAD = {
    "nothing":                      "",
    "a dot":                        ".",
    "two trailing dots":            "example.com..",
    "an empty label":               "a..example.com",
    "a leading dot":                ".example.com",
    "a label of 64":                f"{'a' * 64}.com",
    "254 characters":               ".".join([LABEL] * 3 + ["a" * 62]),
    "a megabyte":                   "a" * 1_000_000,
    "a leading hyphen":             "-a.example.com",
    "a trailing hyphen":            "a-.example.com",
    "NUL before a good suffix":     "attacker\x00.google.com",
    "NUL in bytes":                 b"attacker\x00.google.com",
    "CRLF":                         "a\r\nHost: b",
    "a line feed at the end":       "example.com\n",
    "a space":                      "exa mple.com",
    "a space at the start":         " example.com",
    "a tab":                        "example.com\t",
    "a no-break space":             "example\u00a0.com",
    "an ideographic space":         "example\u3000.com",
    "a percent sign":               "example%2ecom",
    "a percent-encoded address":    "%31%32%37.0.0.1",
    "a backslash":                  "evil.com\\.example.com",
    "a slash":                      "evil.com/.example.com",
    "a user":                       "user@example.com",
    "a query":                      "example.com?",
    "a fragment":                   "example.com#",
    "an asterisk":                  "*.example.com",
    "a comma":                      "a.com,b.com",
    "a quote":                      'a".com',
    "a port":                       "example.com:443",
    "a name in brackets":           "[example.com]",
    "doubled brackets":             "[[::1]]",
    "an open bracket":              "[::1",
    "a closed bracket":             "::1]",
    "empty brackets":               "[]",
    "a zone":                       "[fe80::1%eth0]",
    "an encoded zone":              "[fe80::1%25eth0]",
    "a zone without brackets":      "fe80::1%eth0",
    "a future address":             "[v1.fe80::a+en1]",
    "hexadecimal in brackets":      "[0x7f.1]",
    "text after brackets":          "[::1].example.com",
    "too many groups":              "[1:2:3:4:5:6:7:8:9]",
    "bytes outside ASCII":          "bücher.example.com".encode(),
    "fullwidth letters":            "ｇｏｏｇｌｅ.com",  # noqa: RUF001
    "a fullwidth dot":              "google．com",  # noqa: RUF001
    "an ideographic dot":           "google。com",
    "a ligature":                   "oﬃce.com",
    "the Kelvin sign":              "\u212aeep.com",
    "a zero-width space":           "goo\u200bgle.com",
    "a soft hyphen":                "goo\u00adgle.com",
    "right to left override":       "goo\u202egle.com",
    "an emoji":                     "💩.example.com",
    "a lone surrogate":             "a\ud800.com",
    "punycode of ASCII":            "xn--google-.com",
}  # fmt: skip

NAMES = {
    None: """
        example.com api.example.com 127.example.com localhost.example.com notlocalhost.com
        metadata.example.com internal.example.com mylocal.com metadata.google.internal.example.com
        93.184.216.34 [2606:4700::1111] 8.8.8.8.nip.io example.nip.io nip.io xn--bcher-kva.de
        1.127.0.0.1.example.com 2606-4700--1111.sslip.io 8-8-8-8.traefik.me
    """,
    "network.loopback": """
        localhost LOCALHOST localhost. app.localhost a.b.localhost localhost.localdomain
        localhost6.localdomain6 ip6-localhost ip6-loopback localtest.me a.localtest.me lvh.me
        127.0.0.1 [::1] [::ffff:127.0.0.1] 127.0.0.1.nip.io app.127-0-0-1.sslip.io 7f000001.nip.io
        127-0-0-1.traefik.me 0--1.sslip.io fuf.me a.local.gd
    """,
    "network.metadata": """
        metadata metadata.google.internal METADATA.google.internal. metadata.goog instance-data
        instance-data.ec2.internal metadata.gke.internal metadata.c.project.internal
        x.metadata.google.internal metadata.azure.internal metadata.tencentyun.com
        rancher-metadata 169.254.169.254 100.100.100.200 168.63.129.16 [fd00:ec2::254]
        169.254.169.254.nip.io a9fea9fe.nip.io
    """,
    "network.private_address": """
        redis db intranet printer.local host.docker.internal host.containers.internal nas.lan
        router.home.arpa git.corp app.test kubernetes.default.svc.cluster.local 10.0.0.1
        [fd12::1] 10-0-0-1.nip.io 192-168-1-5.x1.plex.direct fd12--1.sslip.io
        7f000001.c0a80001.rbndr.us 10-1-2-3.my.local-ip.co
    """,
    "network.unspecified": "0.0.0.0 [::] 0.0.0.0.nip.io",
    "network.reserved": "hidden.onion a.invalid b.example 1.0.0.127.in-addr.arpa 192.0.2.1",
}
CLASSES = [(text, code) for code, texts in NAMES.items() for text in texts.split()]


@pytest.mark.parametrize(("text", "spelling"), SPELLINGS.values(), ids=SPELLINGS)
def test_one_spelling(text: str | bytes, spelling: str) -> None:
    """Each row reads as the host in its last column."""
    assert str(parse_host(text)) == spelling


@pytest.mark.parametrize("text", ODD, ids=map(ascii, ODD))
def test_odd_address(text: str) -> None:
    """What another parser would take for an address is refused as one."""
    read = parse_host(text)
    assert isinstance(read, Refusal)
    assert read.code == "network.odd_address"


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_host(text: str | bytes) -> None:
    """No row reads, and what was sent is not repeated."""
    read = parse_host(text)
    assert isinstance(read, Refusal)
    assert read.code == "network.bad_host"
    assert "example" not in read.detail


@pytest.mark.parametrize(("text", "code"), CLASSES, ids=[text for text, _ in CLASSES])
def test_classify_host(text: str, code: str | None) -> None:
    """Each name or literal has the code of its group, and nothing is resolved for it."""
    read = parse_host(text)
    assert isinstance(read, Host)
    assert classify_host(read) == code
