import pytest

from stopper.detect.commands import judge_command
from stopper.detect.commands.endless import is_huge
from stopper.detect.effects import EffectKind

ENDLESS = {
    # what is tried                     command                                              whether it exhausts
    "a file that never ends":          ("yes > a",                                            True),
    "through filters":                 ("cat /dev/zero | tr a b | base64 > a",                True),
    "cut short":                       ("cat /dev/urandom | tr -dc a-z | head -c 9 > a",      False),
    "to keep a processor busy":        ("yes > /dev/null",                                    True),
    "answers":                         ("yes | apt install a",                                False),
    "kept in memory":                  ("yes | sort",                                         True),
    "kept in a variable":              ("a=$(yes)",                                           True),
    "a short one in a variable":       ("a=$(yes | head -n 3)",                               False),
    "copied":                          ("cp /dev/zero a",                                     True),
    "copied away":                     ("cp a /dev/full",                                     False),
    "in blocks without a count":       ("dd if=/dev/zero of=a",                               True),
    "in blocks with one":              ("dd if=/dev/zero of=a bs=1M count=9",                 False),
    "in too many blocks":              ("dd if=/dev/zero of=a bs=1G count=9999",              True),
    "a loop that makes files":         ('while :; do : > "a$((i++))"; done',                  True),
    "a loop that ends":                ("while :; do date >> a; [ -s b ] && break; done",     False),
    "a loop that waits":               ("while true; do date >> a; sleep 1; done",            False),
    "a loop that does nothing":        ("while :; do :; done",                                True),
    "a loop that doubles":             ('while :; do a="$a$a"; done',                         True),
    "a sign in quotes":                ('while :; do curl "b?c=$c&d=1" || break; done',       False),
    "awk's own loop":                  ("awk 'BEGIN{while(1) a = a \"b\"}'",                  True),
}  # fmt: skip
SIZES = {
    "bytes": ("99999999999", False), "too many bytes": ("999999999999", True),
    "gigabytes": ("10G", False), "too many gigabytes": ("500GiB", True),
    "terabytes": ("1T", True), "no size": ("a", False),
}  # fmt: skip


@pytest.mark.parametrize(("command", "exhausts"), ENDLESS.values(), ids=ENDLESS)
def test_what_never_ends(command: str, exhausts: bool) -> None:
    """Only what keeps or writes all of it exhausts the machine."""
    kinds = judge_command(command).kinds
    assert (EffectKind.FORK_BOMB in kinds) == exhausts


@pytest.mark.parametrize(("size", "huge"), SIZES.values(), ids=SIZES)
def test_sizes(size: str, huge: bool) -> None:
    assert is_huge(size) == huge
