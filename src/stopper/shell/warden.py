"""Runs commands for Stopper, one at a time, and sees to it that nothing of one outlives it.

Run by `python -I -S`, so only the standard library and nothing of Stopper. Descriptor 3 is the
channel to whoever wants commands run; its end is the end of the warden and of all it started.
A warden adopts what its commands leave behind, whatever session they have gone to, so every process
of a command is a descendant of it until it is dead.

It is asked by a letter. `r` runs a command: the descriptors come beside it, and behind it a length
(4 bytes) and so many bytes: folder, program, targets of the descriptors, number of arguments,
arguments, environment, all with NUL between. `t` has the command's group end itself, `k` kills all
that is left. It answers by a letter and a number: `e` not started (errno), `x` ended, `o` ended and
nothing else is left (wait status), `d` killed (how many).
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import time

CHANNEL = 3
ANSWER = struct.Struct("<ci")
LENGTH = struct.Struct("<I")
MAX_DESCRIPTORS = 64
MAX_REQUEST = 1 << 24
KILL_SECONDS = 5.0
ROUND_SECONDS = 0.05
PR_SET_CHILD_SUBREAPER = 36
DEFAULTED = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGQUIT, signal.SIGXFSZ)


def main() -> None:
    """Serve until the channel ends."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    close_above(CHANNEL)
    channel = socket.socket(fileno=CHANNEL)
    channel.set_inheritable(False)
    bell, far_bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(far_bell, warn_on_full_buffer=False)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while serve(channel, bell):
            pass


def close_above(last: int) -> None:
    """Close whatever else was inherited: no command is to have it."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  the warden imports little
        if int(name) > last:
            with contextlib.suppress(OSError):  # the descriptor that listed the folder
                os.close(int(name))


def serve(channel: socket.socket, bell: int) -> bool:
    """Do what is asked; false where nothing more will be."""
    asked, descriptors, _, _ = socket.recv_fds(channel, 1, MAX_DESCRIPTORS)
    for fd in descriptors:
        os.set_inheritable(fd, False)
    if asked == b"k":  # it came when the command had just ended
        channel.send(ANSWER.pack(b"d", 0))
    if asked != b"r":
        return asked != b""
    try:
        pid = start(receive(channel, LENGTH.unpack(receive(channel, LENGTH.size))[0]), descriptors)
    except OSError as fault:
        channel.send(ANSWER.pack(b"e", fault.errno or 1))
        return True
    finally:
        for fd in descriptors:
            os.close(fd)
        os.chdir("/")
    try:
        return follow(channel, bell, pid)
    finally:
        kill_all(bell)


def receive(channel: socket.socket, length: int) -> bytes:
    """So many bytes, or BrokenPipeError."""
    parts = bytearray()
    while len(parts) < length <= MAX_REQUEST:
        part = channel.recv(length - len(parts))
        if not part:
            break
        parts += part
    if len(parts) < length:
        raise BrokenPipeError
    return bytes(parts)


def start(request: bytes, descriptors: "list[int]") -> int:
    """Start the command in a session of its own; gives its process id."""
    folder, program, targets, count, *words = request.split(b"\0")
    argv, environ = words[: int(count)], words[int(count) :]
    numbers = [int(target) for target in targets.split(b",")]
    above = max(*numbers, CHANNEL) + 1
    with contextlib.ExitStack() as stack:
        actions = []
        for fd, number in zip(descriptors, numbers, strict=True):
            # copied above all targets, or one would overwrite the source of the next
            lifted = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above)
            stack.callback(os.close, lifted)
            actions.append((os.POSIX_SPAWN_DUP2, lifted, number))
        os.chdir(folder)
        return os.posix_spawn(
            program,
            argv,
            dict(pair.partition(b"=")[::2] for pair in environ if pair),
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=DEFAULTED,
        )


def follow(channel: socket.socket, bell: int, pid: int) -> bool:
    """Tell of the command's end and do what is asked, until nothing is left of it."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(bell, select.POLLIN)
    is_running = True
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if bell in ready:
            drain(bell)
            status, is_clean = reap(pid)
            if status is not None:
                is_running = False
                channel.send(ANSWER.pack(b"o" if is_clean else b"x", status))
                if is_clean:
                    return True
        if CHANNEL in ready:
            asked = channel.recv(1)
            if asked == b"t" and is_running:  # later its number may be another's
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGTERM)
            elif asked == b"k":
                left, status = kill_all(bell, pid)
                if status is not None:
                    channel.send(ANSWER.pack(b"x", status))
                channel.send(ANSWER.pack(b"d", left))
                return True
            elif not asked:
                return False


def drain(bell: int) -> None:
    """Take out what signals have written."""
    with contextlib.suppress(BlockingIOError):
        os.read(bell, 4096)


def reap(pid: int) -> "tuple[int | None, bool]":
    """The status of `pid` where it has just ended, and whether no child is left."""
    found = None
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found, True
        if child == 0:
            return found, False
        if child == pid:
            found = status


def kill_all(bell: int, pid: int = 0) -> "tuple[int, int | None]":
    """Kill every descendant; how many there were, and the status of `pid` if it was among them."""
    seen: set[int] = set()
    status = None
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        ended, is_clean = reap(pid)
        status = status if ended is None else ended
        if is_clean:
            break
        for child in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            seen.add(child)
        select.select([bell], [], [], ROUND_SECONDS)
        drain(bell)
    return len(seen - {pid}), status


def descendants(root: int) -> "list[int]":
    """All processes below `root` that are not dead yet, as /proc tells them now."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  the warden imports little
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                state, parent = file.read(1024).rpartition(b")")[2].split()[:2]
                if state != b"Z":
                    children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += below
    return found


if __name__ == "__main__":
    main()
