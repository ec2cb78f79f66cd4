"""Whose budget it is: a run, an agent, a bottle, its parents, or everyone on this store."""

from enum import StrEnum
from typing import Self

from msgspec import Struct

__all__ = ["GLOBAL", "Path", "Scope", "ScopeKind", "path_of"]


class ScopeKind(StrEnum):
    """Kinds of scope, nearest first."""

    RUN = "run"
    AGENT = "agent"
    BOTTLE = "bottle"
    GLOBAL = "global"


class Scope(Struct, frozen=True):
    """One scope, written `bottle:amber-fox`; `global` has no name."""

    kind: ScopeKind
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `global`, `bottle:NAME`, `agent:NAME` or `run:ID`; raises ValueError."""
        kind, _, name = text.partition(":")
        if kind not in set(ScopeKind):
            raise ValueError(
                f"{text!r} is no scope: write global, bottle:NAME, agent:NAME or run:ID"
            )
        if (kind == ScopeKind.GLOBAL) == bool(name):
            raise ValueError(f"{text!r} is no scope: global takes no name, all others need one")
        return cls(ScopeKind(kind), name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


GLOBAL = Scope(ScopeKind.GLOBAL)

Path = tuple[Scope, ...]


def path_of(run: str, agent: str, bottle: str, parents: tuple[str, ...] = ()) -> Path:
    """All scopes that a run's usage rolls up to, nearest first."""
    return (
        Scope(ScopeKind.RUN, run),
        Scope(ScopeKind.AGENT, agent),
        *(Scope(ScopeKind.BOTTLE, name) for name in (bottle, *parents)),
        GLOBAL,
    )
