"""Waits for a flow in an event loop."""

import asyncio

from stopper.shell.flow import Flow, Wait
from stopper.shell.result import CommandResult

__all__ = ["drive_async"]


async def drive_async(flow: Flow) -> CommandResult:
    """Wait in the running event loop; cancelling it kills the command."""
    try:
        while True:
            await _ready(next(flow))
    except StopIteration as end:
        result: CommandResult = end.value
        return result
    finally:
        flow.close()


async def _ready(wait: Wait) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    timer = loop.call_later(max(0.0, wait.seconds), ready.set)
    for fd in wait.descriptors:
        loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        timer.cancel()
        for fd in wait.descriptors:
            loop.remove_reader(fd)
