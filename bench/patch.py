"""What a safe write costs: its checks, its backup, and the replacement itself."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

from bench.harness import Bench, Row
from stopper.patch import safe_write_file

__all__ = ["BENCH"]

WRITES: Final = 30
_MS: Final = 1e3
_SIZES: Final = {"1 KB": 16, "100 KB": 1600}


def measure(rounds: int) -> Iterator[Row]:
    """Ours and a bare atomic write in turns, of Python and of plain text."""
    with tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder, chdir(folder):
        for size, lines in _SIZES.items():
            for name in ("f.py", "f.txt"):
                serial = count()
                turns = [
                    (
                        _timed(lambda: safe_write_file(name, _text(next(serial), lines))),  # noqa: B023  called at once
                        _timed(lambda: _bare(Path(name), _text(next(serial), lines))),  # noqa: B023
                    )
                    for _ in range(rounds)
                ]
                ours, reference = (median(turn[side] for turn in turns) for side in (0, 1))
                yield Row(f"{size} into {name}, with a backup", "ms", ours, reference)


def _text(number: int, lines: int) -> str:
    return f"value_{number} = 'a line of sixty-four characters, as they are usual'\n" * lines


def _bare(path: Path, text: str) -> None:
    """A file beside, on disk, put in the place of the other; the folder on disk."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(WRITES):
        work()
    return (time.perf_counter() - began) * _MS / WRITES


BENCH = Bench(
    "safe writes; reference: a bare atomic write, which syncs file and folder", measure, 5
)
