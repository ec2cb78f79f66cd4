"""Every known way around such a sandbox that a Linux machine can try: none gets out.

The attempts are those of `stopper doctor`, made from inside real bottles: one without nested user
namespaces and one with them, started by the user of the tests and, where that is root, by an
ordinary user too. The rows that concern the egress are tested where the egress is.
"""

import ctypes
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import stopper
from stopper.bottle.doctor import ROWS, Check

CLONE_NEWUSER = 0x10000000
ORDINARY = "nobody"

DOCTOR = """
import asyncio, os, sys
from pathlib import Path
import msgspec
from stopper.bottle.doctor import run_checks
from stopper.data import load_providers

home = Path(sys.argv[1])
checks = asyncio.run(run_checks(
    home=home, state=home / ".stopper", host={"PATH": os.defpath, "HOME": str(home)},
    providers=load_providers(),
))
sys.stdout.buffer.write(msgspec.json.encode(checks))
"""

OUTSIDE = """
import json, os, socket, subprocess, sys
from pathlib import Path
from stopper.bottle import probe
from stopper.bottle.doctor import bait
from stopper.data import load_providers

home = Path(sys.argv[1])
with bait(home, home / ".stopper", load_providers()) as facts:
    loopback = facts["loopback"]
    facts |= {"routes": loopback, "metadata": loopback, "datagrams": [("127.0.0.1", 9)]}
    facts |= {"names": ["localhost"], "port": loopback[0][1], "userns": False}
    facts |= {"scan": str(home), "writes": [str(home)], "private": []}
    table = home / "facts.json"
    table.write_text(json.dumps(facts))
    said = subprocess.check_output(
        [sys.executable, "-I", "-S", probe.__file__, str(table)], stdin=subprocess.DEVNULL,
        env={**os.environ, **facts["keys"]}, pass_fds=[facts["descriptor"]],
    )
sys.stdout.buffer.write(said.splitlines()[-1])
"""


@pytest.fixture(scope="module", params=["as oneself", "as an ordinary user"])
def checks(request: pytest.FixtureRequest) -> dict[str, Check]:
    """What the doctor finds, by row."""
    ordinary = request.param == "as an ordinary user"
    if ordinary and os.getuid() != 0:
        pytest.skip("the tests are run by an ordinary user already")
    answer = run(DOCTOR, ordinary=ordinary)
    found = msgspec.json.decode(answer, type=list[Check])
    assert [check.id for check in found] == list(ROWS), found
    return {check.id: check for check in found}


@pytest.fixture(scope="module")
def outside() -> dict[str, list[str]]:
    """What the same attempts give with no bottle around them; never as root."""
    ways: dict[str, list[str]] = json.loads(run(OUTSIDE, ordinary=os.getuid() == 0))
    return ways


@pytest.mark.parametrize("row", ROWS)
def test_bypass(row: str, checks: dict[str, Check]) -> None:
    """The limit holds in every bottle."""
    assert checks[row].held, checks[row].detail


NEEDS_ROOT = {"S03", "S04"}  # outside, only root could do it
NEEDS_HARDWARE = {"B41"}  # a machine without any network has loopback alone
FOUND_BY_HOST = {"B49"}  # what the host notices afterwards


@pytest.mark.parametrize("row", sorted(ROWS.keys() - NEEDS_ROOT - NEEDS_HARDWARE - FOUND_BY_HOST))
def test_the_attempt_would_work_outside(row: str, outside: dict[str, list[str]]) -> None:
    """Outside a bottle the same attempt succeeds, so a row that holds means something."""
    assert outside[row]
    assert not any("the check itself failed" in way for way in outside[row])


def run(script: str, *, ordinary: bool) -> bytes:
    """Run a script with a home folder of its own; gives what it prints."""
    interpreter, environment = _interpreter() if ordinary else (sys.executable, {})
    for home in _home(ordinary=ordinary):
        _skip_without_namespaces(interpreter, ordinary=ordinary)
        done = subprocess.run(
            [interpreter, "-c", script, str(home)],
            env={"PATH": os.defpath, "HOME": str(home), **environment},
            user=ORDINARY if ordinary else None,
            group=pwd.getpwnam(ORDINARY).pw_gid if ordinary else None,
            extra_groups=[] if ordinary else None,
            cwd=home,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _home(*, ordinary: bool) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="stopper-test-"))
    (home / ".ssh").mkdir()
    (home / ".ssh/id").write_text("key")
    if ordinary:
        for path in (home, home / ".ssh", home / ".ssh/id"):
            shutil.chown(path, ORDINARY)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def _interpreter() -> tuple[str, dict[str, str]]:
    """A Python that the ordinary user may run, with this one's packages."""
    packages = [Path(stopper.__file__).parents[1], Path(msgspec.__file__).parents[1]]
    environment = {"PYTHONPATH": ":".join(map(str, packages))}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        attempt = [candidate, "-c", "import stopper.bottle.doctor"]
        try:
            subprocess.run(
                attempt, env=environment, user=ORDINARY, check=True, capture_output=True, cwd="/"
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate, environment
    pytest.skip(f"{ORDINARY} can run no {version} here that has Stopper's packages")


def _skip_without_namespaces(interpreter: str, *, ordinary: bool) -> None:
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
    user = ORDINARY if ordinary else None
    if subprocess.run([interpreter, "-c", attempt], user=user, check=False, cwd="/").returncode:
        pytest.skip("this kernel forbids user namespaces, so no bottle can start")


def test_the_library_is_there() -> None:
    """The attempts call the C library directly; without it they would all seem to hold."""
    assert ctypes.CDLL(None).getpid() == os.getpid()
