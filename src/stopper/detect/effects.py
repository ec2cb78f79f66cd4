"""What a command does to the world: effects, and the parts of it that nobody can tell."""

from enum import StrEnum

from msgspec import Struct

__all__ = ["Effect", "EffectKind", "Judgement", "Scope", "Span", "Unprovable", "is_dangerous"]

Span = tuple[int, int]


class EffectKind(StrEnum):
    """The kinds of effect that policies speak about."""

    DELETE = "delete"
    OVERWRITE = "overwrite"
    DISK = "disk"
    PERMISSIONS = "permissions"
    REMOTE_CODE = "remote_code"
    EXFILTRATE = "exfiltrate"
    CREDENTIAL_READ = "credential_read"
    HISTORY_REWRITE = "history_rewrite"
    INFRASTRUCTURE = "infrastructure"
    DATABASE = "database"
    PRIVILEGE = "privilege"
    PERSISTENCE = "persistence"
    FORK_BOMB = "fork_bomb"
    NETWORK = "network"


class Scope(StrEnum):
    """Where an effect lands.

    `whole_workspace` is the workspace itself or all it holds; `home` is below somebody's home;
    `root` is `/`, a top-level folder or a system's own; `remote` is another machine or a service;
    `rows` is a bounded part of a database; `unknown` is a place that the text does not tell.
    """

    WORKSPACE = "workspace"
    WHOLE_WORKSPACE = "whole_workspace"
    TEMP = "temp"
    CACHE = "cache"
    HOME = "home"
    ROOT = "root"
    OUTSIDE = "outside"
    REMOTE = "remote"
    ROWS = "rows"
    UNKNOWN = "unknown"


class Effect(Struct, frozen=True):
    """One effect. `reason` is a stable code; `span` is where in the original text it was seen."""

    kind: EffectKind
    target: str
    reversible: bool
    scope: Scope
    reason: str
    span: Span


class Unprovable(Struct, frozen=True):
    """A part whose effect cannot be told. `reason` is a stable code; `part` names what it is."""

    part: str
    reason: str
    span: Span


class Judgement(Struct, frozen=True):
    """All that a command may do, and all that could not be told about it."""

    effects: tuple[Effect, ...] = ()
    unprovable: tuple[Unprovable, ...] = ()

    @property
    def kinds(self) -> frozenset[EffectKind]:
        """The kinds of effect that were found."""
        return frozenset(effect.kind for effect in self.effects)


_QUIET_SCOPES = frozenset({Scope.WORKSPACE, Scope.TEMP, Scope.CACHE, Scope.ROWS, Scope.UNKNOWN})
_PLACED = frozenset({EffectKind.DELETE, EffectKind.OVERWRITE, EffectKind.HISTORY_REWRITE})
_QUIET_REASONS = frozenset(
    {"command.unknown_target", "command.unknown_program", "command.unknown_text"}
)


def is_dangerous(judgement: Judgement) -> bool:
    """The default policy: whether a person should look before this runs.

    Dangerous is every effect that cannot be undone, but for files deleted or overwritten in the
    workspace, in temporary folders, in caches and in containers, for plain files in a home folder
    that another replaces, and for named rows of a database. Dangerous too
    is code that runs unseen: text that does not parse, is too large or too deep, or that is only
    made at run time. A target or a program that only a variable names is not, by itself.
    """
    return any(map(_is_grave, judgement.effects)) or any(
        part.reason not in _QUIET_REASONS for part in judgement.unprovable
    )


def _is_mild(effect: Effect) -> bool:
    """A file in a container, or one in a home folder that is no setting, replaced by another."""
    if effect.scope is Scope.REMOTE:
        return effect.kind is not EffectKind.HISTORY_REWRITE
    return effect.scope is Scope.HOME and effect.reason == "command.overwrites"


def _is_grave(effect: Effect) -> bool:
    if effect.reversible:
        return False
    if effect.kind in _PLACED:
        return effect.scope not in _QUIET_SCOPES and not _is_mild(effect)
    return effect.scope is not Scope.ROWS
