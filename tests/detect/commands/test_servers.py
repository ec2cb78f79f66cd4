import pytest

from stopper.detect.commands import judge_command

CASES = {
    # what is served              command                               whether it is all there is
    "a build":                   ("npx http-server dist",                False),
    "the workspace":             ("npx serve .",                         False),
    "the root":                  ("npx http-server /",                   True),
    "a home folder":             ("cd ~ && npx serve",                   True),
    "by an option":              ("caddy file-server --root /",          True),
    "another verb":              ("caddy run --config /",                False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "whole"), CASES.values(), ids=CASES)
def test_served_folders(command: str, whole: bool) -> None:
    codes = {effect.reason for effect in judge_command(command).effects}
    assert ("command.serves_files" in codes) == whole
