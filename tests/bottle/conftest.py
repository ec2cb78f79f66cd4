"""What the bottle's tests share: folders that stand for a user's, and whether bottles can start."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from stopper.bottle.plan import Launch, plan_bottle
from stopper.bottle.sandbox import Plan
from stopper.data import load_providers

CLONE_NEWUSER = 0x10000000


class User(Struct, frozen=True):
    """Someone with a home folder, a workspace below it and Stopper's own folder."""

    home: Path
    state: Path
    workspace: Path

    def plan(self, *command: str, path: str = os.defpath, **asked: Any) -> Plan:
        """The plan for a command; `asked` are fields of Launch."""
        given: dict[str, Any] = {"host": {"PATH": path, "HOME": str(self.home)}}
        given |= {"workspace": self.workspace, "home": self.home, "state": self.state}
        return plan_bottle(Launch(command=command, **given | asked), load_providers())


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user whose folders are empty."""
    found = User(tmp_path / "home", tmp_path / "home/.stopper", tmp_path / "home/work")
    for folder in (found.home, found.state, found.workspace):
        folder.mkdir()
    return found


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skips where the kernel forbids user namespaces; nothing else is an excuse."""
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
    if subprocess.run([sys.executable, "-c", attempt], check=False).returncode != 0:
        pytest.skip("this kernel forbids user namespaces, so no bottle can start")
