"""Clouds and other command lines of nouns and verbs: the unlisted are judged by their verb."""

import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.humps import unhump
from stopper.detect.commands.laws import note_laws
from stopper.detect.commands.options import read_options
from stopper.detect.commands.stages import is_own
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["PROGRAMS", "note_task", "note_verb"]

_TABLES: Final = load_commands()
_WORDS: Final = _TABLES.words
PROGRAMS: Final = _WORDS["cloud_programs"]
_DRY: Final = frozenset(
    {"--help", "-h", "help", "--dry-run", "--dryrun", "--dry-run=client", "--dry-run=server",
     "--what-if", "--validate-only", "--preview", "--check", "--generate-cli-skeleton", "-help",
     "completion"}
)  # fmt: skip
_SERVICES_FIRST: Final = frozenset({"aws", "awslocal", "aliyun", "tccli", "oci"})
_MAX_WORDS: Final = 7
"""How many operands may stand before the verb."""
_WORD: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_:][a-z0-9]+)*$")
_MAX_TASKS: Final = 4
_TASK: Final = re.compile(
    r"(?:\w{1,20}:)?(?:db|database|databases|schema|migrate|migrations?|doctrine(?::\w{1,20})?"
    r"|ecto|orm|d:[ds]|tables?|collections?)[:.]"
    r"(?:drop|reset|wipe|fresh|purge|nuke|truncate(?:_all)?|destroy|undo:all"
    r"|rollback:all|clear|flush|d)\b"
)
_KEYS: Final = re.compile(
    r"heroku config$|az (?!keyvault|ad |acr import|sshkey).*\b"
    r"(?:keys list|list-keys|connection-string (?:show"
    r"|list)|appsettings list"
    r"|admin-key show|query-key list|credential show|key list|authorization-rule keys"
    r"|list-publishing)"
)
_SPLIT: Final = re.compile(r"[-_:]")
_DATABASE: Final = re.compile(
    r"(?:rds|dynamodb|redshift|docdb|neptune|elasticache|timestream|keyspaces"
    r"|memorydb|sql|spanner|bigtable|firestore"
    r"|datastore|cosmosdb|postgres|mysql|mariadb|redis|mongo|database|databases"
    r"|db|dbs|table|tables|index|collection"
    r"|kv|d1|pg|cassandra|clickhouse|kafka)\b"
)


def note_verb(shell: "Shell", call: "Call") -> None:
    """Note what the first verb among a call's leading words does; of AWS, a service comes first."""
    note_laws(shell, call, unknown=False)
    if _DRY & set(call.args):
        return
    program = _TABLES.programs.get(call.name)
    values = program.values if program is not None else frozenset()
    operands = read_options(call.args, values).operands
    line = " ".join([call.name, *operands[:_MAX_WORDS]])
    if _KEYS.match(line):
        _note(shell, "prints", line, "")
    first = int(call.name in _SERVICES_FIRST)
    lead = operands[0] if operands else ""
    if (lead == "s3") if first else (lead in _WORDS["cloud_settings"]):
        return
    _note_first(shell, operands, first)


def _note_first(shell: "Shell", operands: list[str], first: int) -> None:
    """Note the first verb; a word that is none, such as a path, ends the search."""
    for place, written in enumerate(operands[:_MAX_WORDS]):
        word = unhump(written) if first and place == first else written
        if _WORD.match(word) is None:
            return
        if place < first or (place == 0 and word in _WORDS["cloud_vague"]):
            continue
        kind = _kind(word)
        if kind == "reads":
            return
        if kind is not None:
            path = " ".join(operands[: place + 1])
            _note(shell, kind, " ".join(operands[: place + 3]), path)
            return


def note_task(shell: "Shell", call: "Call", *, unknown: bool) -> None:
    """Note a task of a framework that empties a database, and what a program's words say."""
    note_laws(shell, call, unknown=unknown)
    for arg in call.args[:_MAX_TASKS]:
        if ":" in arg and _TASK.match(arg):
            own = is_own(shell, call)
            shell.add(
                EffectKind.DATABASE, arg, Scope.REMOTE, "command.database_destroys", reversible=own
            )


def _kind(word: str) -> str | None:
    """What a word's verb does: its first part, or its last (`server-delete`, `pg:reset`)."""
    if word in _WORDS["cloud_nouns"]:
        return None
    parts = _SPLIT.split(word)
    kinds = map(_KIND_OF.get, (word, parts[0], parts[-1]))
    return next(filter(None, kinds), None)


_KINDS: Final = ("harmless", "grants", "opens", "prints", "runs", "stops", "destroys", "reads")
_KIND_OF: Final = {
    word: kind for kind in reversed(_KINDS) for word in _WORDS[f"cloud_{kind}"]
}  # of a word in several tables the first says it


def _note(shell: "Shell", kind: str, target: str, path: str) -> None:
    if kind == "destroys":
        database = _DATABASE.search(path) is not None
        shell.add(
            EffectKind.INFRASTRUCTURE, target, Scope.REMOTE, "command.destroys_infrastructure"
        )
        if database:
            shell.add(EffectKind.DATABASE, target, Scope.REMOTE, "command.database_destroys")
    elif kind == "stops":
        shell.add(EffectKind.INFRASTRUCTURE, target, Scope.REMOTE, "command.stops_service")
    elif kind == "grants":
        shell.add(EffectKind.PRIVILEGE, target, Scope.REMOTE, "command.grants_rights")
    elif kind == "opens":
        shell.add(EffectKind.NETWORK, target, Scope.REMOTE, "command.opens_firewall")
        shell.add(EffectKind.INFRASTRUCTURE, target, Scope.REMOTE, "command.opens_bucket")
    elif kind == "prints":
        shell.note_secret(target, Scope.REMOTE, "command.prints_credential")
    elif kind == "runs":
        shell.add(EffectKind.REMOTE_CODE, target, Scope.REMOTE, "command.runs_elsewhere")
