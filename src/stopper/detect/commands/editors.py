"""Editors, pagers and awk: programs that run commands from within."""

import re
from typing import TYPE_CHECKING

from stopper.detect.commands.flow import generic
from stopper.detect.commands.foreign import MAX_LITERALS, STRING, literal
from stopper.detect.commands.options import read_options
from stopper.detect.commands.taint import (
    UNKNOWN,
    blend,
    is_literal,
)
from stopper.detect.commands.words import ansi_c
from stopper.detect.commands.writes import note_read, note_write
from stopper.detect.effects import EffectKind, Scope

if TYPE_CHECKING:
    from stopper.detect.commands.call import Call, Handler
    from stopper.detect.commands.shell import Shell

__all__ = ["HANDLERS"]


_AWK_ENDLESS = re.compile(r"while\s{0,9}\(\s{0,9}1\s{0,9}\)|for\s{0,9}\(\s{0,9};\s{0,9};")
_AWK_ENDS = re.compile(r"\b(?:break|exit|getline|return)\b")


def _note_awk(shell: "Shell", script: str) -> None:
    """What awk does by itself: sockets, loops without an end, and commands that it makes."""
    if _AWK_ENDLESS.search(script) and not _AWK_ENDS.search(script):
        shell.add(EffectKind.FORK_BOMB, "awk", Scope.ROOT, "command.exhausts")
    if "/inet/" in script and ("getline" in script or "|&" in script):
        shell.add(EffectKind.REMOTE_CODE, "awk", Scope.REMOTE, "command.reverse_shell")
    if re.search(r"system\s*\(\s*[^\"\s)]", script) and not re.search(r'system\s*\(\s*"', script):
        shell.doubt("a command that awk makes", "command.unknown_code")


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
        for match in re.finditer(r'(>>?)\s*"((?:[^"\\]|\\.)*)"', script):
            note_write(shell, ansi_c(match[2]), UNKNOWN, append=match[1] == ">>")
        _note_awk(shell, script)
    paths = options.operands if options.all_values("-f", "-e", "-E") else options.operands[1:]
    found = [note_read(shell, path) for path in paths if "=" not in path][:MAX_LITERALS]
    for path in paths[:MAX_LITERALS] if options.value("-i") == "inplace" else ():
        note_write(shell, path, UNKNOWN)
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


_INNER = re.compile(r"(py|lua|perl|ruby)(?:thon)?[3x]{0,2}\s+(.+)", re.DOTALL)
_LANGUAGES = {"py": "python", "lua": "lua", "perl": "perl", "ruby": "ruby"}


def _editor(shell: "Shell", call: "Call") -> str:
    """`vim -c ':!command'` and its kin."""
    values = frozenset({"-c", "--cmd", "-S", "-u", "-w", "--eval", "-f", "-l", "-ex", "-x"})
    options = read_options([arg for arg in call.args if arg != "-nx"], values)
    codes = options.all_values("-c", "--cmd", "--eval", "-ex")
    codes += [arg[1:] for arg in call.args if arg.startswith("+")]
    for code in codes:
        bare = code.strip().lstrip(":")
        if "!" in bare[:12]:
            shell.run_code(bare.partition("!")[2], call.name)
        elif bare.startswith("shell "):
            shell.run_code(bare.removeprefix("shell "), call.name)
        inner = _INNER.match(bare)
        if inner is not None:
            language = _LANGUAGES[inner[1]]
            shell.run_argv([language, "-c" if language == "python" else "-e", inner[2]])
        for match in re.finditer(rf"(?:system|shell-command|os\.system)\s*\(?\s*{STRING}", bare):
            shell.run_code(literal(match.groups()), call.name)
    script = "\n".join([*codes, call.stdin])
    for line in call.stdin.split("\n")[:MAX_LITERALS]:
        if line.startswith("!"):
            shell.run_code(line[1:], call.name)
    writes = re.search(
        r"(?:^|\|)[ \t]{0,99}:?(?:%[^\n]{0,99})?(?:w|wq|x|update|saveas)!?(?:\s|$)",
        script,
        re.MULTILINE,
    )
    for path in options.operands[:MAX_LITERALS]:
        note_read(shell, path)
        if writes and call.name != "gdb":
            note_write(shell, path, UNKNOWN)
    return ""


HANDLERS: "dict[str, Handler]" = {
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    **dict.fromkeys(("less", "more", "most", "man"), _pager),
    **dict.fromkeys(
        ("vim", "vi", "nvim", "ex", "ed", "emacs", "gdb", "view", "rvim", "rview", "gvim"), _editor
    ),
}
