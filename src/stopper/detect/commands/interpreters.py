"""Interpreters of other languages: code in an argument, in a here-document, in a pipe."""

import base64
import re
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.commands.paths import is_secret_path
from stopper.detect.commands.pycode import MAX_CODE, run_python
from stopper.detect.commands.taint import (
    ENCODED,
    REMOTE,
    SECRET,
    UNKNOWN,
    blend,
    is_literal,
)
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_MAX_LITERALS: Final = 200
_MAX_DECODED: Final = 3
_MAX_CLUSTER: Final = 8
_TASKS: Final = frozenset(
    {"manage.py", "artisan", "console", "rails", "rake", "doctrine", "drush", "wp"}
)
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
_ALIASES: Final = {
    "python2": "python", "python3": "python", "pypy": "python", "pypy3": "python",
    "ipython": "python", "nodejs": "node", "bun": "node", "deno": "node", "luajit": "lua",
    "jruby": "ruby", "tsx": "node", "ts-node": "node",
}  # fmt: skip
_STRING: Final = r"""(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`)"""
_JOINED: Final = re.compile(r"""(["'`])\s*(?:\+|\.(?!\w)|\.\.|<<)\s*\1""")
_RUNS: Final = re.compile(
    r"\b(?:system|exec|popen|passthru|shell_exec|proc_open|pcntl_exec|execSync|execFileSync"
    r"|spawnSync|spawn|execFile|execa\w*|execute|capture[23]e?|capture2|do shell script|fork_exec)"
    rf"\b!?\s*[(\[{{]*\s*(?:String\.raw)?{_STRING}((?:\s*,\s*\[?\s*{_STRING})*)"
)
_BACKTICKS: Final = re.compile(
    r"`([^`]+)`|(?:%x|qx)\s*(?:\{([^}]*)\}|\(([^)]*)\)|\[([^\]]*)\]|([/|!#])(.*?)\5)"
)
_DELETES: Final = re.compile(
    r"\b(?:unlink(?:Sync)?|rmtree|remove_tree|rm_rf|rm_r|rm_f|rmSync|rmdirSync|rmdir|removeSync"
    rf"|delete_if_exists|deltree|unlinkr?|remove_entry(?:_secure)?|emptyDirSync)\b\s*\(?\s*{_STRING}"
    rf"|\b(?:File\.delete|fs\.(?:promises\.)?rm|FileUtils\.rm|Deno\.remove(?:Sync)?|os\.remove"
    rf"|Dir\.(?:delete|rmdir|unlink)|file\.remove|Pathname\.new)\s*\(?\s*{_STRING}"
)
_WRITES: Final = re.compile(
    r"\b(?:writeFile(?:Sync)?|file_put_contents|File\.write|IO\.write|writeTextFile(?:Sync)?"
    rf"|truncateSync)\s*\(?\s*{_STRING}"
)
_LITERAL: Final = re.compile(_STRING)
_SOCKET: Final = re.compile(
    r"fsockopen|require\(['\"](?:node:)?net['\"]\)|IO::Socket|TCPSocket|\bSocket\b|net\.(?:connect|Socket|createConnection)"
    r"|socket\.(?:tcp|socket|connect)|/inet/tcp/|stream_socket_client|pfsockopen|use Socket"
)
_SHELLISH: Final = re.compile(
    r"/bin/(?:ba|z|da|c|k)?sh|\bexec\b|\bspawn\b|\bsystem\b|popen|proc_open|shell_exec|cmd\.exe"
    r"|['\"](?:ba|z)?sh['\"]|dup2|os\.execute|getline"
)
_NETWORK: Final = re.compile(
    r"https?[.:]|fetch\s*\(|axios|Net::HTTP|LWP|curl_|file_get_contents\(['\"]http|\bnet\b|HTTP::"
    r"|open-uri|Socket"
)
_FETCHED: Final = re.compile(
    r"\beval\b.*(?:https?://|fetch\(|URI\.open|open\(['\"]http|LWP|get\()"
    r"|\binclude\s*\(?['\"]https?://",
    re.DOTALL,
)
_FORKS: Final = re.compile(
    r"fork\s+while\s+(?:fork|1|true)|while\s*\(?\s*(?:1|true|:)\s*\)?\s*[{;]?.{0,40}\bfork\b"
    r"|loop\s*(?:do|\{).{0,40}\bfork\b|fork\s*\(?\)?\s*(?:,\s*)?redo|for\s*\(;;\)\s*\{?.{0,40}(?:fork|spawn)"
    r"|while\s*\((?:1|true)\).{0,60}(?:spawn|fork|exec)\("
    r"|\$0.*\bfork\b.*\$0",
    re.DOTALL,
)
_DECODED: Final = re.compile(
    rf"(?:base64_decode|atob|decode64|decode_base64|Buffer\.from|b64decode|gzinflate|unpack)\s*\(?\s*{_STRING}"
)
_HEXED: Final = re.compile(rf"(?:hex2bin|pack)\s*\(?\s*(?:['\"]H\*['\"]\s*,\s*)?{_STRING}")


def _interpret(shell: "Shell", call: "Call") -> str:
    language = _ALIASES.get(call.name, call.name)
    values = _VALUES[language]
    args = call.args
    if call.name == "deno" and args[:1] == ["eval"]:
        args = ["-e", *args[1:]]
    code, rest = _argument(args, language, values)
    if code is not None:
        if language == "perl" and any(re.match(r"-\w*i", arg) for arg in args if arg[:2] != "-e"):
            _in_place(shell, rest)
        _judge(shell, code, language)
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
    return blend(call.stdin) if call.stdin else UNKNOWN


def _script(shell: "Shell", call: "Call", path: str, rest: list[str], language: str) -> str:
    if path.rpartition("/")[2] in _TASKS:
        shell.run_argv([path.rpartition("/")[2], *rest])
    full = shell.places.resolve(path, shell.cwd)
    content = shell.files.get(full)
    if REMOTE in path or (content is not None and REMOTE in content):
        shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")
    elif content is not None and is_literal(content):
        _judge(shell, content, language)
    elif path.startswith("/dev/fd/"):
        shell.doubt("what a process substitution prints", "command.unknown_code")
    return blend(call.stdin) if call.stdin else UNKNOWN


def _in_place(shell: "Shell", paths: list[str]) -> None:
    for path in paths[:_MAX_LITERALS]:
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
    plain = code.replace(UNKNOWN, "_").replace(SECRET, "_").replace(ENCODED, "_")
    if language == "python" and run_python(shell, plain):
        if SECRET in code and re.search(r"https?://|socket", code):
            shell.add(EffectKind.EXFILTRATE, language, Scope.REMOTE, "command.sends_credential")
        return
    _scan(shell, plain, language)


def _scan(shell: "Shell", code: str, language: str, depth: int = 0) -> None:
    """Look for calls with literal arguments, in any language."""
    code = _JOINED.sub("", code)
    for match in list(_RUNS.finditer(code))[:_MAX_LITERALS]:
        groups = match.groups()
        first, rest = _text(groups[:3]), match[4] or ""
        words = [_text(more.groups()) for more in _LITERAL.finditer(rest)]
        if words and " " not in first:
            shell.run_argv([first, *words])
        else:
            shell.run_code(first, f"a command that {language} runs")
    if language in {"perl", "ruby", "php"}:
        for match in list(_BACKTICKS.finditer(code))[:_MAX_LITERALS]:
            text = next((g for g in match.groups() if g and len(g) > 1), "")
            shell.run_code(text, f"a command that {language} runs")
    for match in list(_DELETES.finditer(code))[:_MAX_LITERALS]:
        tree = re.search(r"r[fd]|tree|Sync|fs\.|Deno|remove|recursive", match[0]) is not None
        path = _text(match.groups()).replace("#{Dir.home}", shell.places.home)
        note_delete(shell, _home(shell, path), recursive=tree)
    for match in list(_WRITES.finditer(code))[:_MAX_LITERALS]:
        note_write(shell, _home(shell, _text(match.groups())), UNKNOWN)
    _note_shape(shell, code, language)
    if depth < _MAX_DECODED:
        for match in list(_DECODED.finditer(code))[:_MAX_LITERALS]:
            _scan_decoded(shell, _text(match.groups()), language, depth)
        for match in list(_HEXED.finditer(code))[:_MAX_LITERALS]:
            digits = re.sub(r"[^0-9a-fA-F]", "", _text(match.groups()))
            text = bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "replace")
            _scan(shell, text, language, depth + 1)
            shell.run_code(text, "decoded code") if text.isprintable() and text else None


def _scan_decoded(shell: "Shell", text: str, language: str, depth: int) -> None:
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text)
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    decoded = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")
    if not decoded.isprintable() and "\n" not in decoded:
        return
    _scan(shell, decoded, language, depth + 1)
    shell.run_code(re.sub("[\x00-\x03]", "", decoded), "decoded code")


def _note_shape(shell: "Shell", code: str, language: str) -> None:
    """What the code as a whole looks like: a reverse shell, a fork bomb, a leak."""
    if _SOCKET.search(code) and _SHELLISH.search(code):
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.reverse_shell")
    if _FORKS.search(code):
        shell.add(EffectKind.FORK_BOMB, language, Scope.ROOT, "command.fork_bomb")
    if _FETCHED.search(code):
        shell.add(EffectKind.REMOTE_CODE, language, Scope.REMOTE, "command.runs_remote_code")
    literals = [_text(match.groups()) for match in list(_LITERAL.finditer(code))[:_MAX_LITERALS]]
    secret = [text for text in literals if "/" in text and is_secret_path(text)]
    secret += [text for text in literals if text.startswith(".env") and is_secret_path("/" + text)]
    for path in secret:
        note_read(shell, path)
    whole = re.search(r"JSON\.stringify\(process\.env\)|ENV\.to_[ha]|print_r\(\$_ENV|%ENV", code)
    if (secret or whole) and _NETWORK.search(code):
        shell.add(EffectKind.EXFILTRATE, language, Scope.REMOTE, "command.sends_credential")


def _text(groups: tuple[str | None, ...]) -> str:
    text = next((group for group in groups if group is not None), "")
    return ansi_c(text) if "\\" in text else text


def _home(shell: "Shell", path: str) -> str:
    if path.startswith("~"):
        return shell.places.home + path[1:]
    return path.replace("$HOME", shell.places.home)


def _awk(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-F", "-v", "-f", "-i", "-e", "-E", "-l"}))
    scripts = options.all_values("-e", "-E") or options.operands[:1]
    for script in scripts:
        for match in re.finditer(r'system\s*\(\s*"((?:[^"\\]|\\.)*)"', script):
            shell.run_code(ansi_c(match[1]), "awk system")
        for match in re.finditer(
            r'"((?:[^"\\]|\\.)*)"\s*\|&?\s*getline|\|&?\s*"((?:[^"\\]|\\.)*)"', script
        ):
            shell.run_code(ansi_c(match[1] or match[2] or ""), "awk pipe", UNKNOWN)
        if "/inet/" in script and "getline" in script:
            shell.add(EffectKind.REMOTE_CODE, "awk", Scope.REMOTE, "command.reverse_shell")
        if re.search(r"system\s*\(\s*[^\"\s)]", script) and not re.search(
            r'system\s*\(\s*"', script
        ):
            shell.doubt("a command that awk makes", "command.unknown_code")
    paths = options.operands if options.all_values("-f", "-e", "-E") else options.operands[1:]
    found = [note_read(shell, path) for path in paths if "=" not in path][:_MAX_LITERALS]
    text = "".join(found) if paths else call.stdin
    shape = (
        re.fullmatch(r"\s*\{\s*print(?:\s+\$(\d+))?\s*;?\s*\}\s*", scripts[0]) if scripts else None
    )
    begin = (
        re.fullmatch(r'\s*BEGIN\s*\{\s*printf?\s*\(?"((?:[^"\\]|\\.)*)"\)?;?\s*\}\s*', scripts[0])
        if scripts
        else None
    )
    if begin is not None:
        return ansi_c(begin[1])
    if shape is None or not is_literal(text):
        if text and not is_literal(text) and set(text) - set("\x00\x01\x02\x03"):
            return text if set(text) & set("/.") else blend(text)
        return blend(text)
    number = int(shape[1] or 0)
    lines = [line.split() for line in text.split("\n")]
    return "\n".join(
        " ".join(words) if number == 0 else words[number - 1] if len(words) >= number else ""
        for words in lines
    )


def _pager(shell: "Shell", call: "Call") -> str:
    """`less +!command` runs it; `man -P` names the pager to run."""
    options = read_options(call.args, frozenset({"-P", "--pager", "-H"}))
    if call.name == "man":
        for code in options.all_values("-P", "--pager", "-H"):
            shell.run_code(code, "man's pager")
        return UNKNOWN
    for arg in call.args:
        if arg.startswith(("+!", "+|")):
            shell.run_code(arg[2:], call.name)
    return generic(shell, call)


def _editor(shell: "Shell", call: "Call") -> str:
    """`vim -c ':!command'` and its kin."""
    values = frozenset({"-c", "--cmd", "-S", "-u", "-w", "--eval", "-f", "-l", "-ex", "-x"})
    options = read_options(call.args, values)
    codes = options.all_values("-c", "--cmd", "--eval", "-ex")
    codes += [arg[1:] for arg in call.args if arg.startswith("+")]
    for code in codes:
        bare = code.strip().lstrip(":")
        if "!" in bare[:12]:
            shell.run_code(bare.partition("!")[2], call.name)
        elif bare.startswith("shell "):
            shell.run_code(bare.removeprefix("shell "), call.name)
        for match in re.finditer(rf"(?:system|shell-command|os\.system)\s*\(?\s*{_STRING}", bare):
            shell.run_code(_text(match.groups()), call.name)
    for path in options.operands[:_MAX_LITERALS]:
        note_read(shell, path)
    return ""


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys((*_VALUES, *_ALIASES), _interpret),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    **dict.fromkeys(("less", "more", "most", "man"), _pager),
    **dict.fromkeys(("vim", "vi", "nvim", "ex", "ed", "emacs", "gdb", "view"), _editor),
}
