"""Filters: what they print of what they read, as far as that is known."""

import base64
import binascii
import codecs
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from stopper.detect.commands.endless import is_huge
from stopper.detect.commands.flow import asks_environment, read_all
from stopper.detect.commands.listings import listed, picked
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import (
    ENCODED,
    REMOTE,
    SECRET,
    UNKNOWN,
    blend,
    is_literal,
    unmark,
)
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.options import Options
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_MAX_TEXT = 262_144
_MAX_DIGITS = 8
_SOUGHT = re.compile(
    r"private key|passw(?:or)?d|secret|api[_.-]?\??key|token|credential|\bakia|\bghp_|\bsk-",
    re.IGNORECASE,
)
_KEYS_SOUGHT = re.compile(r"AKIA|PRIVATE KEY|BEGIN|ghp_|sk-|xox|password|secret", re.IGNORECASE)
_KEYS_NAMED = re.compile(
    r"[.*\\b]{0,4}(?:AKIA.{0,40}|.{0,20}PRIVATE KEY.{0,9}|SECRET|PASSWORD|PASSWD|passw(?:or)?d"
    r"|secret|API_?KEY|api_?key|TOKEN|(?:secret|password|token|api_?key|\\?\|){3,9})[.*\\b=:]{0,4}"
)
"""Patterns that fit credentials, and no name in code."""
_KEYS_TAKEN = re.compile(r"(?:Bearer|gh[pousr]_|AKIA|\bsk-|xox|eyJ)[\s\\]{0,3}[\[.(]")
"""Patterns that cut a credential out of what they read."""
_SOUGHT_NAMES = re.compile(
    r"passw|secret|api.?key|_?key\b|token|credential|\baws|\bauth|_pass\b|\bdb_|private",
    re.IGNORECASE,
)
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
    """Bytes as text; packed ones at once as what they hold, since nobody reads them as they are."""
    if data[:2] == _GZIP:
        with suppress(zlib.error):
            data = zlib.decompressobj(_GZIP_WINDOW).decompress(data, _MAX_TEXT)
    text = data.decode("utf-8", "replace")
    return unmark(text, UNKNOWN)[:_MAX_TEXT]


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
    text = "".join((call.stdin, *read_all(shell, call.args)))
    return SECRET if SECRET in text else ENCODED


def _compress(shell: "Shell", call: "Call") -> str:
    text = "".join((call.stdin, *read_all(shell, call.args)))
    undoes = call.name.startswith(("gun", "z", "un")) or any(
        re.fullmatch(r"-\w*d\w*|--decompress|--uncompress", arg) for arg in call.args
    )
    if undoes and text and is_literal(text):
        return text
    return blend(text) if undoes or SECRET in text else ENCODED


def _openssl(shell: "Shell", call: "Call") -> str:
    args = call.args
    paths = [args[n + 1] for n, arg in enumerate(args[:-1]) if arg == "-in"]
    verb = args[0] if args else ""
    for target in (args[n + 1] for n, arg in enumerate(args[:-1]) if arg == "-out"):
        note_write(shell, target, UNKNOWN, adds=target not in paths)
        scope = shell.places.scope(target, shell.cwd)
        if scope is Scope.HOME and (
            target in paths or (verb == "rand" and shell.is_secret(target))
        ):
            shell.add(EffectKind.OVERWRITE, target, scope, "command.encrypts_in_place")
    if verb in {"enc", "base64", "aes-256-cbc", "smime", "cms"}:
        text = call.stdin + "".join(note_read(shell, path) for path in paths)
        if "-d" in args:
            is_base64 = verb == "base64" or "-base64" in args
            return _unbase64(text) if is_base64 and is_literal(text) else blend(text)
        return SECRET if SECRET in text else ENCODED
    if verb == "rand" and is_huge(args[-1]):
        shell.add(EffectKind.FORK_BOMB, args[-1], Scope.ROOT, "command.exhausts")
    if verb == "s_client":
        if call.stdin and not is_literal(call.stdin) and call.stdin != UNKNOWN:
            shell.add(EffectKind.EXFILTRATE, "s_client", Scope.REMOTE, "command.sends_data")
        return REMOTE
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
    _note_endless(shell, call)
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
        begins = _SUBSTITUTE.fullmatch("".join(scripts))
        if begins is not None and begins["old"] == "^":
            return _sed_pattern(begins, blend(text))
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
    if old == "^" and "\\" not in shape["new"] and "&" not in shape["new"]:
        return "".join(f"{shape['new']}{line}\n" for line in text.rstrip("\n").split("\n"))
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


def _grep(shell: "Shell", call: "Call") -> str:
    """Patterns are no commands; the files are read."""
    values = frozenset(
        {"-e", "-f", "-A", "-B", "-C", "-m", "-g", "-t", "-T", "--include", "--exclude", "--glob",
         "--type", "--exclude-dir", "--max-count", "--context", "-d", "--color"}
    )  # fmt: skip
    options = read_options(call.args, values)
    has_pattern = bool(options.all_values("-e", "-f", "--regexp")) or options.has("--files")
    paths = options.operands if has_pattern else options.operands[1:]
    deep = call.name in {"rg", "ag", "ack"} or options.has("-r", "-R", "--recursive")
    if not paths and (call.stdin or not deep or options.has("--files")):
        return _filtered(shell, call, options)
    paths = paths or ["."]
    pattern = "".join([*options.all_values("-e", "--regexp"), *options.operands[:1]])
    settings = all(re.search(r"(?:^|/)\.env[\w.-]*$", path) for path in paths)
    if settings and pattern.replace("_", "").isalpha() and not is_secret_name(pattern):
        # one setting among the others
        return UNKNOWN
    if deep and _SOUGHT.search(pattern):
        for path in shell.some(paths):
            _note_search(shell, path)
        if shell.captured and _KEYS_SOUGHT.search(pattern):
            # their names go on to whatever prints the files
            found = {shell.places.scope(path, shell.cwd) for path in shell.some(paths)}
            if not found.isdisjoint({Scope.HOME, Scope.ROOT}):
                return SECRET
    if options.has("-l", "--files-with-matches", "-c", "-q", "--quiet"):
        return _named(shell, pattern, paths) if deep and options.has("-l") else UNKNOWN
    return blend(*(note_read(shell, path) for path in shell.some(paths)))


def _named(shell: "Shell", pattern: str, paths: list[str]) -> str:
    """The names of files in which a credential is sought in all of the workspace."""
    whole = {shell.places.scope(path, shell.cwd) for path in paths} == {Scope.WHOLE_WORKSPACE}
    return ".env\n" if whole and _KEYS_NAMED.fullmatch(pattern) else UNKNOWN


def _filtered(shell: "Shell", call: "Call", options: "Options") -> str:
    """What is left of the input."""
    pattern = "".join(options.operands[:1])
    lists = call.stdin if set(call.stdin) - set("\x00\x01\x02\x03") else blend(call.stdin)
    told = call.stdin == SECRET or (call.stdin == ENCODED and " " not in pattern)
    if told and not shell.captured and _SOUGHT_NAMES.search(pattern):
        shell.note_secret(pattern, Scope.WORKSPACE, "command.prints_credential")
    if call.stdin == SECRET and pattern.isupper() and not is_secret_name(pattern):
        return UNKNOWN
    if options.has("-o", "--only-matching") and _KEYS_TAKEN.search(pattern):
        shell.note_secret(pattern, Scope.WORKSPACE, "command.prints_credential")
    if asks_environment(shell, pattern, call.stdin):
        return SECRET
    if options.has("--files"):
        return listed(options)
    inverted = options.has("-v", "--invert-match", "-c", "-q")
    return lists if inverted else picked(pattern, call.stdin) + lists


def _note_search(shell: "Shell", path: str) -> None:
    """Credentials are sought in all that a home folder, or the machine, holds."""
    scope = shell.places.scope(path, shell.cwd)
    home = shell.places.home
    wide = {home, f"{home}/.config", f"{home}/.local", f"{home}/.local/share"}
    whole = path.rstrip("/").endswith("~") or shell.places.resolve(path, shell.cwd) in wide
    if scope is Scope.ROOT or (scope is Scope.HOME and whole):
        shell.note_secret(path, scope, "command.seeks_credentials")


def _rot(_shell: "Shell", call: "Call") -> str:
    return codecs.encode(call.stdin, "rot13") if is_literal(call.stdin) else blend(call.stdin)


def _pass(shell: "Shell", call: "Call") -> str:
    """Filters that print lines of what they read."""
    values = frozenset({"-k", "-t", "-S", "-o", "-T"})
    target = read_options(call.args, values).value("-o") if call.name == "sort" else None
    if target is not None:
        note_write(shell, target, UNKNOWN)
    _note_endless(shell, call)
    return _input(shell, call, values)


def _note_endless(shell: "Shell", call: "Call") -> None:
    """So much of what never ends fits nowhere."""
    size = read_options(call.args, frozenset({"-c", "--bytes"})).value("-c", "--bytes")
    if size is not None and is_huge(size):
        shell.add(EffectKind.FORK_BOMB, call.name, Scope.ROOT, "command.exhausts")


HANDLERS: "dict[str, Handler]" = {
    "base64": _base64,
    "gbase64": _base64,
    "base32": _base64,
    "xxd": _xxd,
    **dict.fromkeys(("od", "hexdump", "uuencode", "basenc", "zbase32"), _encode),
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
    **dict.fromkeys(("grep", "egrep", "fgrep", "rg", "ag", "ack", "zgrep"), _grep),
}
