"""Programs that run other programs: wrappers, shells, containers and other machines."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from stopper.data.commands import Runner, Wrapper
from stopper.detect.commands.call import Call
from stopper.detect.commands.flow import generic
from stopper.detect.commands.mild import enters_made
from stopper.detect.commands.options import Options, read_options
from stopper.detect.commands.scope import GLOBS, Mount
from stopper.detect.commands.scripts import SSH_VALUES
from stopper.detect.commands.stages import CONTAINERS, is_named_live, is_sandbox
from stopper.detect.commands.strangers import is_nameless, is_stranger
from stopper.detect.commands.tables import verb_end
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.writes import is_system, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "SHELLS", "run_options", "run_script", "run_words", "unwrap"]

SHELLS = frozenset(
    {"sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "rbash", "mksh", "tcsh", "csh", "yash"}
)
_MAX_WILDCARD = 128
_DROPPED = re.compile(r"/(?:var/)?tmp/|/dev/shm/")
_ASSIGN = re.compile(r"[A-Za-z_]\w*=")
_RESTORES = re.compile(
    r"(?:sudo (?:-u \w+ )?|docker exec -i [\w-]+ )?(?:psql|pg_restore|mysql|mariadb"
    r"|mongorestore)\b"
)
_KEEPS = re.compile(r"(?:sudo )?(?:cat|tee|dd)\b")
_ROOT = frozenset({None, "root", "#0", "0"})
_NOBODY = frozenset({"#-1", "#4294967295"})
"""Users that do not exist, which an old `sudo` takes for root."""
_SEALED = frozenset(
    {"--rm", "-i", "-t", "-it", "-ti", "--interactive", "--tty", "--name", "-w", "--workdir", "-e",
     "--env", "--platform", "--pull", "--entrypoint", "-u", "--user", "-h", "--hostname", "-q",
     "--quiet", "--init", "--read-only", "--tmpfs", "-m", "--memory", "--cpus"}
)  # fmt: skip
"""Options of a container that open no way out of it."""
_PLATFORMS = frozenset({"heroku", "railway", "fly", "flyctl", "render", "dokku", "eb"})
"""Where a company's services run, with their credentials in the environment."""
_VAULTS = frozenset({"aws-vault", "op", "doppler", "infisical", "chamber", "teller"})
"""Give a program credentials in its environment."""
_TRAILED = ("heroku",)
"""Takes its own options behind the command that it runs, too."""
_NETWORKS = frozenset({"--network", "--net"})
_INSIDE = frozenset(
    {EffectKind.DELETE, EffectKind.OVERWRITE, EffectKind.PERMISSIONS, EffectKind.PERSISTENCE}
)
_DOCKER_VALUES = frozenset(
    {"-f", "--filter", "--format", "-n", "--last", "-H", "--host", "-c", "--context"}
)
_LISTS = frozenset({"ps", "images", "container ls", "container ps", "image ls", "volume ls"})


def unwrap(shell: "Shell", call: Call, rows: tuple[Wrapper, ...]) -> str | None:
    """Run what a wrapper runs; None where it runs nothing."""
    for row in rows:
        start = _verb_start(call.args, row) if row.verb else 0
        if start is None:
            continue
        args = call.args[start:]
        options = read_options(args, row.values, until_operand=True)
        operands = _assigned(shell, options.operands) if row.assigns else options.operands
        split = options.value("-S", "--split-string") if row.assigns else None
        if split is not None:
            return shell.run_code(" ".join([split, *operands]), call.name, call.stdin)
        words = _wrapped(row, args, options, operands)
        _note_log(shell, options)
        if call.name in {"nohup", "setsid"} and words and _DROPPED.match(words[0]):
            shell.add(EffectKind.PERSISTENCE, words[0], Scope.TEMP, "command.outlives_session")
        before, sandbox, live = shell.elevated, shell.in_sandbox, shell.on_live
        seen = len(shell.effects)
        if row.verb == "exec" and call.name in CONTAINERS:
            shell.in_sandbox = is_sandbox("".join(operands[:1]))
        shell.on_live = shell.on_live or _enters_live(row, call, words)
        if row.privilege:
            _note_rights(shell, call, words, options)
            shell.elevated = options.value("-u", "--user") in _ROOT | _NOBODY
        machine = row.machine
        if enters_made(shell, call):
            machine, shell.elevated = "container", False
        try:
            if words:
                mounts = _mounts(shell, options) if row.machine == "container" else {}
                output = run_words(shell, words, call.stdin, machine, mounts)
                if row.verb == "run|create" and _is_sealed(options):
                    shell.soften(seen, _INSIDE)
                return output
        finally:
            shell.elevated, shell.in_sandbox, shell.on_live = before, sandbox, live
    return None


def run_options(shell: "Shell", call: Call, row: Runner) -> None:
    """Run the command lines that are the values of options."""
    options = read_options(call.args, row.code)
    live = shell.on_live
    shell.on_live = live or (call.name in _PLATFORMS and not any(map(is_sandbox, options.operands)))
    for code in options.all_values(*sorted(row.code)):
        if row.machine == "here":
            shell.run_code(code, call.name)
        else:
            shell.elsewhere(partial(shell.run_code, code, call.name), row.machine)
    shell.on_live = live


def _enters_live(row: Wrapper, call: Call, words: list[str]) -> bool:
    """Whether `words` run in a container that people live on, as it is named, or on a platform."""
    if call.name in _VAULTS:
        return True
    if call.name in _PLATFORMS:
        return not any(map(is_sandbox, call.args[: len(call.args) - len(words)]))
    if row.machine != "container" or "exec" not in call.args:
        return False
    return any(map(is_named_live, call.args[: len(call.args) - len(words)]))


def _assigned(shell: "Shell", operands: list[str]) -> list[str]:
    """The operands behind `NAME=value`, which are set as for any command."""
    place = 0
    while place < len(operands) and _ASSIGN.match(operands[place]):
        name, _, value = operands[place].partition("=")
        shell.dispatch(shell, Call("=", [name, value], ""))
        place += 1
    return operands[place:]


def _wrapped(row: Wrapper, args: list[str], options: Options, operands: list[str]) -> list[str]:
    """The words of the command that is run."""
    words = operands[row.skip :]
    if row.after and row.after in args:
        words = args[args.index(row.after) + 1 :]
    while row.names == _TRAILED and len(words) > 2 and words[-2] in row.values:  # noqa: PLR2004
        words = words[:-2]
    words = words[1:] if words[:1] == ["--"] else words
    return [*_entry(options), *words] if row.verb == "run|create" else words


def _entry(options: Options) -> list[str]:
    """The program that gets what stands behind the image as its arguments."""
    program = options.value("--entrypoint")
    return [program] if program else []


def _note_log(shell: "Shell", options: Options) -> None:
    """`strace -o FILE`, `time -o FILE`: a wrapper's own output."""
    for path in options.all_values("-o", "--output"):
        if path[:1] == "|":
            shell.run_code(path[1:], "a wrapper's output")
        elif path[:1] == "/":
            note_write(shell, path, UNKNOWN, adds=True)


def _note_rights(shell: "Shell", call: Call, words: list[str], options: Options) -> None:
    """Rights for one command are noted; a shell with all rights is more, and so is a password."""
    login = not words and options.has("-i", "-s", "--login", "--shell")
    login = login or options.value("-u", "--user") in _NOBODY
    if call.stdin and options.has("-S", "--stdin"):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.gives_password")
    shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.as_root", reversible=True)
    opens = bool(words) and words[0].rpartition("/")[2] in SHELLS | {"su"}
    plain = len(words) == 1 or words[1:] in (["-"], ["-l"], ["-i"], ["root"])
    if login or (opens and plain and not call.stdin):
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")


def _verb_start(args: list[str], row: Wrapper) -> int | None:
    """Where the arguments behind a wrapper's verb begin, as a place in `args`."""
    operands = read_options(args, row.values).operands
    end = verb_end(row.verb, operands)
    if end is None:
        return None
    last = row.verb.split()[-1].split("|")
    place = next((n for n, arg in enumerate(args) if arg in last), None)
    return None if place is None else place + 1


def _is_sealed(options: Options) -> bool:
    """Whether a container goes with all it holds, and sees nothing of this machine."""
    given = {flag.partition("=")[0] for flag in options.flags}
    networks = options.all_values(*_NETWORKS)
    return "--rm" in given and given - _NETWORKS <= _SEALED and set(networks) <= {"none"}


def _mounts(shell: "Shell", options: Options) -> dict[str, Mount]:
    """The folders of a container that are this machine's: a home folder, the root, the system's."""
    found: dict[str, Mount] = {}
    for mounted, target in _mounted(options):
        source = shell.places.home + mounted[1:] if mounted[:1] == "~" else mounted
        scope = shell.places.scope(source, shell.cwd) if "/" in source else Scope.REMOTE
        live = "/" not in source and is_named_live(source)
        if live:
            # a volume that people live on
            scope = Scope.OUTSIDE
        system = scope is Scope.OUTSIDE and is_system(source)
        if (live or system or scope in {Scope.HOME, Scope.ROOT}) and len(target) > 1:
            found[target.rstrip("/")] = Mount(source.rstrip("/"), scope)
    return found


def _mounted(options: Options) -> Iterator[tuple[str, str]]:
    """What is mounted into a container, and where."""
    for mount in options.all_values("-v", "--volume"):
        source, _, rest = mount.partition(":")
        yield source, rest.partition(":")[0]
    for mount in options.all_values("--mount"):
        said = dict(part.partition("=")[::2] for part in mount.split(","))
        source = said.get("source") or said.get("src") or ""
        yield source, said.get("target") or said.get("dst") or said.get("destination") or ""


def run_words(
    shell: "Shell",
    words: list[str],
    stdin: str,
    machine: str = "here",
    mounts: Mapping[str, Mount] | None = None,
) -> str:
    """Run a command that is given as words, here, on another machine or in a container."""
    if machine == "here":
        return shell.run_argv(words, stdin)
    return shell.elsewhere(lambda: shell.run_argv(words, stdin), machine, mounts)


def run_script(shell: "Shell", content: str, args: list[str]) -> str:
    """Run a file's text as its first line says, or as a shell's."""
    first, _, _ = content.partition("\n")
    if first.startswith("#!") and not any(name in first for name in SHELLS):
        words = first[2:].split()
        name = words[-1].rpartition("/")[2] if words else ""
        return shell.run_argv([name, "-"], content) if name else ""
    kept = shell.variables.positional
    shell.variables.positional = list(args)
    try:
        return shell.run_code(content, "a script")
    finally:
        shell.variables.positional = kept


def _shell(shell: "Shell", call: Call) -> str:
    """`sh`: a text behind `-c`, a file, or what it reads."""
    operands, code = _shell_words(shell, call.args)
    if code:
        return shell.in_subshell(lambda: _code(shell, call, operands))
    if operands and operands[0] != "-":
        if shell.is_secret(operands[0]):
            # what it cannot run, it prints
            note_read(shell, operands[0])
        return shell.in_subshell(lambda: _file(shell, operands[0], operands[1:]))
    if call.stdin:
        return shell.in_subshell(lambda: shell.run_code(call.stdin, f"what {call.name} reads"))
    if (shell.elevated or "-p" in call.args) and "--version" not in call.args:
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")
    return ""


def _code(shell: "Shell", call: Call, operands: list[str]) -> str:
    """Run the text behind `-c`; what follows it is `$0`, then `$1` and so on."""
    text, first = [*operands, "", ""][:2]
    kept = shell.variables.positional
    shell.variables.positional = operands[2:]
    if first:
        shell.variables.set("0", first)
    try:
        return shell.run_code(text, f"{call.name} -c", call.stdin)
    finally:
        shell.variables.positional = kept


def _shell_words(shell: "Shell", args: list[str]) -> tuple[list[str], bool]:
    """The operands of a shell, and whether the first is code; `-s` makes them arguments."""
    operands: list[str] = []
    code = False
    items = iter(args)
    for arg in items:
        if operands:
            operands += [arg, *items]
        elif arg in {"-o", "+o", "-O", "+O"}:
            next(items, "")
        elif arg in {"--rcfile", "--init-file"}:
            _file(shell, next(items, ""), [])
        elif arg[:1] in "-+" and len(arg) > 1:
            code = code or (arg[1] != "-" and "c" in arg)
            operands = ["-"] if arg[1] != "-" and "s" in arg and not code else []
        else:
            operands.append(arg)
    return operands, code


def _file(shell: "Shell", path: str, args: list[str]) -> str:
    """Run a file in a shell: known where the text wrote it, remote where it fetched it."""
    if path == "/dev/stdin":
        return ""
    full = _written(shell, shell.places.resolve(path, shell.cwd))
    content = shell.files.get(full)
    if REMOTE in path or (content is not None and REMOTE in content) or shell.is_foreign(full):
        shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
        return UNKNOWN
    if content is not None and is_literal(content):
        return run_script(shell, content, args)
    if path.startswith("/dev/fd/"):
        shell.doubt("what a process substitution prints", "command.unknown_code")
    else:
        shell.doubt_file(path)
    return UNKNOWN


def _written(shell: "Shell", full: str) -> str:
    """A path, or the file of this text that its wildcard finds."""
    if GLOBS.search(full) is None or len(full) > _MAX_WILDCARD:
        return full
    return next((name for name in shell.files if fnmatchcase(name, full)), full)


def _source(shell: "Shell", call: Call) -> str:
    if not call.args or call.args[0] == "-":
        # fish reads its input
        return shell.run_code(call.stdin, "what source reads") if call.stdin else ""
    path = call.args[0]
    if path == "/dev/stdin":
        return shell.run_code(call.stdin, "what source reads")
    full = shell.places.resolve(path, shell.cwd)
    if path.startswith("/dev/fd/") and shell.files.get(full) == UNKNOWN:
        return UNKNOWN
    return _file(shell, path, call.args[1:])


def _eval(shell: "Shell", call: Call) -> str:
    return shell.run_code(" ".join(call.args), "eval", call.stdin)


def _joined(shell: "Shell", call: Call) -> str:
    """`watch` and its kin hand their arguments to a shell as one text."""
    values = frozenset({"-n", "--interval", "-d", "-s"})
    words = read_options(call.args, values, until_operand=True).operands
    return shell.run_code(" ".join(words), call.name) if words else ""


def _coded(shell: "Shell", call: Call) -> str:
    """`su -c`, `script -c`, `flock -c`: a text behind an option."""
    values = frozenset({"-c", "--command", "-s", "--shell", "-u", "-g", "-G", "-w", "-E"})
    if call.name == "flock":
        values = frozenset({"-c", "--command", "-w", "-E"})
    options = read_options(call.args, values)
    if call.name in {"su", "runuser"}:
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.as_root", reversible=True)
    code = options.value("-c", "--command")
    user = next((operand for operand in options.operands if operand != "-"), "root")
    if code is not None:
        before = shell.elevated
        shell.elevated = user == "root" if call.name == "su" else before
        try:
            return shell.run_code(code, f"{call.name} -c", call.stdin)
        finally:
            shell.elevated = before
    if call.name == "runuser" and options.has("-u"):
        words = read_options(call.args, values, until_operand=True).operands
        return shell.run_argv(words[1:] if words[:1] == ["--"] else words, call.stdin)
    if call.name in {"su", "runuser"}:
        if user == "root":
            shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")
        if call.stdin:
            shell.run_code(call.stdin, f"what {call.name} reads")
    elif call.name == "script" and shell.elevated:
        shell.add(EffectKind.PRIVILEGE, call.name, Scope.ROOT, "command.root_shell")
    elif call.name == "flock" and len(options.operands) > 1:
        return shell.run_argv(options.operands[1:], call.stdin)
    return UNKNOWN


def _docker(shell: "Shell", call: Call) -> str:
    """`docker ps -q` without a filter names all there are."""
    options = read_options(call.args, _DOCKER_VALUES)
    lists = " ".join(options.operands[:2]) in _LISTS and options.has("-q", "--quiet")
    if lists and not options.has("-f", "--filter", "-n", "--last", "-l", "--latest"):
        some = {"ps", "ls"} & set(options.operands[:2]) and not options.has("-a", "--all")
        return "running-*" if some and "volume" not in options.operands else "*"
    _note_given(shell, call)
    if {"save", "export"} & set(options.operands[:2]) and "-o" not in call.args:
        return ENCODED
    if options.operands[:1] == ["cp"] and call.args[-1:] == ["-"]:
        return ENCODED
    return generic(shell, call)


def _note_given(shell: "Shell", call: Call) -> None:
    """`docker cp`, `kubectl cp`: a credential that goes into a container is out of one's hands."""
    if call.args[:1] != ["cp"]:
        return
    operands = read_options(call.args[1:], frozenset({"-n", "-c"})).operands
    for source in operands[:-1]:
        if ":" not in source and shell.is_secret(source):
            shell.add(EffectKind.EXFILTRATE, source, Scope.REMOTE, "command.sends_credential")
    if len(operands) > 1 and ":" not in operands[-1] and operands[-1] != "-":
        note_write(shell, operands[-1], UNKNOWN, adds=True)


def _kubectl(shell: "Shell", call: Call) -> str:
    """Manifests that came over the network are code that nobody here has seen."""
    if REMOTE in call.stdin and {"apply", "create", "replace"} & set(call.args):
        shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.applies_from_address")
    _note_given(shell, call)
    return generic(shell, call)


def _ssh(shell: "Shell", call: Call) -> str:
    values = SSH_VALUES | {"-M"} if call.name == "autossh" else SSH_VALUES
    options = read_options(call.args, values, until_operand=True)
    _note_settings(shell, options)
    shared = options.has("-g")
    opened = [
        where
        for where in options.all_values("-L")
        if shared or where.startswith(("0.0.0.0:", "*:"))
    ]
    for tunnel in [*options.all_values("-R", "-D", "-w"), *opened]:
        _note_tunnel(shell, tunnel)
    words = options.operands[1:]
    shell.add(
        EffectKind.NETWORK,
        (options.operands or ["?"])[0],
        Scope.REMOTE,
        "command.connects",
        reversible=True,
    )
    code = " ".join(words)
    if SECRET in "".join(options.operands[:1]):
        shell.add(EffectKind.EXFILTRATE, "ssh", Scope.REMOTE, "command.sends_credential")
    if SECRET in call.stdin or ENCODED in call.stdin:
        _note_piped(shell, call.stdin, code, options.operands)
        return UNKNOWN
    if words:
        return shell.elsewhere(lambda: shell.run_code(code, "ssh", call.stdin), "ssh")
    if call.stdin and is_literal(call.stdin):
        return shell.elsewhere(lambda: shell.run_code(call.stdin, "ssh"), "ssh")
    return UNKNOWN


def _note_settings(shell: "Shell", options: Options) -> None:
    """What `-o` sets: commands that ssh runs here, and tunnels."""
    for setting in options.all_values("-o"):
        name, _, value = re.sub(r"[ =]+", "=", setting, count=1).partition("=")
        if name.lower() in {"proxycommand", "localcommand", "knownhostscommand"}:
            shell.run_code(value.strip(), "ssh -o")
        elif name.lower() in {"remoteforward", "dynamicforward", "tunnel"}:
            _note_tunnel(shell, value)


def _note_piped(shell: "Shell", stdin: str, code: str, operands: list[str]) -> None:
    """Credentials that go to another machine, and archives that an unnamed one keeps."""
    if SECRET in stdin and not _RESTORES.match(code):
        shell.add(EffectKind.EXFILTRATE, "ssh", Scope.REMOTE, "command.sends_credential")
    elif any(map(is_stranger, operands[:1])) or (
        _KEEPS.match(code) and any(map(is_nameless, operands[:1]))
    ):
        shell.add(EffectKind.EXFILTRATE, "ssh", Scope.REMOTE, "command.sends_data")


def _note_tunnel(shell: "Shell", where: str) -> None:
    """Another machine may use this one's network; a tunnel of one's own (`-L`) is everyday."""
    shell.add(EffectKind.NETWORK, where, Scope.REMOTE, "command.opens_tunnel")


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(SHELLS, _shell),
    "source": _source,
    ".": _source,
    "eval": _eval,
    "watch": _joined,
    "hyperfine": _joined,
    "entr": _joined,
    "su": _coded,
    "runuser": _coded,
    "script": _coded,
    "flock": _coded,
    **dict.fromkeys(CONTAINERS, _docker),
    **dict.fromkeys(("kubectl", "oc"), _kubectl),
    "ssh": _ssh,
    "mosh": _ssh,
    "autossh": _ssh,
}
