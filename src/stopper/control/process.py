"""Tells whether the process that a run was started by still lives, though its id may be reused."""

from pathlib import Path
from typing import Final

from stopper.core.audit import Fact

__all__ = ["identity", "is_alive"]

_PID: Final = "pid"
_STARTED: Final = "pid_started"
_START_TIME: Final = 19
_DEAD: Final = frozenset({"Z", "X"})


def identity(pid: int) -> Fact:
    """What a run's `fact` keeps of its process: its id, and its start in clock ticks since boot."""
    state = _state(pid)
    return {_PID: pid, _STARTED: state[1] if state else None}


def is_alive(fact: Fact) -> bool:
    """Whether the process of `identity` runs; where none was kept nothing proves its death."""
    pid = fact.get(_PID)
    if not isinstance(pid, int):
        return True
    state = _state(pid)
    return state is not None and state[0] not in _DEAD and state[1] == fact.get(_STARTED)


def _state(pid: int) -> tuple[str, int] | None:
    """Its state letter and start time, from /proc/PID/stat (proc_pid_stat(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name stands in brackets and may hold anything, brackets and spaces included.
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[_START_TIME])
