"""Judge a command by what it would do; nothing is run."""

import re
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Final

from stopper.data.commands import load_commands
from stopper.detect.commands import (
    archives,
    builtins,
    checkouts,
    ciphers,
    clouds,
    clusters,
    codelaws,
    editors,
    elevated,
    files,
    filters,
    finders,
    flow,
    gitruns,
    interpreters,
    lines,
    makefiles,
    mild,
    network,
    npmscripts,
    permissions,
    printers,
    queries,
    runs,
    servers,
    sockets,
    stages,
    terminals,
    terraform,
    touches,
)
from stopper.detect.commands.call import Call, Handler, Spent
from stopper.detect.commands.scope import GLOBS, Places
from stopper.detect.commands.shell import MAX_OUTPUT, Shell
from stopper.detect.commands.source import fold
from stopper.detect.commands.statements import is_statements, of_statements
from stopper.detect.commands.tables import apply_rules
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, blend, is_literal
from stopper.detect.commands.windows import (
    is_evident,
    is_windows,
    run_windows,
    run_windows_words,
)
from stopper.detect.commands.winnotes import blank_documents, blank_notes
from stopper.detect.effects import Effect, EffectKind, Judgement, Scope, Unprovable

__all__ = ["DIALECTS", "judge_command"]

DIALECTS: Final = ("bash", "powershell", "cmd")

_TABLES: Final = load_commands()
_HANDLERS: Final[dict[str, Handler]] = {
    **builtins.HANDLERS,
    **printers.HANDLERS,
    **filters.HANDLERS,
    **files.HANDLERS,
    **permissions.HANDLERS,
    **archives.HANDLERS,
    **network.HANDLERS,
    **sockets.HANDLERS,
    **interpreters.HANDLERS,
    **editors.HANDLERS,
    **queries.HANDLERS,
    **runs.HANDLERS,
    **finders.HANDLERS,
    **gitruns.HANDLERS,
    **makefiles.HANDLERS,
    **checkouts.HANDLERS,
    **terminals.HANDLERS,
}
_TOLD: Final = terraform.PROGRAMS | stages.CONTAINERS | {"git"}
"""Programs to which variables add arguments."""
_TREE: Final = frozenset({"-rf", "-fr", "-r", "-R", "-Rf", "-fR", "--recursive"})
_GUESSED: Final = tuple(sorted({*_HANDLERS, *_TABLES.wrappers, *_TABLES.words["risky"]}))
_MAX_GUESSES = 4
_MAX_SETTINGS = 8
_MAX_WILDCARD: Final = 128
_VERSIONED: Final = re.compile(r"(python|perl|ruby|node|php|lua|pip|bash)-?\d[\d.]*\Z")
_VERSION_ENDS: Final = (*"0123456789.",)
_HIDDEN: Final = re.compile(r"/(?:(?:var/)?tmp/(?:[^/]+/){0,4}\.|dev/shm/)[^/]+\Z")
"""Programs that nobody is meant to see."""
_ATTACKS: Final = re.compile(
    r"exploit|dirty_?(?:cow|pipe|cred)|pwn|rootkit|keylog|backdoor|ransom|privesc|(?:rev"
    r"|reverse)[-_]?shell",
    re.IGNORECASE,
)
_UNLOCKED: Final = re.compile(r"tcp://[^/]{1,200}:2375\b")
"""Where an engine of containers serves everybody."""
_FORMATTERS: Final = ("mkfs.", "mke2fs", "newfs")
_MKFS: Final = re.compile(r"mkfs\.\w+|mke2fs|newfs\w*\Z")


def _keeps() -> dict[str, list[Callable[[Shell, Call], None]]]:
    found: dict[str, list[Callable[[Shell, Call], None]]] = {}
    for names, note in (
        (clusters.STARTERS, clusters.note_cluster),
        (mild.MACHINES, mild.note_started),
        (("mkdir", "touch"), mild.note_made),
        (ciphers.CIPHERS, ciphers.note_cipher),
        (npmscripts.PROGRAMS, npmscripts.note_script),
        (stages.FORWARDERS, clusters.note_lead),
        (flow.INSPECTORS, flow.note_inspected),
    ):
        for name in names:
            found.setdefault(name, []).append(note)
    return found


_KEEPS: Final = _keeps()
"""What a shell keeps of programs whose later calls depend on it."""


def judge_command(
    text: str, workspace: str = "/work", home: str = "/home/u", dialect: str = "bash"
) -> Judgement:
    """All effects that running `text` may have, and all parts of it that cannot be told.

    Any text has an answer; one that is too large, too deep or no shell code is unprovable. Spans
    are offsets into `text`. The dialect is one of `DIALECTS`; bash text that is evidently
    PowerShell or cmd is read as such, and so is what is nothing but SQL.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"no dialect {dialect}: choose from {', '.join(DIALECTS)}")
    judged = _judged(text, Places(workspace, home), dialect)
    if dialect == "bash" and is_statements(text):
        return of_statements(text, judged)
    return judged


def _judged(text: str, places: Places, dialect: str) -> Judgement:
    if len(text) > MAX_OUTPUT:
        part = Unprovable("a command too large to judge", "command.too_large", (0, len(text)))
        return Judgement((), (part,))
    plain, origin = fold(text)
    shell = Shell(places, dispatch)
    shell.span = (0, len(plain))
    try:
        with suppress(Spent):
            if dialect != "bash" or is_evident(plain):
                plain = blank_notes(plain)
                run_windows(shell, blank_documents(plain) if dialect == "bash" else plain)
                if dialect == "bash":
                    _read_as_bash(shell, plain)
            else:
                _note_shown(shell, shell.run_text(plain))
    except RecursionError:
        shell.doubt("a command nested too deep", "command.too_deep")
    effects, unprovable = tuple(shell.effects), tuple(shell.unprovable)
    if origin is None:
        return Judgement(effects, unprovable)

    def place(item: Effect | Unprovable) -> tuple[int, int]:
        start, end = item.span
        return (origin[min(start, len(plain))], origin[min(end, len(plain))])

    return Judgement(
        tuple(Effect(e.kind, e.target, e.reversible, e.scope, e.reason, place(e)) for e in effects),
        tuple(Unprovable(u.part, u.reason, place(u)) for u in unprovable),
    )


def _read_as_bash(shell: Shell, text: str) -> None:
    """Add what a text that looks like Windows would do in a shell, but for what does not parse."""
    other = Shell(shell.places, dispatch)
    other.span = shell.span
    with suppress(Spent):
        other.run_text(text)
    seen = {(effect.kind, effect.reason) for effect in shell.effects}
    for effect in other.effects:
        if (effect.kind, effect.reason) not in seen:
            shell.effects[effect] = None
    if not any(part.reason == "command.parse_error" for part in other.unprovable):
        shell.unprovable.update(other.unprovable)


def _note_shown(shell: Shell, output: str) -> None:
    """A credential that the command read and that it prints."""
    if SECRET in output and shell.holds_secret:
        shell.add(
            EffectKind.CREDENTIAL_READ, "the output", Scope.WORKSPACE, "command.prints_credential"
        )


def dispatch(shell: Shell, call: Call) -> str:
    """Give a simple command to whatever knows its program."""
    if mild.asks_help(call) and not _is_brought(shell, call):
        return UNKNOWN
    if not shell.elevated:
        return _dispatch(shell, call)
    before = len(shell.effects)
    output = _dispatch(shell, call)
    elevated.note_elevated(shell, call, before)
    return output


def _dispatch(shell: Shell, call: Call) -> str:
    name = call.name
    if not is_literal(call.path):
        return _unnamed(shell, call)
    if name not in _HANDLERS and GLOBS.search(name) and name not in {"[", "[["}:
        return _guess(shell, call)
    name = call.name = _canonical(name)
    call = _prepared(shell, call)
    if shell.strange and "/" not in call.path and _is_brought(shell, call):
        shell.add(EffectKind.REMOTE_CODE, call.path, Scope.REMOTE, "command.runs_remote_code")
    before = len(shell.effects)
    lines.note_line(shell, call)
    handler = _HANDLERS.get(name)
    wrappers = _TABLES.wrappers.get(name)
    _note_tables(shell, call, before)
    if wrappers is not None:
        output = runs.unwrap(shell, call, wrappers)
        if output is not None:
            return output
    servers.note_served(shell, call)
    reads = touches.note_files(shell, call, judged=handler is not None)
    if handler is not None:
        output = handler(shell, call)
        return blend(SECRET, output) if reads and name == "git" else output
    if is_windows(name):
        run_windows_words(shell, [name, *call.args])
        return blend(*call.args)
    if name not in _TABLES.programs and wrappers is None:
        _run_file(shell, call)
    output = flow.generic(shell, call)
    return SECRET if reads else output


def _prepared(shell: Shell, call: Call) -> Call:
    """A call with what this text told before, with its code folded and its variables' arguments."""
    for note in _KEEPS.get(call.name, ()):
        note(shell, call)
    if call.name in codelaws.CODED and (call.stdin or call.args):
        call = codelaws.folded(shell, call)
        codelaws.note_code(shell, call)
    elif call.name in _TOLD:
        call.args = _told(shell, call)
    return call


def _told(shell: Shell, call: Call) -> list[str]:
    """The arguments of a call, and what variables add to them."""
    if call.name == "git" and "GIT_CONFIG_KEY_0" in shell.given:
        return [*_given_settings(shell), *call.args]
    if call.name in stages.CONTAINERS:
        host = shell.given.get("DOCKER_HOST", "")
        return ["-H", host, *call.args] if _UNLOCKED.search(host) else call.args
    return call.args if call.name == "git" else terraform.told(shell, call)


def _given_settings(shell: Shell) -> list[str]:
    """Settings of git that stand in the environment, as options."""
    given = shell.given
    found = (
        (given.get(f"GIT_CONFIG_KEY_{number}"), given.get(f"GIT_CONFIG_VALUE_{number}", ""))
        for number in range(_MAX_SETTINGS)
    )
    return [word for key, value in found if key for word in ("-c", f"{key}={value}")]


def _note_tables(shell: Shell, call: Call, before: int) -> None:
    """What the tables say of a program, its verbs and its options.

    `before` is how many effects there were before any law spoke of the call.
    """
    program = _TABLES.programs.get(call.name)
    if program is not None:
        apply_rules(shell, call, program)
    if call.name in clouds.PROGRAMS:
        clouds.note_verb(shell, call)
    elif call.args:
        name = call.name
        unknown = program is None and name not in _HANDLERS and name not in _TABLES.wrappers
        clouds.note_task(shell, call, unknown=unknown)
    mild.soften(shell, call, before)
    runner = _TABLES.runners.get(call.name)
    if runner is not None:
        runs.run_options(shell, call, runner)


def _unnamed(shell: Shell, call: Call) -> str:
    """A program that a variable names, wholly or in part."""
    name, args = call.path, call.args
    if REMOTE in name:
        shell.add(EffectKind.REMOTE_CODE, name, Scope.REMOTE, "command.runs_remote_code")
        return blend(call.stdin, *args)
    bare = name.replace(UNKNOWN, "")
    if bare and _is_known(bare):
        # `c${x}at` with nothing in x
        return shell.run_argv([bare, *args], call.stdin)
    made = shell.unseen or ENCODED in name
    if args and not bare and not made and _is_known(args[0]):
        # `$SUDO rm`: a wrapper, or nothing
        shell.doubt("a program that only a variable names", "command.unknown_program")
        return shell.run_argv(args, call.stdin)
    blank = ENCODED in name or " " in name or not bare.strip(SECRET)
    grave = blank and (made or _is_grave(shell, args))
    reason = "command.unknown_code" if grave else "command.unknown_program"
    shell.doubt("a program that only a variable names", reason)
    return blend(call.stdin, name, *args)


def _is_known(word: str) -> bool:
    name = _canonical(word.rpartition("/")[2])
    return name in _HANDLERS or name in _TABLES.programs or name in _TABLES.wrappers


def _is_grave(shell: Shell, args: list[str]) -> bool:
    """Whether arguments would be grave for a program that deletes, or are code for a shell."""
    if any(flag == "-c" and " " in code for flag, code in pairwise(args)):
        return True
    broad = {Scope.ROOT, Scope.HOME}
    return any(arg in _TREE for arg in args) or any(
        shell.places.scope(arg, shell.cwd) in broad for arg in args if arg[:1] in "/~"
    )


def _canonical(name: str) -> str:
    plain = name.removesuffix(".exe")
    if plain.endswith(_VERSION_ENDS) and (match := _VERSIONED.match(plain)):
        return match[1]
    return "mkfs" if plain.startswith(_FORMATTERS) and _MKFS.match(plain) else plain


def _guess(shell: Shell, call: Call) -> str:
    """A wildcard for a program: any program that it may be."""
    if len(call.name) > _MAX_WILDCARD:
        shell.doubt("a program named by a wildcard", "command.unknown_code")
        return blend(call.stdin, *call.args)
    names = [name for name in _GUESSED if fnmatchcase(name, call.name)]
    if not names:
        shell.doubt("a program named by a wildcard", "command.unknown_program")
        return blend(call.stdin, *call.args)
    if len(names) > _MAX_GUESSES:
        shell.doubt("a program named by a wildcard", "command.unknown_code")
    outputs = [
        dispatch(shell, Call(name, list(call.args), call.stdin, name))
        for name in names[:_MAX_GUESSES]
    ]
    return blend(*outputs)


def _is_brought(shell: Shell, call: Call) -> bool:
    """Whether this text put a program of that name, from a host that few use, where it is found."""
    return any(path.endswith(f"bin/{call.name}") for path in shell.strange)


def _run_file(shell: Shell, call: Call) -> None:
    """A program that this text wrote or fetched before."""
    if "/" not in call.path:
        return
    full = shell.places.resolve(call.path, shell.cwd)
    content = shell.files.get(full)
    if _HIDDEN.match(full):
        shell.add(EffectKind.PERSISTENCE, call.path, Scope.TEMP, "command.runs_hidden")
    elif _ATTACKS.search(call.name):
        shell.add(EffectKind.PRIVILEGE, call.path, Scope.ROOT, "command.attack_tool")
    if shell.is_foreign(full) and (full.endswith(".sh") or shell.elevated):
        shell.add(EffectKind.REMOTE_CODE, call.path, Scope.REMOTE, "command.runs_remote_code")
    if content is None and call.path.startswith("."):
        shell.doubt_file(call.path)
    if content is None or not content:
        return
    if not is_literal(content) and REMOTE in content:
        shell.add(EffectKind.REMOTE_CODE, call.path, Scope.REMOTE, "command.runs_remote_code")
    elif is_literal(content):
        runs.run_script(shell, content, call.args)
