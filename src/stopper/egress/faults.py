"""A defect of ours ends one exchange as a refusal, and no other exchange hears of it."""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Protocol, TypeVar, TypeVarTuple

from stopper.core.reason import Refusal, refuse

__all__ = ["closed_on_fault", "fault"]


class _Fallible(Protocol):
    def fail(self, error: Exception) -> None: ...


_Owner = TypeVar("_Owner", bound=_Fallible)
_Event = TypeVarTuple("_Event")


def closed_on_fault(
    step: Callable[[_Owner, *_Event], None],
) -> Callable[[_Owner, *_Event], None]:
    """For every method that an event comes in by: what it raises goes to its owner's `fail`."""

    @wraps(step)
    def run(owner: _Owner, /, *event: *_Event) -> None:
        try:
            step(owner, *event)
        except Exception as error:  # noqa: BLE001  here faults become refusals
            owner.fail(error)

    return run


def fault(error: Exception) -> Refusal:
    """Where it lies is said; what it was about, which may be a secret, is not."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return refuse("egress.fault", f"{type(error).__name__} at {place}")
