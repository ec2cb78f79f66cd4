"""How long it takes to import Stopper, to say its version, and to run `true` in a bottle."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.harness import Bench, Row, clean_environment
from stopper.bottle.start import find_bwrap
from stopper.errors import BottleError

__all__ = ["BENCH"]

_STOPPER: Final = (sys.executable, "-c", "from stopper.cli import main; main()")
_BARE: Final = (sys.executable, "-c", "pass")
_SANDBOX: Final = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all")


def measure(rounds: int) -> Iterator[Row]:
    """Ours and the reference in turns, after each has started once, which compiles it."""
    with tempfile.TemporaryDirectory(prefix="stopper-bench-") as folder:
        where = Path(folder)
        bare = (sys.executable, "-c", "import stopper")
        yield _row("import stopper, beside bare Python", bare, _BARE, rounds, where)
        version = (*_STOPPER, "--version")
        yield _row("stopper --version, beside bare Python", version, _BARE, rounds, where)
        run, what = (*_STOPPER, "run", "--", "true"), "stopper run -- true, beside bwrap -- true"
        try:
            yield _row(what, run, (find_bwrap()[0], *_SANDBOX, "true"), rounds, where)
        except (BottleError, _FailedError) as error:
            yield Row.skipped(what, error)


class _FailedError(Exception):
    """A command that is to be timed did not do its work."""


def _row(what: str, ours: Sequence[str], reference: Sequence[str], rounds: int, where: Path) -> Row:
    for command in (ours, reference):
        _start(command, where)
    pairs = [(_start(ours, where), _start(reference, where)) for _ in range(rounds)]
    mine, theirs = (median(pair[side] for pair in pairs) for side in (0, 1))
    return Row(what, "ms", mine, theirs, f"added {mine - theirs:.0f} ms")


def _start(command: Sequence[str], where: Path) -> float:
    """Run a command to its end; how many ms that took."""
    work = where / "work"
    work.mkdir(exist_ok=True)
    began = time.perf_counter()
    done = subprocess.run(
        command,
        env=clean_environment() | {"STOPPER_HOME": str(where / "state")},
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise _FailedError(f"it ended with {done.returncode} and said {said[-1]!r}")
    return took * 1e3


BENCH = Bench(
    "starts, to their end; reference: a bare Python, and a bare bwrap", measure, rounds=15
)
