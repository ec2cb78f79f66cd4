"""Which cluster a command works on: one of the developer's own machine, or any other."""

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.stages import is_live, note_forward

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = ["PROGRAMS", "STARTERS", "is_own_cluster", "note_cluster", "note_lead"]

PROGRAMS: Final = frozenset(
    {"kubectl", "oc", "helm", "k", "kubecolor", "helmfile", "skaffold", "istioctl", "linkerd",
     "flux", "cilium", "kustomize", "argocd", "kubectx"}
)  # fmt: skip
_WORDS: Final = load_commands().words
_CONTEXTS: Final = _WORDS["cluster_contexts"]
_STARTS: Final = tuple(tuple(line.split()) for line in sorted(_WORDS["cluster_starts"]))
STARTERS: Final = frozenset({start[0] for start in _STARTS} | {"kubectl", "kubectx"})
_NAMED: Final = frozenset({"--context", "--kube-context"})
_ELSEWHERE: Final = frozenset({"--kubeconfig", "-s", "--server", "--cluster", "--kube-apiserver"})
_MAX_ARGUMENTS: Final = 64
_USED: Final = "kube-context:"
"""The key under which a shell keeps the context that its text chose."""


def note_cluster(shell: "Shell", call: "Call") -> None:
    """Keep which context is used from here on, where the text chooses it or starts a cluster."""
    words = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    line = (call.name, *words)
    if any(line[: len(start)] == start for start in _STARTS):
        shell.files[_USED] = "kind"
    elif line[:3] == ("kubectl", "config", "use-context") or call.name == "kubectx":
        shell.files[_USED] = "".join(words[-1:])


def note_lead(shell: "Shell", call: "Call") -> None:
    """Keep that a port leads elsewhere, unless that is a cluster of this machine."""
    if not is_own_cluster(shell, call):
        note_forward(shell, call)


def is_own_cluster(shell: "Shell", call: "Call") -> bool:
    """Whether a call works on a cluster of this machine, by the context that it or the text names.

    What names no context, another address or a stage that people live on does not.
    """
    if call.name not in PROGRAMS or not shell.places.workspace:
        return False
    args = call.args[:_MAX_ARGUMENTS]
    if is_live(shell, call) or any(arg.partition("=")[0] in _ELSEWHERE for arg in args):
        return False
    named = [value for name, value in pairwise(args) if name in _NAMED]
    named += [
        arg.partition("=")[2] for arg in args if arg.partition("=")[0] in _NAMED and "=" in arg
    ]
    if not named:
        if "KUBECONFIG" in shell.given or "KUBECONFIG" in shell.variables.values:
            return False
        named = [shell.files.get(_USED, "")]
    return all(any(fnmatchcase(name, known) for known in _CONTEXTS) for name in named)
