"""What every benchmark shares: rows with their reference, tools, cores and percentiles."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

__all__ = [
    "PACKAGES",
    "Bench",
    "Row",
    "Skipped",
    "clean_environment",
    "cpu_seconds",
    "need",
    "percentile",
    "process",
    "resident_bytes",
    "two_cores",
]

PACKAGES: Final = {
    "nginx": "nginx-light",
    "wrk": "wrk",
}
"""The Debian package of each tool that a benchmark may need."""

STOP_SECONDS: Final = 5


class Row(Struct, frozen=True):
    """One measurement beside its reference; both in `unit`, and `note` says what more was seen.

    Without `ours` it could not be measured, and `note` says why.
    """

    what: str
    unit: str
    ours: float | None
    reference: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the reference, where there is one."""
        return self.ours / self.reference if self.reference and self.ours is not None else None

    @classmethod
    def skipped(cls, what: str, why: Exception) -> "Row":
        """A row that cannot be measured here."""
        return cls(what, "", None, note=f"skipped: {why}")


class Bench(Struct, frozen=True):
    """A benchmark: what the reference is, and how it is measured in a number of rounds."""

    about: str
    measure: Callable[[int], Iterator[Row]]
    rounds: int


class Skipped(Exception):  # noqa: N818  no error: this machine cannot measure that
    """The benchmark cannot run here; the message says what is missing, and how to get it."""


def need(*tools: str) -> None:
    """Raise Skipped, with the command that installs it, where a tool is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        are = "are" if len(missing) > 1 else "is"
        packages = " ".join(PACKAGES[tool] for tool in missing)
        raise Skipped(f"{' and '.join(missing)} {are} not installed: apt-get install {packages}")


def two_cores() -> tuple[int, int]:
    """A core for what is measured, and another for what loads it."""
    if not hasattr(os, "sched_getaffinity"):
        raise Skipped("processes cannot be pinned to cores here: use Linux")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Skipped("two cores are needed, one for what is measured and one for its load")
    return cores[0], cores[1]


def clean_environment() -> dict[str, str]:
    """The environment, but bytecode is written: without it, every start compiles anew."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def process(command: Sequence[object], core: int) -> Iterator[subprocess.Popen[str]]:
    """A process on one core, with pipes to and from it, that ends with the block."""
    with subprocess.Popen(
        ["taskset", "-c", str(core), *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    ) as started:
        try:
            yield started
        finally:
            with suppress(BrokenPipeError):
                _stdin(started).close()
            started.terminate()
            with suppress(subprocess.TimeoutExpired):
                started.wait(STOP_SECONDS)
            started.kill()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Skipped(f"the memory of process {pid} cannot be read")


def _stdin(started: subprocess.Popen[str]) -> IO[str]:
    assert started.stdin is not None
    return started.stdin
