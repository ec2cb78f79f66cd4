"""Processes that write at once and are killed at any moment, for tests of what they leave."""

import random
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

__all__ = ["told_by_killed"]


def told_by_killed(
    commands: Sequence[Sequence[str]], chance: random.Random, most_lines: int
) -> list[str]:
    """Start all of `commands`, `kill -9` each after 1 to `most_lines` lines; what they had told.

    Only whole lines, without their ends: these they have acknowledged.
    """
    writers = [
        subprocess.Popen([*command], stdout=subprocess.PIPE, text=True) for command in commands
    ]
    told: list[str] = []
    for writer in writers:
        told += [_stdout(writer).readline() for _ in range(chance.randint(1, most_lines))]
        writer.kill()
    for writer in writers:
        with _stdout(writer) as rest:
            told += rest.readlines()
        if (status := writer.wait()) != -signal.SIGKILL:
            raise AssertionError(f"a writer ended by itself: {status}")
    return [line.strip() for line in told if line.endswith("\n")]


def _stdout(writer: "subprocess.Popen[str]") -> IO[str]:
    assert writer.stdout is not None  # noqa: S101  a pipe, as it was started
    return writer.stdout
