"""The tour runs, shows every guard, and shows each of its verdicts."""

import subprocess
import sys
from pathlib import Path

import pytest

from stopper.guards.kinds import KINDS

EXAMPLE = Path(__file__).parents[2] / "examples" / "guards_demo.py"


@pytest.fixture(scope="module")
def shown() -> str:
    return subprocess.check_output([sys.executable, "-W", "error", EXAMPLE], text=True)


def test_every_verdict_is_shown(shown: str) -> None:
    for word in ("ALLOWED", "WARNING", "REPAIRED", "BLOCKED"):
        assert shown.count(f"\n  {word}") >= 3


def test_every_guard_is_shown(shown: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert not [
        kind.guard.__name__ for kind in KINDS.values() if f"{kind.guard.__name__}(" not in text
    ]
    for title in shown.split("\n\n"):
        assert len(title.strip().splitlines()) >= 3, "a title and two calls at least"


def test_no_secret_is_shown(shown: str) -> None:
    assert "ghp_" not in shown
    assert "[REDACTED]" in shown


def test_colour_is_on_request(shown: str) -> None:
    assert "\x1b[" not in shown
    coloured = subprocess.check_output([sys.executable, EXAMPLE, "--color"], text=True)
    assert "\x1b[32mALLOWED" in coloured
    assert "\x1b[31mBLOCKED" in coloured
