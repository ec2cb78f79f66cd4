import pytest

from stopper.detect.commands import is_dangerous, judge_command

CALLS = {
    # what is tried, a command, and whether it is dangerous
    "the name of a shell's code":         ('find ~/a -type f | xargs -n1 sh -c \'gpg -c "$0" && mv "$0.gpg" "$0"\'', True),
    "the name of code that only looks":   ('find ~/a -type f | xargs -n1 sh -c \'wc -l "$0"\'', False),
    "what a name deletes":                ('sh -c \'rm -rf "$0"\' /etc', True),
    "the environment of what is live":    ("docker exec api-prod env", True),
    "that of a live namespace":           ("kubectl exec -n prod a -- printenv", True),
    "that of another container":          ("docker exec api env", False),
    "one variable of what is live":       ("docker exec api-prod printenv LANG", False),
    "this machine's after a live one":    ("docker exec api-prod true; env", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), CALLS.values(), ids=CALLS)
def test_runs(command: str, dangerous: bool) -> None:
    """What a shell is told behind its code, and which container a program runs in."""
    assert is_dangerous(judge_command(command)) == dangerous
