"""`.gitignore`, as git itself reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stopper.control.ignores import Ignores

CASES = {
    # what the patterns say     patterns                                what is asked about    whether it is left out
    "a name":                   ({".gitignore": "a.log"},               "a.log",               True),
    "another name":             ({".gitignore": "a.log"},               "b.log",               False),
    "a name below":             ({".gitignore": "a.log"},               "sub/a.log",           True),
    "from here only":           ({".gitignore": "/a.log"},              "sub/a.log",           False),
    "a folder":                 ({".gitignore": "sub/"},                "sub/a.log",           True),
    "a folder is no file":      ({".gitignore": "a.log/"},              "a.log",               False),
    "all but one":              ({".gitignore": "*.log\n!a.log"},       "a.log",               False),
    "said below":               ({"sub/.gitignore": "*.log"},           "sub/a.log",           True),
    "said beside":              ({"other/.gitignore": "*.log"},         "sub/a.log",           False),
    "taken back below":         ({".gitignore": "*.log", "sub/.gitignore": "!a.log"}, "sub/a.log", False),
    "not out of a folder":      ({".gitignore": "sub/", "sub/.gitignore": "!a.log"},  "sub/a.log", True),
    "any depth":                ({".gitignore": "sub/**/x"},            "sub/deep/er/x",       True),
    "a comment":                ({".gitignore": "# a.log"},             "a.log",               False),
    "no pattern beside one":    ({".gitignore": "!\na.log"},            "a.log",               True),
    "a range backwards":        ({".gitignore": "[z-a]\na.log"},        "a.log",               True),
    "only a range backwards":   ({".gitignore": "[z-a]"},               "b",                   False),
    "a class of no letters":    ({".gitignore": "[[:none:]]\na.log"},   "a.log",               True),
    "a name that is no text":   ({".gitignore": "*.log"},               "bad\udcff.log",       True),
    "another of those":         ({".gitignore": "*.log"},               "bad\udcff.txt",       False),
    "a pattern that is no text":({".gitignore": "bad\udcff*"},          "bad\udcff.txt",       True),
    "another byte":             ({".gitignore": "bad\udcfe*"},          "bad\udcff.txt",       False),
    "git's own":                ({},                                    ".git/config",         True),
}  # fmt: skip


def asked(top: Path, path: str) -> bool:
    """Whether a walk from `top` would leave this file out."""
    ignores, parts = Ignores.at(str(top)), Path(path).parts
    for name in parts[:-1]:
        if ignores.leaves_out(name, is_folder=True):
            return True
        ignores = ignores.below(name)
    return ignores.leaves_out(parts[-1], is_folder=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".git").mkdir()
    return folder


def write(folder: Path, files: dict[str, str], path: str) -> None:
    for name, text in ({path: ""} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, errors="surrogateescape")


@pytest.mark.parametrize(("files", "path", "out"), CASES.values(), ids=CASES)
def test_what_is_left_out(repository: Path, files: dict[str, str], path: str, *, out: bool) -> None:
    write(repository, files, path)
    assert asked(repository, path) is out


ASKED_OF_GIT = {name: row for name, row in CASES.items() if not row[1].startswith(".git/")}


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
@pytest.mark.parametrize(("files", "path", "out"), ASKED_OF_GIT.values(), ids=ASKED_OF_GIT)
def test_git_says_the_same(tmp_path: Path, files: dict[str, str], path: str, *, out: bool) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, files, path)
    command = ["git", "-C", str(tmp_path), "check-ignore", "-q", path]
    assert (subprocess.run(command, check=False).returncode == 0) is out


def test_a_folder_of_a_repository_hears_those_above(repository: Path) -> None:
    write(repository, {".gitignore": "*.log\n/sub/x"}, "sub/deep/a.log")
    assert asked(repository / "sub" / "deep", "a.log")
    assert asked(repository / "sub", "x")


def test_without_a_repository_nothing_above_counts(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.log"}, "sub/a.log")
    assert not asked(tmp_path / "sub", "a.log")
    assert asked(tmp_path, "sub/a.log")


def test_a_link_says_nothing(repository: Path) -> None:
    (repository.parent / "patterns").write_text("*.log")
    (repository / ".gitignore").symlink_to(repository.parent / "patterns")
    assert not asked(repository, "a.log")
