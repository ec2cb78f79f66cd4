"""The hosts that a command names without a URL, as far as its text tells them."""

import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from stopper.detect.commands import judge_command
from stopper.detect.effects import EffectKind

__all__ = ["DIALS", "ENDS", "HTTP", "MAX_HOSTS", "MAX_TEXT", "hosts_in", "words_of_command"]

MAX_HOSTS: Final = 1000
"""A command with more hosts than this is refused."""

MAX_TEXT: Final = 262_144
"""A command of more characters is refused."""

_CONNECTS: Final = "command.connects"
HTTP: Final = frozenset(
    {"aria2c", "axel", "curl", "curlie", "http", "https", "wget", "wget2", "xh"}
)
_SSH: Final = frozenset({"mosh", "sftp", "ssh", "ssh-copy-id"})
_COPIES: Final = frozenset({"git", "rsync", "scp"})
DIALS: Final = _SSH | frozenset(
    {
        "dig", "drill", "finger", "ftp", "host", "lftp", "mtr", "nc", "ncat", "netcat", "nmap",
        "nslookup", "openssl", "ping", "ping6", "socat", "telnet", "tracepath", "traceroute",
        "whois",
    }
)  # fmt: skip
_PROGRAMS: Final = HTTP | _COPIES | DIALS
_PROXY: Final = re.compile(
    r"(?:-x|--(?:pre)?proxy|--socks[45]\w?(?:-hostname)?|--doh-url|--connect-to|--resolve)(?:=(.+))?"
)
_SLASHLESS: Final = re.compile(
    r"(?<![\w./-])(?:https?|wss?|ftps?):(?!//)/?([\w.-]{1,253}\.\w{2,63}(?::\d{1,5})?)",
    re.IGNORECASE,
)
_REMOTE: Final = re.compile(r"(?:[\w.-]{1,64}@)?([\w.-]{2,253}):(?!//|\\).*", re.DOTALL)
_NAME: Final = re.compile(
    r"(?:[\w.-]{1,64}@)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,63}|(?:\d{1,3}\.){3}\d{1,3})(:\d{1,5})?/?",
    re.IGNORECASE,
)
_INSIDE: Final = re.compile(r"[=@,]|:(?!\d+$)")
ENDS: Final = frozenset(";&|(){}")
_MAX_DEPTH: Final = 4


def hosts_in(text: str) -> Iterator[str]:
    """Every such host as a URL; those in URLs are not among them.

    What `judge_command` finds a program to connect to, what stands behind programs that dial, copy
    or have a proxy, and URLs without slashes.
    """
    words = list(_with_programs(words_of_command(text)))
    for effect in judge_command(text).effects:
        if effect.kind is EffectKind.NETWORK and effect.reason == _CONNECTS:
            for host in effect.target.split():
                yield from _as_written(host.rpartition("@")[2], words)
    yield from (f"https://{found[1]}" for found in _SLASHLESS.finditer(text))
    for (program, word), (_, after) in pairwise((*words, ("", ""))):
        yield from _dialled(program, word, after)


def _with_programs(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each word with the program before it in the same command, if that reaches the network."""
    program = ""
    for word in words:
        if not word or word[0] in ENDS:
            program = ""
        yield program, word
        name = word.rpartition("/")[2]
        if name in _PROGRAMS and not (program and "/" in word):
            program = program or name


def _as_written(host: str, words: list[tuple[str, str]]) -> Iterator[str]:
    """A host that a program connects to, with its port and path."""
    places = [
        number
        for number, (_, word) in enumerate(words)
        if host in word and (word.rpartition("@")[2].lower().startswith(host) or "://" in word)
    ]
    if not places:  # only its judgement tells it
        yield f"https://{host}"
    for number in places:
        program, word = words[number]
        if "://" not in word and not _SLASHLESS.match(word):
            after = words[number + 1][1] if number + 1 < len(words) else ""
            yield _url(program, word, after)


def _dialled(program: str, word: str, after: str) -> Iterator[str]:
    if program in _COPIES and (remote := _REMOTE.fullmatch(word)):
        if program != "git" or remote[1] != word.partition(":")[0] or _NAME.fullmatch(remote[1]):
            yield f"ssh://{remote[1]}"  # not `git show HEAD:file`
    elif program in HTTP and (proxy := _PROXY.fullmatch(word)):
        yield _url("", proxy[1] or after, "")
    elif program in DIALS:
        for part in _INSIDE.split(word):
            if _NAME.fullmatch(part):
                yield _url(program, part, after)


def _url(program: str, text: str, after: str) -> str:
    """A host as a URL of what the program speaks; the word behind it may be its port."""
    if "://" in text:
        return text
    if program in HTTP:
        return f"http://{text}"
    if program in _SSH:
        return f"ssh://{text}"
    return f"tcp://{text}:{after}" if after.isdigit() else f"tcp://{text}"


def words_of_command(text: str, depth: int = 0) -> Iterator[str]:
    """The words of a command and of texts among them, with its operators."""
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|(){}")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        words = text.split()
    for word in words:
        if len(word.split()) > 1 and depth < _MAX_DEPTH:
            yield ";"
            yield from words_of_command(word, depth + 1)
            yield ";"
        else:
            yield word
