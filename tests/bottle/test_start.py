"""Real bottles: the listener that comes out, what goes in, how they end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from stopper.bottle.process import readable
from stopper.bottle.sandbox import Plan
from stopper.bottle.start import Bottle, start
from stopper.errors import BottleError

if TYPE_CHECKING:
    from .conftest import User
else:
    User = Any

pytestmark = pytest.mark.usefixtures("namespaces")

C_LIBRARY_SIGNALS = 0b11 << 31  # 32 and 33, which no program can set

PYTHON = os.path.realpath(sys.executable)


class Pipes:
    """Descriptors for an agent whose output is to be read."""

    def __init__(self) -> None:
        self.output, self._write = os.pipe()
        self._null = os.open(os.devnull, os.O_RDWR)
        self.stdio = (self._null, self._write, self._write)

    def text(self) -> str:
        """All that was written, once the agent is gone."""
        self._close(self._write)
        with os.fdopen(self.output) as output:
            return output.read()

    def close(self) -> None:
        """Close what is still open."""
        for fd in (self.output, self._write, self._null):
            self._close(fd)

    @staticmethod
    def _close(fd: int) -> None:
        with contextlib.suppress(OSError):
            os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """Pipes that are closed in the end."""
    made = Pipes()
    yield made
    made.close()


def bottled(
    plan: Plan, pipes: Pipes, during: Callable[[Bottle], Coroutine[Any, Any, None]] | None = None
) -> int:
    """Run a plan to its end and give the exit status."""

    async def run() -> int:
        bottle = await start(plan, pipes.stdio)
        with bottle.listener:
            if during is not None:
                await during(bottle)
            return await bottle.wait()

    return asyncio.run(run())


def code(text: str) -> tuple[str, ...]:
    """A command that runs Python source."""
    return (PYTHON, "-I", "-S", "-c", textwrap.dedent(text))


def test_the_host_accepts_what_the_agent_connects(user: User, pipes: Pipes) -> None:
    """The listener is the bottle's own loopback, served from outside."""

    async def echo(bottle: Bottle) -> None:
        server = await asyncio.start_server(_echo, sock=bottle.listener)
        async with server:
            await bottle.wait()

    talk = """
        import socket
        with socket.create_connection(("127.0.0.1", 3128)) as way_out:
            way_out.sendall(b"hello")
            print(way_out.recv(64).decode())
    """
    assert bottled(user.plan(*code(talk)), pipes, echo) == 0
    assert pipes.text() == "echo:hello\n"


def test_two_bottles_have_two_listeners(user: User, pipes: Pipes) -> None:
    """One port in both, and nothing of one is seen in the other: a listener is an identity."""

    async def run() -> set[bytes]:
        talk = "import socket,sys; socket.create_connection(('127.0.0.1', 3128)).sendall(b'x')"
        first = await start(user.plan(*code(f"{talk}; sys.stdin.read()")), pipes.stdio)
        second = await start(user.plan(*code("import time; time.sleep(60)")), pipes.stdio)
        loop = asyncio.get_running_loop()
        with first.listener, second.listener:
            connection, _ = await loop.sock_accept(first.listener)
            with connection:
                received = await loop.sock_recv(connection, 1)
            with pytest.raises(BlockingIOError):
                second.listener.accept()
            second.kill()
            await asyncio.gather(first.wait(), second.wait())
            return {received}

    assert asyncio.run(run()) == {b"x"}


def test_a_closed_listener_is_the_cutoff(user: User, pipes: Pipes) -> None:
    """The agent lives and is refused at once."""

    wait = """
        import signal, socket
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        print("ready", flush=True)
        signal.sigwait({signal.SIGUSR1})
        try:
            socket.create_connection(("127.0.0.1", 3128))
        except ConnectionRefusedError:
            print("refused")
    """

    async def cut(bottle: Bottle) -> None:
        await _said(pipes, b"ready")
        bottle.listener.close()
        bottle.signal(signal.SIGUSR1)

    assert bottled(user.plan(*code(wait)), pipes, cut) == 0
    assert pipes.text() == "refused\n"


ENDINGS = {
    # how the agent ends                status
    "by itself":                       ("raise SystemExit(0)",                            0),
    "with a status":                   ("raise SystemExit(7)",                            7),
    "by a signal":                     ("import os; os.kill(os.getpid(), 15)",            143),
    "by a fault":                      ("import os; os.abort()",                          134),
    "leaving a daemon behind":         ("import os, time; os.fork() or time.sleep(60)",   0),
}  # fmt: skip


@pytest.mark.parametrize(("text", "status"), ENDINGS.values(), ids=ENDINGS)
def test_exit_status(text: str, status: int, user: User, pipes: Pipes) -> None:
    """The agent's own, and 128 + N after signal N; a daemon keeps nothing alive."""
    assert bottled(user.plan(*code(text)), pipes) == status


def test_kill_takes_everything(user: User, pipes: Pipes) -> None:
    """Children that ignore signals and changed their session die with the bottle."""
    stubborn = """
        import os, signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.fork()
        os.setsid() if os.getpgrp() != os.getpid() else None
        time.sleep(60)
    """

    async def kill(bottle: Bottle) -> None:
        bottle.kill()
        bottle.kill()

    assert bottled(user.plan(*code(stubborn)), pipes, kill) == 137
    assert pipes.text() == ""


def test_terminate_lets_the_agent_finish(user: User, pipes: Pipes) -> None:
    """It hears SIGTERM, and its own status counts."""
    polite = """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print("ready", flush=True)
        signal.pause()
    """

    async def terminate(bottle: Bottle) -> None:
        await _said(pipes, b"ready")
        assert await bottle.terminate(30) == 5

    assert bottled(user.plan(*code(polite)), pipes, terminate) == 5


def test_terminate_does_not_wait_for_ever(user: User, pipes: Pipes) -> None:
    """An agent that ignores it is killed after the grace."""
    rude = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(60)
    """

    async def terminate(bottle: Bottle) -> None:
        await _said(pipes, b"ready")
        assert await bottle.terminate(0.01) == 137

    assert bottled(user.plan(*code(rude)), pipes, terminate) == 137


def test_nothing_but_the_three_descriptors(user: User, pipes: Pipes, tmp_path: Path) -> None:
    """Neither the channel nor anything that was open here and marked to be inherited."""
    listing = "import os; print([f for f in os.listdir('/proc/self/fd') if int(f) < 3 or os.path.exists(f'/proc/self/fd/{f}')])"
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        assert bottled(user.plan(*code(listing)), pipes) == 0
    assert pipes.text() == "['0', '1', '2']\n"


def test_signals_are_as_after_a_login(user: User, pipes: Pipes) -> None:
    """What this process ignores or blocks, the agent does not; Python's own habit included."""
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert bottled(user.plan("/bin/cat", "/proc/self/status"), pipes) == 0
    finally:
        signal.signal(signal.SIGUSR2, before)
    status = dict(line.split(":\t") for line in pipes.text().splitlines() if line.startswith("Sig"))
    assert int(status["SigIgn"], 16) & ~C_LIBRARY_SIGNALS == 0
    assert int(status["SigBlk"], 16) == 0


def test_environment_is_the_plans_and_nothing_else(
    user: User, pipes: Pipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the agent, and not in the process that stands before it."""
    monkeypatch.setenv("STOPPER_TEST_SECRET", "x")
    show = """
        import json, os
        init = open("/proc/1/environ").read().split("\\0")
        print(json.dumps([dict(os.environ), [part for part in init if part]]))
    """
    plan = user.plan(*code(show))
    assert bottled(plan, pipes) == 0
    agent, init = json.loads(pipes.text())
    assert {name: value for name, value in agent.items() if name not in {"PWD", "LC_CTYPE"}} == (
        plan.environment
    )
    assert init == []


def test_profile_folders_are_made(user: User, pipes: Pipes) -> None:
    """An agent's session folder is private to the user and keeps what the agent writes."""
    sessions = user.home / ".codex/sessions"
    plan = user.plan("/bin/sh", "-c", f"echo kept > {sessions}/x", agent="codex")
    assert bottled(plan, pipes) == 0
    assert (sessions / "x").read_text() == "kept\n"
    assert sessions.stat().st_mode & 0o777 == 0o700


def test_git_commits_inside(user: User, pipes: Pipes) -> None:
    """Hooks and configuration stay as they are, and the agent's work can be committed."""
    git = "/usr/bin/git"
    if not Path(git).exists():
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q", str(user.workspace)], check=True)
    work = f"""
        {git} -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m done &&
        {git} log --format=%s &&
        ! {git} config alias.x '!evil' 2>/dev/null &&
        ! mv .git away 2>/dev/null
    """
    assert bottled(user.plan("/bin/sh", "-c", work), pipes) == 0
    assert pipes.text() == "done\n"


FAILURES: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    # what is wrong                              the change                                                       the error says
    "the command is gone when it starts":       (lambda p: replace(p, command=("/gone",)),                        "/gone: No such file"),
    "the interpreter is gone":                  (lambda p: replace(p, python="/gone"),                            "execvp /gone"),
    "a folder is gone when it starts":          (lambda p: replace(p, workspace="/gone"),                         "Can't chdir to /gone"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), FAILURES.values(), ids=FAILURES)
def test_start_fails(change: Callable[[Plan], Plan], says: str, user: User, pipes: Pipes) -> None:
    """One error that names what was wrong; nothing is left open or running."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(BottleError, match=says):
        bottled(change(user.plan("/bin/true")), pipes)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_nothing_is_left_open(user: User, pipes: Pipes) -> None:
    """After a run every descriptor of it is closed."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert bottled(user.plan("/bin/true"), pipes) == 0
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


ORPHAN = """
import asyncio, os, sys
from pathlib import Path
from stopper.bottle.plan import Launch, plan_bottle
from stopper.bottle.start import start

async def main():
    home = Path(sys.argv[1])
    command = ("/bin/sh", "-c", "echo alive; exec sleep 1000")
    launch = Launch(command=command, workspace=home / "work", home=home, state=home / ".stopper",
                    host={"PATH": os.defpath})
    bottle = await start(plan_bottle(launch, {}), (0, 1, 2))
    await bottle.wait()

asyncio.run(main())
"""


def test_a_bottle_dies_with_stopper(user: User) -> None:
    """Even if Stopper is killed outright: the pipe that the agent holds comes to its end."""
    runner = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(user.home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    with runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"alive\n"
        runner.kill()
        assert runner.stdout.read() == b""


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"echo:" + await reader.read(64))
    await writer.drain()
    writer.close()


async def _said(pipes: Pipes, text: bytes) -> None:
    """Wait until the agent has written this."""
    await readable(pipes.output)
    assert os.read(pipes.output, 64).strip() == text


def test_the_listener_is_what_it_should_be(user: User, pipes: Pipes) -> None:
    """A TCP listener on the bottle's loopback, non-blocking, not to be inherited."""

    async def look(bottle: Bottle) -> None:
        assert bottle.listener.family == socket.AF_INET
        assert bottle.listener.getsockname() == ("127.0.0.1", bottle.plan.port)
        assert not bottle.listener.getblocking()
        assert not bottle.listener.get_inheritable()

    assert bottled(user.plan("/bin/true"), pipes, look) == 0
