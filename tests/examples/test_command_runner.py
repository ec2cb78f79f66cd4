"""The example runs, and what it shows is so."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "command_runner.py"


def test_it_shows_what_is_promised() -> None:
    said = subprocess.check_output([sys.executable, EXAMPLE], text=True)
    assert "a = 1\n" in said
    assert "lines omitted ...]\n" in said
    assert "AWS_SECRET_ACCESS_KEY=[REDACTED:" in said
    assert "[stopper shell.dangerous]" in said
