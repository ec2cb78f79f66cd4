"""Diffs are read as diff, git and difflib write them, and applied where they fit or not at all."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.patch.text import lines_of
from stopper.patch.unified import DiffError, MisfitError, apply_hunks, read_diff

LINE = st.text("ab \t", max_size=3)
LINES = st.lists(LINE, max_size=30).map(lambda lines: [f"{line}\n" for line in lines])


@given(LINES, LINES, st.integers(0, 4))
def test_what_difflib_writes_makes_the_one_of_the_other(
    old: list[str], new: list[str], context: int
) -> None:
    diff = "".join(difflib.unified_diff(old, new, "a/f", "b/f", n=context))
    if old == new:
        return
    (file,) = read_diff(diff)
    assert file.name == "f"
    assert apply_hunks(old, file.hunks) == new
    windows = [line.replace("\n", "\r\n") for line in old]
    assert apply_hunks(windows, file.hunks, crlf=True) == [
        line.replace("\n", "\r\n") for line in new
    ]


@given(st.text("@-+ ,01ab/\\\n", max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for head in ("", "--- a/f\n+++ b/f\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n"):
        try:
            files = read_diff(head + text)
            for file in files:
                apply_hunks(["a\n", "b\n", "1"], file.hunks)
        except (DiffError, MisfitError):
            continue


HEAD = "--- a/f\n+++ b/f\n"
APPLIED = {
    # what is applied           lines               diff                                                    after
    "a line":                   ("1\n2\n3\n",       "@@ -1,3 +1,3 @@\n 1\n-2\n+x\n 3\n",                    "1\nx\n3\n"),
    "a line that moved":        ("0\n0\n1\n2\n3\n", "@@ -1,3 +1,3 @@\n 1\n-2\n+x\n 3\n",                    "0\n0\n1\nx\n3\n"),
    "no end any more":          ("1\n2\n",          "@@ -1,2 +1,2 @@\n 1\n-2\n+2\n\\ No newline at end of file\n", "1\n2"),
    "an end at last":           ("1\n2",            "@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+2\n", "1\n2\n"),
    "a blank that was stripped": ("1\n\n3\n",       "@@ -1,3 +1,3 @@\n 1\n\n-3\n+x\n",                      "1\n\nx\n"),
    "a heading behind":         ("1\n",             "@@ -1 +1 @@ def f():\n-1\n+2\n",                       "2\n"),
    "put in at the start":      ("1\n",             "@@ -0,0 +1 @@\n+0\n",                                  "0\n1\n"),
    "a line of dashes":         ("-- x\n",          "@@ -1 +1 @@\n--- x\n+++ y\n",                          "++ y\n"),
    "git's own lines":          ("1\n",             "@@ -1 +1 @@\n-1\n+2\n-- \n2.43.0\n",                   "2\n"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "diff", "after"), APPLIED.values(), ids=APPLIED)
def test_applied(lines: str, diff: str, after: str) -> None:
    (file,) = read_diff(HEAD + diff)
    assert "".join(apply_hunks(lines_of(lines), file.hunks)) == after


UNREADABLE = {
    "nothing": "",
    "a text": "hello\n",
    "no hunk": HEAD,
    "a hunk of no file": "@@ -1 +1 @@\n-a\n+b\n",
    "fewer lines than it says": HEAD + "@@ -1,3 +1,3 @@\n a\n-b\n+c\n",
    "other lines than it says": HEAD + "@@ -1,1 +1,2 @@\n-a\n-b\n+c\n+d\n",
    "no head": HEAD + "@@ nonsense @@\n-a\n+b\n",
    "another name": "--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n",
    "a rename": "diff --git a/f b/g\nrename from f\nrename to g\n" + HEAD + "@@ -1 +1 @@\n-a\n+b\n",
    "binary": "diff --git a/f b/f\nGIT binary patch\nliteral 3\n",
    "nobody": "--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n",
    "a name in quotes": '--- "a/f"\n+++ "b/f"\n@@ -1 +1 @@\n-a\n+b\n',
}


@pytest.mark.parametrize("diff", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(diff: str) -> None:
    with pytest.raises(DiffError):
        read_diff(diff)


MISFITS = {
    "other lines": ("a\nb\n", "@@ -1 +1 @@\n-x\n+y\n"),
    "too far away": ("0\n" * 1200 + "x\n", "@@ -1 +1 @@\n-x\n+y\n"),
    "two places as near": ("x\n0\nx\n", "@@ -2 +2 @@\n-x\n+y\n"),
    "behind the end": ("a\n", "@@ -9,0 +10 @@\n+y\n"),
    "out of order": ("a\nb\n", "@@ -2 +2 @@\n-b\n+y\n@@ -1 +1 @@\n-a\n+z\n"),
}


@pytest.mark.parametrize(("lines", "diff"), MISFITS.values(), ids=MISFITS)
def test_misfits(lines: str, diff: str) -> None:
    with pytest.raises(MisfitError):
        apply_hunks(lines_of(lines), read_diff(HEAD + diff)[0].hunks)
