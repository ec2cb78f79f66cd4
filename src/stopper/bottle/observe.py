"""Runs an agent with no sandbox at all: it is only asked to use the way out.

For machines where no bottle can start, and only by explicit request. What holds in a bottle does
not hold here: the agent can go around the egress, read the user's files, and the listener is on
the host's loopback, where every local user can connect to it.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from stopper.bottle.process import Processes
from stopper.bottle.sandbox import BACKLOG, Kind, Plan
from stopper.errors import BottleError

__all__ = ["OBSERVE_WARNING", "forget_files", "free_port", "observe"]

OBSERVE_WARNING: Final = (
    "isolation is `observe`: nothing keeps this agent inside, it is only asked to use Stopper's "
    "egress. Budgets hold for what it sends through it, and for nothing else."
)


def free_port() -> int:
    """A port of the host's loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def observe(plan: Plan, stdio: tuple[int, int, int]) -> tuple[Processes, socket.socket, int]:
    """Start the plan's command on the host; gives its process, the listener and its process id.

    It shares Stopper's terminal and process group, as any program that a shell starts.
    """
    listener = _listen(plan.port)
    _write_files(plan)
    stdin, stdout, stderr = stdio
    try:
        agent = subprocess.Popen(
            plan.command,
            cwd=plan.workspace,
            env=plan.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
    except OSError as fault:
        listener.close()
        raise BottleError(f"the agent's command does not start: {fault}") from None
    agent.returncode = 0  # reaped by its descriptor
    processes = Processes(os.pidfd_open(agent.pid))
    processes.agent = processes.main
    return processes, listener, agent.pid


def forget_files(plan: Plan) -> None:
    """Remove what `observe` wrote."""
    shutil.rmtree(plan.own, ignore_errors=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as fault:
        listener.close()
        raise BottleError(f"port {port} was free and now is not ({fault}): try again") from None
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _write_files(plan: Plan) -> None:
    for mount in plan.mounts:
        if mount.kind is Kind.FILE and Path(mount.target).is_relative_to(plan.own):
            path = Path(mount.target)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(mount.data)
