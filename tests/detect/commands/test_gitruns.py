import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "settings that are kept out on purpose":   ("git add -f .env", True),
    "a key":                                   ("git add --force config/master.key", True),
    "what was built":                          ("git add -f dist", False),
    "what is not kept out":                    ("git add src", False),
    "the repository, by what git says":        ('rm -rf "$(git rev-parse --git-dir)"', True),
    "all of it, by what git says":             ('rm -rf "$(git rev-parse --show-toplevel)"', True),
    "output, by what git says":                ('rm -rf "$(git rev-parse --show-toplevel)/dist"', False),
    "that of each module":                     ("git submodule foreach 'rm -rf \"$(git rev-parse --git-dir)\"'", True),
    "what each module says":                   ("git submodule foreach 'git rev-parse HEAD'", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_what_git_runs(command: str, dangerous: bool) -> None:
    """What a repository is told to ignore is on its way out once added; folders are what git says."""
    assert is_dangerous(judge_command(command)) is dangerous
