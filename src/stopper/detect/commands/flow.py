"""What programs print, as far as it is known: the data that flows through pipes."""

import base64
import binascii
import codecs
import re
from typing import TYPE_CHECKING

from stopper.data.commands import load_commands
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import ENCODED, SECRET, UNKNOWN, blend, is_literal
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import note_read
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS", "generic"]

_WORDS = load_commands().words
_READERS = _WORDS["readers"]
_HOOKS = _WORDS["hooks"]
_SWALLOWERS = _WORDS["swallowers"]
_SECRET_PRINTERS = _WORDS["secret_printers"]
_PRINTER_NAMES = frozenset(printer.partition(" ")[0] for printer in _SECRET_PRINTERS)
_PROGRAMS = load_commands().programs
_MAX_TEXT = 262_144
_MAX_NUMBERS = 256
_MAX_DIGITS = 8
_FORMAT = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?([sdiouxXcbq]))")
_SET_RANGE = re.compile(r"(.)-(.)", re.DOTALL)
_CLASSES = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\v\f",
}
_SUBSTITUTE = re.compile(
    r"s(?P<d>[/|#,:@!])(?P<old>(?:(?!(?P=d)).)*)(?P=d)(?P<new>(?:(?!(?P=d)).)*)(?P=d)(?P<flags>[gI0-9]*)"
)


def generic(shell: "Shell", call: "Call") -> str:
    """A program that prints something of what it reads; one that prints files reads them."""
    name, args = call.name, call.args
    if name in _HOOKS or "completion" in args or "completions" in args:
        return ""
    if name in _PRINTER_NAMES and _prints_secret(name, args):
        line = " ".join([name, *args])
        shell.note_secret(line, Scope.REMOTE, "command.prints_credential")
        return SECRET
    if name in _SWALLOWERS:
        return blend(*args)
    if name in _READERS:
        return blend(call.stdin, *_read_all(shell, args))
    return blend(call.stdin, *args) if call.stdin else blend(*args)


def _prints_secret(name: str, args: list[str]) -> bool:
    """Whether a call fits a line of the table, as written or without its options."""
    program = _PROGRAMS.get(name)
    values = program.values if program is not None else frozenset()
    written = " ".join([name, *args])
    bare = " ".join([name, *read_options(args, values).operands])
    for printer in _SECRET_PRINTERS:
        head, _, tail = printer.partition(" … ")
        if (written.startswith(head) or bare.startswith(head)) and tail in written:
            return True
    return False


def _read_all(shell: "Shell", args: list[str]) -> list[str]:
    """What the files among some arguments hold."""
    found = []
    for arg in shell.some(args):
        path = arg
        if arg[:1] == "-":
            path = arg.partition("=")[2]
        if path:
            found.append(note_read(shell, path))
    return found


def _echo(_shell: "Shell", call: "Call") -> str:
    args = list(call.args)
    flags = ""
    while args and re.fullmatch(r"-[neE]+", args[0]):
        flags += args.pop(0)[1:]
    text = " ".join(args)
    if "e" in flags:
        text = ansi_c(text.replace("\\0", "\\"))
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
        out.append(ansi_c(_fill(shape, chunk).replace("\\0", "\\")))
        if not values or not slots or len(out) > _MAX_NUMBERS:
            return "".join(out)[:_MAX_TEXT]


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
            return ansi_c(value.replace("\\0", "\\"))
        if kind in "xXo" and value.isdigit() and len(value) <= _MAX_DIGITS:
            return format(int(value), kind)
        return value

    return _FORMAT.sub(one, shape)


def _cat(shell: "Shell", call: "Call") -> str:
    paths = [arg for arg in call.args if arg == "-" or arg[:1] != "-"]
    if not paths:
        return call.stdin
    return "".join(
        call.stdin if path in {"-", "/dev/stdin"} else note_read(shell, path)
        for path in shell.some(paths)
    )[:_MAX_TEXT]


def _input(shell: "Shell", call: "Call", values: frozenset[str] = frozenset()) -> str:
    """What a filter reads: its files, or else its input."""
    paths = read_options(call.args, values).operands
    if not paths or paths == ["-"]:
        return call.stdin
    return "".join(note_read(shell, path) for path in shell.some(paths))


def _base64(shell: "Shell", call: "Call") -> str:
    options = read_options(call.args, frozenset({"-w", "--wrap", "-i", "-o", "-b"}))
    path = options.value("-i")
    text = note_read(shell, path) if path else _input(shell, call, frozenset({"-w", "--wrap"}))
    if not options.has("-d", "-D", "--decode"):
        if not is_literal(text):
            return SECRET if SECRET in text else ENCODED
        return base64.b64encode(text.encode("utf-8", "replace")).decode() + "\n"
    if not is_literal(text):
        return blend(text)
    return _unbase64(text) if call.name != "base32" else _unbase32(text)


def _unbase64(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text.translate({45: 43, 95: 47}))
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    return _decoded(base64.b64decode(plain + "=" * (-len(plain) % 4)))


def _unbase32(text: str) -> str:
    plain = re.sub(r"[^A-Z2-7]", "", text.upper())
    try:
        return _decoded(base64.b32decode(plain + "=" * (-len(plain) % 8)))
    except binascii.Error:
        return UNKNOWN


def _decoded(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return re.sub("[\x00-\x03]", UNKNOWN, text)[:_MAX_TEXT]


def _xxd(shell: "Shell", call: "Call") -> str:
    text = _input(shell, call, frozenset({"-c", "-g", "-l", "-s", "-o"}))
    if not any(re.fullmatch(r"-r?p?s?r|-revert|-r.*", arg) for arg in call.args):
        return SECRET if SECRET in text else ENCODED
    if not is_literal(text):
        return blend(text)
    digits = re.sub(r"[^0-9a-fA-F]", "", text.replace("0x", "").replace("\\x", ""))
    return _decoded(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _encode(shell: "Shell", call: "Call") -> str:
    """Encoders and compressors: what they print can be smuggled anywhere."""
    text = "".join((call.stdin, *_read_all(shell, call.args)))
    return SECRET if SECRET in text else ENCODED


def _compress(shell: "Shell", call: "Call") -> str:
    text = "".join((call.stdin, *_read_all(shell, call.args)))
    undoes = call.name.startswith(("gun", "z", "un")) or any(
        re.fullmatch(r"-\w*d\w*|--decompress|--uncompress", arg) for arg in call.args
    )
    return blend(text) if undoes or SECRET in text else ENCODED


def _openssl(shell: "Shell", call: "Call") -> str:
    args = call.args
    paths = [args[n + 1] for n, arg in enumerate(args[:-1]) if arg == "-in"]
    verb = args[0] if args else ""
    if verb in {"enc", "base64", "aes-256-cbc", "smime", "cms"}:
        text = call.stdin + "".join(note_read(shell, path) for path in paths)
        if "-d" in args:
            is_base64 = verb == "base64" or "-base64" in args
            return _unbase64(text) if is_base64 and is_literal(text) else blend(text)
        return SECRET if SECRET in text else ENCODED
    if verb == "s_client":
        return "\x01"
    if verb in {"rsa", "pkey", "ec", "pkcs12"} and "-pubout" not in args and "-out" not in args:
        return blend(*(note_read(shell, path) for path in paths))
    return UNKNOWN


def _rev(shell: "Shell", call: "Call") -> str:
    text = _input(shell, call)
    if not is_literal(text):
        return blend(text)
    lines = text.split("\n")
    lines = lines[::-1] if call.name == "tac" else [line[::-1] for line in lines]
    return "\n".join(lines).lstrip("\n")


def _set_of(text: str) -> str:
    for name, letters in _CLASSES.items():
        text = text.replace(name, letters)
    text = ansi_c(text)

    def span(match: re.Match[str]) -> str:
        return "".join(chr(code) for code in range(ord(match[1]), min(ord(match[2]), 255) + 1))

    return _SET_RANGE.sub(span, text)


def _tr(_shell: "Shell", call: "Call") -> str:
    text = call.stdin
    if not is_literal(text):
        return blend(text)
    options = read_options(call.args)
    sets = [_set_of(operand) for operand in options.operands[:2]]
    if not sets:
        return text
    if options.has("-d"):
        if options.has("-c", "-C"):
            return "".join(char for char in text if char in sets[0])
        return "".join(char for char in text if char not in sets[0])
    if len(sets) == 1 or options.has("-c", "-C"):
        return text
    new = sets[1].ljust(len(sets[0]), sets[1][-1:] or " ")
    return text.translate({ord(old): char for old, char in zip(sets[0], new, strict=False)})


def _cut(shell: "Shell", call: "Call") -> str:
    values = frozenset({"-d", "-f", "-c", "-b", "--delimiter", "--fields", "--characters"})
    text = _input(shell, call, values)
    if not is_literal(text):
        return blend(text)
    options = read_options(call.args, values)
    chars = options.value("-c", "-b", "--characters")
    fields = options.value("-f", "--fields")
    sign = options.value("-d", "--delimiter") or "\t"
    out = []
    for line in text.split("\n"):
        if chars is not None:
            out.append(_pick(list(line), chars, ""))
        else:
            out.append(_pick(line.split(sign), fields or "", sign))
    return "\n".join(out)


def _pick(items: list[str], ranges: str, joint: str) -> str:
    chosen: list[str] = []
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        if not (first + last).isdigit() or len(first + last) > _MAX_DIGITS:
            continue
        start = int(first or 1) - 1
        chosen += items[start : int(last) if last else None] if dash else items[start : start + 1]
    return joint.join(chosen)


def _head(shell: "Shell", call: "Call") -> str:
    values = frozenset({"-n", "-c", "--lines", "--bytes"})
    text = _input(shell, call, values)
    if not is_literal(text):
        return blend(text) if text.strip("\x00") or not text else text
    options = read_options(call.args, values)
    count = options.value("-n", "--lines") or "10"
    short = next((flag[1:] for flag in options.flags if flag[1:].isdigit()), None)
    count = short or count
    lines = text.split("\n")
    if not count.lstrip("+-").isdigit() or len(count) > _MAX_DIGITS:
        return text
    number = int(count)
    if call.name == "tail":
        kept = lines[number - 1 :] if count.startswith("+") else lines[-abs(number) - 1 :]
        return "\n".join(kept)
    return "\n".join(lines[:number])


def _sed(shell: "Shell", call: "Call") -> str:
    """`sed` as a filter: only plain substitutions are followed."""
    values = frozenset({"-e", "-f", "-l", "--expression", "--file"})
    options = read_options(call.args, values)
    scripts = options.all_values("-e", "--expression") or options.operands[:1]
    paths = options.operands if options.all_values("-e", "-f") else options.operands[1:]
    in_place = any(re.match(r"-[nErsz]*i|--in-place|-I", flag) for flag in options.flags)
    for script in scripts:
        _sed_runs(shell, script)
    if in_place:
        for path in shell.some(paths):
            shell.run_argv(["sponge", path])
        return ""
    text = call.stdin if not paths else "".join(note_read(shell, p) for p in shell.some(paths))
    if not is_literal(text):
        return blend(text) if set(text) - {UNKNOWN} else text
    for script in scripts:
        shape = _SUBSTITUTE.fullmatch(script)
        if shape is None:
            return UNKNOWN if text else ""
        if re.search(r"[\\.\[*^$&]", shape["old"] + shape["new"]):
            return _sed_pattern(shape, text)
        count = -1 if "g" in shape["flags"] else 1
        text = text.replace(shape["old"], shape["new"], count)
    return text


def _sed_pattern(shape: re.Match[str], text: str) -> str:
    """A few patterns that obfuscation uses: one character class, removed or replaced."""
    old = shape["old"]
    if re.fullmatch(r"\[[^\]\\]+\]|\.|\\.", old) and "\\" not in shape["new"]:
        return re.sub(old, lambda _: shape["new"], text, count=0 if "g" in shape["flags"] else 1)
    return UNKNOWN


def _sed_runs(shell: "Shell", script: str) -> None:
    """GNU sed's `e` runs commands."""
    match = re.match(r"(?:\d*|\$)e\s+(.+)", script, re.DOTALL)
    if match:
        shell.run_code(match[1], "sed e")
    for found in re.finditer(r"s([/|#,])(?:(?!\1).)*\1((?:(?!\1).)*)\1[gIip0-9]*e", script):
        shell.run_code(found[2], "sed s///e")


def _tail_words(shell: "Shell", call: "Call") -> str:
    """`basename`, `dirname`, `realpath`: paths out of paths."""
    paths = [arg for arg in call.args if arg[:1] != "-"]
    path = paths[0] if paths else ""
    if call.name == "dirname":
        return (path.rstrip("/").rpartition("/")[0] or ("/" if path[:1] == "/" else ".")) + "\n"
    if call.name == "basename":
        return path.rstrip("/").rpartition("/")[2] + "\n"
    return shell.places.resolve(path, shell.cwd) + "\n"


def _pwd(shell: "Shell", _call: "Call") -> str:
    return (shell.cwd or UNKNOWN) + "\n"


def _mktemp(_shell: "Shell", _call: "Call") -> str:
    return "/tmp/tmp.made\n"  # noqa: S108  a name, nothing is made there


def _printenv(shell: "Shell", call: "Call") -> str:
    names = [arg for arg in call.args if arg[:1] != "-" and "=" not in arg]
    if names and not any(map(is_secret_name, names)):
        return "".join((shell.look_up(name) or UNKNOWN) + "\n" for name in names)
    shell.add(
        EffectKind.CREDENTIAL_READ, "the environment", Scope.WORKSPACE,
        "command.prints_credential", reversible=not names,
    )  # fmt: skip
    return SECRET


def _identity(_shell: "Shell", _call: "Call") -> str:
    return ENCODED


def _seq(_shell: "Shell", call: "Call") -> str:
    numbers = [
        int(arg) for arg in call.args if arg.lstrip("-").isdigit() and len(arg) <= _MAX_DIGITS
    ]
    first = numbers[0] if len(numbers) > 1 else 1
    last = numbers[-1] if numbers else 1
    return "".join(f"{number}\n" for number in range(first, last + 1)[:_MAX_NUMBERS])


def _grep(shell: "Shell", call: "Call") -> str:
    """Patterns are no commands; the files are read."""
    values = frozenset(
        {"-e", "-f", "-A", "-B", "-C", "-m", "-g", "-t", "-T", "--include", "--exclude", "--glob",
         "--type", "--exclude-dir", "--max-count", "--context", "-d", "--color"}
    )  # fmt: skip
    options = read_options(call.args, values)
    has_pattern = bool(options.all_values("-e", "-f", "--regexp")) or options.has("--files")
    paths = options.operands if has_pattern else options.operands[1:]
    if not paths:
        pattern = "".join(options.operands[:1])
        lists = call.stdin if set(call.stdin) - set("\x00\x01\x02\x03") else blend(call.stdin)
        if call.stdin == SECRET and pattern.isupper() and not is_secret_name(pattern):
            return UNKNOWN
        return lists
    if options.has("-l", "--files-with-matches", "-c", "-q", "--quiet"):
        return UNKNOWN
    return blend(*(note_read(shell, path) for path in shell.some(paths)))


def _rot(_shell: "Shell", call: "Call") -> str:
    return codecs.encode(call.stdin, "rot13") if is_literal(call.stdin) else blend(call.stdin)


def _pass(shell: "Shell", call: "Call") -> str:
    """Filters that print lines of what they read."""
    values = frozenset({"-k", "-t", "-S", "-o", "-T"})
    return _input(shell, call, values)


def _history(shell: "Shell", call: "Call") -> str:
    if any(arg.startswith("-c") for arg in call.args):
        shell.add(EffectKind.DELETE, "history", Scope.HOME, "command.deletes_history")
    return UNKNOWN


HANDLERS: "dict[str, Handler]" = {
    "echo": _echo,
    "printf": _printf,
    "print": _echo,
    "cat": _cat,
    "gcat": _cat,
    "base64": _base64,
    "gbase64": _base64,
    "base32": _base64,
    "xxd": _xxd,
    **dict.fromkeys(("od", "hexdump", "uuencode", "basenc", "gpg2", "zbase32"), _encode),
    **dict.fromkeys(("gzip", "gunzip", "zcat", "bzip2", "xz", "zstd", "unxz", "lz4"), _compress),
    "openssl": _openssl,
    "rev": _rev,
    "tac": _rev,
    "tr": _tr,
    "cut": _cut,
    "head": _head,
    "tail": _head,
    "sed": _sed,
    "gsed": _sed,
    "rot13": _rot,
    **dict.fromkeys(("sort", "uniq", "fold", "fmt", "nl", "column", "expand", "pv"), _pass),
    **dict.fromkeys(("basename", "dirname", "realpath", "readlink"), _tail_words),
    "pwd": _pwd,
    "mktemp": _mktemp,
    "printenv": _printenv,
    "env": _printenv,
    "whoami": _identity,
    "hostname": _identity,
    "id": _identity,
    "seq": _seq,
    "history": _history,
    **dict.fromkeys(("grep", "egrep", "fgrep", "rg", "ag", "ack", "zgrep"), _grep),
}
