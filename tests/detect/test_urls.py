import pytest

from stopper.core.reason import Refusal
from stopper.detect.urls import MAX_URL, forbidden, parse_authority, parse_url

AUTHORITIES = {
    # what we try                text                      default  reading
    "a name and a port":      ("api.example.com:8443",  None, ("api.example.com", 8443)),
    "a name without a port":  ("api.example.com",       443,  ("api.example.com", 443)),
    "the port it would have": ("api.example.com:443",   443,  ("api.example.com", 443)),
    "bytes":                  (b"api.example.com:443",  None, ("api.example.com", 443)),
    "an IPv4 address":        ("93.184.216.34:80",      None, ("93.184.216.34", 80)),
    "an IPv6 address":        ("[2606:4700::1111]:443", None, ("[2606:4700::1111]", 443)),
    "IPv6 without a port":    ("[2606:4700::1111]",     443,  ("[2606:4700::1111]", 443)),
    "the last port":          ("a.example.com:65535",   None, ("a.example.com", 65535)),
    "an empty port":          ("api.example.com:",      443,  ("api.example.com", 443)),
    "a trailing dot":         ("a.example.com.:443",    None, ("a.example.com", 443)),
}  # fmt: skip

BAD_AUTHORITIES = {
    # what we try                text                         code
    "no port, no default":    ("api.example.com",             "network.bad_url"),
    "port zero":              ("api.example.com:0",           "network.bad_url"),
    "a port too high":        ("api.example.com:65536",       "network.bad_url"),
    "a huge port":            ("api.example.com:" + "9" * 99, "network.bad_url"),
    "an empty port":          ("api.example.com:",            "network.bad_url"),
    "a port with a zero":     ("api.example.com:0443",        "network.bad_url"),
    "a signed port":          ("api.example.com:+443",        "network.bad_url"),
    "a negative port":        ("api.example.com:-1",          "network.bad_url"),
    "an underscored port":    ("api.example.com:4_43",        "network.bad_url"),
    "a fullwidth port":       ("api.example.com:４４３",         "network.bad_url"),  # noqa: RUF001
    "a port with a space":    ("api.example.com: 443",        "network.bad_url"),
    "a port and a line feed": ("api.example.com:443\n",       "network.bad_url"),
    "two ports":              ("api.example.com:443:80",      "network.bad_host"),
    "a user":                 ("user@api.example.com:443",    "network.bad_url"),
    "a host as a user":       ("good.com:443@evil.com:443",   "network.bad_url"),
    "CRLF":                   ("a.com:443\r\nX: y",           "network.bad_host"),
    "a path":                 ("a.com/x:443",                 "network.bad_host"),
    "a port before brackets": ("a:1[::1]",                    "network.bad_host"),
    "text after brackets":    ("[::1]x:443",                  "network.bad_host"),
    "IPv6 without brackets":  ("::1",                         "network.odd_address"),
    "IPv6 and port, bare":    ("2606:4700::1111:443",         "network.odd_address"),
    "nothing":                ("",                            "network.bad_host"),
    "a colon":                (":",                           "network.bad_host"),
    "only a port":            (":443",                        "network.bad_host"),
    "bytes outside ASCII":    (b"\xffa.com:443",              "network.bad_url"),
    "a megabyte":             ("a" * 1_000_000,               "network.bad_url"),
}  # fmt: skip

URLS = {
    # what we try               text                                    built again
    "plain":                 ("https://api.example.com/v1/x",      "https://api.example.com/v1/x"),
    "bytes":                 (b"https://api.example.com/v1/x",     "https://api.example.com/v1/x"),
    "upper case":            ("HTTPS://API.Example.com/V1",        "https://api.example.com/V1"),
    "no path":               ("http://example.com",                "http://example.com/"),
    "a query, no path":      ("http://example.com?a=b",            "http://example.com/?a=b"),
    "an empty query":        ("http://example.com/?",              "http://example.com/?"),
    "a fragment":            ("http://example.com/a#b/c?d",        "http://example.com/a"),
    "a fragment with an at": ("http://example.com/a#x@y",          "http://example.com/a"),
    "a port":                ("http://example.com:8080/",          "http://example.com:8080/"),
    "its own port":          ("https://example.com:443/",          "https://example.com/"),
    "an empty port":         ("https://example.com:/a",            "https://example.com/a"),
    "an empty port, no path":  ("http://example.com:?a",             "http://example.com/?a"),
    "IPv6 and an empty port":  ("https://[2606:4700::1111]:",        "https://[2606:4700::1111]/"),
    "http on 443":           ("http://example.com:443/",           "http://example.com:443/"),
    "a trailing dot":        ("https://example.com./",             "https://example.com/"),
    "umlauts everywhere":      ("https://bücher.de/ü?ü",
                                "https://xn--bcher-kva.de/%C3%BC?%C3%BC"),
    "escapes stay":          ("https://example.com/%2F%2e%41?%20", "https://example.com/%2F%2e%41?%20"),
    "an at in the path":     ("https://example.com/@user",         "https://example.com/@user"),
    "a URL in the query":      ("https://example.com/?u=http://10.0.0.1",
                                "https://example.com/?u=http://10.0.0.1"),
    "two question marks":    ("https://example.com/?a?b",          "https://example.com/?a?b"),
    "WebSocket":             ("wss://example.com/s",               "wss://example.com/s"),
    "IPv6":                  ("http://[2606:4700:0::1111]:8080/",  "http://[2606:4700::1111]:8080/"),
    "double slashes":        ("https://example.com//a",            "https://example.com//a"),
}  # fmt: skip

DESTINATIONS = {
    None: """
        https://api.example.com/x http://example.com wss://stream.example.com/ example.com
        example.com:8443 //cdn.example.com/lib.js https://127.example.com/ https://8.8.8.8/
        http://[2606:4700:4700::1111]/ https://example.com./ HTTP://EXAMPLE.COM/
        https://example.com/?next=http://169.254.169.254/ https://localhost.example.com/
        https://metadata.example.com/ https://bücher.de/ 1.1.1.1 1.1.1.1:53 example.com/a/b
        https://169.254.169.254.example.com/ https://example.com:/ example.com: 2606:4700:4700::1111 2606:4700:4700::1111:443
    """,
    "network.loopback": """
        http://localhost/ http://localhost:8080/admin http://LOCALHOST http://localhost./ localhost
        localhost:6379 http://app.localhost/ http://127.0.0.1/ 127.0.0.1 127.0.0.1:6379
        ::1 //::1 ::ffff:127.0.0.1 //127.0.0.1 //localhost/x http://127.1.2.3/ http://[::1]/ [::1]:80 http://[0:0:0:0:0:0:0:1]/
        http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[::127.0.0.1]/ ws://127.0.0.1/
        http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ http://ip6-localhost/ https://localtest.me
        http://127.0.0.1.nip.io/ http://localhost.localdomain http://127.0.0.1:/ http://[::1]:/
    """,
    "network.metadata": """
        http://169.254.169.254/latest/meta-data 169.254.169.254 //169.254.169.254/
        http://169.254.170.2/v2/credentials http://100.100.100.200/ http://168.63.129.16/
        http://192.0.0.192/ http://[fd00:ec2::254]/ http://metadata.google.internal/computeMetadata
        http://metadata/ http://metadata:80 metadata http://instance-data/latest
        http://[::ffff:a9fe:a9fe]/ http://[::ffff:169.254.169.254]/ http://[::169.254.169.254]/
        http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b:1::a9fe:a9fe]/ http://[2002:a9fe:a9fe::]/
        http://[::ffff:0:a9fe:a9fe]/ http://[2a00:1450::5efe:a9fe:a9fe]/ http://METADATA.GOOG./
        http://169.254.169.254.nip.io/ http://metadata.gke.internal/ http://metadata.tencentyun.com
        http://[fe80::a9fe:a9fe]/ http://[fd20:ce::254]/ http://[fd00:c1::a9fe:a9fe]/opc/v2
        http://169.254.170.23/v1/credentials http://api.metadata.cloud.ibm.com/ http://metadata./
    """,
    "network.unspecified": "http://0.0.0.0/ 0.0.0.0:8000 http://[::]/ http://[::]:80/ http://0.1.2.3",
    "network.private_address": """
        http://10.0.0.1/ http://172.16.0.1/ http://172.31.255.254 http://192.168.1.1/internal
        http://100.64.0.1/ http://[fd12:3456::1]/ http://[fec0::1]/ http://[::ffff:10.0.0.1]/
        http://[2001::f5ff:fffe]/ http://redis:6379 redis:6379 http://printer.local/ http://nas.lan
        http://host.docker.internal:11434/ http://kubernetes.default.svc.cluster.local/
        http://10-0-0-1.sslip.io/
    """,
    "network.link_local": "http://169.254.1.1/ http://[fe80::1]/ http://[::ffff:169.254.1.1]/",
    "network.multicast": "http://224.0.0.1/ http://239.1.2.3/ http://[ff02::1]/",
    "network.reserved": """
        http://240.0.0.1/ http://255.255.255.255/ http://192.0.2.1/ http://198.18.0.1/
        http://192.0.0.8/ http://[2001:db8::1]/ http://[3fff::1]/ http://[5f00::1]/ http://[100::1]/
        http://[::8.8.8.8]/ 64:ff9b::7f00:1:443 http://hidden.onion/ http://x.invalid/
    """,
    "network.odd_address": """
        http://2130706433/ http://0x7f000001/ http://0177.0.0.1/ http://127.1/ http://0/ 0
        http://0x7f.0.0.1/ http://127.0.0.1./ 169.254.169.254. http://2852039166/ 2852039166
        http://①②⑦.⓪.⓪.①/ http://１２７.０.０.１/ http://127。0。0。1/ http://0xa9.254.169.254/
        http://010.0.0.1/ http://256.256.256.256/ http://1.2.3.4.5/ http://::1/ http://[127.0.0.1]/
        http://0251.0376.0251.0376/ http://127.0.0.1.:80/ http://017700000001:8080/x
    """,  # noqa: RUF001
    "network.bad_host": """
        http:/// http://.example.com/ http://a..example.com/ http://%31%32%37.0.0.1/
        http://localhost%00.example.com/ http://[example.com]/ http://[[::1]]/ http://[::1/
        http://[fe80::1%25eth0]/ http://-a.com/ http://a-.com/ https://exam*ple.com/ https://xn--/
        http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/ http://ｌｏｃａｌｈｏｓｔ/ http://metadata。google.internal http://*.com/
        jar:http://example.com!/ ://example.com http://a,b/ http://example.com:80:80/ http://exam_ple..com
    """,  # noqa: RUF001
    "network.bad_url": r"""
        http://allowed.com@evil.com/ http://user:pass@10.0.0.1/ http://@example.com/
        http://evil.com\@allowed.com/ http://allowed.com\.evil.com/ http:\\example.com\
        http://evil.com#@allowed.com http://evil.com#@allowed.com/ http://evil.com?@allowed.com/
        ftp://example.com/ file:///etc/passwd gopher://127.0.0.1:6379/_INFO dict://127.0.0.1:11211/
        unix:///var/run/docker.sock javascript:alert(1) https://example.com:0/
        https://example.com:99999/ https://example.com:x/ https://example.com:443x/
        https://example.com/\..\ data://example.com mailto:me@example.com
    """,
}
FORBIDDEN = [(text, code) for code, texts in DESTINATIONS.items() for text in texts.split()] + [
    ("http://exa mple.com/", "network.bad_url"),
    (" http://example.com/", "network.bad_url"),
    ("http://example.com/ x", "network.bad_url"),
    ("http://example.com/\r\nHost: evil", "network.bad_url"),
    ("http://example.com\r\n/", "network.bad_url"),
    ("http://example.com\t/", "network.bad_url"),
    ("http://attacker\x00.google.com/", "network.bad_url"),
    ("ht\ntp://127.0.0.1/", "network.bad_url"),
    ("http://127.0.0.1\u200b/", "network.bad_url"),
    ("http://example.com/\u202e", "network.bad_url"),
    ("http://example.com/\ud800", "network.bad_url"),
    ("http://example.com/\x7f", "network.bad_url"),
    ("http://example.com/\u2028", "network.bad_url"),
    ("http://example.com/" + "a" * MAX_URL, "network.bad_url"),
    (b"http://\xc2\xa0example.com/", "network.bad_url"),
    (b"http://127.0.0.1/", "network.loopback"),
    ("", "network.bad_host"),
    ("//", "network.bad_host"),
]


@pytest.mark.parametrize(("text", "default", "reading"), AUTHORITIES.values(), ids=AUTHORITIES)
def test_authority(text: str | bytes, default: int | None, reading: tuple[str, int]) -> None:
    """Each row reads as the host and port in its last column."""
    read = parse_authority(text, default)
    assert not isinstance(read, Refusal)
    assert (str(read[0]), read[1]) == reading


@pytest.mark.parametrize(("text", "code"), BAD_AUTHORITIES.values(), ids=BAD_AUTHORITIES)
def test_bad_authority(text: str | bytes, code: str) -> None:
    """Each row is refused with the code in its last column."""
    read = parse_authority(text)
    assert isinstance(read, Refusal)
    assert read.code == code


@pytest.mark.parametrize(("text", "built"), URLS.values(), ids=URLS)
def test_url_is_built_again(text: str | bytes, built: str) -> None:
    """Each row is built again as in its last column, and that reads as itself."""
    url = parse_url(text)
    assert not isinstance(url, Refusal)
    assert str(url) == built
    assert parse_url(built) == url


@pytest.mark.parametrize(
    ("text", "code"), FORBIDDEN, ids=[ascii(text)[:60] for text, _ in FORBIDDEN]
)
def test_forbidden(text: str | bytes, code: str | None) -> None:
    """Each destination has the code of its group."""
    refusal = forbidden(text)
    assert (refusal and refusal.code) == code


def test_a_refusal_never_repeats_a_password() -> None:
    """What was written before an at sign stays out of sentences."""
    for text in ("https://me:hunter2@example.com/", "https://hunter2 @example.com", "hunter2@x"):
        refusal = forbidden(text)
        assert refusal is not None
        assert "hunter2" not in refusal.sentence


def test_the_table_is_wide() -> None:
    """At least two hundred destinations, each once."""
    assert len(FORBIDDEN) >= 200
    assert len({text for text, _ in FORBIDDEN}) == len(FORBIDDEN)
