"""What git runs on the side: configured commands, aliases, hooks and filters."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.commands.redirects import is_here
from stopper.detect.commands.tables import is_strange
from stopper.detect.commands.taint import ENCODED, REMOTE, UNKNOWN
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from collections.abc import Collection

    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.options import Options
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_VALUES: Final = frozenset(
    {
        "-C", "-c", "--git-dir", "--work-tree", "--namespace", "-m", "--message", "--exec", "-x",
        "--tree-filter", "--index-filter", "--msg-filter", "--env-filter", "--upload-pack",
        "--receive-pack", "-u", "--config", "--author", "-F", "-S", "-G",
    }
)  # fmt: skip
_REMOTES: Final = "git-remote:"
_FORCED: Final = "git-forced:"
_REDIRECTED: Final = re.compile(r"url\.(.+)\.(?:push)?insteadof", re.IGNORECASE)
_PUSHED: Final = re.compile(r"remote\..+\.(?:push|mirror)", re.IGNORECASE)
_COMMAND_KEY: Final = re.compile(
    r"core\.(?:pager|editor|sshcommand|fsmonitor|askpass|gitproxy|alternaterefscommand)"
    r"|diff\.(?:external|.*\.(?:command|textconv))|sequence\.editor|credential\.(?:.*\.)?helper"
    r"|pager\..*|filter\..*|merge\..*\.driver|gpg\.(?:.*\.)?program|.*tool\..*\.cmd|alias\..*"
    r"|browser\..*\.cmd|uploadpack\.packobjectshook|sendemail\..*cmd|remote\..*\.uploadpack",
    re.IGNORECASE,
)
_SHELL_ALIAS: Final = re.compile(
    r"!\s*(?:(?:ba|z)?sh\b|/tmp/|/dev/|curl|wget|nc\b|python|perl|f\(\)\s*\{.*curl)"
)
_ALL_FILES: Final = frozenset({"-z", "-c", "--cached", "--full-name"})
"""Options with which `ls-files` still lists all that is kept."""
_SOME_FILES: Final = _ALL_FILES | {"-o", "--others", "-m", "--modified", "--exclude-standard"}
_DROPPED: Final = re.compile(r"(?:/var)?/tmp/|/dev/shm/")
_PLAIN_HELPER: Final = re.compile(r"(?:store|cache|osxkeychain|manager|libsecret|gcm)\b|$")


def _git(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, _VALUES)
    operands = options.operands
    for setting in options.all_values("-c", "--config"):
        key, _, value = setting.partition("=")
        _setting(shell, key, value)
    verb = operands[0] if operands else ""
    _remotes(shell, operands)
    _whole(shell, verb, options)
    if verb == "config" and operands[2:]:
        _setting(shell, operands[-2], operands[-1])
    elif (verb, *operands[1:2]) == ("bisect", "run"):
        _after(shell, call.args, "run", joined=False)
    elif (verb, *operands[1:2]) == ("submodule", "foreach"):
        _after(shell, call.args, "foreach", joined=True)
    if verb in {
        "rebase",
        "filter-branch",
        "difftool",
        "fetch",
        "clone",
        "pull",
        "push",
        "ls-remote",
    }:
        names = ("--exec", "-x", "--tree-filter", "--index-filter", "--msg-filter", "--env-filter",
                 "--upload-pack", "--receive-pack")  # fmt: skip
        for code in options.all_values(*names):
            shell.run_code(code, f"git {verb}")
        for operand in operands:
            if operand.startswith("ext::"):
                words = re.split(r"(?<!%) ", operand.removeprefix("ext::"))
                shell.run_argv([re.sub(r"%([ %])", r"\1", word) for word in words])
    output = _told(shell, operands, options.flags) or generic(shell, call)
    return ENCODED if verb in {"bundle", "fast-export"} else output


def _told(shell: "Shell", operands: list[str], flags: "Collection[str]") -> str:
    """The files that `ls-files` lists, or the folder that `rev-parse` is asked for."""
    if operands == ["ls-files"] and _SOME_FILES.issuperset(flags):
        return "*\n" if _ALL_FILES.issuperset(flags) else "x\n"
    if operands != ["rev-parse"]:
        return ""
    top, cwd = shell.places.workspace, shell.cwd
    if not cwd or not top or not f"{cwd}/".startswith(f"{top}/"):
        top = cwd or UNKNOWN
    folders = {
        "--show-toplevel": top,
        "--git-dir": ".git",
        "--git-common-dir": ".git",
        "--absolute-git-dir": f"{top}/.git",
    }
    asked = [folders[flag] for flag in flags if flag in folders]
    return f"{asked[0]}\n" if len(asked) == 1 else ""


def _whole(shell: "Shell", verb: str, options: "Options") -> None:
    """What comes into a repository, or leaves it: cloned, added, bundled, or pushed."""
    operands = options.operands
    if verb == "clone":
        _cloned(shell, operands[1:])
    elif verb == "add" and options.has("-f", "--force"):
        for path in filter(shell.is_secret, operands[1:]):
            shell.add(EffectKind.EXFILTRATE, path, Scope.REMOTE, "command.commits_credential")
    elif verb == "push" and shell.files.get(_FORCED):
        shell.add(EffectKind.HISTORY_REWRITE, "push", Scope.REMOTE, "command.git_forces_push")
    elif operands[:2] == ["bundle", "create"]:
        shell.files[shell.places.resolve("".join(operands[2:3]), shell.cwd)] = ENCODED


def _cloned(shell: "Shell", operands: list[str]) -> None:
    """What is run of what was cloned is code that nobody here has seen."""
    url = "".join(operands[:1])
    name = re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")
    folder = "".join(operands[1:2]) or name
    if folder and ("://" in url or url.startswith("git@")):
        shell.note_clone(shell.places.resolve(folder, shell.cwd), strange=is_strange(url))


def _remotes(shell: "Shell", operands: list[str]) -> None:
    """All commits go to a host that this very text brings in."""
    verb, name, url = " ".join(operands[:2]), *[*operands[2:4], "", ""][:2]
    if verb in {"remote add", "remote set-url"} and is_strange(url):
        shell.files[_REMOTES + name] = REMOTE
    elif operands[:1] == ["push"]:
        remote = "".join(operands[1:2]) or "origin"
        if shell.files.get(_REMOTES + remote) == REMOTE:
            shell.add(EffectKind.EXFILTRATE, remote, Scope.REMOTE, "command.sends_data")


def _remote_setting(shell: "Shell", key: str, value: str) -> None:
    """Where commits go, and that they go by force."""
    redirected = _REDIRECTED.fullmatch(key)
    if redirected is not None:
        url = redirected[1]
        if (url.startswith("http://") or is_strange(url)) and not is_here(url):
            shell.add(EffectKind.NETWORK, key, Scope.REMOTE, "command.changes_routes")
    elif _PUSHED.fullmatch(key) and (value[:1] == "+" or value == "true"):
        shell.files[_FORCED] = UNKNOWN


def _setting(shell: "Shell", key: str, value: str) -> None:
    _remote_setting(shell, key, value)
    if key.lower() == "core.hookspath":
        reason = "command.git_sets_command"
        outside = shell.places.scope(value, shell.cwd) not in {Scope.WORKSPACE, Scope.UNKNOWN}
        if outside and value != "/dev/null":
            shell.add(EffectKind.PERSISTENCE, key, Scope.OUTSIDE, reason)
    elif _COMMAND_KEY.fullmatch(key):
        if _DROPPED.search(value):
            shell.add(EffectKind.PERSISTENCE, key, Scope.TEMP, "command.git_sets_command")
        if key.lower().startswith("alias.") and _SHELL_ALIAS.match(value):
            shell.add(EffectKind.PERSISTENCE, key, Scope.HOME, "command.git_sets_command")
        if key.lower().startswith("alias.") and not value.startswith("!"):
            shell.run_code(f"git {value}", "a git alias")
        elif not ("helper" in key.lower() and _PLAIN_HELPER.match(value)):
            shell.run_code(value.removeprefix("!"), f"git's {key}")


def _after(shell: "Shell", args: list[str], word: str, *, joined: bool) -> None:
    words = [arg for arg in args[args.index(word) + 1 :] if arg not in {"--recursive", "--quiet"}]
    if joined:
        shell.run_code(" ".join(words), "git submodule foreach")
    elif words:
        shell.run_argv(words)


HANDLERS: "dict[str, Handler]" = {"git": _git}
