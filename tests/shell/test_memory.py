"""A command may print without end: what follows it stays small."""

import subprocess
import sys
from pathlib import Path

import pytest

PRINTERS = {
    "short lines": "yes",
    "long lines that look like errors": "yes 'error: the quick brown fox jumps over the lazy dog'",
    "one line": "tr '\\0' a < /dev/zero",
    "no text": "cat /dev/zero",
}

FOLLOW = """
import sys
from pathlib import Path
from stopper.shell import run_governed_command

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

for command in sys.argv[1:]:
    result = run_governed_command(command, max_lines=1000, timeout=600)
    assert (result.exit_code, result.timed_out) == (0, False), result
    print(peak())
"""

MAX_RESIDENT_KB = 50 * 1024
MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "megabytes", [48, pytest.param(1024, marks=pytest.mark.soak)], ids=["short", "soak"]
)
def test_what_follows_a_large_output_stays_small(folder: Path, megabytes: int) -> None:
    """All of the process that runs it, from its start: the interpreter, the rules for secrets."""
    commands = [f"{printer} | head -c {megabytes * MEGABYTE}" for printer in PRINTERS.values()]
    told = subprocess.check_output([sys.executable, "-c", FOLLOW, *commands], cwd=folder, text=True)
    peaks = dict(zip(PRINTERS, map(int, told.split()), strict=True))
    assert {what: peak for what, peak in peaks.items() if peak >= MAX_RESIDENT_KB} == {}
