"""Run an agent in a bottle: from the command line's wishes to the agent's exit status."""

from pathlib import Path

from msgspec import Struct

__all__ = ["RunOptions"]


class RunOptions(Struct, frozen=True, kw_only=True):
    """What `stopper run` was asked for; texts are checked when the run is planned.

    `budget`, `allow`, `upstream` and the paths are as written on the command line.
    """

    command: tuple[str, ...]
    name: str = ""
    agent: str = "auto"
    budget: tuple[str, ...] = ()
    policy: str = ""
    allow: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    workspace: Path | None = None
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    env: tuple[str, ...] = ()
    parent: str = ""
    isolation: str = "bottle"
    quiet: bool = False
