"""Hosts that a text names without a scheme, and how plainly it does."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Mention", "mentions"]

_MAX_WORDS: Final = 16
_MAX_COMMAND: Final = 2048
"""So many words behind the name of a program, and so many characters, may be where it goes."""

_NAME = r"(?:[\w-]{1,63}+\.){1,8}[\w-]{1,63}+|localhost"
_BRACKETED = r"(?<![\w)\]])\[[0-9A-Fa-f:.]{2,45}\]"
_COLONS = r"(?<![\w:.\[])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
_HOST = re.compile(
    rf"(?:(?<![\w./\\$-])|(?<=//)(?<!://))(?P<host>{_BRACKETED}|{_COLONS}|{_NAME})(?![\w-])\.?"
    r"(?::(?P<port>[0-9]{1,5})(?![.:]?\w))?(?P<path>:?/[^\s\"'<>|;,`^)]{0,2048})?(?P<login>:(?=[\w~]))?",
    re.IGNORECASE,
)
_PROGRAM = re.compile(
    r"\b(?:aria2c|curl|dig|ncat|netcat|nc|nmap|nslookup|ping6?|rsync|scp|sftp|socat|ssh|telnet"
    r"|traceroute|wget|connect(?:s|ed|ing)? to|download(?:s|ed|ing)? from|upload(?:s|ed|ing)? to)"
    r"(?=\s)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s;|&]{1,512}")
_END = re.compile(r"[;|&\n]")
# `127.1`, four numbers in any spelling, and behind a program one number that is an address.
_SHORT = re.compile(r"127(?:\.[0-9]{1,8}){1,2}")
_FOUR = re.compile(
    r"(?:(?:0x[0-9a-f]{1,8}|[0-9]{1,10})\.){3}(?:0x[0-9a-f]{1,8}|[0-9]{1,10})", re.IGNORECASE
)
_ONE = re.compile(
    r"(?:\S{1,64}@)?(?P<host>0x[0-9a-f]{8}|[0-9]{8,10})(?::[0-9]{1,5})?(?:/.*)?", re.IGNORECASE
)
_NUMBERS = re.compile(r"[0-9.]{1,64}")
_LENGTH = re.compile(r"/[0-9]{1,2}")
_LETTERS = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9-]{1,59}", re.IGNORECASE)
# IPv6 that is not public; `[::2]` is a slice, and `a::b` a name in many languages.
_NEAR = re.compile(
    r"fe[89ab][0-9a-f]:|f[cd][0-9a-f]{2}:|::1$|::ffff:|64:ff9b:|(?:0+:){7}0*1$", re.IGNORECASE
)
_FILES: Final = frozenset(
    {
        "bak", "bat", "bin", "bz2", "c", "cc", "cert", "cfg", "cjs", "class", "conf", "cpp", "crt",
        "css", "csv", "db", "deb", "diff", "dll", "doc", "docx", "env", "exe", "gif", "go", "gz",
        "h", "hpp", "htm", "html", "ico", "ini", "ipynb", "iso", "jar", "java", "jpeg", "jpg",
        "js", "json", "jsonl", "jsx", "key", "kt", "lock", "log", "lua", "map", "md", "mjs", "mov",
        "mp3", "mp4", "orig", "parquet", "patch", "pdf", "pem", "php", "pkl", "pl", "pm", "png",
        "proto", "ps1", "pub", "py", "pyc", "pyi", "rb", "rpm", "rs", "rst", "scss", "sh", "so",
        "sql", "sqlite", "svg", "svelte", "tar", "tf", "tgz", "tmp", "toml", "ts", "tsv", "tsx",
        "txt", "vue", "war", "wav", "webp", "whl", "xls", "xlsx", "xml", "xz", "yaml", "yml", "zip",
    }
)  # fmt: skip
"""What stands behind the dot of a file as often as behind that of a host."""


class Mention(NamedTuple):
    """A host as it is written; `port` is 0 and `path` empty where none is.

    It is plain where nothing but a host can be meant: with a port or a path, as a login, or where a
    program of the network goes to. A name with the ending of a file needs both.
    """

    host: str
    port: int
    path: str
    is_plain: bool


def mentions(text: str) -> Iterator[Mention]:
    """Names and addresses that may be hosts; a number such as `2130706433` only behind `curl`."""
    goals = sorted(_goals(text))
    for start, end in goals:
        one = _ONE.fullmatch(text[start:end].strip("\"'"))
        if one:
            yield Mention(one["host"], 0, "", is_plain=True)
    starts = [start for start, _ in goals]
    for found in _HOST.finditer(text):
        before = bisect_right(starts, found.start()) - 1
        is_goal = before >= 0 and found.start() < goals[before][1]
        mention = _mention(text, found, is_goal=is_goal)
        if mention:
            yield mention


def _mention(text: str, found: re.Match[str], *, is_goal: bool) -> Mention | None:
    host, port, path = found["host"], int(found["port"] or 0), (found["path"] or "")
    path = path.removeprefix(":")
    is_login = bool(found["login"]) and text[found.start() - 1 : found.start()] == "@"
    has_more = bool(port or path or is_login)
    if ":" in host:
        bare = host.strip("[]").lower()
        if has_more or is_goal or _NEAR.match(bare):
            return Mention(f"[{bare}]", port, path, has_more or is_goal)
        return None
    if _NUMBERS.fullmatch(host) or _FOUR.fullmatch(host):
        has_more = has_more and not _LENGTH.fullmatch(path)
        is_address = _FOUR.fullmatch(host) or (_SHORT.fullmatch(host) and (has_more or is_goal))
        return Mention(host, port, path, has_more or is_goal) if is_address else None
    ending = host.rpartition(".")[2].lower()
    if ending in _FILES:
        return Mention(host, port, path, has_more and is_goal)
    is_name = ending == "localhost" or _LETTERS.fullmatch(ending)
    return Mention(host, port, path, has_more or is_goal) if is_name else None


def _goals(text: str) -> Iterator[tuple[int, int]]:
    """Where the words stand that a program of the network may be told to go to.

    Its first word, and before that whatever stands behind a flag.
    """
    for program in _PROGRAM.finditer(text):
        last = program.end() + _MAX_COMMAND
        stop = _END.search(text, program.end(), last)
        end = stop.start() if stop else last
        is_behind_flag = False
        for number, word in enumerate(_WORD.finditer(text, program.end(), end)):
            if number == _MAX_WORDS:
                break
            if word[0].startswith("-"):
                is_behind_flag = True
                continue
            yield word.span()
            if not is_behind_flag:
                break
            is_behind_flag = False
