from ipaddress import ip_address

import pytest

from stopper.core.reason import Refusal
from stopper.detect.allow import Allow, judge, judge_answers, parse_rule
from stopper.detect.hosts import Host, parse_host
from stopper.detect.urls import parse_authority

RULES = {
    # what we try, how, and the expected outcome
    "a host":            ("api.example.com",                "api.example.com:443"),
    "a host and a port": ("api.example.com:8443",           "api.example.com:8443"),
    "plain http":        ("http://api.example.com",         "api.example.com:80"),
    "https":             ("https://api.example.com/",       "api.example.com:443/"),
    "upper case, dot":   ("API.Example.com.:443",           "api.example.com:443"),
    "below a path":      ("api.example.com:443/v1/*",       "api.example.com:443/v1/*"),
    "one path":          ("api.example.com/v1/models",      "api.example.com:443/v1/models"),
    "every path":        ("api.example.com/*",              "api.example.com:443"),
    "a wildcard":        ("*.example.com",                  "*.example.com:443"),
    "methods":           ("GET,PUT a.example.com/v1/*",     "GET,PUT a.example.com:443/v1/*"),
    "public literal":    ("1.2.3.4",                        "1.2.3.4:443"),
    "a private literal": ("10.0.0.5:8080",                  "10.0.0.5:8080"),
    "loopback":          ("127.0.0.1:8080",                 "127.0.0.1:8080"),
    "loopback by name":  ("http://localhost:8080",          "localhost:8080"),
    "loopback in IPv6":  ("[::1]:8080",                     "[::1]:8080"),
    "metadata":          ("169.254.169.254:80",             "169.254.169.254:80"),
    "one label":         ("redis:6379",                     "redis:6379"),
    "its address":       ("git.io:443 at 10.1.2.3",         "git.io:443 at 10.1.2.3/32"),
    "a network":         ("git.io:443/x/* at fd12::/64",    "git.io:443/x/* at fd12::/64"),
    "metadata by name":  ("metadata:80 at 169.254.169.254", "metadata:80 at 169.254.169.254/32"),
    "umlauts":           ("bücher.de",                      "xn--bcher-kva.de:443"),
}  # fmt: skip

NO_RULES = {
    "nothing":                         "",
    "a star":                          "*",
    "a star and a port":               "*:443",
    "a top-level wildcard":            "*.com",
    "a star inside":                   "api.*.com",
    "a star in a label":               "api*.example.com",
    "two stars":                       "*.*.example.com",
    "a wildcard over private names":   "*.internal:443",
    "a wildcard over local names":     "*.app.localhost:443",
    "a wildcard over metadata":        "*.metadata.internal:80",
    "a wildcard over an address":      "*.0.0.1:443",
    "a wildcard over a whole address": "*.127.0.0.1:443",
    "a wildcard with an address":      "*.corp.example.com:443 at 10.0.0.0/8",
    "private without a port":          "10.0.0.5",
    "loopback without a port":         "localhost",
    "IPv6 loopback without a port":    "[::1]",
    "metadata without a port":         "http://169.254.169.254",
    "metadata by name alone":          "metadata.google.internal:80",
    "a reserved name alone":           "hidden.onion:443",
    "an address without a port":       "git.io at 10.1.2.3",
    "an address at an address":        "10.0.0.5:80 at 10.0.0.5",
    "a network with host bits":        "git.io:443 at 10.1.2.3/8",
    "no network":                      "git.io:443 at fe::g",
    "a port that is none":             "api.example.com:99999",
    "any port":                        "api.example.com:*",
    "an odd address":                  "0x7f.1:80",
    "a user":                          "me@example.com",
    "another scheme":                  "ftp://example.com",
    "a query":                         "example.com/x?y",
    "a fragment":                      "example.com/x#y",
    "a star inside a path":            "example.com/*/x",
    "a star without a slash":          "example.com/v1*",
    "dot segments":                    "example.com/v1/../x",
    "encoded dot segments":            "example.com/v1/%2e%2e/x",
    "lower case methods":              "get example.com",
    "two rules":                       "a.example.com b.example.com",
    "a line feed":                     "a.example.com\nb.example.com",
    "a kilobyte too many":             "a" * 3000,
}  # fmt: skip

SETTING = tuple(
    parse_rule(text)
    for text in (
        "api.example.com",
        "http://plain.example.com",
        "*.wild.example.com",
        "*.nip.io",
        "GET,HEAD repo.example.com/mine/*",
        "POST repo.example.com/mine/push",
        "127.0.0.1:8080",
        "[::1]:8080",
        "localhost:9000",
        "redis:6379",
        "10.0.0.5:80",
    )
)
NO = "network.not_allowed"
LOOPBACK = "network.loopback"
PRIVATE = "network.private_address"
METADATA = "network.metadata"
MIXED = "network.mixed_answers"
UNSPECIFIED = "network.unspecified"
LINK_LOCAL = "network.link_local"
UNRESOLVED = "network.unresolved"
REQUESTS = {
    "an allowed host":               ("GET api.example.com:443/any",                None),
    "in other letters":              ("GET Api.Example.COM.:443/any",               None),
    "before its request":            ("CONNECT api.example.com:443",                None),
    "another port":                  ("GET api.example.com:8443/",                  NO),
    "plain on the TLS rule":         ("GET api.example.com:80/",                    NO),
    "TLS on the plain rule":         ("GET plain.example.com:443/",                 NO),
    "plain on the plain rule":       ("GET plain.example.com:80/",                  None),
    "another host":                  ("GET example.org:443/",                       NO),
    "the parent":                    ("GET example.com:443/",                       NO),
    "a child of an exact rule":      ("GET x.api.example.com:443/",                 NO),
    "a prefix of letters":           ("GET evil-api.example.com:443/",              NO),
    "a suffix":                      ("GET api.example.com.evil.com:443/",          NO),
    "below a wildcard":              ("GET a.wild.example.com:443/",                None),
    "deep below a wildcard":         ("GET a.b.wild.example.com:443/",              None),
    "the wildcard's apex":           ("GET wild.example.com:443/",                  NO),
    "no dot boundary":               ("GET evilwild.example.com:443/",              NO),
    "a wildcard and loopback":       ("GET 127.0.0.1.nip.io:443/",                  LOOPBACK),
    "a wildcard and a public echo":  ("GET 8.8.8.8.nip.io:443/",                    None),
    "an allowed path":               ("GET repo.example.com:443/mine/x",            None),
    "a connection to paths":         ("CONNECT repo.example.com:443",               None),
    "the folder itself":             ("GET repo.example.com:443/mine/",             None),
    "the folder without a slash":    ("GET repo.example.com:443/mine",              NO),
    "a path that starts alike":      ("GET repo.example.com:443/mineral",           NO),
    "another path":                  ("GET repo.example.com:443/other",             NO),
    "another method":                ("DELETE repo.example.com:443/mine/x",         NO),
    "a method in lower case":        ("get repo.example.com:443/mine/x",            NO),
    "the other method's path":       ("POST repo.example.com:443/mine/push",        None),
    "the other method, same rule":   ("POST repo.example.com:443/mine/x",           NO),
    "dot segments":                  ("GET repo.example.com:443/mine/../other",     NO),
    "dot segments at the end":       ("GET repo.example.com:443/mine/..",           NO),
    "a single dot":                  ("GET repo.example.com:443/mine/./x",          NO),
    "encoded dots":                  ("GET repo.example.com:443/mine/%2e%2e/o",     NO),
    "half-encoded dots":             ("GET repo.example.com:443/mine/.%2E/o",       NO),
    "encoded slashes":               ("GET repo.example.com:443/mine/..%2fo",       NO),
    "twice encoded":                 ("GET repo.example.com:443/mine/%252e%252e/o", NO),
    "four times encoded":            ("GET repo.example.com:443/mine/%2525252e",    NO),
    "backslashes":                   ("GET repo.example.com:443/mine/..\\o",        NO),
    "encoded backslashes":           ("GET repo.example.com:443/mine/..%5co",       NO),
    "path parameters":               ("GET repo.example.com:443/mine/..;/o",        NO),
    "double slashes":                ("GET repo.example.com:443/mine//o",           NO),
    "an encoded NUL":                ("GET repo.example.com:443/mine/x%00",         NO),
    "an encoded letter":             ("GET repo.example.com:443/%6dine/x",          NO),
    "another case":                  ("GET repo.example.com:443/MINE/x",            NO),
    "dots in names":                 ("GET repo.example.com:443/mine/a..b/.git",    None),
    "escapes in names":              ("GET repo.example.com:443/mine/a%20b%2Fc",    None),
    "loopback, exactly":             ("GET 127.0.0.1:8080/",                        None),
    "loopback, another port":        ("GET 127.0.0.1:8081/",                        LOOPBACK),
    "loopback, another address":     ("GET 127.0.0.2:8080/",                        LOOPBACK),
    "loopback inside IPv6":          ("GET [::ffff:127.0.0.1]:8080/",               LOOPBACK),
    "IPv6 loopback, exactly":        ("GET [::1]:8080/",                            None),
    "localhost, exactly":            ("GET localhost:9000/",                        None),
    "localhost, the literal's port": ("GET localhost:8080/",                        LOOPBACK),
    "a one-label name":              ("CONNECT redis:6379",                         None),
    "private, exactly":              ("GET 10.0.0.5:80/",                           None),
    "private, its neighbour":        ("GET 10.0.0.6:80/",                           PRIVATE),
    "metadata":                      ("GET 169.254.169.254:80/",                    METADATA),
    "metadata by name":              ("GET metadata.google.internal:80/",           METADATA),
    "unspecified":                   ("GET 0.0.0.0:8080/",                          UNSPECIFIED),
}  # fmt: skip

ANSWERS = {
    # what we try, how, and the expected outcome
    "a public answer":       ("api.example.com",              "1.2.3.4",              None),
    "two families":          ("api.example.com",              "1.2.3.4 2606:4700::1", None),
    "no answer":             ("api.example.com",              "",                     UNRESOLVED),
    "loopback":              ("api.example.com",              "127.0.0.1",            LOOPBACK),
    "loopback and port":     ("api.example.com:443",          "127.0.0.1",            LOOPBACK),
    "private":               ("api.example.com:443",          "10.0.0.1",             PRIVATE),
    "two kinds":             ("api.example.com",              "10.0.0.1 127.0.0.1",   LOOPBACK),
    "public first":          ("api.example.com",              "1.2.3.4 10.0.0.1",     MIXED),
    "private first":         ("api.example.com",              "10.0.0.1 1.2.3.4",     MIXED),
    "private in IPv6":       ("api.example.com",              "1.2.3.4 fd12::1",      MIXED),
    "metadata in IPv6":      ("api.example.com",              "::ffff:a9fe:a9fe",     METADATA),
    "below a wildcard":      ("*.example.com",                "1.2.3.4",              None),
    "a wildcard, loopback":  ("*.example.com",                "127.0.0.1",            LOOPBACK),
    "localhost":             ("localhost:80",                 "127.0.0.1 ::1",        None),
    "one label, private":    ("redis:6379",                   "172.17.0.2",           None),
    "one label, public":     ("redis:6379",                   "1.2.3.4",              None),
    "one label, mixed":      ("redis:6379",                   "1.2.3.4 172.17.0.2",   MIXED),
    "one label, link-local": ("redis:6379",                   "169.254.1.1",          LINK_LOCAL),
    "one label, metadata":   ("redis:6379",                   "169.254.169.254",      METADATA),
    "local, unspecified":    ("localhost:80",                 "0.0.0.0",              UNSPECIFIED),
    "inside its network":    ("git.io:443 at 10.1.0.0/16",    "10.1.2.3 10.1.2.4",    None),
    "one outside":           ("git.io:443 at 10.1.0.0/16",    "10.1.2.3 10.2.0.1",    NO),
    "public, outside":       ("git.io:443 at 10.1.0.0/16",    "1.2.3.4",              NO),
    "mapped, outside":       ("git.io:443 at 10.1.0.0/16",    "::ffff:10.1.2.3",      NO),
    "its loopback address":  ("git.io:443 at 127.0.0.1",      "127.0.0.1",            None),
    "its public address":    ("git.io:443 at 1.2.3.4",        "1.2.3.4",              None),
    "metadata, exactly":     ("git.io:80 at 169.254.169.254", "169.254.169.254",      None),
    "metadata, a network":   ("git.io:80 at 169.254.0.0/16",  "169.254.169.254",      NO),
    "metadata, anywhere":    ("git.io:80 at 0.0.0.0/0",       "169.254.169.254",      NO),
}  # fmt: skip


def _host(text: str) -> Host:
    host = parse_host(text)
    assert isinstance(host, Host)
    return host


@pytest.mark.parametrize(("text", "written"), RULES.values(), ids=RULES)
def test_rule(text: str, written: str) -> None:
    """Each rule says in full what it means, and that reads as the same rule."""
    rule = parse_rule(text)
    assert str(rule) == written
    assert parse_rule(written) == rule


@pytest.mark.parametrize("text", NO_RULES.values(), ids=NO_RULES)
def test_no_rule(text: str) -> None:
    """What is too wide, not exact or unreadable is no rule."""
    with pytest.raises(ValueError, match=r"write|wildcard|path|named|leave out"):
        parse_rule(text)


@pytest.mark.parametrize(("request_line", "code"), REQUESTS.values(), ids=REQUESTS)
def test_judge(request_line: str, code: str | None) -> None:
    """Each request is allowed, or refused with the code in its last column."""
    method, _, target = request_line.partition(" ")
    authority, slash, path = target.partition("/")
    read = parse_authority(authority)
    assert not isinstance(read, Refusal)
    if method == "CONNECT":
        verdict = judge(*read, None, None, SETTING)
    else:
        verdict = judge(*read, method, slash + path, SETTING)
    assert (verdict.code if isinstance(verdict, Refusal) else None) == code


def test_no_rules_allow_nothing() -> None:
    """An empty allowlist is closed."""
    verdict = judge(_host("example.com"), 443, "GET", "/", ())
    assert isinstance(verdict, Refusal)
    assert verdict.code == NO


def test_the_most_specific_rule_decides() -> None:
    """A rule with an address is not undone by a wildcard beside it."""
    pinned = parse_rule("git.io:443 at 10.1.2.3")
    rules = (parse_rule("*.example.com"), parse_rule("git.io"), pinned)
    assert judge(_host("git.io"), 443, "GET", "/", rules) == pinned
    assert judge(_host("git.io"), 443, "GET", "/", rules[:2]) == rules[1]


@pytest.mark.parametrize(("text", "answers", "code"), ANSWERS.values(), ids=ANSWERS)
def test_answers(text: str, answers: str, code: str | None) -> None:
    """All addresses come back, or a refusal with the code in the last column."""
    rule = parse_rule(text)
    host = _host(f"x.{rule.host}") if rule.wildcard else rule.host
    addresses = [ip_address(answer) for answer in answers.split()]
    verdict = judge_answers(host, addresses, rule)
    if code is None:
        assert verdict == tuple(addresses)
    else:
        assert isinstance(verdict, Refusal)
        assert verdict.code == code


def test_answers_come_once_each() -> None:
    """A resolver that repeats itself does not make us dial twice."""
    addresses = [ip_address("1.1.1.1"), ip_address("1.0.0.1"), ip_address("1.1.1.1")]
    rule = parse_rule("one.one.one.one")
    assert judge_answers(rule.host, addresses, rule) == tuple(addresses[:2])


def test_a_literal_is_its_own_answer() -> None:
    """What is allowed by its address is dialled there and nowhere else."""
    rule = parse_rule("169.254.169.254:80")
    assert judge_answers(rule.host, [ip_address("10.0.0.1")], rule) == (rule.host.address,)


def test_an_exact_setting_in_code_may_be_near() -> None:
    """A rule that the operator's own setting makes may name a private upstream by a public name."""
    rule = Allow(_host("llm.example.com"), 443, near=True)
    private = [ip_address("10.0.0.1")]
    assert judge_answers(rule.host, private, rule) == tuple(private)
