"""What the shell's tests share: a folder of their own to run commands in."""

import secrets
import string
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, where the history goes too."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("STOPPER_SHELL_MAX_LINES", "STOPPER_SHELL_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def random_token() -> str:
    """A token of a well-known shape, new every time."""
    alphabet = string.ascii_letters + string.digits
    return "ghp_" + "".join(secrets.choice(alphabet) for _ in range(36))
