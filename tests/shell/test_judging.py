"""A command is judged by where it runs; a folder of the system is nobody's workspace."""

from pathlib import Path

import pytest

from stopper.detect.commands import is_dangerous
from stopper.shell import run_governed_command
from stopper.shell.judging import grave_parts, judge_in

HOME = "/home/u"
CASES = {
    # where and what it is              folder                      command             dangerous
    "in a project":                     ("/home/u/project",         "rm -rf build",     False),
    "in a container's folder":          ("/app",                    "rm -rf build",     False),
    "all of a project":                 ("/home/u/project",         "rm -rf *",         True),
    "outside of it":                    ("/home/u/project",         "rm -rf ../other",  True),
    "in the system's configuration":    ("/etc",                    "rm passwd",        True),
    "below it":                         ("/usr/lib/python3",        "rm -rf x",         True),
    "in the root":                      ("/",                       "rm -rf usr",       True),
    "in a home folder":                 ("/home/u",                 "rm -rf Documents", True),
    "above a home folder":              ("/home",                   "rm -rf u",         True),
    "in the folder of all temporary":   ("/var/tmp",                "rm -rf x",         False),  # noqa: S108
    "only looking":                     ("/etc",                    "ls -l",            False),
}  # fmt: skip


@pytest.mark.parametrize(("folder", "command", "dangerous"), CASES.values(), ids=CASES)
def test_folders(folder: str, command: str, dangerous: bool) -> None:
    assert is_dangerous(judge_in(command, folder, HOME)) is dangerous


def test_spans_are_those_of_the_text() -> None:
    (effect,) = judge_in("true; rm passwd", "/etc", HOME).effects
    start, end = effect.span
    assert "true; rm passwd"[start:end].strip().startswith(("true", "rm"))


def test_a_link_to_the_system_is_the_system(folder: Path) -> None:
    (folder / "link").symlink_to("/etc")
    result = run_governed_command("rm -f no-such-file", cwd="link")
    assert result.refusal is not None
    assert result.refusal.code == "shell.dangerous"


def test_what_is_said_of_danger() -> None:
    assert grave_parts(judge_in("ls; rm -rf /; rm -rf /", "/app", HOME)) == [
        "command.deletes_tree: /"
    ]
    assert grave_parts(judge_in("ls", "/app", HOME)) == []
