"""Code in any language, judged by what it does with sockets, shells, files and endless loops."""

import re
from typing import TYPE_CHECKING, Final

from stopper.data.commands import load_commands
from stopper.detect.commands.call import Call
from stopper.detect.commands.codecalls import home_literals, note_calls
from stopper.detect.commands.folds import fold_code
from stopper.detect.commands.foreign import scan
from stopper.detect.commands.paths import is_device
from stopper.detect.commands.taint import REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.writes import note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["CODED", "folded", "note_code"]

_WORDS: Final = load_commands().words
CODED: Final = _WORDS["coded_programs"]
"""Programs that are given code."""
_BESIDE: Final = frozenset({"awk", "gawk", "mawk", "nawk", "emacs", "vim", "nvim", "vi", "ex"})
_FILED: Final = frozenset({"awk", "gawk", "mawk", "nawk", "jq", "sed", "bc", "dc", "sqlite3"})
"""Programs that read their code from a file behind `-f`."""
_SCRIPTED: Final = CODED - _FILED
_EDITORS: Final = frozenset({"vim", "vi", "nvim", "ex", "emacs", "gvim", "view", "ed"})
_SELVES: Final = frozenset({"make", "gmake"})
_MAX_CODE: Final = 65_536
_MAX_ARGUMENTS: Final = 32
_MAX_CALLS: Final = 64
_SIGNS: Final = lazy(r"[\s(\[{\"'|;]")
_CONNECTS: Final = lazy(
    r"\bconnect\s{0,9}\(|\bztcp\b|zsh/net|\bsocket\s{0,9}[( ]|TCPSocket|TCPServer|UNIXSocket"
    r"|net\.(?:connect|dial|Dial|Socket)"
    r"|/inet/|/dev/(?:tcp|udp)/|make-network-process|open-network-stream|tcp-connect"
    r"|\bSocket\s{0,9}\("
    r"|gen_tcp|TcpClient|TcpStream|fsockopen|IO::Socket|socket\s{1,9}-?\w{0,9}\s{0,9}\d"
    r"|stream_socket_client"
    r"|ch_open|sockconnect|\bsocat\b|\bn?cat\b.{0,40}\d{2,5}|\bnc\s|socketConnection|inet_aton"
    r"|sockaddr"
)
_SHELLS: Final = lazy(
    r"/bin/\w{0,4}sh\b|(?<![\w.-])(?:ba|z|da|k)?sh\s{0,9}(?:-[ic]\b|['\"<>&,\])])|>&\s{0,9}\w"
    r"|<&|\bdup2\b"
    r"|cmd\.exe|\bspawn\b|\bpopen\b|\bsystem\s{0,9}\(|\bexec\w{0,5}\b|\bProcess\b|\bfdopen\b"
    r"|\breopen\b"
)
_HERE: Final = lazy(r"127\.0\.0\.1|localhost|\[?::1\]?")
_FOREVER: Final = lazy(
    r"\bwhile\s{0,9}[({\[]?\s{0,9}(?:1|true|True|!0|t|:)\b|\bfor\s{0,9}\(\s{0,9};[^;]{0,20};"
    r"|\bfor\s{0,9}\{"
    r"|\bloop\s{0,9}(?:do\b|\{|\(\))|\(loop\b"
    r"|\brepeat\b(?:(?!\buntil\b).){1,400}\buntil\s{1,9}(?:false|nil)\b"
    r"|\buntil\s{0,9}\(?\s{0,9}(?:false|0|nil)\b"
    r"|\bforever\b|\(recur\b|\bdo\b.{1,300}\bwhile\s{0,9}\(\s{0,9}(?:1|true)\b"
    r"|1\s{0,9}\.\.\s{0,9}(?:Inf|\*|∞)|\(dotimes|iterate\b|\(cycle\b"
    r"|\bgoto\s{1,9}\w|redo\b|\bdefine\s{1,9}\((\w{1,30})[^)]{0,60}\).{1,200}\(\1\b",
    re.DOTALL,
)
_ENDS: Final = lazy(
    r"\b(?:break|exit|return|sleep|usleep|nanosleep|read\w*|gets|getline|accept|recv\w*|wait\w*"
    r"|last|await|yield|vwait"
    r"|after|input|next|shift|pop|quit|select|poll|prompt|Limit|LIMIT|limit|take|first|done"
    r"|interact|expect|puts?|print)\b"
)
_GROWS: Final = lazy(
    r"\b(?:push|append|lappend|concat|cons|conj|rep|repeat|alloc\w*|malloc|fork|spawn\w*|system"
    r"|exec\w*|popen|Thread\w*"
    r"|thread|new\s{1,9}\w+|Array|vector|write\w*|mkdir|open|Buffer|setf|insert|add|unshift"
    r"|string\.rep|make-\w+|setlength|resize)\b"
    r"|\+=|\.=|\.\.=?|<<|\]\s{0,9}=(?!=)|\b(\w{1,30})\s{0,9}=\s{0,9}\(?\1\b\s{0,9}(?:\.|\.\.|\+"
    r"|\|\|)?\s{0,9}\(?\1\b"
)
_WRITES: Final = lazy(
    r"\b(?:binwrite|write\w*|truncate\w*|file_put_contents|spit|Write\w*|symlink\w*"
    r"|appendFile\w*|puts|print|open|output_to_file)\b"
)
_EACH: Final = lazy(
    r"\b(?:glob\w*|Glob|find|walk\w*|File::Find::find|readdir\w*|entries|file-seq|list\.files"
    r"|Dir)\b[^;\n\"']{0,60}[\"'](?=[/~])"
    r"([^\"'\n]{1,200}[*?][^\"'\n]{0,200})[\"'].{0,200}?\b(?:binwrite|write\w*|truncate\w*"
    r"|file_put_contents|spit|>\s{0,9}\$|open)\b",
    re.DOTALL,
)
_LATER: Final = lazy(
    r"[\"'/](?:(?:site|user)customize\.py|[\w-]{1,40}\.pth|authorized_keys2?|crontab"
    r"|\.bash_profile|\.bashrc|\.zshrc|\.zshenv|\.profile"
    r"|[\w.-]{1,60}\.(?:service|timer|plist|desktop)|post-(?:checkout|merge|commit)"
    r"|pre-(?:commit|push)|rc\.local|ld\.so\.preload)[\"']"
)
_LISP_RUNS: Final = lazy(
    r"\((?:system\*?|run-program|uiop:run-program|sb-ext:run-program|shell-command"
    r"|call-process|start-process|process\*?|run-command"
    r"|clojure\.java\.shell/sh|shell/sh|sh)((?:\s{1,9}(?:\"[^\"\n]{1,400}\"|nil|#f|t)){1,20})"
)
_QUOTED: Final = lazy(r'"([^"\n]{1,400})"')
_HOME_INSIDE: Final = lazy(
    r"\$ENV\{['\"]?HOME['\"]?\}(?=/)|#\{(?:Dir\.home|ENV(?:\.fetch\("
    r"|\[)['\"]HOME['\"][)\]])\}|\$\{(?:os\.homedir\(\)"
    r"|process\.env\.HOME)\}|\$(?:::)?env\(HOME\)"
)
"""The home folder inside of a text."""
_HOME_VALUE: Final = lazy(r"\bENVIRON\[['\"]HOME['\"]\]|\bos\.getenv\(['\"]HOME['\"]\)")
_TCL_PATHS: Final = lazy(r"\[file\s{1,9}(?:normalize|nativename)\s{1,9}([^\]\s]{1,200})\]")
_TREES: Final = lazy(
    r"\b(?:remove_tree|rmtree|rm_rf|rm_r|deleteRecursively|rmSync|fs\.rm|removeSync|RemoveAll"
    r"|delete-directory|unlink\w*)\b"
    r"[^;\n]{0,200}?(?<![.+_])(?<![.+]\s)[\"']([/~][^\"'\n]{1,200})[\"']"
)
_TCL_DELETES: Final = lazy(r"\bfile\s{1,9}delete((?:\s{1,9}[^\s;\]}]{1,200}){1,20})")
_DISKS: Final = lazy(r"[\"'](/dev/[\w/.-]{1,60})[\"']")
_DISK_WRITES: Final = lazy(
    r"\b(?:\w*write\w*|copy\w*|truncate\w*|dd|puts|print|ftruncate|sysopen)\b"
    r"|[\"'](?:[+>]{1,2}<?|[wa]b?\+?|r\+b?)[\"']"
)
_MADE: Final = lazy(
    r"(?<![\w.-])(?:system|exec\w{0,12}|os\.execute|eval|spawn\w{0,8}|popen|load|loadstring"
    r"|Function|shell_exec|passthru)"
    r"\s{0,9}[( ]\s{0,9}[^;\n]{0,80}(?:\breverse|\bchr\b|\.char\b|fromCharCode|\bunpack\b"
    r"|decode\w*|unhex|hex2bin|rot13|\batob\b"
    r"|unescape|\bgsub\b|\^\s{0,9}\d|\bxor\b|uncompress|inflate)\b"
)
"""A command, or code, that is made by undoing what hides it."""
_EDIT_READS: Final = lazy(
    r"(?:^|[|\n])\s{0,9}:?(?:\d{0,3}|\$)(?:r|read|e|edit|sp|split|vs|vsplit|tabe|tabedit|view"
    r"|pedit|insert-file)!?\s{1,9}([~/][^\s|]{1,200})"
    r"|\((?:insert-file-contents(?:-literally)?|find-file\w{0,12})\s{1,9}\"([^\"\n]{1,200})\""
    r"|\breadfile\(\s{0,9}['\"]([^'\"\n]{1,200})"
)
_JQ: Final = lazy(
    r"\[[^\]]{0,200}\brepeat\b|\brecurse\s{0,9}\(\s{0,9}\.\s{0,9}(?:[)+*]|,\s{0,9}\.)"
    r"|\brange\s{0,9}\([^)]{0,40}(?:infinite|\d{9})|\buntil\s{0,9}\(\s{0,9}false"
    r"|\bwhile\s{0,9}\(\s{0,9}true"
    r"|\bdef\s{1,9}(\w{1,20}):(?:(?!\b(?:if|map\w*|select|empty|try|walk)\b|\["
    r"|\?)[^;]){0,99}\b\1\b"
    r"|\b(?:last|add|length|reduce|unique|group_by)\b[^|]{0,9}\(?\s{0,9}repeat\b"
)
_JQ_ENDS: Final = lazy(
    r"\b(?:limit|first|nth|input|inputs|until\s{0,9}\(\s{0,9}\.|isempty|label)\b|\.\."
    r"|recurse\(\s{0,9}\.(?:\w|\[)"
)
_RECURSIVE: Final = lazy(
    r"\bwith\s{1,9}recursive\b(?:(?!\bwhere\b|\blimit\b).){1,600}\bunion\b(?:(?!\bwhere\b"
    r"|\blimit\b).){1,600}$"
    r"|\bwith\s{1,9}recursive\b.{1,600}<\s{0,9}\d{10}"
    r"|generate_series\(\s{0,9}1\s{0,9},\s{0,9}(?:\d{10}|1e1\d)|zeroblob\(\s{0,9}\d{10}",
    re.IGNORECASE | re.DOTALL,
)
_SQLITE_READS: Final = lazy(
    r"\b(?:readfile|load_extension|edit)\s{0,9}\(\s{0,9}['\"]([^'\"]{1,300})", re.IGNORECASE
)
_SQLITE_WRITES: Final = lazy(r"\bwritefile\s{0,9}\(\s{0,9}['\"]([^'\"]{1,300})", re.IGNORECASE)
_SQLITE_DOTS: Final = lazy(
    r"(?:^|\n|\A)\s{0,9}\.(once|output|o|log|save|backup|clone|import|read|trace|excel|system"
    r"|shell|sh)\s{1,9}(?:-\w+\s{1,9})?"
    r"['\"]?([^\n'\"]{1,300})"
)
_DEVICES: Final = lazy(
    r"#\s{0,9}include(?:_next)?\s{0,9}[\"<]/dev/(?:zero|u?random|full|tty)"
    r"|\.incbin\s{0,9}\"/dev/zero"
)
_COMPILERS: Final = frozenset(
    {"gcc", "cc", "cpp", "g++", "clang", "clang++", "c++", "tcc", "m4", "as", "nasm",
     "rustc", "go"}
)  # fmt: skip
_STARTS: Final = r"(?:\b(?:v?fork|malloc|calloc)\s{0,9}\(|\bexec\.Command\(|\bCommand::new\()"
_FORKS: Final = lazy(
    r"(?:\bwhile\s{0,9}\(\s{0,9}(?:1|true)\s{0,9}\)|\bloop\s{0,9}(?=\{)|\bfor\s{0,9}(?=\{)"
    rf"|\bfor\s{{0,9}}\(\s{{0,9}};[^;)]{{0,40}};[^)]{{0,40}}\))\s{{0,9}}\{{?[^}}]{{0,99}}?{_STARTS}[^}}]{{0,99}}"
    rf"|\bdo\s{{0,9}}\{{[^}}]{{0,99}}?{_STARTS}[^}}]{{0,99}}\}}\s{{0,9}}while\s{{0,9}}\(\s{{0,9}}(?:1|true)"
    rf"|\bmain\s{{0,9}}\([^)]{{0,60}}\)\s{{0,9}}\{{[^}}]{{0,99}}?{_STARTS}[^}}]{{0,99}}\bmain\s{{0,9}}\("
)
"""A loop without end, or a program that calls itself, in which it starts others."""
_ENVIRON: Final = lazy(
    r"\bin\s{1,9}ENVIRON\s{0,9}\)[^}]{0,200}\bENVIRON\["
    r"|\bprintf?\b[^;}]{0,99}\bENVIRON\[\s{0,9}\"\w{0,40}(?:SECRET|TOKEN|PASSW|API_?KEY|_KEY\")"
)
_PAUSES: Final = lazy(
    r"\b(?:accept|wait\w*|Wait|sleep|Sleep|pause|read|recv\w*|break|return|exit|output|status|Run|Output|free"
    r"|if)\b"
)
_EDITED: Final = lazy(
    r"\b(?:writefile|append-to-file|write-region|write-file|with-temp-file|rename|rename-file"
    r"|copy-file|saveas|sav|write|w|wq|w!"
    r"|redir\s{0,9}!?\s{0,9}>)!?\s{0,9}\(?[^\n\"'|]{0,120}?[\"'\s>]\s{0,2}([/~][\w./~-]{1,200})"
)
_EXPECTED: Final = lazy(r"\bspawn\s{1,9}(?:-\w+\s{1,9}){0,3}([^;\n\]}]{1,200})")
_PASSWORDS: Final = lazy(r"(?:assword|assphrase).{0,80}\bsend\b", re.DOTALL)
_TCL: Final = lazy(r"\b(?:exec|open\s{1,9}\"?\|)\s{0,9}(?:-\w+\s{1,9}){0,3}([^;\n\]]{1,200})")
_TCL_MODES: Final = lazy(r"\bfile\s{1,9}attributes\s.{0,99}-(?:permissions|owner|group)\b")


def _homely(shell: "Shell", code: str) -> str:
    """The code with the home folder written where it asks for it."""
    if "HOME" not in code and "ome" not in code and "~" not in code:
        return code
    home = shell.places.home
    code = _HOME_INSIDE.sub(home, code)
    code = _HOME_VALUE.sub(f'"{home}"', code)
    return _TCL_PATHS.sub(lambda match: match[1], code)


def folded(shell: "Shell", call: Call) -> Call:
    """The call with its code as far as constants tell it, and with code from files of this text."""
    beside = call.name in _BESIDE
    args = [
        fold_code(_homely(shell, arg), beside=beside) if _SIGNS.search(arg) else arg
        for arg in call.args[:_MAX_ARGUMENTS]
    ] + call.args[_MAX_ARGUMENTS:]
    stdin = fold_code(_homely(shell, call.stdin), beside=beside) if call.stdin else ""
    if call.name in _FILED and "-f" in args[:-1]:
        place = args.index("-f")
        content = shell.files.get(shell.places.resolve(args[place + 1], shell.cwd))
        if content is not None and is_literal(content):
            args[place : place + 2] = [content]
    return Call(call.name, args, stdin, call.path)


def note_code(shell: "Shell", call: Call) -> None:
    """Note what the code in a call does."""
    texts = [arg for arg in call.args[:_MAX_ARGUMENTS] if _SIGNS.search(arg)]
    if call.stdin and len(call.stdin) <= _MAX_CODE and is_literal(call.stdin):
        texts.append(call.stdin)
    texts += _sources(shell, call)
    if call.name == "go" and call.args[:1] == ["run"]:
        _note_brought(shell, call)
    code = "\n".join(texts)
    if not code or len(code) > _MAX_CODE:
        return
    special = _SPECIAL.get(call.name)
    if special is not None:
        special(shell, call, code)
    if call.name in _COMPILERS:
        _compile(shell, call, code)
        return
    _note_shape(shell, call, code)
    _note_written(shell, call, code)
    _note_destroyed(shell, call, code)
    for match in list(_LISP_RUNS.finditer(code))[:_MAX_CALLS]:
        words = _QUOTED.findall(match[1])
        if len(words) > 1:
            shell.run_argv(words)
        elif words:
            shell.run_code(words[0], call.name)


def _compile(shell: "Shell", call: Call, code: str) -> None:
    """A compiler that reads without end, or makes a program that starts others without end."""
    if _DEVICES.search(code):
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.exhausts")
    if any(_PAUSES.search(loop[0]) is None for loop in _FORKS.finditer(code)):
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.fork_bomb")
    if call.name == "go" and call.args[:1] == ["run"]:
        note_calls(shell, code, call.name)
        _note_destroyed(shell, call, code)
        scan(shell, code, call.name)


def _note_brought(shell: "Shell", call: Call) -> None:
    """A source that came over the network, and is run."""
    for path in call.args[1:_MAX_ARGUMENTS]:
        if REMOTE in shell.files.get(shell.places.resolve(path, shell.cwd), ""):
            shell.add(EffectKind.REMOTE_CODE, path, Scope.REMOTE, "command.runs_remote_code")


def _sources(shell: "Shell", call: Call) -> list[str]:
    """What the files hold that a compiler is given, as far as this text wrote them."""
    if call.name not in _COMPILERS or not shell.files:
        return []
    paths = [arg for arg in call.args[:_MAX_ARGUMENTS] if arg[:1] != "-"]
    texts = [shell.files.get(shell.places.resolve(path, shell.cwd), "") for path in paths]
    return [text for text in texts if text and is_literal(text)]


def _note_shape(shell: "Shell", call: Call, code: str) -> None:
    """A socket for a shell, and a loop that has no end and grows."""
    connect = _CONNECTS.search(code)
    if connect is not None and not _HERE.search(code) and _SHELLS.search(code):
        shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.reverse_shell")
        shell.add(EffectKind.NETWORK, call.name, Scope.REMOTE, "command.open_socket")
    forever = _FOREVER.search(code)
    if forever is not None and _ENDS.search(code) is None and _GROWS.search(code):
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.exhausts")


def _note_destroyed(shell: "Shell", call: Call, code: str) -> None:
    """Trees that calls delete, disks that they write, and commands that they make."""
    for match in list(_TREES.finditer(code))[:_MAX_CALLS]:
        path = shell.places.home + match[1][1:] if match[1][:1] == "~" else match[1]
        note_delete(shell, path, recursive=True)
    disks = [match[1] for match in list(_DISKS.finditer(code))[:_MAX_CALLS]]
    if any(map(is_device, disks)) and _DISK_WRITES.search(code):
        shell.add(EffectKind.DISK, call.name, Scope.ROOT, "command.writes_disk")
    if call.name not in _FILED and _MADE.search(code):
        shell.doubt("a command that code makes", "command.unknown_code")


def _note_written(shell: "Shell", call: Call, code: str) -> None:
    """Files of a home folder that are written over one by one, and names that run later."""
    if call.name in _FILED or _WRITES.search(code) is None:
        return
    for match in list(_EACH.finditer(home_literals(code)))[:_MAX_CALLS]:
        path = shell.places.home + match[1][1:] if match[1][:1] == "~" else match[1]
        if shell.places.scope(path, shell.cwd) in {Scope.HOME, Scope.ROOT, Scope.OUTSIDE}:
            note_write(shell, path, "")
    if _LATER.search(code):
        shell.add(EffectKind.PERSISTENCE, call.name, Scope.HOME, "command.runs_later")


def _awk(shell: "Shell", call: Call, code: str) -> None:
    """`awk` prints its environment, or a credential in it."""
    if _ENVIRON.search(code):
        shell.note_secret(call.name, Scope.WORKSPACE, "command.prints_credential")


def _jq(shell: "Shell", call: Call, code: str) -> None:
    if _JQ.search(code) and _JQ_ENDS.search(code) is None:
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.exhausts")


def _sqlite(shell: "Shell", call: Call, code: str) -> None:
    """The shell of SQLite reads and writes files, runs commands and loads code."""
    if _RECURSIVE.search(code):
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.exhausts")
    for match in list(_SQLITE_READS.finditer(code))[:_MAX_CALLS]:
        note_read(shell, match[1])
    for match in list(_SQLITE_WRITES.finditer(code))[:_MAX_CALLS]:
        note_write(shell, match[1], UNKNOWN)
    lines = "\n".join([*call.args[:_MAX_ARGUMENTS], call.stdin])
    for match in list(_SQLITE_DOTS.finditer(lines))[:_MAX_CALLS]:
        rest = match[2].strip()
        if match[1] in {"system", "shell", "sh"} or rest[:1] == "|":
            shell.run_code(rest.lstrip("|"), "sqlite")
        elif match[1] not in {"import", "read"}:
            note_write(shell, rest.split()[-1], UNKNOWN)
        else:
            note_read(shell, rest.split()[0])


def _edit(shell: "Shell", call: Call, code: str) -> None:
    """What an editor is told to do with files, in its own language."""
    for match in list(_EDITED.finditer(code))[:_MAX_CALLS]:
        path = match[1].replace("~", shell.places.home, 1) if match[1][:1] == "~" else match[1]
        note_write(shell, path, UNKNOWN)
    for match in list(_EDIT_READS.finditer(code))[:_MAX_CALLS]:
        path = match[1] or match[2] or match[3]
        home = path[:1] == "~"
        if note_read(shell, shell.places.home + path[1:] if home else path) == SECRET:
            shell.note_secret(path, Scope.HOME, "command.reads_credential")
    note_calls(shell, home_literals(code), call.name)
    scan(shell, home_literals(code), call.name)
    if re.search(r"url-retrieve|https?://", code) and re.search(
        r"\beval[\w-]*\b|\bload(?:-file)?\b|\bsource\b|\bluafile\b|\bread\s{0,9}!", code
    ):
        shell.add(EffectKind.REMOTE_CODE, call.name, Scope.REMOTE, "command.runs_remote_code")


def _expect(shell: "Shell", _call: Call, code: str) -> None:
    """`expect` starts programs and answers what they ask."""
    for match in list(_EXPECTED.finditer(code))[:_MAX_CALLS]:
        words = match[1].split()
        shell.run_argv(words)
        if words[0] in {"su", "sudo", "passwd", "doas", "login"} and _PASSWORDS.search(code):
            shell.add(EffectKind.PRIVILEGE, words[0], Scope.ROOT, "command.gives_password")


def _tcl(shell: "Shell", call: Call, code: str) -> None:
    for match in list(_TCL_DELETES.finditer(code))[:_MAX_CALLS]:
        for word in match[1].split():
            if word[:1] != "-":
                path = shell.places.home + word[1:] if word[:1] == "~" else word.strip('{}"')
                note_delete(shell, path, recursive=True)
    for match in list(_TCL.finditer(code))[:_MAX_CALLS]:
        shell.run_code(match[1], call.name)
    if shell.elevated and _TCL_MODES.search(code):
        shell.add(EffectKind.PERMISSIONS, call.name, Scope.ROOT, "command.changes_permissions")


_SPECIAL: Final = {
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    "jq": _jq,
    "gojq": _jq,
    "jaq": _jq,
    "sqlite3": _sqlite,
    "duckdb": _sqlite,
    "expect": _expect,
    "tclsh": _tcl,
    "wish": _tcl,
    **dict.fromkeys(_EDITORS, _edit),
}
