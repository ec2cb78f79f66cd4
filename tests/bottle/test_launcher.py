"""The launcher by itself: what it hands out, what it waits for, what it becomes."""

import array
import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopper.bottle import launcher
from stopper.bottle.observe import free_port
from stopper.bottle.plan import launcher_python
from stopper.bottle.process import Processes, spawn

LISTENER = struct.Struct("i")


class Started:
    """A launcher with the host's end of its channel."""

    def __init__(self, *command: str) -> None:
        self.port = free_port()
        self.channel, far = socket.socketpair()
        read, write = os.pipe()
        self.errors = os.fdopen(read, "rb")
        python = [launcher_python(), "-I", "-S", launcher.__file__]
        descriptors = {0: 0, 1: write, 2: write, 3: far.fileno(), 4: write}
        self._main = spawn([*python, str(self.port), "16", "-", *command], descriptors, None)
        far.close()
        os.close(write)

    def listener(self) -> socket.socket:
        """What it sends first."""
        data, extras, _, _ = self.channel.recvmsg(64, socket.CMSG_SPACE(LISTENER.size))
        assert data == b"listener"
        ((_, kind, payload),) = extras
        assert kind == socket.SCM_RIGHTS
        (fd,) = array.array("i", payload)
        return socket.socket(fileno=fd)

    def status(self) -> int:
        """Its exit status."""
        return asyncio.run(Processes(self._main).exit_status())

    def close(self) -> None:
        """Hang up."""
        self.channel.close()
        self.errors.close()


@pytest.fixture
def started() -> Iterator[list[Started]]:
    """Launchers that are hung up in the end."""
    launched: list[Started] = []
    yield launched
    for each in launched:
        each.close()


def test_it_becomes_the_command(started: list[Started]) -> None:
    """After the go; the channel then ends without a word."""
    one = Started("/bin/sh", "-c", "echo here; ls /proc/self/fd; exit 4")
    started.append(one)
    with one.listener() as listener:
        assert listener.getsockname() == ("127.0.0.1", one.port)
        one.channel.sendall(b"g")
        assert one.channel.recv(64) == b""
        assert one.status() == 4
        assert one.errors.read().split() == [b"here", b"0", b"1", b"2", b"3"]


def test_without_the_go_nothing_runs(started: list[Started], tmp_path: Path) -> None:
    """A host that goes away in between leaves no agent behind."""
    one = Started("/bin/sh", "-c", f"touch {tmp_path}/ran")
    started.append(one)
    with one.listener():
        one.channel.shutdown(socket.SHUT_WR)
        assert one.status() == 1
    assert not (tmp_path / "ran").exists()


def test_a_command_that_does_not_start(started: list[Started], tmp_path: Path) -> None:
    """The reason comes over the channel."""
    (tmp_path / "text").write_text("x")
    one = Started(str(tmp_path / "text"))
    started.append(one)
    with one.listener():
        one.channel.sendall(b"g")
        assert one.channel.recv(256).endswith(b"text: Permission denied")
        assert one.status() == 127


def test_limits(started: list[Started]) -> None:
    """No core dump reaches a handler on the host, and the number of tasks has a bound."""
    one = Started("/bin/cat", "/proc/self/limits")
    started.append(one)
    with one.listener():
        one.channel.sendall(b"g")
        assert one.status() == 0
    limits = {
        line[:26].strip(): line[26:].split()[:2] for line in one.errors.read().decode().splitlines()
    }
    assert limits["Max core file size"] == ["1", "1"]
    assert int(limits["Max processes"][1]) <= launcher.MAX_TASKS
