"""What a call does to what is made again: a cluster or a store of its own, a passing repository."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.clusters import is_own_cluster
from stopper.detect.commands.options import read_options
from stopper.detect.commands.stages import is_named_live, is_played, is_sandbox
from stopper.detect.commands.taint import MADE
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call
    from stopper.detect.commands.shell import Shell

__all__ = [
    "MACHINES",
    "asks_help",
    "enters_made",
    "is_made",
    "is_numbered",
    "is_passing_store",
    "is_scratch",
    "names_scratch",
    "note_made",
    "note_started",
    "soften",
]

_WORDS: Final = load_commands().words
_HELPS: Final = _WORDS["ask_helps"]
_DRY: Final = _WORDS["ask_dry"]
_DRY_PROGRAMS: Final = _WORDS["ask_dry_programs"]
_UNDONE: Final = frozenset(
    {
        EffectKind.DELETE,
        EffectKind.OVERWRITE,
        EffectKind.HISTORY_REWRITE,
        EffectKind.INFRASTRUCTURE,
        EffectKind.DATABASE,
    }
)
"""What a dry run leaves undone; code that it fetches may run all the same."""
_OWN_CLUSTER: Final = frozenset({EffectKind.INFRASTRUCTURE, EffectKind.NETWORK})
_KEPT: Final = frozenset({EffectKind.DELETE, EffectKind.OVERWRITE, EffectKind.HISTORY_REWRITE})
_PLAYED: Final = frozenset({EffectKind.INFRASTRUCTURE, EffectKind.DATABASE})
_MAX_ARGUMENTS: Final = 64
_MAX_MADE: Final = 8
_MAX_FILES: Final = 256
_MAX_NOTE: Final = 2000
_TRIALS: Final = frozenset({"molecule", "kitchen"})
"""Programs whose machines are made for a test, and for nothing else."""
_STARTS_AGAIN: Final = (
    r"(?:^|[;&\n])\s{{0,99}}(?:sudo\s)?(?:systemctl|service|rc-service)\s(?:--?\S{{1,40}}\s)?"
    r"(?:start {0}|{0} start)(?!\S)"
)
_STOPPERS: Final = frozenset({"systemctl", "service", "rc-service", "swapoff"})
_OUTPUTS: Final = _WORDS["output_folders"]
MACHINES: Final = frozenset({"vagrant", "multipass", "limactl", "colima", "lxc", "incus"})
_STARTS: Final = frozenset({"up", "launch", "start", "create"})
_STARTED: Final = "machines:"
"""The key under which a shell keeps which machines its text started."""
_MADE: Final = "made:"
"""The key under which a shell keeps which hidden files and folders of a person its text makes."""
_OWN: Final = lazy(
    r"/\.(?!\w{0,60}(?:rc|conf|config|git|ssh|profile|env|history|login|logout|pass|pgp|gpg|gnupg|cache"
    r"|local|npm|yarn|pip|cargo|rust|docker|kube|aws|azure|gcloud|net|vim|emacs|tmux|mozilla"
    r"|bash|zsh|pki|cert|key)|[xX])[A-Za-z]\w{2,60}+(?:-\w{1,60}+)?+(?:\.(?:md|txt|json|csv|log))?+"
)
"""A name right in a home folder that none of the programs has that everybody uses."""
_STARTED_KINDS: Final = frozenset({EffectKind.INFRASTRUCTURE})
_NOTIFIERS: Final = _WORDS["notifiers"]
_LATER_PROGRAMS: Final = frozenset({"at", "batch"})
_TIMER_FLAGS: Final = (
    "--user",
    "--on-",
    "--unit=",
    "--timer-property=",
    "--quiet",
    "--collect",
    "-q",
)
_JOINTS: Final = lazy(r"\n|;|&&")
_COMPUTED: Final = lazy(r"[\x00-\x03$`<>|(){}\\]|(?<!&)&(?!&)")
_PREFIX: Final = lazy(
    r"(?:(?:DISPLAY|WAYLAND_DISPLAY|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|LANG)="
    r"[\w:./=,-]{0,99}\s{1,9}){0,4}"
)
"""Variables by which a program finds the screen of a person."""
_FOLDERS: Final = _WORDS["scratch_folders"]
_FILES: Final = lazy(r"['\"]([\w./-]{1,200}\.(?:db|sqlite3?|duckdb))['\"]")
_HOSTS: Final = lazy(
    r"(?:\w://(?:[^/@\s'\"]{0,99}@)?|\bhost(?:name|addr)?['\"]?\s{0,9}(?:=>|[=:])\s{0,9}['\"]?)([\w.-]{1,99})"
)
_STORES: Final = lazy(
    r"(?:\w://[\w.:@-]{1,200}/|\b(?:dbname|database|db)['\"]?\s{0,9}(?:=>|[=:])\s{0,9}['\"]?)([\w-]{1,60})"
)
"""The hosts and the databases that code connects to."""
_MEMORY: Final = lazy(r":memory:|sqlite://['\"]")
_GIT_VALUES: Final = frozenset({"-C", "-c", "--namespace", "--exec-path"})
_GIT_FOLDERS: Final = ("--git-dir", "--work-tree")
_GIT_VARIABLES: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE"})
_SHARED: Final = lazy(
    r"(?:main|master|trunk|develop|dev|staging|stage|prod\w*|live|release\S*|hotfix\S*|v?\d\S*)\Z"
)
"""Branches that more than one person works with."""
_DELETES: Final = frozenset({"--delete", "-d"})
_SENT: Final = frozenset({"push", "send-pack", "subtree"})
_PLACED: Final = lazy(r"REDIS\w*(?:HOST|URL)")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NUMBER: Final = lazy(r"[1-9]\d?")
_LATE: Final = lazy(r"9|1[0-5]")
_ADDRESS: Final = lazy(
    r"rediss?://(?:[^@/\s]{0,99}@)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?/(\d{1,2})"
)


def asks_help(call: "Call") -> bool:
    """Whether a program is only asked what it is; a file by its path may answer with anything."""
    return "/" not in call.path and len(call.args) == 1 and call.args[0] in _HELPS


def soften(shell: "Shell", call: "Call", before: int) -> None:
    """Call reversible what a call does to what is its own, of the effects from `before` on.

    A program that does not know the word for a dry run does nothing either.
    """
    if len(shell.effects) > before:
        shell.soften(before, _mild(shell, call))


def _mild(shell: "Shell", call: "Call") -> frozenset[EffectKind]:
    """The kinds of effect of a call that can be undone, whatever the tables say."""
    flags = read_options(call.args[:_MAX_ARGUMENTS]).flags
    if any(flag in _DRY or _named(call, flag) in _DRY_PROGRAMS for flag in flags):
        return _UNDONE
    if is_played(shell, call):
        return _PLAYED
    if _is_reminder(call):
        return frozenset({EffectKind.PERSISTENCE})
    if call.name == "getcap" and shell.elevated:
        # whoever has all rights seeks none
        return frozenset({EffectKind.PRIVILEGE})
    if enters_made(shell, call):
        return frozenset({EffectKind.PRIVILEGE})
    if call.name in _STOPPERS and _starts_again(shell, call):
        return _STARTED_KINDS
    if call.name in _TRIALS and not any(map(is_named_live, call.args)):
        return frozenset({EffectKind.INFRASTRUCTURE})
    if is_own_cluster(shell, call):
        return _OWN_CLUSTER
    if call.name != "git":
        return _STARTED_KINDS if _was_started(shell, call) else frozenset()
    return (
        _KEPT
        if _cleans_output(call) or _is_merged(shell, call) or _is_passing(shell, call)
        else frozenset()
    )


def enters_made(shell: "Shell", call: "Call") -> bool:
    """Whether `chroot` enters a folder that this text made, into which it mounts nothing."""
    if call.name != "chroot" or shell.depth > 1 or "mount" in shell.source.text:
        return False
    folder = "".join([arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"][:1])
    return folder == MADE


def _is_reminder(call: "Call") -> bool:
    """Whether what a call puts off only tells a person something."""
    if call.name == "systemd-run":
        words = [arg for arg in call.args if not arg.startswith(_TIMER_FLAGS)]
        return bool(words) and words[0] in _NOTIFIERS
    if call.name not in _LATER_PROGRAMS or "-f" in call.args or len(call.stdin) > _MAX_NOTE:
        return False
    lines = [line.strip() for line in _JOINTS.split(call.stdin) if line.strip()]
    return (
        bool(lines)
        and _COMPUTED.search(call.stdin) is None
        and all(_PREFIX.sub("", line).partition(" ")[0] in _NOTIFIERS for line in lines)
    )


def _starts_again(shell: "Shell", call: "Call") -> bool:
    """Whether all services that a call stops are started by the same text, as in a restart."""
    names = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    if "stop" not in names:
        return call.name == "swapoff" and "swapon -a" in shell.source.text
    names.remove("stop")
    text = shell.source.text
    return bool(names) and all(
        re.search(_STARTS_AGAIN.format(re.escape(name)), text) is not None for name in names
    )


def _named(call: "Call", flag: str) -> str:
    """A flag with its program, as the table has them."""
    return f"{call.name} {flag.partition('=')[0]}"


def _was_started(shell: "Shell", call: "Call") -> bool:
    """Whether a call destroys machines that the text itself started, or that are for tests."""
    if call.name not in MACHINES or "--all" in call.args:
        return False
    if f"{_STARTED}{call.name}" in shell.files:
        return True
    names = [arg for arg in call.args if arg[:1] != "-"][1:]
    return call.name != "vagrant" and bool(names) and all(map(is_sandbox, names))


def note_started(shell: "Shell", call: "Call") -> None:
    """Keep that the text starts machines on this machine."""
    if _STARTS.intersection(call.args[:1]):
        shell.files[f"{_STARTED}{call.name}"] = ""


def note_made(shell: "Shell", call: "Call") -> None:
    """Keep which hidden files and folders of its own the text makes in a home folder."""
    home = shell.places.home
    if len(shell.files) > _MAX_FILES:
        return
    for path in [arg for arg in call.args if arg[:1] != "-"][:_MAX_MADE]:
        full = shell.places.resolve(path, shell.cwd)
        name, _, below = full.removeprefix(home + "/").partition("/")
        if _OWN.fullmatch(f"/{name}") and (call.name == "mkdir" or not below):
            shell.files[f"{_MADE}{home}/{name}"] = ""


def is_made(shell: "Shell", full: str) -> bool:
    """Whether a path is one that the text made so, or lies in such a folder."""
    home = shell.places.home
    top = full.removeprefix(home + "/").partition("/")[0]
    return f"{_MADE}{home}/{top}" in shell.files


def _cleans_output(call: "Call") -> bool:
    """Whether `git clean` is told to clean nothing but folders of build output."""
    words = [arg for arg in call.args if arg[:1] != "-"]
    return (
        words[:1] == ["clean"]
        and bool(words[1:])
        and not any(".." in word or "*" in word for word in words[1:])
        and all(word.rstrip("/").rpartition("/")[2] in _OUTPUTS for word in words[1:])
    )


def _is_merged(shell: "Shell", call: "Call") -> bool:
    """Whether a remote loses only branches that the text deleted here, where git looks at them."""
    words = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    if words[:1] != ["push"] or not _DELETES.intersection(call.args):
        return False
    text = shell.source.text
    return bool(words[2:]) and all(
        _SHARED.match(name) is None
        and re.search(rf"git branch -d {re.escape(name)}\s*&&", text) is not None
        for name in words[2:]
    )


def _is_passing(shell: "Shell", call: "Call") -> bool:
    """Whether git works in a temporary folder, on nothing that another repository holds."""
    words = call.args[:_MAX_ARGUMENTS]
    if not _SENT.isdisjoint(words) or any(word.startswith(_GIT_FOLDERS) for word in words):
        return False
    if not _GIT_VARIABLES.isdisjoint(shell.given):
        return False
    folders = read_options(words, _GIT_VALUES, until_operand=True).all_values("-C") or ["."]
    if ("worktree", "remove") in pairwise(words):
        folders = words[-1:]
    return {shell.places.scope(folder, shell.cwd) for folder in folders} == {Scope.TEMP}


def is_scratch(shell: "Shell", path: str) -> bool:
    """Whether a database's file lies among what is made again: build output, tests, temporaries."""
    scope = shell.places.scope(path, shell.cwd)
    if scope is not Scope.WORKSPACE:
        return scope is Scope.TEMP
    return not _FOLDERS.isdisjoint(path.split("/")[:-1]) and not is_named_live(path)


def names_scratch(shell: "Shell", code: str) -> bool:
    """Whether all databases that code names are such files, and none is at an address."""
    names = _FILES.findall(code)[:_MAX_ARGUMENTS]
    return bool(names) and "://" not in code and all(is_scratch(shell, name) for name in names)


def is_passing_store(code: str) -> bool:
    """Whether a database that code names is kept in memory, or is one for tests on this machine."""
    if _MEMORY.search(code) is not None:
        return True
    hosts = _HOSTS.findall(code)[:_MAX_ARGUMENTS]
    return (
        bool(hosts)
        and all(host in _HERE for host in hosts)
        and any(map(is_sandbox, _STORES.findall(code)[:_MAX_ARGUMENTS]))
    )


def is_numbered(shell: "Shell", call: "Call", words: list[str]) -> bool:
    """Whether Redis on this machine is told to empty a database by a number of its own.

    Where the call does not name the machine, only a late number is one: tests take these.
    """
    values = dict(pairwise(call.args[:_MAX_ARGUMENTS]))
    if any(map(_PLACED.fullmatch, shell.given)) or not shell.places.workspace:
        return False
    address = _ADDRESS.fullmatch(values.get("-u", ""))
    if "-u" in values and address is None:
        return False
    number = address[1] if address is not None else values.get("-n", "")
    named = address is not None or values.get("-h") in _HERE
    shape = _NUMBER if named else _LATE
    return (
        values.get("-h", "localhost") in _HERE
        and shape.fullmatch(number) is not None
        and "".join(words[:1]).lower() in {"flushdb", "del", "unlink"}
    )
