"""What reading and writing a file means, by what the file is and what is written."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.ciphers import note_gone
from stopper.detect.commands.mild import is_made
from stopper.detect.commands.paths import (
    is_config,
    is_device,
    is_persistent,
    is_privileged,
    is_settings,
    is_startup,
    runs_command,
)
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = [
    "MOVED",
    "WILD",
    "is_brought",
    "is_system",
    "is_whole",
    "note_delete",
    "note_read",
    "note_write",
]

MAX_FILES = 256
MOVED = "moved:"
"""The key under which a shell keeps what a path was before it was moved."""
_WORDS = load_commands().words
_OUTPUTS = _WORDS["output_folders"]
_PASSING = frozenset({"tmp", "cache", ".cache", "log", "logs"})
_OUTPUT_FILES = tuple(sorted(_WORDS["output_files"]))

_IDENTITIES = frozenset({"/etc/passwd", "/etc/group"})
"""No credentials, but nobody else's business either."""

_QUIET = lazy(r"/dev/(?:null|stdout|stderr|stdin|tty\w*|fd/\d+|zero|full|random|urandom)$")
_SYSTEM = lazy(
    r"/(?:etc|bin|sbin|lib\w*|boot|dev|proc|sys|usr(?!/local/)|root|var/(?!www|log"
    r"|lib/\w+/data|tmp))(?:/|$)"
    r"|/(?:System|Library|Windows)/"
)
_KERNEL = lazy(r"/proc/sysrq-trigger$|/sys/block/[^/]+/device/delete$")
_CORE = lazy(
    r"(?:/(?:usr/(?:local/)?)?s?bin|/(?:home/[^/]+|Users/[^/]+|root)/(?:\.local/)?bin)/(?:ls"
    r"|ps|cat|cp|mv|rm|su|sudo|ssh|sshd|scp|git|bash|sh|zsh|dash|login|passwd|id|who"
    r"|whoami|w|top|netstat|ss|lsof|find|grep|kill|killall|mount|umount|ping|cron|crond|curl"
    r"|wget|systemctl|init|env"
    r"|chmod|chown|tar|vi|vim|nano|less|more|sed|awk|date|df|du|ifconfig|ip|iptables|dpkg|apt"
    r"|apt-get|yum|dnf|gpg)$"
)
_NAMES = lazy(r"/etc/(?:hosts|resolv\.conf|nsswitch\.conf)$")
_GIT = lazy(r"(?:^|/)\.git(?:/(?:\*|objects\b.*|refs\b.*|HEAD|index|logs\b.*)?)?$")
_SETTING_LINE = lazy(
    r"\s*(?:#.*|(?:export\s+)?[A-Za-z_]\w*=[^;&|`]*|alias\s+[\w.-]+=[^;&|`]*|set\s+[-+\w ]+"
    r"|\[ (?:-s|-f|-r|-d) [^\]]+\] && (?:\\?\.|source) \S+|(?:\\?\.|source) ['\"]?[$~/][^;&|`(]*"
    r"|eval \"?\$\([\w./-]+ (?:[\w@.-]++ ?+)+\)\"?|(?:fpath|path)[+=(].*|autoload .*|compinit.*"
    r"|(?:bindkey|setopt|shopt|complete|ulimit|umask) [^;&|`$]*|)\s*"
)
_SETTING_WORDS = lazy(
    r"curl|wget|\bnc\b|/dev/tcp|base64|\beval\b.*\$\(\s*(?:echo|printf|cat|curl)|LD_PRELOAD"
    r"|PROMPT_COMMAND|(?:/var)?/tmp/\S|/dev/shm/|(?:source|\.)\s+['\"]?/(?:var/)?(?:tmp"
    r"|dev/shm)/|\bPATH=['\"]?(?:/private)?/(?:var/)?(?:tmp|dev/shm)/"
    r"|alias\s+(?:sudo|ssh|su|ls|cd|git|rm)=.*(?:/tmp|nc |curl|;)"
)


_WRAPPED = lazy(
    r"(?:alias\s+|function\s+)?\b(?:sudo|doas|ssh|su|scp|sftp|git|passwd|gpg|docker|kubectl"
    r"|aws|npm|pip|curl)\s*=\s*['\"]?"
    r"(?:[^'\"\n]{0,80}[\s;|&])?(?:~|/home/|/Users/|/root/|/tmp/|/var/tmp/|/dev/shm/|\$HOME|\./)"
    r"|(?:source|\.|&&)\s+['\"]?\S{0,200}/(?:\.cache|\.tmp|\.trash|\.thumbnails|\.local/state)/"
    r"|(?:source|\.)\s+['\"]?\S{0,200}/\.[\w-]{1,60}/(?:\S{0,100}/)?\.\w"
    r"|\bPATH=['\"]?[^:\n]{0,200}/(?:\.cache|\.tmp|\.trash)\b"
)
"""Lines that put themselves before what is trusted, or that run what nobody is meant to see."""
_MODULE_WORDS = lazy(r"import\b")
_PERSONAL = lazy(r"/(?:Documents|Desktop|Pictures|Photos|Music|Videos|Movies|Mail)/")
_VALUED = lazy(
    r"\.(?:db|sqlite3?|kdbx?|docx?|xlsx?|pptx?|od[tsp]|pdf|jpe?g|heic|psd|mov|pst|mbox|sql|dump|bak)\Z"
)
"""What a person keeps for what is in it."""
_DISK = lazy(
    r"(?!/mnt/(?:[a-z]|wsl|host|root|rootfs|sysroot|system)/)/(?:mnt|Volumes|media(?:/[^/]+)?|run/media/[^/]+)/[^/]+/.+"
)
_PROJECT = lazy(
    r"/(?:(?:home|Users)/[^/]+|root)"
    r"/(?!(?:Documents|Desktop|Pictures|Photos|Music|Videos|Movies|Mail|Downloads|Library)\Z)"
    r"[^/.][^/]*+(?:/[^/.][^/]*+)*+"
)
"""A folder below a home folder, but none of those that every person has."""
_OWN_SITE = lazy(
    r"/etc/(?:nginx|apache2|httpd|haproxy)/(?:conf\.d|sites-(?:available|enabled)|conf-available)"
    r"/(?!(?:default|000-default|ssl|default-ssl)\b)[\w.-]{1,80}"
)
"""Settings of one site: each has a file of its own, and a server is told to read it."""
_LINKED = lazy(r"/etc/(?:nginx|apache2)/(?:sites|conf|mods)-enabled/[\w.-]{1,80}")
"""Links by which a server is told what to read; what they lead to stays."""
WILD = lazy(r"[*?]")
_SOURCE = lazy(
    r"\.(?:py|pyi|[cm]?[jt]sx?|go|rs|java|kts?|scala|rb|php|cs|c|cc|cpp|hp?p?|swift|ex|exs|vue|svelte|sql)\Z"
)


def is_system(path: str) -> bool:
    """Whether a path from the root on belongs to the system itself."""
    return _SYSTEM.match(path) is not None


def is_brought(path: str) -> bool:
    """Whether a path from the root on lies on a disk that somebody plugged in."""
    return _DISK.fullmatch(path) is not None


def is_whole(shell: "Shell", path: str) -> bool:
    """Whether a wildcard stands for all of the workspace, or for all its sources of a kind."""
    if WILD.search(path) is None:
        return False
    whole = shell.places.scope(path, shell.cwd) is Scope.WHOLE_WORKSPACE
    return whole or _is_sources(path)


def _is_sources(path: str) -> bool:
    """Whether a wildcard stands for all sources of a kind."""
    return WILD.search(path.rpartition("/")[2]) is not None and _SOURCE.search(path) is not None


def note_read(shell: "Shell", path: str) -> str:
    """What a file holds; that a credential is read is an effect."""
    if path in _IDENTITIES:
        return ENCODED
    if shell.is_secret(path):
        scope = shell.places.scope(path, shell.cwd)
        shell.note_secret(path, scope, "command.reads_credential")
        return SECRET
    if is_device(path):
        return SECRET
    return shell.read(path)


def note_write(
    shell: "Shell", path: str, content: str = UNKNOWN, *, append: bool = False, adds: bool = False
) -> None:
    """Note that a file is written. `adds` says that nothing there is likely to be replaced."""
    full = shell.places.resolve(path, shell.cwd)
    if _QUIET.match(full):
        return
    note_gone(shell, path, full)
    file = shell.places.origin(full)
    if len(shell.files) < MAX_FILES:
        before = shell.files.get(full, "") if append else ""
        shell.files[full] = before + content
    if shell.met_strange and REMOTE in content:
        shell.note_strange(full)
    if is_device(full):
        shell.add(EffectKind.DISK, path, Scope.ROOT, "command.writes_disk")
        return
    scope = shell.places.scope(path, shell.cwd)
    if scope is Scope.WHOLE_WORKSPACE:
        scope = Scope.WORKSPACE
    if is_startup(file):
        plain = append and _is_setting(content)
        shell.add(
            EffectKind.PERSISTENCE, path, scope, "command.writes_startup_file", reversible=plain
        )
    elif is_config(file) and _is_hook(file, content, append=append):
        shell.add(EffectKind.PERSISTENCE, path, scope, "command.runs_later")
    _note_meaning(shell, path, f"{file}/" if path.endswith("/") else file, scope)
    if _GIT.search(full) and not append:
        shell.add(EffectKind.HISTORY_REWRITE, path, Scope.WHOLE_WORKSPACE, "command.breaks_git")
        return
    guessed = scope in {Scope.ROOT, Scope.OUTSIDE} and WILD.search(full) is not None
    adds = adds and _SYSTEM.match(full) is None and full != "/" and not guessed
    append = append or full in shell.absent
    _note_replaced(shell, path, full, scope, content, append=append, adds=adds)


def _note_replaced(
    shell: "Shell", path: str, full: str, scope: Scope, content: str, *, append: bool, adds: bool
) -> None:
    """What is lost of a file that is written."""
    reason, mild = "command.overwrites", append or adds
    if scope is Scope.HOME and _is_lost(full, content):
        reason, mild = "command.overwrites_many", append
    elif scope is Scope.HOME and is_settings(full):
        reason = "command.overwrites_settings"
        mild = mild or (bool(content.strip("\n")) and is_made(shell, full))
    elif scope is Scope.OUTSIDE and content.strip("\n") and is_brought(full):
        # as in a home folder
        mild = mild or WILD.search(full) is None
    elif _OWN_SITE.fullmatch(full) and content.strip("\n") and REMOTE not in content:
        mild = True
    elif scope is Scope.WORKSPACE and not content and not append and is_whole(shell, path):
        reason, scope = "command.overwrites_many", Scope.WHOLE_WORKSPACE
    shell.add(EffectKind.OVERWRITE, path, scope, reason, reversible=mild)


def _is_hook(full: str, content: str, *, append: bool) -> bool:
    if full.endswith(".pth"):
        # weights of a model end so as well
        return _MODULE_WORDS.search(content) is not None
    if REMOTE in content or (append and not content.strip(UNKNOWN)):
        return True
    return runs_command(content)


def _is_lost(full: str, content: str) -> bool:
    """All that a wildcard stands for, or somebody's own file that nothing is put into."""
    if WILD.search(full):
        return True
    kept = _PERSONAL.search(full) is not None or _VALUED.search(full) is not None
    return not content.strip("\n") and kept


def _note_meaning(shell: "Shell", path: str, file: str, scope: Scope) -> None:
    """What the system itself makes of a file."""
    if is_persistent(file):
        shell.add(EffectKind.PERSISTENCE, path, scope, "command.runs_later")
    elif _CORE.match(file):
        shell.add(EffectKind.PERSISTENCE, path, scope, "command.replaces_program")
    elif is_privileged(file):
        shell.add(EffectKind.PRIVILEGE, path, scope, "command.grants_rights")
    if _NAMES.match(file):
        shell.add(EffectKind.NETWORK, path, scope, "command.changes_name_resolution")
    if _KERNEL.match(file):
        shell.add(EffectKind.DISK, path, scope, "command.breaks_kernel")


def note_delete(shell: "Shell", path: str, *, recursive: bool) -> None:
    """Note that a path is deleted, with all below it where `recursive`."""
    full = shell.places.resolve(path, shell.cwd)
    if is_device(full):
        shell.add(EffectKind.DISK, path, Scope.ROOT, "command.deletes_device")
        return
    note_gone(shell, path, full)
    origin = shell.files.pop(MOVED + full, "") if shell.files else ""
    if origin:
        note_delete(shell, origin, recursive=recursive)
    if _GIT.search(full):
        shell.add(EffectKind.HISTORY_REWRITE, path, Scope.WHOLE_WORKSPACE, "command.deletes_git")
        return
    scope = shell.places.scope(path, shell.cwd)
    if scope is Scope.UNKNOWN:
        moved = shell.cwd is None and (shell.places.is_all(path) or path.strip("./") == "")
        if moved:
            shell.add(EffectKind.DELETE, path, Scope.ROOT, "command.deletes_unknown_folder")
            return
        shell.doubt("a path that only a variable names", "command.unknown_target")
    elif scope is Scope.HOME and _is_output(shell, path, full):
        scope = Scope.CACHE
    elif scope is Scope.REMOTE and recursive and shell.on_live and not _is_passing(full):
        # nobody makes again what people live on
        scope = Scope.OUTSIDE
    reason = "command.deletes_tree" if recursive else "command.deletes"
    linked = _LINKED.fullmatch(full) is not None
    shell.add(EffectKind.DELETE, path, scope, reason, reversible=linked)


def _is_passing(full: str) -> bool:
    """Whether a path lies in a folder that is emptied every day."""
    return not (_OUTPUTS | _PASSING).isdisjoint(full.split("/"))


def _is_output(shell: "Shell", path: str, full: str) -> bool:
    """Whether a build makes a path again, in a project of a home folder that the text entered."""
    cwd = shell.cwd or ""
    if path[:1] == "/" or not full.startswith(cwd + "/") or _PROJECT.fullmatch(cwd) is None:
        return False
    parts = full.removeprefix(cwd + "/").split("/")
    if ".git" in parts:
        return False
    name = parts[-1]
    return not _OUTPUTS.isdisjoint(parts) or any(fnmatchcase(name, one) for one in _OUTPUT_FILES)


def _is_setting(content: str) -> bool:
    """Whether lines for a shell's start only set variables, aliases and well-known hooks."""
    if not is_literal(content.replace(UNKNOWN, "")) or _WRAPPED.search(content):
        return False
    if _SETTING_WORDS.search(content):
        return False
    if not content.strip("\x00"):
        return False
    plain = content.replace(UNKNOWN, "x")
    return all(_SETTING_LINE.fullmatch(line) for line in plain.split("\n"))
