"""Finds the agent's program on the host, and what of the host it needs beside it to run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stopper.errors import BottleError

__all__ = ["needs_of", "prefix_parts", "resolve"]

MAX_LINKS: Final = 16
MAX_INTERPRETERS: Final = 4
MAX_SHEBANG_BYTES: Final = 256

_PREFIX_PARTS = ("bin", "include", "lib", "lib64", "libexec", "pyvenv.cfg")


def resolve(name: str, path: str, workspace: str) -> str:
    """The absolute path of a command as a shell in the workspace would find it, or BottleError."""
    if "/" in name:
        found = os.path.normpath(Path(workspace, name))
        if os.access(found, os.X_OK) and not Path(found).is_dir():
            return found
    elif on_path := shutil.which(name, path=path):
        return str(Path(on_path).absolute())
    where = f"at {Path(workspace, name)}" if "/" in name else "on your PATH"
    raise BottleError(f"{name}: there is no such program {where}")


def needs_of(program: str, path: str, home: Path) -> list[str]:
    """Host paths that `program` needs: each link on the way, its install folder, its interpreter.

    Never the home folder itself, whatever lies in it.
    """
    needs: list[str] = []
    for _ in range(MAX_INTERPRETERS):
        for hop in _hops(program):
            needs += _install(hop, home)
        interpreter = _interpreter(program, path)
        if interpreter is None:
            break
        program = interpreter
    return needs


def prefix_parts(prefix: Path) -> list[str]:
    """The parts of an install prefix that programs load from, and nothing that lies beside."""
    return [str(prefix / part) for part in _PREFIX_PARTS if (prefix / part).exists()]


def _hops(program: str) -> Iterator[Path]:
    """Every name that leads to the file, each in its real folder, the file itself last."""
    here = _in_real_folder(Path(program))
    for _ in range(MAX_LINKS):
        yield here
        if not here.is_symlink():
            return
        here = _in_real_folder(here.parent / here.readlink())


def _in_real_folder(path: Path) -> Path:
    return Path(os.path.realpath(path.parent), path.name)


def _install(file: Path, home: Path) -> list[str]:
    """The folder to show for `file`: its node_modules, its prefix, or nothing but the file."""
    parts = file.parts
    if "node_modules" in parts:
        return [str(Path(*parts[: parts.index("node_modules") + 1]))]
    prefix = file.parent.parent
    if file.parent.name == "bin" and (prefix / "lib").is_dir() and not home.is_relative_to(prefix):
        return prefix_parts(prefix)
    return [str(file)]


def _interpreter(program: str, path: str) -> str | None:
    """What a script's first line asks for; None for a binary."""
    try:
        with Path(program).open("rb") as file:
            line = file.readline(MAX_SHEBANG_BYTES)
    except OSError:
        return None
    words = line.removeprefix(b"#!").decode(errors="replace").split()
    if not line.startswith(b"#!") or not words:
        return None
    if Path(words[0]).name == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return shutil.which(names[0], path=path) if names else None
    return words[0] if os.access(words[0], os.X_OK) else None
