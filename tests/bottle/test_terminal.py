"""An agent at a terminal: keys, sizes and signals do what they do without a bottle."""

import asyncio
import os
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stopper
from stopper.bottle.process import Processes, spawn

if TYPE_CHECKING:
    from .conftest import User
else:
    User = Any

pytestmark = pytest.mark.usefixtures("namespaces")

PATIENCE_SECONDS = 30.0
CTRL_C, CTRL_Z = b"\x03", b"\x1a"

RUNNER = """
import asyncio, os, signal, sys
from pathlib import Path
from stopper.bottle.plan import Launch, plan_bottle
from stopper.bottle.start import start
import uvloop

async def main():
    home = Path(sys.argv[1])
    launch = Launch(command=tuple(sys.argv[3:]), workspace=home / "work", home=home,
                    state=home / ".stopper", host=dict(os.environ))
    bottle = await start(plan_bottle(launch, {}))
    with bottle.listener:
        if sys.argv[2] == "crash":
            raise RuntimeError("crashed")
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, bottle.kill)
        status = await bottle.wait()
    print("status", status)

uvloop.run(main())
"""

AGENT = """
import os, signal, sys, time
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
signal.signal(signal.SIGINT, lambda *_: say("interrupted"))
signal.signal(signal.SIGCONT, lambda *_: say("continued"))
signal.signal(signal.SIGWINCH, lambda *_: say("size", *os.get_terminal_size()))
say("ready", *os.get_terminal_size())
for line in sys.stdin:
    say("heard", line.strip())
"""

STOPS_ITSELF = """
import os, signal, sys, termios, tty
tty.setraw(0)
print("ready", end="\\r\\n", flush=True)
while key := os.read(0, 1):
    if key == b"\\x1a":
        os.kill(0, signal.SIGTSTP)
        print("continued", end="\\r\\n", flush=True)
    if key == b"q":
        break
"""


class Screen:
    """A terminal with a shell or a program on it; used as a person would."""

    def __init__(self, user: User, *command: str) -> None:
        self.master, self.slave = os.openpty()
        self.resize(80, 24)
        source = str(Path(stopper.__file__).parents[1])
        shown = [f"PATH={os.defpath}", f"HOME={user.home}", f"PYTHONPATH={source}", "TERM=dumb"]
        argv = ["/usr/bin/env", *shown, "PS1=out> ", *command]
        terminal = dict.fromkeys((0, 1, 2), self.slave)
        self._main = spawn(argv, terminal, os.ttyname(self.slave))
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size, as dragging its corner does."""
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def signal(self, number: signal.Signals) -> None:
        """Signal the program."""
        signal.pidfd_send_signal(self._main, number)

    def expect(self, text: bytes) -> bytes:
        """Wait until the text appears behind what was found before; gives what came between."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not come: {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536)
        between, _, self.seen = self.seen.partition(text)
        return between

    def modes(self) -> list[Any]:
        """The terminal's settings."""
        return termios.tcgetattr(self.slave)

    def end(self) -> int:
        """Wait for the program and give its exit status."""
        status = asyncio.run(Processes(self._main).exit_status())
        self._main = -1
        return status

    def close(self) -> None:
        """Hang up."""
        if self._main != -1:
            signal.pidfd_send_signal(self._main, signal.SIGKILL)
            self.end()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """Screens that are hung up in the end."""
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.close()


def runner(user: User, how: str, *command: str) -> tuple[str, ...]:
    """The command line that runs a bottle on a terminal."""
    return (sys.executable, "-W", "error", "-c", RUNNER, str(user.home), how, *command)


def python(text: str) -> tuple[str, ...]:
    """A command that runs Python source as an agent."""
    return (os.path.realpath(sys.executable), "-I", "-S", "-c", text)


def test_keys_sizes_and_interrupts(user: User, screens: list[Screen]) -> None:
    """A resize reaches the agent, and Ctrl-C interrupts it and not Stopper."""
    screen = Screen(user, *runner(user, "wait", *python(AGENT)))
    screens.append(screen)
    before = screen.modes()
    screen.expect(b"ready 80 24")
    screen.type(b"hello\r")
    screen.expect(b"heard hello")
    screen.resize(100, 30)
    screen.expect(b"size 100 30")
    screen.type(CTRL_C)
    screen.expect(b"interrupted")
    screen.type(b"still here\r")
    screen.expect(b"heard still here")
    screen.type(b"\x04")
    screen.expect(b"status 0")
    assert screen.end() == 0
    assert screen.modes() == before


def test_interrupting_a_child(user: User, screens: list[Screen]) -> None:
    """Ctrl-C ends what the agent's shell runs, and the shell goes on."""
    wait = "trap : INT; sh -c 'echo ready; exec sleep 1000'; echo woken; exit 3"
    screen = Screen(user, *runner(user, "wait", "/bin/sh", "-c", wait))
    screens.append(screen)
    screen.expect(b"ready")
    screen.type(CTRL_C)
    screen.expect(b"woken")
    screen.expect(b"status 3")
    assert screen.end() == 0


SUSPENDED = {
    # who stops the agent on Ctrl-Z       the agent
    "its terminal":                      AGENT,
    "the agent itself, in raw mode":     STOPS_ITSELF,
}  # fmt: skip


@pytest.mark.parametrize("agent", SUSPENDED.values(), ids=SUSPENDED)
def test_suspend_and_resume(agent: str, user: User, screens: list[Screen]) -> None:
    """Ctrl-Z gives the shell back, `fg` goes on where it was."""
    shell = Screen(user, "/bin/bash", "--norc", "--noprofile", "--noediting", "-i")
    screens.append(shell)
    shell.expect(b"out> ")
    (user.home / "run.py").write_text(RUNNER)
    (user.home / "agent.py").write_text(agent)
    words = (sys.executable, str(user.home / "run.py"), str(user.home), "wait", *python("$(cat)"))
    line = " ".join(words[:-1]) + f' "$(cat {user.home}/agent.py)"\r'
    shell.type(line.encode())
    shell.expect(b"\nready")
    shell.type(CTRL_Z)
    shell.expect(b"Stopped")
    shell.expect(b"out> ")
    shell.type(b"echo the shell is $((40 + 2))\r")
    shell.expect(b"the shell is 42")
    shell.type(b"fg\r")
    shell.expect(b"continued")
    shell.type(CTRL_C + b"q" if agent is STOPS_ITSELF else b"again\r\x04")
    shell.expect(b"status 0" if agent is STOPS_ITSELF else b"heard again")
    shell.expect(b"out> ")
    shell.type(b"exit\r")
    assert shell.end() == 0


def test_a_crash_gives_the_terminal_back(user: User, screens: list[Screen]) -> None:
    """An exception in Stopper leaves no raw mode behind."""
    screen = Screen(user, *runner(user, "crash", *python(AGENT)))
    screens.append(screen)
    before = screen.modes()
    screen.expect(b"RuntimeError: crashed")
    assert screen.end() == 1
    assert screen.modes() == before


def test_a_killed_agent_leaves_no_modes(user: User, screens: list[Screen]) -> None:
    """The alternate screen, mouse and hidden cursor that it had switched on are switched off."""
    fancy = "import sys,time; sys.stdout.write('\\033[?10' + '49h\\033[?25l'); sys.stdout.flush(); time.sleep(60)"
    screen = Screen(user, *runner(user, "wait", *python(fancy)))
    screens.append(screen)
    before = screen.modes()
    screen.expect(b"\x1b[?1049h\x1b[?25l")
    screen.signal(signal.SIGUSR1)
    screen.expect(b"\x1b[?25h")
    screen.expect(b"\x1b[?1049l")
    screen.expect(b"status 137")
    assert screen.end() == 0
    assert screen.modes() == before


def test_much_output_arrives_whole(user: User, screens: list[Screen]) -> None:
    """Also what is written right before the end."""
    much = "print('x' * 200_000); print('the end')"
    screen = Screen(user, *runner(user, "wait", *python(much)))
    screens.append(screen)
    screen.expect(b"x" * 200_000)
    screen.expect(b"the end")
    screen.expect(b"status 0")
    assert screen.end() == 0


def test_the_agent_gets_a_terminal_of_its_own(user: User, screens: list[Screen]) -> None:
    """Not the user's: another device, and no way to open the user's by name."""
    show = "import os; print('device', os.fstat(0).st_rdev, os.isatty(1), os.listdir('/dev/pts'))"
    screen = Screen(user, *runner(user, "wait", *python(show)))
    screens.append(screen)
    screen.expect(b"device ")
    device, is_terminal, names = screen.expect(b"\r\n").decode().split(" ", 2)
    assert int(device) != os.fstat(screen.slave).st_rdev
    assert is_terminal == "True"
    assert names == "['ptmx']"
    screen.expect(b"status 0")
    assert screen.end() == 0
