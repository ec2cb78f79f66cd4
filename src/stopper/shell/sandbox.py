"""A command in a bottle with no way out: it sees its folder and the system's programs."""

import contextlib
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from stopper.bottle.plan import Launch, plan_bottle
from stopper.bottle.process import memory_file
from stopper.bottle.sandbox import (
    ARGS_FD,
    CHANNEL_FD,
    FIRST_DATA_FD,
    INFO_FD,
    SECCOMP_FD,
    STDERR_FD,
    Kind,
    Mount,
    Plan,
    arrange,
    bwrap_argv,
    bwrap_options,
    contents,
)
from stopper.bottle.seccomp import seccomp_filter
from stopper.bottle.start import find_bwrap
from stopper.shell.spawn import Start
from stopper.stores.state import STATE_NAME

__all__ = ["sandboxed"]

_GO: Final = b"g"


_OF_BOTTLE: Final = frozenset({"HOME", "LOGNAME", "PATH", "TMPDIR", "USER"})


def sandboxed(start: Start, stack: contextlib.ExitStack, kept: contextlib.ExitStack) -> Start:
    """The same in a bottle. Raises BottleError.

    `stack` closes what a warden needs until it has been asked, `kept` what the bottle needs later.
    """
    plan = _plan(start)
    bwrap = find_bwrap()[0]
    argv = bwrap_argv(plan, bwrap, terminal=False)
    return Start(bwrap, tuple(argv), "/", {}, dict(_descriptors(plan, start, stack, kept)))


def _plan(start: Start) -> Plan:
    """The folder is the workspace; without providers the bottle has nobody to talk to."""
    home = Path.home()
    launch = Launch(
        command=(start.program, *start.argv[1:]),
        workspace=Path(start.folder),
        home=home,
        state=home / STATE_NAME,
        host=start.environment,
        agent="generic",
    )
    plan = plan_bottle(launch, {})
    records = Path(plan.workspace, STATE_NAME)
    if records.is_dir():
        plan = replace(plan, mounts=arrange([*plan.mounts, Mount(Kind.SCRATCH, str(records))]))
    own = {name: plan.environment[name] for name in _OF_BOTTLE & plan.environment.keys()}
    return replace(plan, environment={**start.environment, **own})


def _descriptors(
    plan: Plan, start: Start, stack: contextlib.ExitStack, kept: contextlib.ExitStack
) -> Iterator[tuple[int, int]]:
    """What bubblewrap and the launcher read; nobody takes the listener that the launcher offers."""
    channel, far = socket.socketpair()
    kept.enter_context(channel)
    channel.send(_GO)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    stack.callback(os.close, null)
    yield from ((number, start.descriptors[number]) for number in (0, 1, 2))
    yield STDERR_FD, start.descriptors[2]
    yield CHANNEL_FD, stack.enter_context(far).fileno()
    yield INFO_FD, null
    yield ARGS_FD, memory_file(stack, "\0".join(bwrap_options(plan)).encode())
    yield SECCOMP_FD, memory_file(stack, seccomp_filter(platform.machine()))
    for number, content in enumerate(contents(plan), FIRST_DATA_FD):
        yield number, memory_file(stack, content)
