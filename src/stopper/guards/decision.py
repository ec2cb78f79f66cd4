"""A decision as it is told to those who keep a record of it."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from stopper.guards.result import ChainResult

__all__ = ["Decision", "Observer"]


class Decision(Struct, frozen=True):
    """One decision: of a chain on a call before it goes, or on its output; of a gate on an action.

    `tool` is the kind of an action. `call` is equal for equal calls of one chain or gate, and tells
    nothing else about the arguments.
    """

    phase: Literal["call", "output", "action"]
    tool: str
    call: str
    result: ChainResult


Observer = Callable[[Decision], None]
"""Told every decision; where it raises, the call is blocked, since nobody would know of it."""
