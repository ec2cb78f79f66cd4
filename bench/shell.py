"""What governing a command costs: its judgement, its process, its record, its output."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from statistics import median
from typing import Final

from bench.harness import Bench, Row
from stopper.shell import run_governed_command, run_quick

__all__ = ["BENCH"]

RUNS: Final = 100
MEGABYTES: Final = 64
_MS: Final = 1e3


def measure(rounds: int) -> Iterator[Row]:
    """Ours and subprocess.run in turns."""
    with tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder, chdir(folder):
        yield _row(
            'run_quick("true")',
            lambda: run_quick("true"),
            lambda: subprocess.run("true", shell=True, check=True, capture_output=True),  # noqa: S602  the reference
            rounds,
        )
        yield _row(
            "a text that needs bash",
            lambda: run_quick("true && true"),
            lambda: subprocess.run(["bash", "-c", "true && true"], check=True, capture_output=True),
            rounds,
        )
        command = f"yes 'a line of output that looks like others' | head -c {MEGABYTES}M"
        yield _row(
            f"{MEGABYTES} MB of output",
            lambda: run_governed_command(command),
            lambda: subprocess.run(command, shell=True, check=True, capture_output=True),  # noqa: S602
            max(1, rounds // 3),
            runs=1,
        )


def _row(
    what: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    rounds: int,
    runs: int = RUNS,
) -> Row:
    ours()
    turns = [(_timed(ours, runs), _timed(reference, runs)) for _ in range(rounds)]
    mine, its = (median(turn[side] for turn in turns) for side in (0, 1))
    return Row(what, "ms", mine, its)


def _timed(work: Callable[[], object], runs: int) -> float:
    began = time.perf_counter()
    for _ in range(runs):
        work()
    return (time.perf_counter() - began) * _MS / runs


BENCH = Bench("governed commands; reference: subprocess.run with its output captured", measure, 7)
