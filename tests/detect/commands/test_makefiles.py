import pytest

from stopper.detect.commands import is_dangerous, judge_command

WRITTEN = r"printf 'B := build\nall: a\na:\n\tmkdir -p $(B)\nclean:\n\trm -rf $(B)\nwipe:\n\trm -rf $(HOME)\n' > Makefile"
MAKEFILES = {
    # what is run                         command                                           dangerous
    "nothing":                       (WRITTEN,                                              False),
    "the first goal":                (f"{WRITTEN}; make",                                   False),
    "a goal":                        (f"{WRITTEN}; make clean",                             False),
    "a goal that deletes a home":    (f"{WRITTEN}; make wipe",                              True),
    "a variable on the line":        (f"{WRITTEN}; make clean B=/etc",                      True),
    "a goal that makes itself":      (r"printf 'a:\n\t$(MAKE) -j a\n' | make -f - a",       True),
    "a goal of another folder":      (r"printf 'a:\n\t$(MAKE) -C b a\n' | make -f - a",     False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "dangerous"), MAKEFILES.values(), ids=MAKEFILES)
def test_goals(command: str, dangerous: bool) -> None:
    """A makefile is data until its goals are made."""
    assert is_dangerous(judge_command(command)) == dangerous
