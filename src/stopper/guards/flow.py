"""One flow with and without await: a generator yields what it waits for, a driver answers."""

import inspect
from collections.abc import Awaitable, Generator
from functools import partial
from typing import Any, TypeVar

from stopper.guards.world import finish

__all__ = ["Flow", "drive", "drive_async", "is_async", "is_generator"]

_T = TypeVar("_T")

Flow = Generator[Awaitable[Any], Any, _T]
"""Yields awaitables, is sent what they gave, and returns a `T`."""


def drive(flow: Flow[_T]) -> _T:
    """Run `flow` to its end without a coroutine around it; see `world.finish`."""
    try:
        wanted = flow.send(None)
        while True:
            try:
                answer = finish(wanted)
            except BaseException as error:  # noqa: BLE001  the flow decides what a fault means
                wanted = flow.throw(error)
            else:
                wanted = flow.send(answer)
    except StopIteration as end:
        result: _T = end.value
        return result


async def drive_async(flow: Flow[_T]) -> _T:
    """Run `flow` to its end, awaiting what it asks for."""
    try:
        wanted = flow.send(None)
        while True:
            try:
                answer = await wanted
            except BaseException as error:  # noqa: BLE001  a cancellation too is the flow's to end
                wanted = flow.throw(error)
            else:
                wanted = flow.send(answer)
    except StopIteration as end:
        result: _T = end.value
        return result


def is_async(function: Any) -> bool:
    """Whether a call of it is to be awaited; also of a partial, and of an object by its class."""
    return any(map(inspect.iscoroutinefunction, _called(function)))


def is_generator(function: Any) -> bool:
    """Whether a call of it only begins when somebody iterates."""
    called = _called(function)
    return any(map(inspect.isgeneratorfunction, called)) or any(
        map(inspect.isasyncgenfunction, called)
    )


def _called(function: Any) -> tuple[Any, Any]:
    while isinstance(function, partial):
        function = function.func
    return function, getattr(type(function), "__call__", None)  # noqa: B004  as a class has it
