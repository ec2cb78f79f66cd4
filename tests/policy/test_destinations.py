"""Destinations: public ones, those of the operator's list, and what a caller makes of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.allow import Allow, parse_rule
from stopper.detect.dialled import MAX_HOSTS, MAX_TEXT
from stopper.policy.decision import strictest
from stopper.policy.destinations import (
    MAX_URLS,
    of_destinations,
    of_proxies,
    of_urls_in,
    reach_of,
)

API = (
    "api.example.com",
    "*.example.org",
    "GET read.example.com/v1/*",
    "http://localhost:8080",
    "b.example.net:22",
)

FREE: dict[str, tuple[dict[str, Any], str]] = {
    "a public URL":            ({"url": "https://api.example.com/x"},              ""),
    "a public host":           ({"host": "api.example.com:8443"},                  ""),
    "a name that looks local": ({"url": "https://127.example.com/"},               ""),
    "metadata":                ({"url": "http://169.254.169.254/latest"},          "network.metadata"),
    "metadata inside IPv6":    ({"url": "http://[::ffff:a9fe:a9fe]/"},             "network.metadata"),
    "loopback":                ({"host": "localhost"},                             "network.loopback"),
    "loopback in decimal":     ({"url": "http://2130706433/"},                     "network.odd_address"),
    "a private address":       ({"url": "http://10.0.0.1/"},                       "network.private_address"),
    "the second of two":       ({"urls": ["https://a.com", "http://10.0.0.1/"]},   "network.private_address"),
    "under any name":          ({"url": "https://a.com", "cb": "ftp://10.0.0.1/"}, "network.private_address"),
    "with a password":         ({"url": "https://api.example.com@10.0.0.1/"},      "network.bad_url"),
    "a sentence":              ({"url": "https://a.com", "note": "https://10.0.0.1 is ours"}, ""),
    "no URL":                  ({"url": "not a url"},                              "network.bad_url"),
    "narrowed by the caller":  ({"url": "https://b.com", "allowed_domains": ["a.com"]}, "network.not_allowed"),
    "an IP":                   ({"ip": "10.0.0.1"},                                "network.private_address"),
    "several":                 ({"ip_addresses": ["8.8.8.8", "127.0.0.1"]},        "network.loopback"),
    "a server":                ({"server": "169.254.169.254"},                     "network.metadata"),
    "a login of a server":     ({"server": "root@10.0.0.1"},                       "network.bad_url"),
    "a remote":                ({"remote": "localhost"},                           "network.loopback"),
    "an address in decimal":   ({"address": "2130706433"},                         "network.odd_address"),
    "a public server":         ({"server": "api.example.com"},                     ""),
    "a street":                ({"url": "https://a.com", "address": "1 Main Street"}, ""),
    "the name of a server":    ({"url": "https://a.com", "server": "prod"},        ""),
    "a number":                ({"url": "https://a.com", "server": "3"},           ""),
    "a mail address":          ({"url": "https://a.com", "address": "ann@example.com"}, ""),
    "widened by the caller":   ({"url": "http://169.254.169.254", "allowlist": ["169.254.169.254:80"]}, "network.metadata"),
}  # fmt: skip
LISTED: dict[str, tuple[dict[str, Any], str]] = {
    "on the list":                ({"url": "https://api.example.com/x"},                   ""),
    "below a wildcard":           ({"url": "https://a.example.org/"},                      ""),
    "not below a wildcard":       ({"url": "https://evilexample.org/"},                    "network.not_allowed"),
    "a longer name":              ({"url": "https://api.example.com.evil.com/"},           "network.not_allowed"),
    "on another port":            ({"url": "https://api.example.com:444/"},                "network.not_allowed"),
    "without TLS":                ({"url": "http://api.example.com/"},                     "network.not_allowed"),
    "by another protocol":        ({"url": "gopher://api.example.com/"},                   "network.not_allowed"),
    "by its method":              ({"url": "https://read.example.com/v1/a", "method": "get"}, ""),
    "by another method":          ({"url": "https://read.example.com/v1/a", "method": "PUT"}, "network.not_allowed"),
    "by no method":               ({"url": "https://read.example.com/v1/a"},               "network.not_allowed"),
    "by one of two methods":      ({"url": "https://read.example.com/v1/a", "method": ["GET", "PUT"]}, "network.not_allowed"),
    "with its port beside it":    ({"host": "localhost", "port": 8080},                    ""),
    "another port beside it":     ({"host": "api.example.com", "port": 22},                "network.not_allowed"),
    "the right port beside it":   ({"host": "api.example.com", "port": "443"},             ""),
    "no port beside it":          ({"host": "api.example.com", "port": "443@evil.com"},    "network.bad_url"),
    "with its path beside it":    ({"host": "read.example.com", "path": "/v1/a", "method": "GET"}, ""),
    "another path beside it":     ({"host": "read.example.com", "path": "/v2", "method": "GET"}, "network.not_allowed"),
    "on another path":            ({"url": "https://read.example.com/v2", "method": "GET"}, "network.not_allowed"),
    "local, as the operator said": ({"url": "http://localhost:8080/x"},                    ""),
    "narrowed by the caller":     ({"url": "https://api.example.com", "allowedDomains": ["a.example.org"]}, "network.not_allowed"),
    "named by the caller too":    ({"url": "https://api.example.com", "allowedDomains": ["api.example.com"]}, ""),
    "widened by the caller":      ({"url": "https://evil.com", "allowedDomains": ["evil.com"]}, "network.not_allowed"),
    "narrowed unreadably":        ({"url": "https://api.example.com", "allowlist": ["*"]}, "network.not_allowed"),
    "narrowed to nothing":        ({"url": "https://api.example.com", "allowlist": []},    "network.not_allowed"),
    "narrowed elsewhere":         ({"to": {"url": "https://api.example.com"}, "allowlist": []}, "network.not_allowed"),
}  # fmt: skip
TEXTS = {
    # a command                                               without a list        with the list
    "no URL":             ("ls -la",                          "",                   ""),
    "a public URL":       ("curl https://a.com/x",            "",                   "network.not_allowed"),
    "one on the list":    ("curl https://api.example.com/x",  "",                   ""),
    "metadata":           ("curl http://169.254.169.254/",    "network.metadata",   "network.metadata"),
    "its own machine":    ("curl http://localhost:3000/",     "",                   "network.loopback"),
    "a variable's":       ("curl https://$HOST/",             "",                   "network.bad_host"),
    "a bucket":           ("aws s3 ls s3://my-bucket",        "",                   "network.not_allowed"),
    "a bare host":        ("curl evil.com",                   "",                   "network.not_allowed"),
    "a bare host, listed": ("ssh b.example.net",              "",                   ""),
    "no slashes":         ("curl https:evil.com",             "",                   "network.not_allowed"),
    "no host":            ("git show HEAD:a.py",              "",                   ""),
    "in brackets":        ("see (https://a.com).",            "",                   "network.not_allowed"),
}  # fmt: skip


def rules() -> tuple[Allow, ...]:
    return tuple(map(parse_rule, API))


def code_of(context: dict[str, Any], allowlist: tuple[Allow, ...] | None) -> str:
    reach = reach_of(context, allowlist, is_open=True)
    return strictest(one for one in of_destinations(context, reach) if one).code


@pytest.mark.parametrize(("context", "code"), FREE.values(), ids=FREE)
def test_a_destination_without_a_list(context: dict[str, Any], code: str) -> None:
    assert code_of(context, None) == code


@pytest.mark.parametrize(("context", "code"), LISTED.values(), ids=LISTED)
def test_a_destination_with_a_list(context: dict[str, Any], code: str) -> None:
    assert code_of(context, rules()) == code


@pytest.mark.parametrize(("text", "free", "listed"), TEXTS.values(), ids=TEXTS)
def test_a_url_in_a_command(text: str, free: str, listed: str) -> None:
    for allowlist, code in ((None, free), (rules(), listed)):
        assert strictest(of_urls_in(text, reach_of({}, allowlist, is_open=True))).code == code


def test_nothing_is_reached_while_the_network_is_off() -> None:
    reach = reach_of({}, rules(), is_open=False)
    context = {"url": "https://api.example.com"}
    assert [one.code for one in of_destinations(context, reach) if one] == ["policy.disabled"]
    for text in ("curl https://$X", "curl a.com", "ssh b", "aws s3 ls s3://x"):
        assert {one.code for one in of_urls_in(text, reach)} == {"policy.disabled"}


PROXIES: dict[str, tuple[dict[str, Any], str]] = {
    "one that is listed":   ({"proxy": "https://api.example.com"},          ""),
    "one beside the list":  ({"proxy": "evil.com:80"},                      "network.not_allowed"),
    "one of several":       ({"proxies": {"https": "evil.com:80"}},         "network.not_allowed"),
    "in the environment":   ({"env": {"HTTPS_PROXY": "evil.com:80"}},       "network.not_allowed"),
    "none":                 ({"proxy": "", "https_proxy": None},            ""),
}  # fmt: skip


@pytest.mark.parametrize(("context", "code"), PROXIES.values(), ids=PROXIES)
def test_a_proxy(context: dict[str, Any], code: str) -> None:
    reach = reach_of({}, rules(), is_open=True)
    assert strictest(of_proxies(context, reach)).code == code


def test_urls_without_end_are_refused() -> None:
    text = "https://a.com " * (MAX_URLS + 1)
    assert [one.code for one in of_urls_in(text, reach_of({}, None, is_open=True))] == [
        "policy.too_much"
    ]


@pytest.mark.parametrize("text", ["ls " + "x" * MAX_TEXT, "ping 8.8.8.8 " * (MAX_HOSTS + 1)])
def test_hosts_without_end_are_refused(text: str) -> None:
    said = [one.code for one in of_urls_in(text, reach_of({}, rules(), is_open=True))]
    assert said[-1] == "policy.too_much"


HOSTS = st.sampled_from(["api.example.com", "a.example.org", "evil.com", "10.0.0.1", "localhost"])
ENTRIES = st.lists(HOSTS | st.sampled_from(["*", "*.example.org", "10.0.0.1:443", ""]), max_size=3)


@settings(deadline=None)
@given(HOSTS, ENTRIES, st.sampled_from(["allowlist", "allowed_domains", "allowedHosts"]))
def test_a_caller_never_widens(host: str, entries: list[str], name: str) -> None:
    """Whatever list a caller adds, what was refused without it stays refused."""
    for allowlist in (None, rules()):
        plain: dict[str, Any] = {"url": f"https://{host}/"}
        if code_of(plain, allowlist):
            assert code_of({**plain, name: entries}, allowlist)
