"""The languages of PowerShell and cmd: texts undone to plain ones, and cut into commands."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct

from stopper.detect.lazy import lazy

__all__ = ["MAX_STAGES", "Stage", "program_name", "stages", "unfold"]

MAX_STAGES: Final = 500
"""How many commands of one text are judged."""
_MAX_STAGE: Final = 4096
"""How many characters of one command are judged."""
_MAX_VALUE: Final = 1024
_MAX_SETS: Final = 32
"""How many variables are followed."""
_MAX_LEADS: Final = 4
_MAX_CHAR: Final = 0x10FFFF

_BLANKS: Final = lazy(r"[ \t]{2,}")
_QUOTED = r"(?:'[^'\n]{0,999}'|\"[^\"\n]{0,999}\")"
_JOINED: Final = lazy(r"(['\"])\s{0,9}\+\s{0,9}\1")
_CHAR: Final = lazy(
    r"\(?\[(?:system\.)?char\]\s{0,9}\(?\s{0,9}(0x[0-9a-f]{1,5}|\d{1,6})(?:\s{0,9}\)){0,2}",
    re.IGNORECASE,
)
_CHARS: Final = lazy(
    r"\[char\[\]\]\s{0,9}@?\(?\s{0,9}((?:0x[0-9a-f]{1,5}|\d{1,6})(?:\s{0,9},\s{0,9}(?:0x[0-9a-f"
    r"]{1,5}|\d{1,6})){0,2000})\s{0,9}\)?"
    r"(?:\s{0,9}-join\s{0,9}['\"]{2})?",
    re.IGNORECASE,
)
_FORMAT: Final = lazy(
    rf"\(?(['\"])((?:\{{\d{{1,2}}\}}){{1,99}})\1\s{{0,9}}-f\s{{0,9}}({_QUOTED}(?:\s{{0,9}},\s{{0"
    rf",9}}{_QUOTED}){{0,98}})\s{{0,9}}\)?",
    re.IGNORECASE,
)
_JOIN: Final = lazy(
    rf"@?\(?({_QUOTED}(?:\s{{0,9}},\s{{0,9}}{_QUOTED}){{1,99}})\s{{0,9}}\)?\s{{0,9}}-join\s{{0,9"
    rf"}}['\"]{{2}}\s{{0,9}}\)?",
    re.IGNORECASE,
)
_REVERSED: Final = lazy(
    rf"(?:-join\s{{0,9}})?\(?({_QUOTED})\)?\s{{0,9}}\[\s{{0,9}}-1\s{{0,9}}\.\.\s{{0,9}}-\s{{0,9"
    rf"}}[\w.()$'\"+]{{1,200}}\s{{0,9}}\](?:\s{{0,9}}-join\s{{0,9}}['\"]{{2}})?",
    re.IGNORECASE,
)
_REPLACED: Final = lazy(
    rf"\(?({_QUOTED})\)?\s{{0,9}}(?:\.replace\(|-c?replace\b)\s{{0,9}}({_QUOTED})\s{{0,9}},\s{{0"
    rf",9}}({_QUOTED})\s{{0,9}}\)?",
    re.IGNORECASE,
)
_PICKED: Final = lazy(
    r"\(?\s{0,9}\$(?:env:comspec|pshome|shellid|\{?env:\w+\}?|(?:verbose"
    r"|debug)preference(?:\.tostring\(\))?)\s{0,9}\[[\d,\s]{1,40}\]"
    r"[^;|\n)]{0,60}?(?:-join\s{0,9}['\"]{2}|\+\s{0,9}'x')\s{0,9}\)?",
    re.IGNORECASE,
)
_LITERAL: Final = lazy(_QUOTED)
_PS_SET: Final = lazy(
    r"\$((?:env:)?\w{1,40})\s{0,9}=\s{0,9}(?:'([^'\n]{0,999})'|\"([^\"$\n]{0,999})\")\s{0,9}(?=[;\n]|$)"
)
_CMD_SET: Final = lazy(r'\bset\s+"?(\w{1,40})=([^&|\n"]{0,999})"?', re.IGNORECASE)
_CMD_USE: Final = lazy(
    r"([%!])([\w()]{1,40})(?::~(-?\d{1,4})(?:,(-?\d{1,4}))?|:([^=%!\n]{1,40})=([^%!\n]{0,40}))?\1"
)
_KNOWN: Final = {
    "comspec": r"C:\Windows\System32\cmd.exe",
    "public": r"C:\Users\Public",
    "programdata": r"C:\ProgramData",
    "pathext": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
    "os": "Windows_NT",
    "programfiles": r"C:\Program Files",
    "commonprogramfiles": r"C:\Program Files\Common Files",
    "systemroot": r"C:\Windows",
    "windir": r"C:\Windows",
    "psmodulepath": r"C:\Program Files\WindowsPowerShell\Modules",
}
"""What variables hold on every machine: their letters are picked to spell programs."""
_TOKEN: Final = lazy(
    r"""@'\s{0,9}\n.{0,8000}?\n'@|@"\s{0,9}\n.{0,8000}?\n"@|"[^"]*"|'[^']*'|(?P<comment>(?<![^\s;{(])\#[^\n]*)"""
    r"""|[({]|[)}]|\|\||&&|(?<![<>\d])&|;|\n|\|""",
    re.DOTALL,
)
_WORD: Final = lazy(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+""")
_ASSIGN: Final = lazy(
    r"(?:\[[\w.\[\]]{1,60}\])?\$[\w:.]{1,60}\s{0,9}[+?]{0,2}=\s{0,9}|(?:return"
    r"|throw|try|do|finally|else|exec|catch|process|begin|end|-not|!)\b\s{0,9}"
    r"|set\s{1,9}/p\s{1,9}\w{0,40}=?|!\s{0,9}|\.\s{1,9}(?=['\"$\w])|\.(?=['\"(]|[A-Za-z]{3,20}-[A-Za-z])"
    r"|\s{1,9}|-\w{1,20}\s{0,9}(?=$)",
    re.IGNORECASE,
)
_LEAD: Final = lazy(
    r"(?:if\s{1,9}(?:/i\s{1,9})?(?:not\s{1,9})?(?:exist\s{1,9}(?:\"[^\"]*\"|\S+)|defined\s{1,9}\S+"
    r"|errorlevel\s{1,9}\d+|\S+\s{0,9}==\s{0,9}\S+)"
    r"|for\s{1,9}(?:/\w\s{1,9})*(?:\"[^\"]*\"\s{1,9})?%+\w\s{1,9}in\s{1,9}\([^)]*\)\s{1,9}do|call"
    r"|@(?=\w)|else|cd\s{1,9}/d\s{1,9}\S+\s{0,9}$)\s{0,9}",
    re.IGNORECASE,
)
_KNOWN_FOLDER: Final = lazy(
    r"\(?\[(?:system\.)?environment\]::getfolderpath\(\s{0,9}['\"]?(?:\[[\w.+]{1,60}\]::)?(\w{2,40})"
    r"['\"]?\s{0,9}\)(?:\s{0,9}\))?",
    re.IGNORECASE,
)
_FOLDERS: Final = {
    "userprofile": "$HOME", "personal": "$HOME\\documents", "windows": r"C:\Windows",
    "system": r"C:\Windows\System32", "programfiles": r"C:\Program Files",
    "commonapplicationdata": r"C:\ProgramData", "applicationdata": "$env:APPDATA",
    "localapplicationdata": "$env:LOCALAPPDATA",
}  # fmt: skip
_ALIAS: Final = lazy(
    r"\b(?:sal|set-alias|new-alias|nal)\s{1,9}(?:-name\s{1,9})?['\"]?(\w{1,40})['\"]?\s{1,9}(?:-value\s{1,9})?"
    r"\(?['\"]?([\w-]{2,60})['\"]?\)?",
    re.IGNORECASE,
)
_TURNED: Final = lazy(r"\[array\]::reverse\(\s{0,9}\$(\w{1,40})\s{0,9}\)", re.IGNORECASE)
_LOOKED_UP: Final = lazy(
    r"[&.]\s{0,9}\(\s{0,9}(?:gcm|get-command|gal|get-alias|command)\s{1,9}(?:-name\s{1,9})?['\"]?([\w*?\[\]-]{2,60})['\"]?"
    r"[^)]{0,60}\)(?:\.\w{1,20})?\s{0,9}",
    re.IGNORECASE,
)
_CALLED: Final = lazy(
    r"(?<!&)&\s{0,9}\(\s{0,9}(['\"])([A-Za-z]{2,20}-[A-Za-z]{2,40})\1\s{0,9}\)\s{0,9}"
)
"""A cmdlet that a text names."""
_WORST: Final = (
    "remove-item", "invoke-expression", "iex", "clear-content", "format-volume", "clear-disk",
    "stop-computer", "invoke-webrequest", "invoke-restmethod", "set-content", "stop-process",
    "remove-itemproperty", "start-process", "new-localuser", "set-executionpolicy",
    "invoke-command", "rm", "del", "ri",
)  # fmt: skip
"""What a wildcard for a command may stand for, the worst first."""
_FUNCTION: Final = lazy(
    r"(?:function\s{1,9}|\$\{?function:)([\w-]{1,40})\}?\s{0,9}=?\s{0,9}(?:\((?:\[\w{1,20}\])?\s{0,9}\$?([^),]{0,40})[^)]{0,99}\)\s{0,9})?\{",
    re.IGNORECASE,
)
_MAX_ROUNDS: Final = 5
_MAX_TEXT: Final = 65_536
_ENDING: Final = lazy(r"\.(?:exe|com)$")


class Stage(Struct):
    """One command: its program, its words, all that stands behind the program, what is piped."""

    name: str
    words: list[str]
    rest: str
    source: "Stage | None" = None


def unfold(text: str) -> str:
    """The text without escapes and with spelled-out strings and variables in their places."""
    text = text.replace("`\r\n", " ").replace("`\n", " ").replace("^\n", " ")
    text = _BLANKS.sub(" ", text.replace("`", "").replace("^", ""))
    if "%" in text or "!" in text:
        text = _cmd_variables(text)
    if not any(sign in text for sign in "$'\"[("):
        return text
    text = _CHARS.sub(_spell, text)
    text = _CHAR.sub(_spell, text)
    text = _PICKED.sub("'iex'", text)
    text = _turned(_KNOWN_FOLDER.sub(_folder, text))
    for _ in range(_MAX_ROUNDS):
        before = text
        text = _FORMAT.sub(_formatted, text)
        text = _JOINED.sub("", text)
        text = _JOIN.sub(lambda m: "'" + "".join(_texts(m[1])) + "'", text)
        text = _REVERSED.sub(lambda m: "'" + m[1][1:-1][::-1] + "'", text)
        text = _REPLACED.sub(_replaced, text)
        if text == before:
            break
    text = _renamed(_ps_variables(_LOOKED_UP.sub(_found, text)))
    return _with_arguments(_CALLED.sub(r"\2 ", text))


def _turned(text: str) -> str:
    """Arrays of letters that are turned round in their place, joined."""
    for match in list(_TURNED.finditer(text))[:_MAX_SETS]:
        name = re.escape(match[1])
        made = re.search(
            rf"\${name}\s{{0,9}}=\s{{0,9}}(?:({_QUOTED})\.tochararray\(\)|\[char\[\]\]\s{{0,9}}\(?({_QUOTED})\)?)",
            text, re.IGNORECASE,
        )  # fmt: skip
        if made is None:
            continue
        whole = "'" + (made[1] or made[2])[1:-1][::-1] + "'"
        joined = re.compile(
            rf"\(?\s{{0,9}}-join\s{{0,9}}\${name}\s{{0,9}}\)?|\${name}\s{{0,9}}-join\s{{0,9}}['\"]{{2}}",
            re.IGNORECASE,
        )
        text = joined.sub(whole.replace("\\", "\\\\"), text)
    return text


def _folder(match: re.Match[str]) -> str:
    """The path of a folder that a call names."""
    name = match[1].lower()
    return _FOLDERS.get(name, "$HOME\\" + name.removeprefix("my").removesuffix("directory"))


def _found(match: re.Match[str]) -> str:
    """The command that a wildcard finds: the worst that it may be."""
    wanted = match[1].lower()
    return next((name for name in _WORST if fnmatchcase(name, wanted)), match[0]) + " "


def _renamed(text: str) -> str:
    """Aliases that the text sets, as the commands that they stand for."""
    for match in list(_ALIAS.finditer(text))[:_MAX_SETS]:
        used = rf"(?m)(^|[;|{{&(\n]\s{{0,9}}){re.escape(match[1])}(?=\s)"
        text = re.sub(used, rf"\g<1>{match[2]}", text)[:_MAX_TEXT]
    return text


def _with_arguments(text: str) -> str:
    """The bodies of functions with the first argument that they are given in its place."""
    for match in list(_FUNCTION.finditer(text))[:_MAX_SETS]:
        given = re.search(
            rf"(?<![\w:$-]){re.escape(match[1])}\s{{1,9}}({_QUOTED}|[^\s;|&(){{}}-][^\s;|&(){{}}]{{0,200}})",
            text[match.end() :],
        )
        if given is None:
            continue
        named = re.match(
            r"\s{0,9}param\s{0,9}\(\s{0,9}(?:\[\w+\])?\$(\w{1,40})", text[match.end() :]
        )
        first = named[1] if named else (match[2] or "").strip()
        other = rf"|{first}" if first.isidentifier() else ""
        wanted = rf"\$(?:args\[0\]|args\b{other})(?![\w)])"
        text = re.sub(wanted, given[1].replace("\\", "\\\\"), text, flags=re.IGNORECASE)[:_MAX_TEXT]
    return text


def stages(text: str) -> Iterator[Stage]:
    """The commands of a text, those in brackets and blocks too.

    What is piped into a command is piped into the blocks that it runs.
    """
    stack: list[tuple[int, Stage | None]] = []
    start, source = 0, None
    for match in _TOKEN.finditer(text):
        sign = match[0]
        if len(sign) > len("||") or sign[0] in "'\"#@":
            continue
        place = match.start()
        if sign in "({":
            stack.append((start, source))
            start, source = match.end(), source if sign == "{" else None
            continue
        stage = _stage(text[start : min(place, start + _MAX_STAGE)], source)
        if stage is not None:
            yield stage
        if sign in ")}":
            start, source = stack.pop() if stack else (match.end(), None)
        else:
            start, source = match.end(), stage if sign == "|" else None
    while True:
        stage = _stage(text[start : start + _MAX_STAGE], source)
        if stage is not None:
            yield stage
        if not stack:
            return
        start, source = stack.pop()


def program_name(word: str) -> str:
    """A program's name in lower case, without its folder and ending."""
    name = word.lower().replace("\\", "/").rpartition("/")[2]
    return _ENDING.sub("", name)


def _stage(text: str, source: Stage | None) -> Stage | None:
    bare = text.strip()
    for _ in range(_MAX_LEADS):
        lead = _LEAD.match(bare) or _ASSIGN.match(bare)
        if lead is None or not lead[0]:
            break
        bare = bare[lead.end() :].lstrip("( ")
    spans = _WORD.findall(bare)
    if not spans:
        return None
    words = [re.sub(r"['\"]", "", word) for word in spans]
    if not words[0]:
        return None
    rest = " ".join(["", *words[1:], ""]).lower()
    return Stage(program_name(words[0]), words, rest, source)


def _texts(listed: str) -> list[str]:
    return [found[0][1:-1] for found in _LITERAL.finditer(listed)]


def _spell(match: re.Match[str]) -> str:
    codes = [int(code, 0) for code in re.findall(r"0x[0-9a-fA-F]+|[1-9]\d*", match[1])]
    text = "".join(chr(code) for code in codes if code <= _MAX_CHAR)
    return "'" + text.replace("'", "") + "'"


def _formatted(match: re.Match[str]) -> str:
    texts = _texts(match[3])
    places = [int(number) for number in re.findall(r"\d+", match[2])]
    return "'" + "".join(texts[place] for place in places if place < len(texts)) + "'"


def _replaced(match: re.Match[str]) -> str:
    text, old, new = (match[number][1:-1] for number in (1, 2, 3))
    return "'" + (text.replace(old, new) if old else text)[:_MAX_STAGE] + "'"


def _cmd_variables(text: str) -> str:
    values = dict(_KNOWN)
    for match in list(_CMD_SET.finditer(text))[:_MAX_SETS]:
        values[match[1].lower()] = _CMD_USE.sub(lambda m: _value(m, values), match[2])[:_MAX_VALUE]
    return _CMD_USE.sub(lambda m: _value(m, values), text)


def _value(match: re.Match[str], values: dict[str, str]) -> str:
    """What a use of a variable becomes; one that only names a usual folder stays."""
    name = match[2].lower()
    value = values.get(name)
    start, length, old = match[3], match[4], match[5]
    if value is None or (start is None and old is None and value is _KNOWN.get(name)):
        return r"C:\Windows\System32\cmd.exe" if name == "comspec" else match[0]
    if old is not None:
        return value.replace(old, match[6])[:_MAX_VALUE]
    if start is None:
        return value
    tail = value[int(start) :]
    return tail if length is None else tail[: int(length)]


def _ps_variables(text: str) -> str:
    """Put what is assigned once, as plain text, where the variable is used."""
    values: dict[str, str] = {}
    twice = set()
    for match in list(_PS_SET.finditer(text))[:_MAX_SETS]:
        name = match[1].lower()
        if name in values:
            twice.add(name)
        values[name] = match[2] if match[2] is not None else match[3]
    known = {name: value for name, value in values.items() if name not in twice}
    if not known:
        return text
    use = re.compile(
        rf"\$(?:({'|'.join(known)})\b|\{{({'|'.join(known)})\}})(?!\s{{0,9}}=)", re.IGNORECASE
    )

    def put(match: re.Match[str]) -> str:
        value = known[(match[1] or match[2]).lower()]
        return f"'{value}'" if re.search(r"\s", value) and '"' not in value else value

    return use.sub(put, text)
