"""Whether a run's process lives, though its id may be used again."""

import os
import subprocess
import sys

import pytest

from stopper.control.process import identity, is_alive
from stopper.core.audit import Fact


def test_this_process_lives() -> None:
    assert is_alive(identity(os.getpid()))


def test_a_process_that_ended_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        fact = identity(process.pid)
        assert is_alive(fact)
        process.communicate(b"\n")
    assert not is_alive(fact)


def test_a_process_that_nobody_has_waited_for_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        fact = identity(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(fact)


FACTS = {
    # what was kept            the fact                                expected
    "an id that is reused":   ({"pid": os.getpid(), "pid_started": 1}, False),
    "no start":               ({"pid": os.getpid()},                   False),
    "no process at all":      ({},                                     True),
    "something else":         ({"pid": "many"},                        True),
}  # fmt: skip


@pytest.mark.parametrize(("fact", "expected"), FACTS.values(), ids=FACTS)
def test_what_was_kept_decides(fact: Fact, expected: bool) -> None:
    assert is_alive(fact) is expected
