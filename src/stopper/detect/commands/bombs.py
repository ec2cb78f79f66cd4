"""Fork bombs: functions and loops that start ever more of themselves."""

import re
from typing import Final

from tree_sitter import Node

__all__ = ["is_bomb", "is_flood", "spawns_forever"]

_MAX_NODES: Final = 4000
_WAITS: Final = re.compile(
    r"(?:[;&\n{]|\bdo)\s{0,99}(?:sleep\s{1,99}[^\s;&|]{1,99}|wait)\s{0,99}(?:[;\n}]|$|&&|\|\|)"
)
_ENDLESS: Final = re.compile(r"(?:yes|seq\s+inf\w*|(?:cat|head|dd)\b[^|]*/dev/(?:zero|u?random))\b")
_SPREADS: Final = re.compile(r"\|\s{0,99}(?:xargs\b[^|]*(?:-P|--max-procs)|parallel\b)")
_NO_BACKGROUND: Final = ("&&", "2>&1", "&>", ">&")


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
    return calls > 1 or (calls == 1 and "&" in _bare(inside))


def spawns_forever(text: str) -> bool:
    """An endless loop that starts programs behind it and never waits for them."""
    return "&" in _bare(text) and _WAITS.search(text) is None


def is_flood(text: str) -> bool:
    """A pipeline that starts a program for every line of what never ends."""
    return _ENDLESS.match(text) is not None and _SPREADS.search(text) is not None


def _bare(text: str) -> str:
    for sign in _NO_BACKGROUND:
        text = text.replace(sign, "")
    return text
