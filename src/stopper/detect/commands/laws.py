"""Programs of nouns and verbs that nobody listed: their words say what they do."""

import re
from fnmatch import fnmatchcase
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.humps import unhump
from stopper.detect.commands.manifests import note_manifest, note_policy
from stopper.detect.commands.queries import note_redis, note_sql
from stopper.detect.commands.stages import CONTAINERS, is_own, note_rebuilt
from stopper.detect.commands.strangers import STRANGE_WORDS, is_stranger
from stopper.detect.commands.taint import ENCODED, REMOTE
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy
from stopper.detect.sqltexts import is_abroad

if TYPE_CHECKING:
    from collections.abc import Callable

    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_laws"]

_WORDS: Final = load_commands().words
_MAX_ARGUMENTS: Final = 48
_MAX_LINE: Final = 4096
_MAX_VERBS: Final = 4
"""Among how many leading operands a verb stands."""
_DRY: Final = lazy(
    r"(?<!\S)(?:--?(?:help|dry-?run(?!=false)\S*|what-?if|validate-only|plan|preview|check|list|version|simulate"
    r"|no-execute|diff)|-h|help|completion|--dry_run)(?!\S)",
    re.IGNORECASE,
)
_CMDLET: Final = lazy(r"[A-Z][a-z]+-[A-Z]")
_SPLIT: Final = lazy(r"[-_:./=,]+")
_PLAIN: Final = lazy(r"[A-Za-z][\w:.-]{0,60}")
_FORCED: Final = lazy(
    r"(?<!\S)(?:--?(?:force\S*|all(?:-\S+)?|hard|no-prompt|no-confirm|noconfirm|no-dry-run|dry-run=false|yes\S*"
    r"|cascade|permanent\S*|skip-confirm\S*|auto-approve|confirm\S*|approve|i-am-sure|assume-yes|wipe\S*"
    r"|graceful=false|mode=all|purge)|-y|-f|-yf|-fy)(?!\S)|(?<!\S)[\"']?\*[\"']?(?!\S)",
    re.IGNORECASE,
)
_OPEN: Final = lazy(
    r"(?:\b|=)0\.0\.0\.0/0\b|(?<![\w:])::/0\b|\b0\.0\.0\.0\b.{0,60}\b255\.255\.255\.255\b"
)
_EVERYONE: Final = lazy(
    r"\b(?:allUsers|allAuthenticatedUsers|AllUsers|AuthenticatedUsers|public-read(?:-write)?)\b|\bUser:\*"
    r"|(?i:[ :=](?:everyone|anonymous|anyone|\"?principal\"?\s{0,3}:\s{0,3}\"?\*)(?![\w-]))"
)
_OFF: Final = ("false", "off", "none", "disable", "=0", " 0", "--no-", "--skip", "--remove")
_WEAKENED: Final = lazy(
    r"(?:polic|protect|guard|audit|logging|encrypt|mfa|2fa|versioning|firewall|verif|secur|lock"
    r"|approval|review)[\w-]{0,40}\b.{0,200}?[ -](?:-?[\w-]{0,30})?(?:blocking|enabled?|enforce\w*"
    r"|is-?enabled|required?|status|state|protection)"
    r"[ =:](?:false|off|none|disabled|0)\b|--(?:no|disable|skip|remove)-[\w-]{0,30}"
    r"(?:protection|encryption|audit\w*|logging|mfa)\b",
    re.IGNORECASE,
)
_RIGHTS: Final = lazy(
    r"\b(?:roles?|grants?|bindings?|polic(?:y|ies)|permissions?|acls?|access|members?|memberships?|privileges?"
    r"|iam|rbac|collaborators?|groups?|users?|userpass|token|accessrole|scopes?)\b",
    re.IGNORECASE,
)
_MIGHTY: Final = lazy(
    r"(?:\b(?:roles?|role-name|polic(?:y|ies)(?:-name|-arn)?|groups?|permissions?|access(?:-level|role)?|members?|as"
    r"|privileges?|grants?|level|scopes?|to|add)[\"']?[ =:/]{1,3}[\"']?(?:[\w.:/-]{0,60}[/:_.-])?"
    r"(?:administrator(?:access)?|admins?|superuser|super_?admin|sysadmin|owner|root|cluster-admin|system:"
    r"masters|global-management|global[_-]?admin\w*|org[_-]?admin|full[_-]?access|poweruser\w*|sudo"
    r"|\d{0,2}maintainer|\*)(?![\w-]))|\b(?:ids|type|actions|resources?)=\*[;&\"' ]"
    r"|\bAdministratorAccess\b|\bcluster-admin\b|\broles/owner\b"
    r"|\bsystem:(?:masters|authenticated|unauthenticated|anonymous|serviceaccounts)\b"
    r"|\b(?:console|super|org|global|cluster|account|billing|security|site|power|user ?access)"
    r"[ _-]?(?:admin(?:istrator)?s?|user|owner)\b"
    r"|\b(?:set|add|grant|assign|promote|change|make)[ _-](?:\S{0,30} ){0,3}\S{0,60} ?"
    r"(?:administrator|superuser|sysadmin|owner|root)$",
    re.IGNORECASE,
)
_SECRETS: Final = frozenset(
    {"secret", "secrets", "password", "passwords", "credential", "credentials", "creds", "token",
     "tokens", "apikey", "apikeys", "passphrase"}
)  # fmt: skip
_SETTINGS: Final = frozenset({"variable", "variables", "env", "envs", "environment", "vars"})
_SHOWN: Final = frozenset(
    {"show", "get", "view", "export", "reveal", "dump", "print", "decrypt", "cat", "extract"}
)
_BARED: Final = lazy(
    r"(?<!\S)--(?:reveal|plain\S*|show-(?:values?|secrets?)|with-values?|unmask\S*|decrypt\S*|raw|no-mask"
    r"|include-secrets?|cleartext|unsafe-\S+|export)(?!\S)"
)
_GIVING: Final = frozenset({"--add", "--grant"})
_SENT: Final = frozenset(
    {"export", "extract", "unload", "copy", "dump", "backup", "replicate", "sync", "push", "upload",
     "send", "publish", "cp", "mirror", "put", "transfer", "snapshot", "rsync", "mv", "migrate"}
)  # fmt: skip
_READ_FIRST: Final = frozenset({"import", "load", "download", "pull", "fetch", "restore", "ls"})
_TALKERS: Final = frozenset({"nc", "ncat", "netcat", "telnet", "socat", "nc.openbsd", "busybox"})
_PROTOCOL: Final = lazy(r"[*$]\d{1,6}\s{0,2}")
_STORES: Final = lazy(r"\bflush_all\b|\b(?:SHUTDOWN|drop\s+(?:table|database))\b", re.IGNORECASE)
_APPLIERS: Final = frozenset({"kubectl", "oc", "k", "kubecolor", "k3s", "microk8s"})
_POLICED: Final = frozenset({"vault", "bao", "consul", "nomad", "mc", "aws", "minio"})
_STRANGERS: Final = lazy(
    rf"(?<![a-z])(?:{STRANGE_WORDS}|outside|external|drop|intake)(?![a-z])", re.IGNORECASE
)
_STATED: Final = frozenset(
    {"-c", "-e", "-q", "-Q", "--query", "--execute", "--command", "--sql", "-s"}
)
_STATEMENT: Final = lazy(
    r"\s{0,99}(?:drop|truncate|delete\s+from|update|alter|grant|revoke|unload|copy|create\s+(?:user|role)|exec\w*)\s",
    re.IGNORECASE,
)
_TAKER: Final = lazy(
    r"(?<!\S)(?:-d|--dest\S{0,20}|--account(?:-name)?|--container(?:-name)?|-c|--bucket"
    rf"|--to|--target)[ =][\w.:/-]{{0,60}}?{_STRANGERS.pattern}",
    re.IGNORECASE,
)
"""A place that is named as another's, and takes what is sent."""
_IMAGE: Final = lazy(
    r"(?:^[\w./-]{1,60}=|image[\"']?\s{0,9}[:=]\s{0,9}[\"']?)"
    r"((?:[\w.-]{1,120}\.[a-z]{2,12}|\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?)/([^\s\"']{1,200})"
)
_COMMITTED: Final = "docker-commit:"
_EXTENSION: Final = "gh-extension:"
_TOOLS: Final = {
    "aws-cli": "aws",
    "azure-cli": "az",
    "cloud-sdk": "gcloud",
    "google-cloud-cli": "gcloud",
}


def note_laws(shell: "Shell", call: "Call", *, unknown: bool) -> None:
    """Note what the words of a call say: what is destroyed, opened, granted, shown or sent away.

    `unknown` is a program without a table: its destructive verbs are noted as well.
    """
    name = call.name
    special = _SPECIAL.get(name)
    if special is not None:
        special(shell, call)
    listed = name in _WORDS["law_programs"]
    if not (unknown or listed):
        return
    args = [arg for arg in call.args[:_MAX_ARGUMENTS] if len(arg) < _MAX_LINE]
    line = " ".join([name, *args])[:_MAX_LINE]
    note_rebuilt(shell, call)
    if _DRY.search(line):
        return
    operands = [arg for arg in args if _PLAIN.fullmatch(arg)][:_MAX_VERBS]
    leading = list(takewhile(_PLAIN.fullmatch, args))[:_MAX_VERBS] or operands
    verbs = _parts([name, *leading])
    if name in _POLICED:
        note_policy(shell, call)
    if _is_reading(operands):
        _note_shown(shell, call, verbs, line)
        return
    cmdlet = any(map(_CMDLET.match, [name, *operands]))
    if (unknown and not cmdlet) or name in _WORDS["law_destroys"]:
        _note_destroyed(shell, call, operands, line)
        _note_statements(shell, call, args)
    _note_opened(shell, call, verbs, line)
    _note_shown(shell, call, verbs, line)
    _note_sent(shell, verbs, args)


def _parts(words: list[str]) -> set[str]:
    """The words that names are made of."""
    return {part for word in words for part in _SPLIT.split(unhump(word)) if part}


def _is_reading(operands: list[str]) -> bool:
    """Whether the first word that is a verb only reads."""
    for operand in operands:
        parts = _SPLIT.split(unhump(operand))
        if parts[0] in _WORDS["law_reads"]:
            return True
        for part in parts:
            if (
                part in _WORDS["law_strong"]
                or part in _WORDS["law_weak"]
                or part in _WORDS["law_grants"]
            ):
                return False
    return False


def _note_destroyed(shell: "Shell", call: "Call", operands: list[str], line: str) -> None:
    if call.name in _WORDS["law_own"]:
        return
    if call.name in _WORDS["dry_by_default"] and "--no-dry-run" not in call.args:
        return
    flags = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:2] == "--" or arg[:1] == "/"]
    strong, weak = _WORDS["law_strong"], _WORDS["law_weak"]
    found = False
    for word in [call.name, *operands[:3], *flags]:
        parts = _parts([word.partition("=")[0]])
        if not parts.isdisjoint(_WORDS["law_local"]):
            if word in operands[:1]:
                return
            continue
        whole = not parts.isdisjoint(weak) and not parts.isdisjoint(_WORDS["law_whole"])
        if whole or any(part in strong or part.removeprefix("auto") in strong for part in parts):
            found = True
    if not found and _FORCED.search(line):
        parts = _parts(operands[:3])
        found = not parts.isdisjoint(weak) and parts.isdisjoint(_WORDS["law_local"])
    if found and not is_own(shell, call):
        target = " ".join([call.name, *operands[:3]])
        shell.add(
            EffectKind.INFRASTRUCTURE, target, Scope.REMOTE, "command.destroys_infrastructure"
        )
        if re.search(r"\b(?:db|sql|database|table|topic|keyspace|collection|index)s?\b", line):
            shell.add(EffectKind.DATABASE, target, Scope.REMOTE, "command.database_destroys")


def _note_statements(shell: "Shell", call: "Call", args: list[str]) -> None:
    """SQL in an option of a program that is no client that is known."""
    for option, value in pairwise(args):
        if option in _STATED and _STATEMENT.match(value):
            note_sql(shell, value, None, own=is_own(shell, call))


def _note_opened(shell: "Shell", call: "Call", verbs: set[str], line: str) -> None:
    """Rights for those who may do all, for everybody, or for every address."""
    takes = not verbs.isdisjoint(_WORDS["law_takes"])
    gives = not verbs.isdisjoint(_WORDS["law_grants"]) and not takes
    if not gives and _GIVING.isdisjoint(call.args):
        return
    line = line.replace("_", "-")
    if _OPEN.search(line):
        shell.add(EffectKind.NETWORK, call.name, Scope.REMOTE, "command.opens_firewall")
    if any(word in line for word in _OFF) and _WEAKENED.search(line):
        shell.add(EffectKind.PERMISSIONS, call.name, Scope.REMOTE, "command.disables_protection")
    if _EVERYONE.search(line):
        shell.add(EffectKind.PERMISSIONS, call.name, Scope.REMOTE, "command.opens_bucket")
    if _RIGHTS.search(line) and _MIGHTY.search(line):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.REMOTE, "command.grants_rights")


def _note_shown(shell: "Shell", call: "Call", verbs: set[str], line: str) -> None:
    secrets = not verbs.isdisjoint(_SECRETS)
    if "get-credentials" in call.args:
        # they go into a file of settings, which is what it is for
        return
    shown = secrets and not verbs.isdisjoint(_SHOWN) and "list" not in verbs
    shown = shown or (not verbs.isdisjoint(_SETTINGS) and "export" in verbs)
    bared = (secrets or not verbs.isdisjoint(_SETTINGS)) and _BARED.search(line) is not None
    listed = "list" in verbs and not verbs.isdisjoint({"password", "passwords"})
    if shown or bared or listed:
        shell.note_secret(line[:80], Scope.REMOTE, "command.prints_credential")


def _note_sent(shell: "Shell", verbs: set[str], args: list[str]) -> None:
    """What is written to a store that is another's, and what is run that comes from one."""
    places = [arg for arg in args if "://" in arg and is_abroad(arg)]
    if places and not verbs.isdisjoint(_SENT) and verbs.isdisjoint(_READ_FIRST):
        stores = [place for place in places[-1:] if not place.startswith("http")]
        if stores and args.index(stores[0]):
            shell.add(EffectKind.EXFILTRATE, stores[0], Scope.REMOTE, "command.sends_data")
    line = " ".join(args)
    taken = _TAKER.search(line) if not verbs.isdisjoint(_SENT) else None
    if taken is not None:
        shell.add(EffectKind.EXFILTRATE, taken[0][:80], Scope.REMOTE, "command.sends_data")
    if {"update", "create"} & verbs and "--s3-bucket" in args:
        bucket = "".join(args[args.index("--s3-bucket") + 1 :][:1])
        if _STRANGERS.search(bucket):
            shell.add(EffectKind.REMOTE_CODE, bucket, Scope.REMOTE, "command.runs_remote_code")


def _note_extension(shell: "Shell", call: "Call") -> None:
    """An extension that a stranger wrote, which this text runs."""
    words = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    if words[:1] in (["extension"], ["extensions"], ["ext"]) and words[1:2] == ["install"]:
        owner, _, name = "".join(words[2:3]).rpartition("/")
        if owner.rpartition("/")[2].lower() not in _WORDS["law_owners"] and owner != "":
            shell.files[_EXTENSION + name.removeprefix("gh-")] = REMOTE
        if _STRANGERS.search(owner):
            shell.add(EffectKind.REMOTE_CODE, owner, Scope.REMOTE, "command.installs_from_address")
    elif words and shell.files.get(_EXTENSION + words[0]) == REMOTE:
        shell.add(EffectKind.REMOTE_CODE, words[0], Scope.REMOTE, "command.runs_remote_code")


def _note_image(shell: "Shell", call: "Call") -> None:
    """An image of a registry that few use is run where people live on what it replaces."""
    if call.args[:1] in (["run"], ["create"]):
        _note_started(shell, call)
    if not ({"set", "image"} <= set(call.args) or "patch" in call.args):
        return
    for arg in call.args[:_MAX_ARGUMENTS]:
        image = _IMAGE.search(arg[:_MAX_LINE])
        if image is None:
            continue
        usual = any(fnmatchcase(image[1], known) for known in _WORDS["law_registries"])
        if not usual or _STRANGERS.search(image[2]):
            shell.add(EffectKind.REMOTE_CODE, arg, Scope.REMOTE, "command.runs_remote_code")


def _note_started(shell: "Shell", call: "Call") -> None:
    """An image of a stranger's that is started."""
    words = [word for arg in call.args[:_MAX_ARGUMENTS] for word in arg.split("=", 1)]
    for name, value in pairwise(words):
        if name == "--image" and is_stranger(value.rpartition("/")[0]):
            shell.add(EffectKind.REMOTE_CODE, value, Scope.REMOTE, "command.runs_remote_code")


def _note_talk(shell: "Shell", call: "Call") -> None:
    """Commands of a store in its own protocol, over a bare connection."""
    if not call.stdin or is_own(shell, call):
        return
    lines = [_PROTOCOL.sub("", line).split() for line in call.stdin[:_MAX_LINE].splitlines()]
    note_redis(shell, lines)
    words = [word for line in lines for word in line]
    note_redis(shell, [words])
    if _STORES.search(call.stdin[:_MAX_LINE]):
        shell.add(EffectKind.DATABASE, call.name, Scope.REMOTE, "command.database_destroys")


def _note_pushed(shell: "Shell", call: "Call") -> None:
    """What runs is kept as an image, and the image goes to a registry that few use."""
    words = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    if words[:1] == ["commit"] and words[2:]:
        shell.files[_COMMITTED + words[-1]] = ENCODED
    elif words[:1] == ["push"] and shell.files.get(_COMMITTED + words[-1]) == ENCODED:
        host = words[-1].partition("/")[0]
        usual = any(fnmatchcase(host, known) for known in _WORDS["law_registries"])
        if "." in host and (not usual or _STRANGERS.search(words[-1])):
            shell.add(EffectKind.EXFILTRATE, words[-1], Scope.REMOTE, "command.sends_data")


def _note_tool(shell: "Shell", call: "Call") -> None:
    """An image whose program takes the arguments itself: what that program would do with them."""
    _note_pushed(shell, call)
    if call.args[:1] != ["run"]:
        return
    for place, arg in enumerate(call.args[1:_MAX_ARGUMENTS], 1):
        if arg[:1] == "-" or "=" in arg or (":" in arg and arg[:1] in "/~.$"):
            continue
        image = arg.partition("@")[0].rpartition("/")[2].partition(":")[0]
        tool = _TOOLS.get(image, image)
        if is_stranger(arg.rpartition("/")[0]):
            shell.add(EffectKind.REMOTE_CODE, arg, Scope.REMOTE, "command.runs_remote_code")
        rest = call.args[place + 1 :]
        if tool in _WORDS["image_tools"] and rest and rest[0] not in {tool, "sh", "bash"}:
            shell.run_argv([tool, *rest], call.stdin)
            return


def _note_applied(shell: "Shell", call: "Call") -> None:
    if call.stdin:
        note_manifest(shell, call)
    _note_image(shell, call)


_SPECIAL: "Final[dict[str, Callable[[Shell, Call], None]]]" = {
    **dict.fromkeys(_TALKERS, _note_talk),
    **dict.fromkeys(_APPLIERS, _note_applied),
    **dict.fromkeys(CONTAINERS, _note_tool),
    "gh": _note_extension,
}
