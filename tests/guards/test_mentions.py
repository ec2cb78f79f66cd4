"""Hosts without a scheme in a text, how plain they are, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.guards.mentions import Mention, mentions

TEXTS: dict[str, tuple[str, list[Mention]]] = {
    # what stands there    text                                  hosts: name, port, path, whether plain
    "a name":            ("as example.com says",               [Mention("example.com", 0, "", False)]),
    "with a port":       ("open example.com:80.",              [Mention("example.com", 80, "", True)]),
    "with a path":       ("open example.com/a?b (now)",        [Mention("example.com", 0, "/a?b", True)]),
    "a login":           ("git@example.com:a/b",               [Mention("example.com", 0, "", True)]),
    "a mail address":    ("ann@example.com: hello",            [Mention("example.com", 0, "", False)]),
    "behind a program":  ("curl -s -o x.txt example.com",      [Mention("x.txt", 0, "", False), Mention("example.com", 0, "", True)]),
    "in another part":   ("curl x | grep example.com",         [Mention("example.com", 0, "", False)]),
    "without a scheme":  ("src=//example.com/x",               [Mention("example.com", 0, "/x", True)]),
    "a file's ending":   ("setup.py:12 and curl setup.py/x",   [Mention("setup.py", 12, "", False), Mention("setup.py", 0, "/x", True)]),
    "IPv6":              ("[::1]:80 and ::1",                  [Mention("[::1]", 80, "", True), Mention("[::1]", 0, "", False)]),
    "IPv4":              ("10.0.0.1, 10.0.0.0/8",              [Mention("10.0.0.1", 0, "", False), Mention("10.0.0.0", 0, "/8", False)]),
    "a short address":   ("127.1 kg; ping 127.1",              [Mention("127.1", 0, "", True)]),
    "one number":        ("2130706433; nc 2130706433",         [Mention("2130706433", 0, "", True)]),
    # none
    "a URL's host":      ("https://example.com/",              []),
    "a path":            ("./a.b/c.d",                         []),
    "names in code":     ("a::b::c, x[::1], $a.b",             []),
    "numbers":           ("3.14, 1.2/3.4, 12:30:45",           []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "found"), TEXTS.values(), ids=TEXTS)
def test_mentions(text: str, found: list[Mention]) -> None:
    assert list(mentions(text)) == found


@given(st.text(alphabet="curl -@:/.[]0127x\n|", max_size=200))
def test_hosts_stand_in_the_text(text: str) -> None:
    for one in mentions(text):
        assert one.host.strip("[]") in text.lower()
