"""A decision as it is told to those who keep a record of it."""

from collections.abc import Callable, Coroutine, Iterable
from inspect import isawaitable
from typing import Any, Literal

from msgspec import Struct

from stopper.errors import SettingsError
from stopper.guards.flow import is_async, is_generator
from stopper.guards.result import ChainResult

__all__ = ["Decision", "Observer", "check_recorder", "observers_of", "recorded"]


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
"""Told every decision; where it raises, the call is blocked, since nobody would know of it.

It is done when it returns: nobody awaits it, so none may be `async`.
"""


def observers_of(given: Observer | Iterable[Observer]) -> tuple[Observer, ...]:
    """One observer or several; SettingsError for one that has to be awaited."""
    observers = (given,) if callable(given) or not isinstance(given, Iterable) else tuple(given)
    for observer in observers:
        check_recorder("on_decision", observer)
    return observers


def check_recorder(name: str, function: Any) -> None:
    """SettingsError where a call of `function` would record nothing by itself."""
    if not callable(function):
        raise SettingsError(f"{name}: a {type(function).__name__} is no function; give one")
    if is_async(function) or is_generator(function):
        raise SettingsError(
            f"{name}: nobody awaits it, so it may be neither async nor a generator; give a "
            "function that has recorded all when it returns"
        )


def recorded(function: Callable[[Any], Any], what: Any) -> None:
    """Have it record `what`; TypeError where that would only be done once it is awaited."""
    said = function(what)
    if said is not None and isawaitable(said):
        if isinstance(said, Coroutine):
            said.close()
        raise TypeError("what records a decision has to be awaited, and nobody does")
