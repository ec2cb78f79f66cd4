"""Manifests and policies in a command's input: which rights they give, and to what."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["note_manifest", "note_policy"]

_MAX_TEXT: Final = 32_768
_APPLIES: Final = frozenset({"apply", "create", "replace", "patch", "run"})
_DRY: Final = ("--dry-run", "diff")
_KIND = r"[\"']?kind[\"']?\s{0,9}:\s{0,9}[\"']?"
_RULES: Final = tuple(
    (kind, reason, lazy(shape, re.DOTALL))
    for kind, reason, shape in (
        (
            EffectKind.PRIVILEGE,
            "command.grants_rights",
            (
                rf"{_KIND}(?:Cluster)?RoleBinding\b.{{0,4000}}[\"']?name[\"']?\s{{0,9}}:\s{{0,9}}[\"']?(?:cluster-admin"
                r"|admin|system:masters|edit)\b"
            ),
        ),
        (
            EffectKind.PRIVILEGE,
            "command.grants_rights",
            (
                rf"{_KIND}(?:Cluster)?Role\b.{{0,4000}}[\"']?(?:verbs|resources)[\"']?\s{{0,9}}:\s{{0,9}}"
                r"(?:\[\s{0,9}|\n\s{0,40}-\s{0,9})[\"']?\*"
            ),
        ),
        (
            EffectKind.PRIVILEGE,
            "command.privileged_container",
            (
                r"[\"']?(?:privileged|hostPID|hostNetwork|hostIPC)[\"']?\s{0,9}:\s{0,9}true\b"
                r"|[\"']?hostPath[\"']?\s{0,9}:|\bSYS_ADMIN\b"
            ),
        ),
        (
            EffectKind.PERSISTENCE,
            "command.runs_later",
            (
                rf"{_KIND}DaemonSet\b.{{0,2000}}namespace[\"']?\s{{0,9}}:\s{{0,9}}[\"']?kube-system"
                rf"|{_KIND}(?:Mutating|Validating)WebhookConfiguration\b"
            ),
        ),
        (
            EffectKind.INFRASTRUCTURE,
            "command.destroys_infrastructure",
            r"[\"']?finalizers[\"']?\s{0,9}:\s{0,9}(?:\[\s{0,9}\]|null)",
        ),
        (
            EffectKind.CREDENTIAL_READ,
            "command.prints_credential",
            r"[\"']?type[\"']?\s{0,9}:\s{0,9}[\"']?kubernetes\.io/service-account-token",
        ),
    )
)
_CAPABILITIES: Final = lazy(
    r"\bpath\s{1,9}\"(?:\*|sys/\*|auth/\*|\+/\*)\"\s{0,9}\{[^}]{0,400}\b(?:sudo|delete|update|create)\b"
    r"|(?:_prefix\s{1,9}\"\"\s{0,9}\{[^}]{0,100}|\b(?:operator|acl|keyring|agent)\s{0,9}=\s{0,9}\"?)"
    r"\b(?:write|scale)\b|\bnamespace\s{1,9}\"\*\"\s{0,9}\{[^}]{0,200}\bwrite\b",
    re.IGNORECASE,
)
_STATEMENT: Final = lazy(
    r"\"Effect\"\s{0,9}:\s{0,9}\"Allow\".{0,900}\"(?:Not)?(?:Action|Principal|Resource)\"\s{0,9}:\s{0,9}"
    r"\[?\s{0,9}\"\*\".{0,900}",
    re.DOTALL,
)
_FULL: Final = lazy(
    r"\"Action\"\s{0,9}:\s{0,9}\[?\s{0,9}\"(?:\*|\w{1,30}:\*)\"|\"Principal\"\s{0,9}:\s{0,9}"
    r"(?:\"\*\"|\{\s{0,9}\"AWS\"\s{0,9}:\s{0,9}\"\*\")"
)
_ACCOUNT: Final = lazy(r"\"Destination\"\s{0,9}:\s{0,9}\{[^}]{0,400}\"Account\"\s{0,9}:")


def note_manifest(shell: "Shell", call: "Call") -> None:
    """Note what objects give that a cluster is told to have."""
    if not _APPLIES & set(call.args) or any(arg.startswith(_DRY) for arg in call.args):
        return
    text = call.stdin[:_MAX_TEXT]
    if len(call.stdin) > _MAX_TEXT:
        shell.doubt("a manifest too large to judge", "command.too_large")
    for kind, reason, shape in _RULES:
        if shape.search(text):
            shell.add(kind, call.name, Scope.REMOTE, reason)
    if any(arg.endswith("/finalize") for arg in call.args):
        shell.add(
            EffectKind.INFRASTRUCTURE, call.name, Scope.REMOTE, "command.destroys_infrastructure"
        )


def note_policy(shell: "Shell", call: "Call") -> None:
    """Note what a policy gives that is written out in an argument or comes as input."""
    for text in [call.stdin, *call.args]:
        if len(text) < len('path "*"') or len(text) > _MAX_TEXT:
            continue
        statement = _STATEMENT.search(text)
        if _CAPABILITIES.search(text) or (statement and _FULL.search(statement[0])):
            shell.add(EffectKind.PRIVILEGE, call.name, Scope.REMOTE, "command.grants_rights")
        if _ACCOUNT.search(text):
            shell.add(EffectKind.EXFILTRATE, call.name, Scope.REMOTE, "command.sends_data")
