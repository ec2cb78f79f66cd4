"""A diff changes all of its files or none, and none outside of the folder."""

from pathlib import Path

import pytest

from stopper.errors import PatchError
from stopper.patch import apply_patch, list_backups

CHANGE = "--- a/f.py\n+++ b/f.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
MAKE = "--- /dev/null\n+++ b/new/deep/g.py\n@@ -0,0 +1 @@\n+b = 1\n"
TAKE = "--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"


@pytest.fixture(autouse=True)
def files(project: Path) -> None:
    (project / "f.py").write_text("a = 1\n")
    (project / "f.py").chmod(0o750)
    (project / "old.txt").write_text("gone\n")


def test_change_make_and_take(project: Path) -> None:
    result = apply_patch(CHANGE + MAKE + TAKE)
    assert result
    assert [file.changed for file in result.files] == [True, True, True]
    assert (project / "f.py").read_text() == "a = 2\n"
    assert (project / "f.py").stat().st_mode & 0o777 == 0o750
    assert (project / "new/deep/g.py").read_text() == "b = 1\n"
    assert not (project / "old.txt").exists()
    assert list_backups("old.txt")[0].file.read_text() == "gone\n"


def test_a_dry_run(project: Path) -> None:
    result = apply_patch(CHANGE + MAKE + TAKE, dry_run=True)
    assert result
    assert "+a = 2" in result.diff
    assert "-gone" in result.diff
    assert sorted(one.name for one in project.iterdir()) == [".stopper", "f.py", "old.txt"]


REFUSED = {
    # what is refused                    diff                                                              code
    "no diff":                           ("hello",                                                         "patch.bad_diff"),
    "a file twice":                      (CHANGE + CHANGE,                                                 "patch.bad_diff"),
    "above the folder":                  (CHANGE.replace("/f.py", "/../f.py"),                             "patch.outside"),
    "from the root":                     (CHANGE.replace("a/f.py", "/etc/x").replace("b/f.py", "/etc/x"),  "patch.outside"),
    "through a link":                    (CHANGE.replace("/f.py", "/link/f.py"),                           "patch.outside"),
    "what does not fit":                 (CHANGE.replace("a = 1", "a = 9"),                                "patch.does_not_apply"),
    "a file that is not there":          (CHANGE.replace("/f.py", "/g.py"),                                "patch.does_not_apply"),
    "a file that is there":              (MAKE.replace("new/deep/g.py", "f.py"),                           "patch.does_not_apply"),
    "part of a file":                    (TAKE.replace("old.txt", "more.txt"),                             "patch.does_not_apply"),
    "broken syntax":                     (CHANGE.replace("a = 2", "a = ("),                                "patch.breaks_syntax"),
    "bytes":                             (CHANGE.replace("f.py", "bytes"),                                 "patch.not_text"),
}  # fmt: skip


@pytest.mark.parametrize(("diff", "code"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("others", ["", TAKE], ids=["alone", "behind another"])
def test_refused(project: Path, tmp_path: Path, diff: str, code: str, others: str) -> None:
    (tmp_path / "f.py").write_text("a = 1\n")
    (project / "link").symlink_to("..")
    (project / "more.txt").write_text("gone\nstays\n")
    (project / "bytes").write_bytes(b"\xff")
    result = apply_patch(others + diff if "---" in diff else diff)
    assert result.refusal is not None
    assert result.refusal.code == code
    assert (project / "f.py").read_text() == (tmp_path / "f.py").read_text() == "a = 1\n"
    assert (project / "old.txt").exists()


def test_a_fault_in_the_middle_puts_all_back(project: Path) -> None:
    """The second file cannot be written; the first is what it was, and so is what was taken away."""
    (project / "locked.py").write_text("a = 1\n")
    (project / "locked.py").chmod(0o444)
    with pytest.raises(PatchError, match="read-only"):
        apply_patch(CHANGE + TAKE + MAKE + CHANGE.replace("f.py", "locked.py"))
    assert (project / "f.py").read_text() == "a = 1\n"
    assert (project / "f.py").stat().st_mode & 0o777 == 0o750
    assert (project / "old.txt").read_text() == "gone\n"
    assert not (project / "new/deep/g.py").exists()
