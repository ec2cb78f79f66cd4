"""Files of lines that make way when they are full: `name`, then `name.1`, the newest first."""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["is_at", "older", "rotate"]


def older(path: Path, number: int) -> Path:
    """Where the file is that has made way `number` times."""
    return path.with_name(f"{path.name}.{number}")


def is_at(fd: int, path: Path) -> bool:
    """Whether what is open is still there, and nobody has moved it away."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))  # noqa: PTH116  a third of the time
    except FileNotFoundError:
        return False


def rotate(path: Path, most: int) -> None:
    """Move it away, and all before it one on; of more than `most`, the oldest is gone."""
    for number in range(most - 1, 0, -1):
        with suppress(FileNotFoundError):
            older(path, number).rename(older(path, number + 1))
    path.rename(older(path, 1))
