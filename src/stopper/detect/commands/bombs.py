"""Fork bombs: functions and loops that start ever more of themselves."""

import re
from typing import Final

from tree_sitter import Node

__all__ = ["fills_forever", "is_bomb", "is_flood", "spawns_forever"]

_MAX_NODES: Final = 4000
_WAITS: Final = re.compile(
    r"(?:[;&\n{]|\bdo)\s{0,99}(?:sleep\s{1,99}[^\s;&|]{1,99}|wait)\s{0,99}(?:[;\n}]|$|&&|\|\|)"
)
_ENDLESS: Final = re.compile(
    r"(?:yes|seq\s+(?:inf\w*|(?:1\s+)?\d{6,19})|(?:cat|head|dd)\b[^|]*/dev/(?:zero|u?random))\b"
)
_SPREADS: Final = re.compile(r"\|\s{0,99}(?:xargs\b[^|]*(?:-P|--max-procs)|parallel\b)")
_NO_BACKGROUND: Final = ("&&", "2>&1", "&>", ">&", "|&", "<&")
_QUOTED: Final = re.compile(r"'[^']*'|\"(?:[^\"\\$`]|\\.|\$(?!\())*\"")
_ENDS: Final = re.compile(
    r"\b(?:break|exit|return|sleep|usleep|read|wait|inotifywait|fswatch|entr|nc|ncat|timeout|kill|exec|select|poll)\b"
)
_GROWS: Final = re.compile(
    r">>|(?<![0-9&<])>\|?\s{0,9}[\"']?[^\s;|&>]{0,99}\$"
    r"|\b(?:mkdir|touch|mktemp|git clone|fallocate|truncate|mkfifo|ln|dd|tee -a)\b"
    r"|\b(?P<name>[A-Za-z_]\w{0,30})\+?=[\"']?(?:\$\{?(?P=name)\b\}?){2}|\b[A-Za-z_]\w{0,30}\+="
    r"|\bcat\s{1,9}(?P<file>\S{1,99})\s{1,9}(?P=file)"
    r"|\b(?:cp|cat)\s{1,9}(\S{1,99})\s{1,9}[^;&|]{0,99}\$"
)
_ASKED: Final = re.compile(
    r"(?:\[\[?|\btest)\s(?P<test>[^\n;&|\]]{1,200})\]{0,2}|\(\((?P<sum>[^\n]{1,200}?)\)\)"
)
_ANSWERED: Final = re.compile(
    r"\s{0,9}(?:;?\s{0,9}then\b|(?:&&|\|\|)\s{0,9}\{|(?:&&|\|\|)[^\n]{0,200}\breturn\b)"
)
_IDLE: Final = re.compile(r"do\s{0,99}(?::|true|continue)\s{0,99}[;\n]\s{0,99}done")


def is_bomb(body: Node, text: str, name: str) -> bool:
    """A function that starts itself twice, or starts itself and goes on."""
    inside = text[body.start_byte : body.end_byte]
    if name not in inside[1:]:
        return False
    calls = 0
    todo = [body]
    for _ in range(_MAX_NODES):
        if not todo:
            break
        node = todo.pop()
        if node.type == "command_name" and text[node.start_byte : node.end_byte] == name:
            calls += 1
        todo += node.named_children
    aside = "&" in _bare(inside)
    return (calls > 1 and (aside or not _comes_to_end(inside, name))) or (calls == 1 and aside)


def _comes_to_end(inside: str, name: str) -> bool:
    """Whether a function asks what it was given before it calls itself, each time with less.

    Where a pipe joins its calls, they all run at once.
    """
    word = rf"(?<![\w\"'$.-]){re.escape(name)}(?![\w-])"
    calls = list(re.finditer(rf"{word}([^;&|)}}\n]{{0,400}})", inside))
    piped = re.search(rf"{word}[^;\n]{{0,400}}(?<!\|)\|(?!\|)[^;\n]{{0,400}}{word}", inside)
    if not calls or piped is not None or not all("$" in call[1] for call in calls):
        return False
    return any(
        "$" in (asked["test"] or "$") and _ANSWERED.match(inside, asked.end())
        for asked in _ASKED.finditer(inside, 0, calls[0].start())
    )


def spawns_forever(text: str) -> bool:
    """An endless loop that starts programs behind it and never waits for them."""
    return "&" in _bare(text) and _WAITS.search(text) is None


def fills_forever(text: str) -> bool:
    """An endless loop that makes ever more files or text, or does nothing, and never stops."""
    if _IDLE.search(text):
        return True
    return _ENDS.search(text) is None and _GROWS.search(text) is not None


def is_flood(text: str) -> bool:
    """A pipeline that starts a program for every line of what never ends."""
    return _ENDLESS.match(text) is not None and _SPREADS.search(text) is not None


def _bare(text: str) -> str:
    text = _QUOTED.sub("_", text)
    for sign in _NO_BACKGROUND:
        text = text.replace(sign, "")
    return text
