"""In the bottle a command sees its folder and the system, and nobody outside."""

import subprocess
import sys
from pathlib import Path

import pytest

from stopper.errors import BottleError
from stopper.shell import run_governed_command

CLONE_NEWUSER = 0x10000000


@pytest.fixture(autouse=True)
def namespaces() -> None:
    """Skips where the kernel forbids user namespaces; nothing else is an excuse."""
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
    if subprocess.run([sys.executable, "-c", attempt], check=False).returncode != 0:
        pytest.skip("this kernel forbids user namespaces, so no bottle can start")


def run(command: str, **more: float) -> str:
    result = run_governed_command(
        command, sandbox=True, policy="warn", timeout=more.get("timeout", 60)
    )
    return result.stdout


def test_it_works_in_its_folder(folder: Path) -> None:
    (folder / "given").write_text("in\n")
    result = run_governed_command("cat given; pwd; echo out > made; exit 4", sandbox=True)
    assert (result.stdout, result.exit_code) == (f"in\n{folder.resolve()}\n", 4)
    assert (folder / "made").read_text() == "out\n"


def test_it_reads_its_input() -> None:
    assert run_governed_command("cat", stdin="hello", sandbox=True).stdout == "hello"


def test_there_is_no_network() -> None:
    assert run("cat /proc/net/dev | tail -n +3 | cut -d: -f1").split() == ["lo"]
    assert "unreachable" in run("exec 2>&1; exec 3<>/dev/tcp/1.1.1.1/53")


def test_nothing_else_of_the_host_is_there(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "beside").write_text("x")
    assert run("ls ..").split() == [folder.name]
    assert run(f"cat {tmp_path}/beside 2>/dev/null; echo $?") == "1\n"


def test_the_records_are_covered(folder: Path) -> None:
    run_governed_command("true")
    assert run("ls -A .stopper; echo forged > .stopper/more") == ""
    assert not (folder / ".stopper" / "more").exists()


def test_time_is_up_in_there_too(folder: Path) -> None:
    result = run_governed_command("setsid sleep 987654 & wait", sandbox=True, timeout=1.0)
    assert result.timed_out
    listed = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in listed if b"987654" in line and b"sleep" in line]


def test_a_folder_that_no_bottle_shows() -> None:
    with pytest.raises(BottleError):
        run_governed_command("true", cwd="/etc", sandbox=True)
