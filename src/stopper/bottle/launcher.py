"""Runs first inside the bottle: binds the way out, hands it to the host, becomes the agent.

Run by `python -I -S`, so only the standard library and nothing of Stopper. Its arguments are
PORT BACKLOG TERMINAL COMMAND..., with TERMINAL `tty` or `-`. Descriptor 3 is the channel to the
host, 4 the agent's stderr: until the agent starts, 2 takes bubblewrap's complaints.
"""

import contextlib
import os
import resource
import signal
import socket
import sys

CHANNEL = 3
STDERR = 4
MAX_TASKS = 8192


def main() -> None:
    """Hand the listener out, wait for the host's go, and turn into the agent."""
    port, backlog, terminal, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    channel = socket.socket(fileno=CHANNEL)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(port)))
        listener.listen(int(backlog))
        socket.send_fds(channel, [b"listener"], [listener.fileno()])
    if channel.recv(1) != b"g":
        sys.exit(1)
    if terminal == "tty":
        take_foreground()
    os.dup2(STDERR, 2)
    close_all_but_channel()
    os.set_inheritable(CHANNEL, False)  # exec closes it, which tells the host that all went well
    tasks = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    most = MAX_TASKS if tasks == resource.RLIM_INFINITY else min(tasks, MAX_TASKS)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    # Not 0: at 0 the kernel still feeds a crash to a handler on the host, at 1 it does not.
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606  the host has checked it
    except OSError as fault:
        channel.send(f"{command[0]}: {fault.strerror}".encode())
        sys.exit(127)


def take_foreground() -> None:
    """Lead a process group of its own in front of the terminal.

    Its parent is then in the same session but another group, so Ctrl-Z can stop it: the kernel
    does not let a terminal stop a group that nobody could wake up.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def close_all_but_channel() -> None:
    """Close whatever was inherited, by what is really open and not by a guessed limit."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  the launcher imports little
        if int(name) > CHANNEL:
            with contextlib.suppress(OSError):  # the descriptor that listed the folder
                os.close(int(name))


if __name__ == "__main__":
    main()
