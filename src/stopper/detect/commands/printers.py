"""What programs print of their own accord: words, files, paths, the environment."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.flow import generic
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import ENCODED, MADE, SECRET, UNKNOWN, blend
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import is_whole, note_read
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_MAX_TEXT = 262_144
_MAX_NUMBERS = 256
_MAX_DIGITS = 8
_WILD_NAME = re.compile(r"[/\w][^/]*[*?][^/]*\Z|[*?][^/]*\w[^/]*\Z")
_OCTAL = re.compile(r"\\0([0-7]{0,3})")
_FORMAT = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?([sdiouxXcbq]))")


def _echo(_shell: "Shell", call: "Call") -> str:
    args = list(call.args)
    flags = ""
    while args and re.fullmatch(r"-[neE]+", args[0]):
        flags += args.pop(0)[1:]
    text = " ".join(args)
    if "e" in flags:
        text = ansi_c(_octals(text))
    return text if "n" in flags else text + "\n"


def _printf(shell: "Shell", call: "Call") -> str:
    args = list(call.args)
    if args[:1] == ["-v"]:
        name = args[1] if len(args) > 1 else ""
        shell.assign(name, _formatted(args[2:]))
        return ""
    if args[:1] == ["--"]:
        args = args[1:]
    return _formatted(args)


def _formatted(args: list[str]) -> str:
    if not args:
        return ""
    shape, values = args[0], args[1:]
    slots = len(re.findall(r"%[^%]", shape.replace("%%", "")))
    out = []
    while True:
        chunk, values = values[:slots], values[slots:]
        out.append(ansi_c(_octals(_fill(shape, chunk))))
        if not values or not slots or len(out) > _MAX_NUMBERS:
            return "".join(out)[:_MAX_TEXT]


def _octals(text: str) -> str:
    r"""Codes that begin with `\0` as `$'...'` has them; NUL itself ends an item, as a line does."""
    return _OCTAL.sub(lambda match: f"\\{match[1]}" if match[1].strip("0") else "\n", text)


def _fill(shape: str, values: list[str]) -> str:
    rest = iter(values)

    def one(match: re.Match[str]) -> str:
        kind = match[1]
        if kind is None:
            return "%"
        value = next(rest, "")
        if kind == "c":
            return value[:1]
        if kind == "b":
            return ansi_c(_octals(value))
        if kind in "xXo" and value.isdigit() and len(value) <= _MAX_DIGITS:
            return format(int(value), kind)
        return value

    return _FORMAT.sub(one, shape)


def _cat(shell: "Shell", call: "Call") -> str:
    paths = [arg for arg in call.args if arg == "-" or arg[:1] != "-"]
    if not paths:
        return call.stdin
    texts = [
        call.stdin if path in {"-", "/dev/stdin"} else _held(shell, path)
        for path in shell.some(paths)
    ]
    # a file that is not known ends its last line, so that what follows is still read
    return "".join(text + "\n" if text and text == blend(text) else text for text in texts[:-1]) + (
        texts[-1][:_MAX_TEXT] if texts else ""
    )


def _held(shell: "Shell", path: str) -> str:
    """What a file holds; all sources of a kind are one's own business, as an archive is."""
    text = note_read(shell, path)
    return ENCODED if text == UNKNOWN and is_whole(shell, path) else text


def _tail_words(shell: "Shell", call: "Call") -> str:
    """`basename`, `dirname`, `realpath`: paths out of paths."""
    paths = read_options(call.args, frozenset({"-s", "--suffix"})).operands
    path = paths[0] if paths else ""
    if call.name == "dirname":
        return (path.rstrip("/").rpartition("/")[0] or ("/" if path[:1] == "/" else ".")) + "\n"
    if call.name == "basename":
        return path.rstrip("/").rpartition("/")[2].removesuffix("".join(paths[1:2])) + "\n"
    return shell.places.resolve(path, shell.cwd) + "\n"


def _ls(shell: "Shell", call: "Call") -> str:
    """Paths that `ls` is given it prints, wildcards as good as expanded."""
    options = read_options(call.args, frozenset({"-I", "--ignore", "-w"}))
    broad = [
        path.rstrip("/") + "/*"
        for path in options.operands or [shell.cwd or "."]
        if path.strip("/") in {"", "~", shell.places.home.strip("/"), "etc", "home", "usr", "var"}
    ]
    if broad and not options.has("-l"):
        return "".join(f"{path}\n" for path in broad)
    wild = any(_WILD_NAME.search(path) for path in options.operands)
    if (wild or options.has("-d", "--directory")) and not options.has("-l"):
        return "".join(f"{path}\n" for path in options.operands)
    return generic(shell, call)


def _pwd(shell: "Shell", _call: "Call") -> str:
    return (shell.cwd or UNKNOWN) + "\n"


def _mktemp(_shell: "Shell", _call: "Call") -> str:
    return f"{MADE}\n"


def _printenv(shell: "Shell", call: "Call") -> str:
    names = [arg for arg in call.args if arg[:1] != "-" and "=" not in arg]
    if names and not any(map(is_secret_name, names)):
        return "".join((shell.look_up(name) or UNKNOWN) + "\n" for name in names)
    shown = shell.show_environment()
    if shown:
        return shown
    shell.add(
        EffectKind.CREDENTIAL_READ, "the environment", Scope.WORKSPACE,
        "command.prints_credential", reversible=not names,
    )  # fmt: skip
    return SECRET


def _identity(_shell: "Shell", _call: "Call") -> str:
    return ENCODED


def _clipboard(shell: "Shell", call: "Call") -> str:
    """`xclip -o` prints what somebody copied."""
    return ENCODED if read_options(call.args).has("-o", "-out") else generic(shell, call)


def _seq(_shell: "Shell", call: "Call") -> str:
    numbers = [
        int(arg) for arg in call.args if arg.lstrip("-").isdigit() and len(arg) <= _MAX_DIGITS
    ]
    first = numbers[0] if len(numbers) > 1 else 1
    last = numbers[-1] if numbers else 1
    return "".join(f"{number}\n" for number in range(first, last + 1)[:_MAX_NUMBERS])


def _history(shell: "Shell", call: "Call") -> str:
    if any(arg.startswith("-c") for arg in call.args):
        shell.add(EffectKind.DELETE, "history", Scope.HOME, "command.deletes_history")
    return ENCODED


def _which(_shell: "Shell", call: "Call") -> str:
    """As good as the program itself; what is no plain name stays unknown."""
    names = read_options(call.args).operands
    return f"{names[0]}\n" if len(names) == 1 else UNKNOWN


_ALL_ROOM = 10**15


def _ps(shell: "Shell", call: "Call") -> str:
    """`ps auxe` shows the environment of every process."""
    shows = any(re.fullmatch(r"[auxfw]*e[auxfw]*", arg) for arg in call.args[1:])
    if shows or any(re.fullmatch(r"[a-df-z]*e[a-z]*", arg) for arg in call.args[:1]):
        shell.note_secret("environments", Scope.ROOT, "command.prints_credential")
        return SECRET
    return generic(shell, call)


def _df(_shell: "Shell", _call: "Call") -> str:
    """All the room there is: whoever fills so much fills the disk."""
    return f"disk {_ALL_ROOM} 0 {_ALL_ROOM} 0% /\n{_ALL_ROOM}\n"


HANDLERS: "dict[str, Handler]" = {
    "echo": _echo,
    "printf": _printf,
    "print": _echo,
    "cat": _cat,
    "gcat": _cat,
    **dict.fromkeys(("basename", "dirname", "realpath", "readlink"), _tail_words),
    **dict.fromkeys(("ls", "gls", "dir", "vdir", "exa", "eza", "lsd"), _ls),
    "ps": _ps,
    "df": _df,
    "which": _which,
    **dict.fromkeys(("pbpaste", "wl-paste", "xsel"), _identity),
    "xclip": _clipboard,
    "pwd": _pwd,
    "mktemp": _mktemp,
    "printenv": _printenv,
    "env": _printenv,
    "whoami": _identity,
    "hostname": _identity,
    "id": _identity,
    "seq": _seq,
    "history": _history,
    "fc": _identity,
}
