"""Processes with exactly the descriptors that they are to have."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from stopper.bottle.process import Processes, memory_file, readable, spawn

SHELL = "/bin/sh"


def run(script: str, **more: int) -> tuple[int, bytes]:
    """Run a shell script; gives its exit status and output."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as output:
        main = spawn(
            [SHELL, "-c", script], {1: write, **{int(k[2:]): v for k, v in more.items()}}, None
        )
        os.close(write)
        status = asyncio.run(Processes(main).exit_status())
        return status, output.read()


STATUSES = {"exit 0": 0, "exit 9": 9, "kill -TERM $$": 143, "kill -KILL $$": 137}


@pytest.mark.parametrize(("script", "status"), STATUSES.items(), ids=STATUSES)
def test_status(script: str, status: int) -> None:
    """The program's own, or 128 and the signal."""
    assert run(script)[0] == status


def test_descriptors_may_cross() -> None:
    """What becomes 5 is here 6 and the other way round: none is lost on the way."""
    with contextlib.ExitStack() as stack:
        one, other = (memory_file(stack, text) for text in (b"one", b"other"))
        status, said = run("cat <&5; echo; cat <&6", fd5=other, fd6=one)
        assert (status, said) == (0, b"other\none")
    for numbers in ((5, 6), (6, 5)):
        with contextlib.ExitStack() as stack:
            placed = [_at(stack, number, b"%d" % number) for number in numbers]
            status, said = run("cat <&5; cat <&6", fd5=placed[0], fd6=placed[1])
            assert said == b"%d%d" % numbers


def test_its_own_session_and_an_empty_environment() -> None:
    """No controlling terminal of ours, and no variable."""
    status, said = run("ps=$(cat /proc/$$/stat); set -- $ps; echo $1 $6; cat /proc/$$/environ")
    pid, session = said.split()
    assert status == 0
    assert pid == session


def test_a_missing_program() -> None:
    """The fault of the system, at once."""
    with pytest.raises(FileNotFoundError):
        spawn(["/no/such/program"], {0: 0}, None)


def test_signals_to_nobody_are_nothing() -> None:
    """What is gone cannot be signalled, and that is no fault."""

    async def after() -> None:
        processes = Processes(spawn([SHELL, "-c", "exit 0"], {0: 0}, None))
        assert await processes.exit_status() == 0
        processes.kill()
        processes.signal_agent(signal.SIGTERM)

    asyncio.run(after())


def test_readable_waits() -> None:
    """It returns when there is something, and leaves the loop as it was."""

    async def wait() -> None:
        read, write = os.pipe()
        waiting = asyncio.ensure_future(readable(read))
        await asyncio.sleep(0)
        assert not waiting.done()
        os.write(write, b"x")
        await waiting
        assert not asyncio.get_running_loop().remove_reader(read)
        os.close(read)
        os.close(write)

    asyncio.run(wait())


def test_memory_files_have_no_path() -> None:
    """What is handed over this way is on no disk."""
    with contextlib.ExitStack() as stack:
        fd = memory_file(stack, b"secret")
        assert "memfd:" in str(Path(f"/proc/self/fd/{fd}").readlink())


def _at(stack: contextlib.ExitStack, number: int, content: bytes) -> int:
    """A file with this content, open at this very descriptor where that is free."""
    fd = memory_file(stack, content)
    if Path(f"/proc/self/fd/{number}").exists():
        return fd
    os.dup2(fd, number, inheritable=False)
    stack.callback(os.close, number)
    return number
