"""`stopper patch`: changes by diff, by content, by lines, and back again."""

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stopper.cli.app import stopper

Typed = Callable[..., Result]

DIFF = "--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "f.py").write_text("a = 1\nb = 2\n")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def fed(home: Path) -> Typed:
    """Types `stopper patch` and these words, with a stdin."""

    def run(stdin: str | bytes, *words: str) -> Result:
        return CliRunner().invoke(stopper, ["patch", *words], input=stdin, catch_exceptions=False)

    return run


DONE = {
    # what is done              stdin           words                       content then
    "a diff of a folder":       (DIFF,          ["."],                      "a = 1\nb = 3\n"),
    "a diff of the file":       (DIFF.replace("f.py", "g.py"), ["f.py"],    "a = 1\nb = 3\n"),
    "the whole content":        ("c = 1\n",     ["f.py", "--whole"],        "c = 1\n"),
    "two lines":                ("c = 1\n",     ["f.py", "--lines", "1:2"], "c = 1\n"),
    "one line":                 ("c = 1\n",     ["f.py", "--lines", "2"],   "a = 1\nc = 1\n"),
    "nothing":                  ("a = 1\nb = 2\n", ["f.py", "--whole"],     "a = 1\nb = 2\n"),
    "a dry run":                (DIFF,          [".", "--dry-run"],         "a = 1\nb = 2\n"),
}  # fmt: skip


@pytest.mark.parametrize(("stdin", "words", "then"), DONE.values(), ids=DONE)
def test_done(project: Path, fed: Typed, stdin: str, words: list[str], then: str) -> None:
    result = fed(stdin, *words)
    assert result.exit_code == 0, result.output
    assert (project / "f.py").read_text() == then


def test_bytes(project: Path, fed: Typed) -> None:
    assert fed(b"\x00\xff", "f.bin", "--whole").exit_code == 0
    assert (project / "f.bin").read_bytes() == b"\x00\xff"


REFUSED = {
    # what is wrong             stdin           words                       status  what is said
    "broken syntax":            ("a = (\n",     ["f.py", "--whole"],        1,      "patch.breaks_syntax"),
    "no diff":                  ("hello\n",     ["f.py"],                   1,      "patch.bad_diff"),
    "lines that are not there": ("x\n",         ["f.py", "--lines", "9"],   1,      "patch.bad_range"),
    "no numbers":               ("x\n",         ["f.py", "--lines", "a:b"], 2,      "FROM:TO"),
    "a number without end":     ("x\n",         ["f.py", "--lines", "9" * 5000], 2, "FROM:TO"),
    "two wishes":               ("x\n",         ["f.py", "--whole", "--backups"], 2, "choose one"),
    "no such backup":           ("",            ["f.py", "--restore", "ab"], 2,     "no backup"),
    "no such folder":           ("x\n",         ["gone/f.py", "--whole"],   1,      "does not exist"),
    "no text":                  (b"\xff",       ["f.py"],                   2,      "no UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("stdin", "words", "status", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(
    project: Path, fed: Typed, stdin: str | bytes, words: list[str], status: int, said: str
) -> None:
    result = fed(stdin, *words)
    assert result.exit_code == status
    assert said in " ".join(result.stderr.split())
    assert (project / "f.py").read_text() == "a = 1\nb = 2\n"


def test_there_and_back(project: Path, fed: Typed) -> None:
    assert "No backups" in fed("", "f.py", "--backups").stderr
    fed(DIFF, ".")
    (kept,) = json.loads(fed("", "f.py", "--backups", "--json").stdout)
    assert (kept["size"], kept["path"]) == (12, str((project / "f.py").resolve()))
    assert kept["sha256"][:12] in fed("", "f.py", "--backups").stdout
    assert "+b = 2" in fed("", "f.py", "--restore", kept["sha256"][:8], "--dry-run").stdout
    assert fed("", "f.py", "--restore", kept["sha256"][:8]).exit_code == 0
    assert (project / "f.py").read_text() == "a = 1\nb = 2\n"


def test_a_name_that_two_backups_have(project: Path, fed: Typed) -> None:
    names: set[str] = set()
    while not (common := first_of_two(names)):
        fed(f"a = {len(names)}\n", "f.py", "--whole")
        kept = json.loads(fed("", "f.py", "--backups", "--json").stdout)
        names = {one["sha256"] for one in kept}
    refused = fed("", "f.py", "--restore", common)
    assert refused.exit_code == 2
    assert f"begin with '{common}': write more of it" in " ".join(refused.stderr.split())


def first_of_two(names: set[str]) -> str:
    """The first character that two names share; there are 16, so that 17 names are enough."""
    firsts = [name[0] for name in sorted(names)]
    return next((one for one, other in pairwise(firsts) if one == other), "")


def test_json(fed: Typed) -> None:
    said = json.loads(fed(DIFF, ".", "--json").stdout)
    assert said["refusal"] is None
    assert said["files"][0]["changed"] is True


def test_a_diff_in_colour_cannot_steer_the_terminal(
    project: Path, fed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopper.cli.patch.has_colour", lambda _: True)
    shown = fed("a = 1\nb = '\x1b[2J'\n", "f.py", "--whole", "--dry-run").stdout
    assert "\x1b[31m-b = 2\x1b[0m" in shown
    assert "\x1b[2J" not in shown
    assert os.linesep in shown
