"""Interpreters of other languages: code in an argument, in a here-document, in a pipe."""

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.codecalls import home_literals, note_calls
from stopper.detect.commands.codelists import take_each
from stopper.detect.commands.codetexts import (
    blank_patterns,
    call_plainly,
    is_made,
    mute,
    name_attributes,
    unalias,
)
from stopper.detect.commands.flow import asks_environment, generic, read_all
from stopper.detect.commands.folds import fold_code
from stopper.detect.commands.foreign import MAX_LITERALS, note_leak, note_orm, note_picked, scan
from stopper.detect.commands.inert import is_inert
from stopper.detect.commands.options import read_options
from stopper.detect.commands.pycode import MAX_CODE, run_python
from stopper.detect.commands.queries import note_sql
from stopper.detect.commands.tables import is_strange
from stopper.detect.commands.taint import (
    ENCODED,
    REMOTE,
    SECRET,
    UNKNOWN,
    blend,
    is_literal,
)
from stopper.detect.commands.writes import note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_MAX_SAVED: Final = 8
_MAX_FILES: Final = 256
_FETCHES: Final = lazy(
    r"\burlretrieve\(|\burlopen\(|\b(?:requests|httpx|axios|https?)\.get\(|\bgetstore\(|\bURI\.open\("
    r"|\bfetch\(|\bwget\.download\(|\b(?:copy|file_get_contents|readfile|fopen)\(\s{0,9}+['\"]https?:"
    r"|\bNet::HTTP\b|\bHTTP::Tiny\b|\brequire\(['\"](?:node:)?https?['\"]\)\.(?:get|request)\(|\bhttp\.Get\("
)
_FAR: Final = lazy(r"https?://(?!localhost\b|127\.|\[::1\])")
_NAMED_FILE: Final = lazy(
    r"['\"]((?:\.?/|~/)[\w./-]{1,200}+|[\w.-]{1,100}\.(?:sh|bash|py|pl|rb|js|bin|run))['\"]"
)
"""What may be run later, by its path or its ending."""
_MAX_CLUSTER: Final = 8
_LOOPS: Final = re.compile(r"-[a-zA-Z0]{0,5}[np]")
_TASKS: Final = frozenset(
    {"manage.py", "artisan", "console", "rails", "rake", "doctrine", "drush", "wp"}
)
_FRAMEWORKS: Final = {"manage.py": "python", "rails": "ruby", "artisan": "php"}
_VALUES: Final = {
    "python": frozenset({"-c", "-m", "-W", "-X"}),
    "perl": frozenset({"-e", "-E", "-I", "-M", "-m", "-F"}),
    "ruby": frozenset({"-e", "-r", "-I", "-E", "-C"}),
    "node": frozenset({"-e", "--eval", "-p", "--print", "-r", "--require", "--import"}),
    "php": frozenset({"-r", "-f", "-B", "-R", "-E", "-d", "-c", "-z"}),
    "lua": frozenset({"-e", "-l"}),
    "osascript": frozenset({"-e", "-l"}),
    "Rscript": frozenset({"-e"}),
}
_CODE: Final = {
    "python": ("-c",),
    "perl": ("-e", "-E"),
    "ruby": ("-e",),
    "node": ("-e", "--eval", "-p", "--print"),
    "php": ("-r", "-B", "-R", "-E"),
    "lua": ("-e",),
    "osascript": ("-e",),
    "Rscript": ("-e",),
}
_EVALS: Final = frozenset({"-e", "-E", "-c", "--eval", "--expr", "eval"})
_OTHERS: Final = (
    "julia",
    "elixir",
    "groovy",
    "scala",
    "scala-cli",
    "kotlin",
    "kscript",
    "jshell",
    "tclsh",
    "expect",
    "guile",
    "racket",
    "swift",
    "ghc",
    "runghc",
    "raku",
    "perl6",
    "crystal",
    "nim",
    "ocaml",
    "clojure",
    "clj",
    "bb",
    "erl",
    "sbcl",
    "clisp",
    "ecl",
    "octave",
    "R",
    "wolframscript",
    "dart",
    "csi",
    "fsi",
    "dotnet-script",
    "zx",
    "qjs",
    "coffee",
    "moon",
    "fennel",
    "janet",
    "hy",
    "xonsh",
    "nu",
    "v8",
    "d8",
    "mono",
    "gst",
    "gawk",
    "rhino",
    "jjs",
    "jython",
    "txr",
    "newlisp",
    "chicken",
    "csi5",
    "gsi",
    "escript",
    "rdmd",
    "tcc",
    "gnuplot",
    "maxima",
    "gp",
    "sage",
    "lein",
)
"""Languages whose code stands in an argument or comes as input."""
_CODE_LIKE: Final = re.compile(r"[\s(\[].*[\"'(`]|[\"'].*[\"']", re.DOTALL)
_POSTS: Final = re.compile(
    r"\burlopen\([^\n]{0,400}\b(?:data\s{0,9}=|read|json)|\b(?:requests|httpx|session|client)\.(?:post|put)\("
    r"|\.request\(\s{0,9}['\"](?:POST|PUT)"
)
"""Calls that send something away."""
_ALIASES: Final = {
    "python2": "python", "python3": "python", "pypy": "python", "pypy3": "python",
    "ipython": "python", "nodejs": "node", "bun": "node", "deno": "node", "luajit": "lua",
    "jruby": "ruby", "tsx": "node", "ts-node": "node",
}  # fmt: skip


def _interpret(shell: "Shell", call: "Call") -> str:
    language = _ALIASES.get(call.name, call.name)
    values = _VALUES[language]
    args = call.args
    if call.name == "deno" and args[:1] == ["eval"]:
        args = ["-e", *args[1:]]
    elif call.name in {"deno", "bun"} and args[:1] == ["run"]:
        args = args[1:]
    code, rest = _argument(args, language, values)
    if code is not None:
        asks_environment(shell, code, call.stdin)
        if language == "perl" and any(re.match(r"-\w*i", arg) for arg in args if arg[:2] != "-e"):
            _in_place(shell, rest)
        _judge(shell, code, language)
        if language == "perl" and any(_LOOPS.match(arg) for arg in args):
            return blend(call.stdin, code, *read_all(shell, rest))
        return blend(call.stdin, code) if call.stdin or not is_literal(code) else UNKNOWN
    if language == "python" and any(arg == "-m" for arg in args):
        return _module(shell, call, args)
    if rest and rest[0] not in {"-", "/dev/stdin"}:
        return _script(shell, call, rest[0], rest[1:], language)
    if call.stdin and not any(flag in args for flag in ("-v", "--version", "-V")):
        _judge(shell, call.stdin, language)
    return UNKNOWN


def _argument(
    args: list[str], language: str, values: frozenset[str]
) -> tuple[str | None, list[str]]:
    """The code behind `-c` or `-e`, also in a cluster (`-ne`), and the operands."""
    codes: list[str] = []
    names = _CODE[language]
    letters = {name[1] for name in names if not name.startswith("--")}
    items = iter(args)
    for arg in items:
        if arg in names or _is_cluster(arg, letters):
            codes.append(next(items, ""))
            if language == "python":
                return codes[0], list(items)
        elif arg[:2] in names:
            codes.append(arg[2:])
            if language == "python":
                return codes[0], list(items)
        elif "=" in arg and arg.partition("=")[0] in names:
            codes.append(arg.partition("=")[2])
        elif arg in values:
            if language == "python" and arg == "-m":
                return None, []
            next(items, "")
        elif arg[:1] != "-" or arg == "-":
            return ("\n".join(codes) if codes else None), [arg, *items]
    return ("\n".join(codes) if codes else None), []


def _is_cluster(arg: str, letters: set[str]) -> bool:
    """Short options together, the last of which takes code."""
    return arg[1:].isalnum() and arg[:1] == "-" and arg[-1] in letters and len(arg) < _MAX_CLUSTER


def _module(shell: "Shell", call: "Call", args: list[str]) -> str:
    place = args.index("-m")
    name, rest = "".join(args[place + 1 : place + 2]), args[place + 2 :]
    if name in {"pip", "venv", "pytest", "ansible", "awscli"}:
        return shell.run_argv([name, *rest], call.stdin)
    if name == "base64":
        return shell.run_argv(["base64", *rest], call.stdin)
    if name in {"http.server", "SimpleHTTPServer", "pyftpdlib"}:
        folder = read_options(rest, frozenset({"-d", "--directory", "-b", "--bind"}))
        path = folder.value("-d", "--directory")
        full = shell.places.resolve(path, shell.cwd) if path else shell.cwd or ""
        if full in {"/", shell.places.home, "/etc", "/root", "/home"}:
            shell.add(EffectKind.EXFILTRATE, full, Scope.REMOTE, "command.serves_files")
            shell.add(EffectKind.NETWORK, full, Scope.REMOTE, "command.listens")
    return blend(call.stdin) if call.stdin else UNKNOWN


def _script(shell: "Shell", call: "Call", path: str, rest: list[str], language: str) -> str:
    if path.rpartition("/")[2] in _TASKS:
        shell.run_argv([path.rpartition("/")[2], *rest], call.stdin)
    full = shell.places.resolve(path, shell.cwd)
    content = shell.files.get(full)
    foreign = shell.is_foreign(full) and (shell.elevated or path.rpartition("/")[2] == "setup.py")
    if foreign or is_strange(path) or REMOTE in path or (content is not None and REMOTE in content):
        shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
    elif content is not None and is_literal(content):
        _judge(shell, content, language)
    elif path.startswith("/dev/fd/"):
        shell.doubt("what a process substitution prints", "command.unknown_code")
    else:
        shell.doubt_file(path)
    return blend(call.stdin) if call.stdin else UNKNOWN


def _task(shell: "Shell", call: "Call") -> str:
    """A framework's own shell: `manage.py shell -c`, `rails runner`, `artisan tinker`."""
    for arg in call.args:
        note_orm(shell, arg, call.name)
    code = read_options(call.args, frozenset({"-c", "--command", "--execute"}))
    for text in code.all_values("-c", "--command", "--execute"):
        _judge(shell, text, "python" if call.name == "manage.py" else "php")
    if call.stdin and call.args[:1] in (["dbshell"], ["dbconsole"], ["db"]):
        note_sql(shell, call.stdin, None)
    elif call.stdin and call.args[:1] in (["shell"], ["c"], ["console"], ["tinker"], ["runner"]):
        note_orm(shell, call.stdin, call.name)
        _judge(shell, call.stdin, _FRAMEWORKS[call.name])
    if call.name == "rails" and call.args[:1] in (["runner"], ["r"]):
        _judge(shell, "".join(call.args[1:2]), "ruby")
    return generic(shell, call)


def _in_place(shell: "Shell", paths: list[str]) -> None:
    for path in paths[:MAX_LITERALS]:
        note_write(shell, path, UNKNOWN)


def _judge(shell: "Shell", code: str, language: str) -> None:
    """Note what code in another language does."""
    if REMOTE in code:
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.runs_remote_code")
        return
    if not code.strip(UNKNOWN + SECRET + ENCODED):
        shell.doubt(f"code for {language}", "command.unknown_code")
        return
    if len(code) > MAX_CODE:
        shell.doubt("code too large to judge", "command.too_large")
        return
    if is_literal(code) and is_inert(code, language):
        return
    plain = code.replace(UNKNOWN, "_").replace(SECRET, "_").replace(ENCODED, "_")
    if language == "python":
        plain = blank_patterns(plain)
        note_orm(shell, plain, language)
    if language != "python":
        spelled = call_plainly(fold_code(take_each(home_literals(mute(unalias(plain))))))
        if is_made(spelled):
            shell.doubt(f"code for {language} that it makes itself", "command.unknown_code")
        plain = spelled
    note_calls(shell, home_literals(name_attributes(plain)), language)
    if language == "python" and run_python(shell, plain):
        _note_posted(shell, code, plain)
    else:
        scan(shell, home_literals(plain), language)
    note_picked(shell, plain, language)
    _note_saved(shell, plain)


def _note_saved(shell: "Shell", plain: str) -> None:
    """Keep that the files which code names hold what it fetched."""
    if _FETCHES.search(plain) is None or _FAR.search(plain) is None:
        return
    for match in islice(_NAMED_FILE.finditer(plain), _MAX_SAVED):
        full = shell.places.resolve(match[1], shell.cwd)
        if len(shell.files) < _MAX_FILES and not shell.files.get(full, "").strip(UNKNOWN):
            shell.files[full] = REMOTE


def _note_posted(shell: "Shell", code: str, plain: str) -> None:
    """Credentials that Python code sends away, by their paths or by what a variable holds."""
    if _POSTS.search(plain):
        note_leak(shell, plain, "python")
    if SECRET in code and re.search(r"https?://|socket", code):
        shell.add(EffectKind.EXFILTRATE, "python", Scope.REMOTE, "command.sends_credential")


def _other(shell: "Shell", call: "Call") -> str:
    """A language without a reader of its own: each argument that looks like code, and the input."""
    for arg in call.args[:MAX_LITERALS]:
        if REMOTE in arg and any(flag in _EVALS for flag in call.args):
            shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.runs_remote_code")
        if _CODE_LIKE.search(arg) and "://" not in arg.partition("(")[0]:
            _judge(shell, arg, call.name)
    if call.stdin and not any(arg[:1] not in "-/" for arg in call.args):
        _judge(shell, call.stdin, call.name)
    return blend(call.stdin, *call.args)


def _rimraf(shell: "Shell", call: "Call") -> str:
    """What Node deletes as `rm -rf` does."""
    return shell.run_argv(["rm", "-rf", *(arg for arg in call.args if arg[:1] != "-")])


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(("rimraf", "del-cli", "premove"), _rimraf),
    **dict.fromkeys(("manage.py", "rails", "artisan"), _task),
    **dict.fromkeys(_OTHERS, _other),
    **dict.fromkeys((*_VALUES, *_ALIASES), _interpret),
}
