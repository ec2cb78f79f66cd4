"""Python code: what its calls would do, with literals folded."""

import ast
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from stopper.detect.commands.mild import is_passing_store, names_scratch
from stopper.detect.commands.pyarchives import note_packed
from stopper.detect.commands.pyloops import exhausts
from stopper.detect.commands.pyplain import pairs, plainer
from stopper.detect.commands.pytexts import decoded, unbase64, unhex
from stopper.detect.commands.taint import ENCODED, REMOTE, SECRET, UNKNOWN, is_literal
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.commands.writes import WILD, note_delete, note_read, note_write
from stopper.detect.effects import EffectKind, Scope
from stopper.detect.sql import judge_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stopper.detect.commands.shell import Shell

__all__ = ["MAX_CODE", "run_python"]

MAX_CODE: Final = 65_536
"""The most characters of code in another language that are judged."""
_MAX_NODES: Final = 20_000
_MAX_FOLD: Final = 40
_MAX_DIGITS: Final = 6
_MAX_TEXT: Final = 65_536
_MAX_CODE: Final = 0x110000

_TEXT_CALLS: Final = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn",
     "commands.getoutput", "asyncio.create_subprocess_shell", "popen2.popen3",
     "pexpect.run", "pexpect.runu", "pexpect.spawn", "invoke.run", "fabric.api.run",
     "fabric.api.local", "fabric.api.sudo"}
)  # fmt: skip
_WORD_CALLS: Final = re.compile(
    r"subprocess\.(?:run|call|Popen|check_call|check_output)|asyncio\.create_subprocess_exec"
    r"|os\.(?:exec|spawn|posix_spawn)\w*"
)
_PROGRAMS: Final = re.compile(r"(?:sh|plumbum\.cmd)\.(\w+)")
"""Modules whose functions are programs."""
_RUNNERS: Final = frozenset({"run", "sudo", "local", "exec_command"})
"""What connections to other machines run commands by."""
_DELETES: Final = frozenset(
    {"os.remove", "os.unlink", "os.removedirs", "shutil.rmtree", "os.truncate"}
)
_NETWORK: Final = re.compile(
    r"(?:requests|urllib|httpx|http\.client|aiohttp|socket|smtplib|ftplib|paramiko|urllib2)\b"
)
_FETCHES: Final = re.compile(
    r"(?:requests|httpx)\.get|urllib\.request\.urlopen|urllib2?\.urlopen|urlopen"
)
_SENDS: Final = re.compile(
    r"(?:requests|httpx)\.\w+|.*\burlopen|.*\.(?:post|put|send|sendall|sendto|request|sendmail)"
)
_PUTS: Final = frozenset({"put", "upload_file", "upload_from_filename", "fput_object"})
_PACKERS: Final = frozenset({"shutil", "tarfile", "zipfile"})
_PATH_DELETES: Final = frozenset({"unlink", "rmtree", "rmdir", "remove"})
_MACHINE: Final = ("/etc/", "/root/", "/proc/", "/var/log/")
_IMPORTS: Final = frozenset({"__import__", "builtins.__import__", "importlib.import_module"})
_PACKAGES: Final = {
    "site.getsitepackages()": "/usr/lib/python3/site-packages",
    "site.getusersitepackages()": "/usr/lib/python3/site-packages",
    "sysconfig.get_path()": "/usr/lib/python3/site-packages",
    "sysconfig.get_paths()": "/usr/lib/python3/site-packages",
}
"""Where modules are kept that every program loads, wherever that is on this machine."""
_KEPT: Final = ("", "/credentials", "/id_rsa", "/config")
"""What lies in folders of credentials."""
_SQL_CALLS: Final = frozenset({"execute", "executescript", "executemany", "raw", "text"})


def run_python(shell: "Shell", code: str) -> bool:
    """Note what Python code does; False where it does not parse as Python."""
    if len(code) > MAX_CODE:
        shell.doubt("code too large to judge", "command.too_large")
        return True
    try:
        tree = plainer(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if tree is None:
        shell.doubt("code too large to judge", "command.too_large")
        return True
    _Reader(shell, passing=names_scratch(shell, code) or is_passing_store(code)).read(tree)
    return True


class _Reader:
    """One pass over the calls of a module, in the order of the text."""

    def __init__(self, shell: "Shell", *, passing: bool) -> None:
        self.shell = shell
        self.values: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.lists: dict[str, list[ast.expr]] = {}
        self.secret = False
        self.socket = False
        self.seen_dup = False
        self.runs = False
        self.sends = ""
        self.passing = passing

    def read(self, tree: ast.AST) -> None:
        """Names first, then every call."""
        nodes = []
        for node in ast.walk(tree):
            nodes.append(node)
            if len(nodes) > _MAX_NODES:
                self.shell.doubt("code too large to judge", "command.too_large")
                return
        for node in nodes:
            self._name(node)
        for node in nodes:
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.While | ast.For | ast.ListComp | ast.GeneratorExp):
                self._loop(node)
        if _PACKERS.intersection(name.partition(".")[0] for name in self.names.values()):
            calls = [node for node in nodes if isinstance(node, ast.Call)]
            note_packed(self.shell, calls, self._dotted, self._fold)
        if self.sends and self.secret:
            self.shell.add(
                EffectKind.EXFILTRATE, self.sends, Scope.REMOTE, "command.sends_credential"
            )
        if self.socket and (self.seen_dup or self.runs):
            self.shell.add(EffectKind.REMOTE_CODE, "python", Scope.REMOTE, "command.reverse_shell")

    def _name(self, node: ast.AST) -> None:  # noqa: C901, PLR0912  one branch a statement
        if isinstance(node, ast.Import):
            for item in node.names:
                self.names[item.asname or item.name] = item.name
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                self.names[item.asname or item.name] = f"{node.module}.{item.name}"
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            for target, value in pairs([node], self._listed):
                self._bind(target, value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = self.values.get(node.target.id, UNKNOWN)
            self.values[node.target.id] = (before + self._fold(node.value))[:_MAX_TEXT]
        elif isinstance(node, ast.comprehension) and node.ifs and isinstance(node.target, ast.Name):
            self.values[node.target.id] = f"{self._fold(node.iter)}/{UNKNOWN}"
        elif isinstance(node, ast.For | ast.comprehension):
            if isinstance(node.target, ast.Tuple):
                self._unpack(node, node.target.elts)
            else:
                self._bind(node.target, (self._listed(node.iter) or [node.iter])[0])
        elif isinstance(node, ast.Constant) and node.value in (":memory:", "sqlite://"):
            self.passing = True
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr)

    def _listed(self, node: ast.AST) -> list[ast.expr]:
        """The items of a list that is written out, here or where its name is given."""
        if isinstance(node, ast.List | ast.Tuple):
            return node.elts
        return self.lists.get(node.id, []) if isinstance(node, ast.Name) else []

    def _unpack(self, node: ast.For | ast.comprehension, targets: list[ast.expr]) -> None:
        """A loop over folders with their files, or over what is numbered."""
        source = node.iter
        if not isinstance(source, ast.Call):
            return
        name = self._dotted(source.func)
        if name == "enumerate" and source.args:
            self._bind(targets[-1], source.args[0])
        elif name.endswith(".walk") and len(targets) == len(("folder", "folders", "files")):
            own = isinstance(source.func, ast.Attribute) and name != "os.walk"
            self._bind(targets[0], source.func.value if own else source)  # type: ignore[attr-defined]
            if isinstance(targets[-1], ast.Name):
                picked = any(isinstance(part, ast.If | ast.Continue) for part in ast.walk(node))
                self.values[targets[-1].id] = UNKNOWN if picked else "*"

    def _bind(self, target: ast.AST, value: ast.AST) -> None:
        if not isinstance(target, ast.Name):
            return
        dotted = self._dotted(value)
        looked_up = isinstance(value, ast.Call) and dotted and not dotted.endswith("()")
        if (isinstance(value, ast.Attribute | ast.Name) and dotted) or looked_up:
            self.names[target.id] = dotted
        if isinstance(value, ast.List | ast.Tuple):
            self.lists[target.id] = value.elts if target.id not in self.lists else []
            words = self._words(value)
            value_text = words[0] if words else UNKNOWN
        else:
            value_text = self._fold(value)
        before = self.values.get(target.id)
        self.values[target.id] = value_text if before in {None, value_text} else UNKNOWN

    def _dotted(self, node: ast.AST, depth: int = 0) -> str:
        if depth > _MAX_FOLD:
            return ""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value, depth + 1)}.{node.attr}"
        if isinstance(node, ast.Call):
            name = self._dotted(node.func, depth + 1)
            if name in _IMPORTS and node.args:
                return self._fold(node.args[0], depth + 1)
            if name == "getattr" and len(node.args) > 1:
                owner = self._dotted(node.args[0], depth + 1)
                return f"{owner}.{self._fold(node.args[1], depth + 1)}"
            return f"{name}()"
        return self._member(node, depth) if isinstance(node, ast.Subscript) else ""

    def _member(self, node: ast.Subscript, depth: int) -> str:
        """A name out of a table of names."""
        owner = self._dotted(node.value, depth + 1)
        key = self._fold(node.slice, depth + 1)
        if owner == "vars()" and isinstance(node.value, ast.Call) and node.value.args:
            return f"{self._dotted(node.value.args[0], depth + 1)}.{key}"
        if owner in {"globals()", "locals()", "vars()"}:
            return self.names.get(key, key)
        if owner.endswith(".__dict__"):
            return f"{owner.removesuffix('.__dict__')}.{key}"
        return owner

    def _fold(self, node: ast.AST, depth: int = 0) -> str:  # noqa: C901  one branch a shape
        """The text that an expression is, or marks where it is not known."""
        if depth > _MAX_FOLD:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            return str(value)[:_MAX_TEXT] if isinstance(value, str | int) else UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
            joint = "/" if isinstance(node.op, ast.Div) else ""
            left, right = self._fold(node.left, depth + 1), self._fold(node.right, depth + 1)
            return (left + joint + right)[:_MAX_TEXT]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return re.sub(
                r"%[srd]", lambda _: self._fold(node.right, depth + 1),
                self._fold(node.left, depth + 1), count=1,
            )  # fmt: skip
        if isinstance(node, ast.JoinedStr):
            return "".join(self._fold(part, depth + 1) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self._fold(node.value, depth + 1)
        if isinstance(node, ast.Name):
            return self.values.get(node.id, UNKNOWN)
        if isinstance(node, ast.Attribute):
            if self._dotted(node) == "os.environ":
                return SECRET
            return UNKNOWN
        if isinstance(node, ast.Subscript):
            return self._slice(node, depth)
        if isinstance(node, ast.Call):
            return self._fold_call(node, depth)
        return UNKNOWN

    def _slice(self, node: ast.Subscript, depth: int) -> str:
        dotted = self._dotted(node.value)
        if dotted == "os.environ":
            return self._variable(self._fold(node.slice, depth + 1))
        if dotted in _PACKAGES:
            return _PACKAGES[dotted]
        text = self._fold(node.value, depth + 1)
        step = node.slice.step if isinstance(node.slice, ast.Slice) else None
        if isinstance(step, ast.UnaryOp) and is_literal(text):
            return text[::-1]
        return UNKNOWN

    def _variable(self, name: str) -> str:
        """What a variable of the environment holds."""
        if name == "HOME":
            return self.shell.places.home
        return SECRET if is_secret_name(name) else UNKNOWN

    def _joined(self, joint: str, node: ast.AST, depth: int) -> str:
        """What `join` makes of a list, of the words of a text, or of the letters of codes."""
        if isinstance(node, ast.List | ast.Tuple):
            return joint.join(self._fold(item, depth + 1) for item in node.elts)[:_MAX_TEXT]
        codes: ast.AST | None = None
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            spelled = isinstance(node.elt, ast.Call) and self._dotted(node.elt.func) == "chr"
            codes = node.generators[0].iter if spelled else None
        elif isinstance(node, ast.Call) and self._dotted(node.func) == "map" and node.args[1:]:
            codes = node.args[1] if self._dotted(node.args[0]) == "chr" else None
        if isinstance(codes, ast.List | ast.Tuple):
            numbers = [item.value for item in codes.elts if isinstance(item, ast.Constant)]
            found = (chr(n) for n in numbers if isinstance(n, int) and 0 < n < _MAX_CODE)
            return joint.join(found)[:_MAX_TEXT]
        if isinstance(node, ast.Call) and self._dotted(node.func) == "reversed" and node.args:
            return joint.join(reversed(self._fold(node.args[0], depth + 1)))
        return UNKNOWN

    def _fold_call(self, node: ast.Call, depth: int) -> str:  # noqa: C901, PLR0912  one branch a call
        name = self._dotted(node.func)
        args = [self._fold(arg, depth + 1) for arg in node.args]
        first = args[0] if args else ""
        last = name.rpartition(".")[2]
        if last in {"b64decode", "decodebytes", "urlsafe_b64decode", "a2b_base64"}:
            return unbase64(first)
        if last in {"fromhex", "unhexlify"}:
            return unhex(first)
        if name == "codecs.decode" and args[1:]:
            return decoded(first, args[1])
        if last in {"b64encode", "hexlify", "compress", "encodebytes"}:
            return SECRET if SECRET in first else ENCODED
        if name == "chr":
            return chr(int(first)) if first.isdigit() and len(first) <= _MAX_DIGITS else UNKNOWN
        if name == "os.path.join" or last in {"Path", "PurePath", "PosixPath"}:
            return "/".join(args)
        if last == "expanduser":
            inner = first or (
                self._fold(node.func.value, depth + 1)
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            return inner.replace("~", self.shell.places.home, 1)
        if name.endswith("Path.home"):
            return self.shell.places.home
        if f"{name}()" in _PACKAGES:
            return _PACKAGES[f"{name}()"]
        if name in {"os.getenv", "os.environ.get"}:
            return self._variable(first)
        if name in {"glob.glob", "glob.iglob", "os.listdir", "os.scandir", "os.walk", "str",
                    "bytes", "sorted", "list", "open", "io.open", "dict",
                    "json.dumps"}:  # fmt: skip
            return first
        if last in {"glob", "rglob", "iterdir"} and isinstance(node.func, ast.Attribute):
            return self._fold(node.func.value, depth + 1) + "/" + (first or "*")
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, args, depth)
        if _FETCHES.fullmatch(name):
            return REMOTE
        return UNKNOWN

    def _method(self, node: ast.Call, func: ast.Attribute, args: list[str], depth: int) -> str:
        if _FETCHES.fullmatch(self._dotted(func)):
            return REMOTE
        owner = self._fold(func.value, depth + 1)
        if func.attr == "join" and args:
            return self._joined(owner, node.args[0], depth)
        if func.attr == "format" and args:
            for arg in args:
                owner = owner.replace("{}", arg, 1)
            return owner[:_MAX_TEXT]
        if func.attr in {"decode", "encode", "strip", "read", "read_text", "read_bytes", "text",
                         "format", "resolve", "lower", "content"}:  # fmt: skip
            if func.attr.startswith("read") and is_literal(owner) and self.shell.is_secret(owner):
                return SECRET
            return owner if func.attr != "read_text" or not is_literal(owner) else UNKNOWN
        if func.attr == "replace" and len(args) > 1 and is_literal(owner):
            return owner.replace(args[0], args[1])
        if func.attr == "joinpath":
            return "/".join([owner, *args])
        return REMOTE if REMOTE in owner else UNKNOWN

    def _words(self, node: ast.AST) -> list[str]:
        items: Iterable[ast.AST] = self._listed(node) or [node]
        return [self._fold(item) for item in items]

    def _call(self, node: ast.Call) -> None:  # noqa: C901, PLR0912  one branch a family of calls
        name = self._dotted(node.func)
        last = name.rpartition(".")[2]
        if UNKNOWN in name and self._is_made(node.func):
            self.shell.doubt("a call whose name is made at run time", "command.unknown_code")
        if name in _TEXT_CALLS:
            self.runs = True
            if node.args:
                self._run(self._fold(node.args[0]))
        elif _WORD_CALLS.fullmatch(name):
            self.runs = True
            self._run_words(node, name)
        elif program := _PROGRAMS.fullmatch(name):
            self.shell.run_argv([program[1], *(self._fold(arg) for arg in node.args)])
        elif name in _DELETES:
            self._delete(self._fold(node.args[0]) if node.args else UNKNOWN, name)
        elif name in {"exec", "eval", "builtins.exec", "builtins.eval", "runpy.run_path"}:
            self._exec(node)
        elif name in {"open", "io.open", "os.open"}:
            self._open(node)
        elif last == "dup2":
            self.seen_dup = True
        elif name in {"os.setuid", "os.setresuid", "os.setgid"}:
            self.runs = True
            if self._fold(node.args[0]) == "0" if node.args else False:
                self.shell.add(EffectKind.PRIVILEGE, name, Scope.ROOT, "command.as_root")
        elif name in {"os.chmod", "os.chown", "shutil.chown"} and node.args:
            self._chmod(node, name)
        elif name in {"shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move", "os.rename",
                      "os.replace"} and len(node.args) > 1:  # fmt: skip
            verb = "cp" if "copy" in name else "mv"
            self.shell.run_argv([verb, *(self._fold(arg) for arg in node.args[:2])])
        elif isinstance(node.func, ast.Attribute) and not self._reaches(node, node.func, last):
            self._attribute(node, node.func, last)
        if name.startswith("socket.") or last in {"connect", "create_connection"}:
            self.socket = self.socket or "socket" in " ".join([name, *self.names.values()])
        if self._sends(node, name):
            self.shell.add(EffectKind.EXFILTRATE, name, Scope.REMOTE, "command.sends_credential")

    def _is_made(self, func: ast.AST) -> bool:
        """Whether the name of what is called is put together, and not only looked up."""
        inside = [node for node in ast.walk(func) if isinstance(node, ast.Call)]
        for call in inside[:_MAX_FOLD]:
            looks = self._dotted(call.func) in {"getattr", "__import__", "importlib.import_module"}
            if looks and call.args and not isinstance(call.args[-1], ast.Name | ast.Constant):
                return True
        return False

    def _gather(self, folder: str) -> None:
        """What goes into an archive: a folder of credentials is one."""
        if is_literal(folder) and any(self.shell.is_secret(f"{folder}{name}") for name in _KEPT):
            self.secret = True

    def _reaches(self, node: ast.Call, func: ast.Attribute, last: str) -> bool:
        """What a connection to another machine runs, and files that are read, moved or opened."""
        is_path = "Path" in self._dotted(func.value)
        if last in {"add", "write"} and node.args:
            self._gather(self._fold(node.args[0]).rstrip("/"))
            return False
        if last in _RUNNERS and node.args and " " in (code := self._fold(node.args[0])):
            self.shell.elsewhere(partial(self.shell.run_code, code, last), "machine")
        elif last in {"rename", "replace"} and is_path:
            words = [self._fold(one) for one in (func.value, *node.args[:1])]
            self.shell.run_argv(["mv", *words])
        elif last in {"read", "connect"} and node.args:
            note_read(self.shell, self._fold(node.args[0]))
        elif last == "open" and is_path:
            self._open_as(self._fold(func.value), node, 0)
        else:
            return False
        return True

    def _attribute(self, node: ast.Call, func: ast.Attribute, last: str) -> None:
        if last in _PATH_DELETES and "Path" in self._dotted(func.value) + str(self.names):
            owner = self._fold(func.value)
            if owner != UNKNOWN or "Path" in self._dotted(func.value):
                self._delete(owner, last)
        elif last in _PUTS and node.args:
            if self.shell.is_secret(self._fold(node.args[0])):
                self.shell.add(
                    EffectKind.EXFILTRATE, last, Scope.REMOTE, "command.sends_credential"
                )
        elif last in {"write_text", "write_bytes"}:
            note_write(self.shell, self._fold(func.value), UNKNOWN)
        elif last in {"read_text", "read_bytes"}:
            path = self._fold(func.value)
            listed = re.sub(r"(?:/\*){2,}$", "/*", path.replace(UNKNOWN, "*"))
            if note_read(self.shell, listed) == SECRET:
                self.secret = True
        elif last in _SQL_CALLS and node.args and not self.passing:
            text = self._fold(node.args[0])
            for effect in judge_sql(text.replace(UNKNOWN, "x")).effects:
                self.shell.add(effect.kind, effect.target, effect.scope, effect.reason,
                               reversible=effect.reversible)  # fmt: skip

    def _run(self, code: str) -> None:
        self.shell.run_code(code, "a command that Python runs")

    def _run_words(self, node: ast.Call, name: str) -> None:
        args = node.args
        if name.startswith("os."):
            words = [word for arg in args for word in self._words(arg)]
            if name.startswith("os.spawn"):
                words = words[1:]
            words = words[:1] + words[2:]
        elif len(args) == 1 and not self._listed(args[0]):
            text = self._fold(args[0])
            self._run(text)
            return
        else:
            words = [word for arg in args for word in self._words(arg)]
        if words and words[0]:
            self.shell.run_argv(words)

    def _delete(self, path: str, name: str) -> None:
        note_delete(self.shell, path, recursive="tree" in name)

    def _exec(self, node: ast.Call) -> None:
        code = self._fold(node.args[0]) if node.args else ""
        dumped = ast.dump(node)[:_MAX_TEXT]
        if REMOTE in code or ("urlopen" in dumped or "requests" in dumped):
            self.shell.add(EffectKind.REMOTE_CODE, "exec", Scope.REMOTE, "command.runs_remote_code")
        elif is_literal(code):
            opened = "open" in dumped and "read" in dumped
            if not opened and not run_python(self.shell, code):
                self.shell.doubt("code that Python makes", "command.unknown_code")
        elif "open" not in dumped and "literal_eval" not in dumped:
            self.shell.doubt("code that Python makes", "command.unknown_code")

    def _open(self, node: ast.Call) -> None:
        self._open_as(self._fold(node.args[0]) if node.args else UNKNOWN, node, 1)

    def _open_as(self, path: str, node: ast.Call, place: int) -> None:
        """A file that is opened in the mode that stands at a place, or by its name."""
        mode = self._fold(node.args[place]) if len(node.args) > place else "r"
        for keyword in node.keywords:
            if keyword.arg == "mode":
                mode = self._fold(keyword.value)
        if any(sign in mode for sign in "wax+"):
            note_write(self.shell, path, UNKNOWN, append="a" in mode)
        elif is_literal(path) and (
            note_read(self.shell, path) == SECRET
            or path.startswith(_MACHINE)
            or self._is_anybodys(path)
        ):
            self.secret = True

    def _is_anybodys(self, path: str) -> bool:
        """Whether a path stands for many files of a home folder."""
        scope = self.shell.places.scope(path, self.shell.cwd)
        return WILD.search(path) is not None and scope is Scope.HOME

    def _chmod(self, node: ast.Call, name: str) -> None:
        mode = node.args[1] if len(node.args) > 1 else None
        number = mode.value if isinstance(mode, ast.Constant) else 0
        if name == "os.chmod" and isinstance(number, int):
            self.shell.run_argv(["chmod", f"{number:o}", self._fold(node.args[0])])

    def _loop(self, node: ast.While | ast.For | ast.ListComp | ast.GeneratorExp) -> None:
        forever = not isinstance(node, ast.While) or isinstance(node.test, ast.Constant)
        inside = [self._dotted(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
        if forever and ("os.fork" in inside or exhausts(node, inside)):
            self.shell.add(EffectKind.FORK_BOMB, "a loop", Scope.ROOT, "command.fork_bomb")

    def _sends(self, node: ast.Call, name: str) -> bool:
        if not (
            _NETWORK.match(name) or (self.socket and name.rpartition(".")[2].startswith("send"))
        ):
            return False
        if not _SENDS.fullmatch(name):
            return False
        self.sends = name
        for keyword in node.keywords:
            if keyword.arg in {"headers", "auth", "cookies"}:
                continue
            if SECRET in "".join(self._deep(keyword.value)):
                return True
        return any(SECRET in "".join(self._deep(arg)) for arg in node.args)

    def _deep(self, node: ast.AST) -> list[str]:
        """The texts of an expression and of what it is made of."""
        found = [self._fold(node)]
        if isinstance(node, ast.Dict):
            found += [self._fold(value) for value in node.values if value is not None]
        elif isinstance(node, ast.List | ast.Tuple):
            found += [self._fold(value) for value in node.elts]
        elif isinstance(node, ast.Call):
            found += [self._fold(value) for value in node.args]
        return found
