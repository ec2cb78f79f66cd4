"""One simple command with everything expanded, and what a program's judge looks like."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["Call", "Handler", "Spent"]


class Call(Struct):
    """A program's name without its folder, its arguments and what it reads; `path` as written."""

    name: str
    args: list[str]
    stdin: str
    path: str = ""


class Spent(Exception):  # noqa: N818  no error: the budget of work is used up
    """Judging stops here; what was found stays."""


Handler = Callable[["Shell", Call], str]
