"""What a command does to the world: effects, and the parts of it that nobody can tell."""

from enum import StrEnum

from msgspec import Struct

from stopper.core.verdict import Verdict

__all__ = [
    "Effect",
    "EffectKind",
    "Judgement",
    "Ruling",
    "Scope",
    "Span",
    "Unprovable",
    "decide",
    "is_dangerous",
]

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


class Ruling(Struct, frozen=True):
    """What may become of a command: `ALLOW`, `ESCALATE` to a person, or `BLOCK`.

    `code` is the reason code of the part that decided, which is `part`, and `reason` says it in
    words that hold nothing of the command; both are empty for `ALLOW`.
    """

    verdict: Verdict
    code: str = ""
    reason: str = ""
    part: Effect | Unprovable | None = None


_QUIET_SCOPES = frozenset({Scope.WORKSPACE, Scope.TEMP, Scope.CACHE, Scope.ROWS, Scope.UNKNOWN})
_PLACED = frozenset({EffectKind.DELETE, EffectKind.OVERWRITE, EffectKind.HISTORY_REWRITE})
_QUIET_REASONS = frozenset(
    {
        "command.unknown_target",
        "command.unknown_program",
        "command.unknown_text",
        "command.unseen_file",
    }
)
_NEVER = frozenset(
    {EffectKind.DISK, EffectKind.REMOTE_CODE, EffectKind.EXFILTRATE, EffectKind.FORK_BOMB}
)
_BROAD = frozenset({Scope.ROOT, Scope.HOME})
_PLACED_NEVER = frozenset({EffectKind.DELETE, EffectKind.OVERWRITE, EffectKind.PERMISSIONS})
_SAID = {
    EffectKind.DELETE: "deletes files",
    EffectKind.OVERWRITE: "overwrites files",
    EffectKind.DISK: "writes to a disk or its partitions",
    EffectKind.PERMISSIONS: "changes who may do what with files",
    EffectKind.REMOTE_CODE: "runs code that nobody here has seen",
    EffectKind.EXFILTRATE: "sends private data away",
    EffectKind.CREDENTIAL_READ: "reads credentials",
    EffectKind.HISTORY_REWRITE: "discards commits, branches or uncommitted work",
    EffectKind.INFRASTRUCTURE: "stops or destroys what runs or is kept elsewhere",
    EffectKind.DATABASE: "destroys data in a database",
    EffectKind.PRIVILEGE: "takes or grants rights over the machine",
    EffectKind.PERSISTENCE: "leaves something that runs later, unasked",
    EffectKind.FORK_BOMB: "starts ever more processes",
    EffectKind.NETWORK: "opens or changes the network",
}
_WHERE = {
    Scope.WHOLE_WORKSPACE: " of the whole workspace",
    Scope.HOME: " in a home folder",
    Scope.ROOT: " of the system",
    Scope.OUTSIDE: " outside of the workspace",
}


def decide(judgement: Judgement) -> Ruling:
    """The default policy in three answers; `ALLOW` is what `is_dangerous` finds harmless.

    `BLOCK` is what no task asks of an agent: deletion, overwriting and permissions at the root or
    in a home folder that cannot be undone, disks, unseen code, data sent away and fork bombs.
    `ESCALATE` is everything else that is dangerous, as a person may have asked for it: databases,
    infrastructure, discarded work, credentials, rights, networks, what runs later, and what
    cannot be told.
    """
    grave = [effect for effect in judgement.effects if _is_grave(effect)]
    for effect in grave:
        if _is_never(effect):
            return Ruling(Verdict.BLOCK, effect.reason, _say(effect), effect)
    for effect in grave:
        return Ruling(Verdict.ESCALATE, effect.reason, _say(effect), effect)
    for part in judgement.unprovable:
        if part.reason not in _QUIET_REASONS:
            return Ruling(
                Verdict.ESCALATE, part.reason, f"nobody can tell what it does: {part.part}", part
            )
    return Ruling(Verdict.ALLOW)


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


def _is_never(effect: Effect) -> bool:
    return effect.kind in _NEVER or (effect.kind in _PLACED_NEVER and effect.scope in _BROAD)


def _say(effect: Effect) -> str:
    where = _WHERE.get(effect.scope, "") if effect.kind in _PLACED_NEVER else ""
    return f"it {_SAID[effect.kind]}{where}"


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
