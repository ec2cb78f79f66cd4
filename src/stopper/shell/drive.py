"""Waits for a flow in a thread."""

import math
import select

from stopper.shell.flow import Flow
from stopper.shell.result import CommandResult

__all__ = ["drive"]

_MILLI = 1000


def drive(flow: Flow) -> CommandResult:
    """Wait in this thread; whatever interrupts it kills the command."""
    try:
        while True:
            wait = next(flow)
            poll = select.poll()
            for fd in wait.descriptors:
                poll.register(fd, select.POLLIN)
            poll.poll(max(0, math.ceil(wait.seconds * _MILLI)))
    except StopIteration as end:
        result: CommandResult = end.value
        return result
    finally:
        flow.close()
