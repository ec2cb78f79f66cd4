"""A guard as a chain knows it: its name, and the methods that it turned out to have."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from msgspec import Struct

from stopper.errors import SettingsError
from stopper.guards.models import Guard, GuardResult

__all__ = ["CHAIN", "Entry", "Method", "Row", "make_row", "names_of"]

CHAIN: Final = "chain"
"""What is said by no guard alone stands under this name."""

Entry = Guard | tuple[str, Guard]
"""A guard, or its name and the guard."""

Method = Callable[..., GuardResult | Awaitable[GuardResult]]

_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Row(Struct, frozen=True):
    """One guard of a chain; a method that it does not have is None, and so is a promise."""

    name: str
    guard: Guard
    is_shadow: bool
    judge: Method
    judge_async: Method
    admit: Method | None
    revoke: Callable[..., None] | None
    enter: Method | None
    leave: Callable[..., Awaitable[None] | None] | None
    check_output: Method | None
    admit_output: Method | None
    settle: Callable[..., None] | None
    reset: Callable[[], None] | None
    start_run: Callable[[], None] | None
    consumes: frozenset[str]
    taken: tuple[str, str]
    is_last_on_output: bool
    shares: frozenset[str] | None


def make_row(name: str, guard: Guard, *, is_shadow: bool = False) -> Row:
    """What `guard` can do; SettingsError where it is no guard at all."""
    if isinstance(guard, type):
        raise SettingsError(f"{name}: {guard.__name__} is a class; give {guard.__name__}(...)")
    if not callable(getattr(guard, "check", None)):
        raise SettingsError(f"{name}: a {type(guard).__name__} has no check(tool, args) method")

    def method(of: str) -> Any:
        return getattr(guard, of, None)

    judge = method("judge") or guard.check
    waiting = method("judge_async" if method("judge") else "check_async")
    would_admit = method("would_admit") if is_shadow else None
    admit_output = method("admit_output")
    return Row(
        name,
        guard,
        is_shadow,
        judge,
        waiting or judge,
        would_admit or method("admit"),
        None if would_admit else method("revoke"),
        method("enter"),
        method("leave"),
        None if admit_output else method("check_output"),
        admit_output,
        method("settle"),
        method("reset"),
        method("start_run") or method("reset"),
        frozenset(method("consumes") or ()),
        method("taken") or ("guard.consumed", f"What is for the guard {name} alone was taken out"),
        bool(method("is_last_on_output")),
        vars(type(guard)).get("shares"),
    )  # fmt: skip


def names_of(entries: Iterable[Entry], taken: Iterable[str] = ()) -> list[tuple[str, Guard]]:
    """Every guard with a name that no other has.

    A bare guard is named by its class: `NetworkPolicyGuard` is `network_policy`, and a second one
    `network_policy_2`. SettingsError where one name was given twice, or is no name.
    """
    if not isinstance(entries, Iterable):
        raise SettingsError(f"a chain is made of a list of guards; read a {type(entries).__name__}")
    known = {CHAIN, *taken}
    named: list[tuple[str, Guard]] = []
    for entry in entries:
        if isinstance(entry, tuple):
            name, guard = _named(entry)
            if name == CHAIN:
                raise SettingsError(f"{name!r} is the name of the chain itself; give another")
            if name in known:
                raise SettingsError(f"two guards have the name {name!r}; give each its own")
        else:
            guard = entry
            name = _free(_WORD.sub("_", type(guard).__name__.removesuffix("Guard")).lower(), known)
        known.add(name)
        named.append((name, guard))
    return named


def _named(entry: tuple[Any, ...]) -> tuple[str, Guard]:
    match entry:
        case str(name), guard if name.strip():
            return name, guard
        case _:
            raise SettingsError("a guard with a name is a pair: a text that is not empty, and it")


def _free(name: str, known: set[str]) -> str:
    number, free = 2, name
    while free in known:
        free = f"{name}_{number}"
        number += 1
    return free
