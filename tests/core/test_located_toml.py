"""Lines of TOML values, and complaints that name them."""

import pytest

from stopper.core.located import MAX_BYTES, Located
from stopper.core.located_toml import read_toml
from stopper.errors import SettingsError

TEXT = """\
# a comment
top = 1

[guards.network]
require_https = true
allowed = ["a.example", "b.example"]
text = "with [brackets] = and signs"

  [guards."my own".limits]
  heavy = 2
  a.b = 3.5
"""


def find(*path: str) -> Located:
    value = read_toml(TEXT, "g.toml")
    for step in path:
        assert isinstance(value.content, dict)
        value = value.content[step]
    return value


PLACES = {
    # the way to it                                      what        where
    ("top",):                                           ("1",       "g.toml:2:1"),
    ("guards", "network", "require_https"):             ("true",    "g.toml:5:1"),
    ("guards", "network", "text"):                      ("with [brackets] = and signs", "g.toml:7:1"),
    ("guards", "my own", "limits", "heavy"):            ("2",       "g.toml:10:3"),
    ("guards", "my own", "limits", "a", "b"):           ("3.5",     "g.toml:11:3"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "row"), PLACES.items(), ids=str)
def test_values_know_their_lines(path: tuple[str, ...], row: tuple[str, str]) -> None:
    value = find(*path)
    assert (value.content, value.place, value.name) == (*row, ".".join(path))


ITEMS = {
    # how it is written       text                                                       where the items begin
    "in one line":           ('a = ["x", "y"]',                                          ["1:6", "1:11"]),
    "in several lines":      ('a = [\n  "x", # "y", [\n  \'y\',\n]',                     ["2:3", "3:3"]),
    "with signs in them":    ('a = ["[,#\\"]", "]", """x,\n"y"]""", 1]',               ["1:6", "1:16", "1:21", "2:10"]),
    "numbers":               ("a = [1, 2.5,\ntrue]",                                     ["1:6", "1:9", "2:1"]),
    "lists in a list":       ("a = [[1, 2], [3]]",                                       ["1:6", "1:14"]),
    "maps in a list":        ("a = [{b = 1, c = 2},\n {b = [3]}]",                       ["1:6", "2:2"]),
    "none":                  ("a = [ ]",                                                 []),
    "tables":                ("[[a]]\nb = 1\n[[a]]\nb = 2",                              ["1:3", "1:3"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "places"), ITEMS.values(), ids=ITEMS)
def test_items_know_their_lines(text: str, places: list[str]) -> None:
    root = read_toml(text, "g.toml").content
    assert isinstance(root, dict)
    assert [item.place for item in root["a"].items()] == [f"g.toml:{place}" for place in places]
    assert {item.name for item in root["a"].items()} <= {"a"}


FAULTS = {
    # what we try          text                       complaint
    "no value":          ("a = 1\nb =\n",            r"g.toml:2:4: not readable as TOML \(Invalid value\)"),
    "twice":             ("a = 1\na = 2\n",          r"g.toml:2:6: not readable as TOML \(Cannot overwrite"),
    "no end":            ('a = "',                   r"g.toml: not readable as TOML"),
    "too long":          ("#" * (MAX_BYTES + 1),     r"g.toml: longer than"),
    "too deep":          ("a = " + "[" * 30_000,     r"g.toml: nested too deep"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_read(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read_toml(text, "g.toml")
