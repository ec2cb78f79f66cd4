import pytest

from stopper.core.located import MAX_BYTES, Located, meant, read_texts, read_yaml
from stopper.errors import SettingsError

REFUSED = {
    # what we try           text                                  where and what is said
    "an anchor":           ("a: &x 1",                      "f:1:4: anchors are not used"),
    "an alias":            ("a: *x",                        "f:1:4: aliases are not used"),
    "a bare wildcard":     ("a:\n- *.example.com",          "aliases are not used here; put"),
    "a tag":               ("a: !!python/name:os.system x", "f:1:4: tags are not used"),
    "a tag of our own":    ("!x {a: 1}",                    "f:1:1: tags are not used"),
    "a directive":         ("%YAML 1.1\n---\na: 1",         "f:1:1: directives are not used"),
    "two documents":       ("a: 1\n---\nb: 2",              "f:2:1: not readable as YAML"),
    "a key twice":         ("a: 1\nb: 2\na: 3",             "f:3:1: 'a' stands here twice, first"),
    "a key twice below":   ("a: {b: 1,\n  b: 2}",           "f:2:3: 'b' stands here twice"),
    "a key that is a map": ("? {a: b}\n: c",                "f:1:3: a key that is no text"),
    "an open bracket":     ("a: [1",                        "f:1:6: not readable as YAML"),
    "a tab":               ("a:\n\tb: 1",                   "f:2:1: not readable as YAML"),
    "an odd indentation":  ("a: 1\n  b: 2",                 "f:2:4: not readable as YAML"),
    "a control character": ("a: 1\nbc: \x01",               "f:2:5: a character that YAML"),
    "a deep nest":         ("a: [[[[[1]]]]]",               "f:1:7: nested more than 4 deep"),
    "a very deep nest":    ("[" * MAX_BYTES,                "f:1:5: nested more than 4 deep"),
    "a bomb":              ("a: &a [x]\nb: [*a,*a]",        "f:1:4: anchors are not used"),
    "too long":            ("#" * (MAX_BYTES + 1),          "f: longer than"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, said: str) -> None:
    """Each row is refused with its line and column."""
    with pytest.raises(SettingsError) as caught:
        read_yaml(text, "f")
    assert said in str(caught.value)


def test_values_know_their_places() -> None:
    """Every text keeps what was written, its line, its column and its name."""
    read = read_yaml("a: 010\nb:\n  c: [x, 'y']\n  d:\n", "f")
    a, b = read.fields("").values()
    assert (a.content, a.place, a.name, a.key_place) == ("010", "f:1:4", "a", "f:1:1")
    c, d = b.fields("").values()
    assert [(item.content, item.place) for item in c.items()] == [("x", "f:3:7"), ("y", "f:3:10")]
    assert (c.name, d.content, d.name) == ("b.c", None, "b.d")


def test_nothing_is_nothing() -> None:
    """An empty document is an empty map and an empty list."""
    for text in ("", "# only this\n", "~", "null"):
        read = read_yaml(text, "f")
        assert read.fields("") == {}
        assert read.items() == ()


def test_the_largest_document_is_read() -> None:
    """The bound is on the text, and at the bound all is still read."""
    text = "a: [" + ",".join("x" * ((MAX_BYTES - 5) // 2)) + "]"
    assert len(read_yaml(text[:MAX_BYTES], "f").fields("")["a"].items()) == (MAX_BYTES - 5) // 2


def test_flags_are_texts_as_they_are() -> None:
    """What YAML would read otherwise is plain text in a flag."""
    assert read_texts("--policy", "shutdown", "*x: [").text("") == "*x: ["
    both = read_texts("--allow", "allow", ["*.a.com", "b.com"]).items()
    assert [item.content for item in both] == ["*.a.com", "b.com"]


def test_wrong_shapes_say_what_was_read() -> None:
    """A list is no text, a map no list, a text no map."""
    with pytest.raises(SettingsError, match="f: x: read a list; write a word"):
        Located("f", "x", ()).text("write a word")
    with pytest.raises(SettingsError, match="f: x: read a map; write a list"):
        Located("f", "x", {}).items()
    with pytest.raises(SettingsError, match="f: x: read 'y'; write a map"):
        Located("f", "x", "y").fields("write a map")
    with pytest.raises(SettingsError, match="f: x: read nothing; write a word"):
        Located("f", "x", None).text("write a word")


def test_long_texts_and_passwords_are_not_repeated() -> None:
    """A complaint shows the start of a long text, and nothing of what may be a password."""
    assert str(Located("f", "x", "y" * 99).fault("")) == f"f: x: read '{'y' * 60}' and more; "
    assert "hunter2" not in str(Located("f", "x", "https://me:hunter2@a.com").fault(""))


def test_meant() -> None:
    """Only a close word is offered."""
    assert meant("Budgt", ["budget", "allow"]) == "; did you mean 'budget'?"
    assert meant("colour", ["budget", "allow"]) == ""
