import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "settings that are kept out on purpose":   ("git add -f .env", True),
    "a key":                                   ("git add --force config/master.key", True),
    "what was built":                          ("git add -f dist", False),
    "what is not kept out":                    ("git add src", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_what_is_added(command: str, dangerous: bool) -> None:
    """Credentials that a repository is told to ignore are on their way out once they are added."""
    assert is_dangerous(judge_command(command)) is dangerous
