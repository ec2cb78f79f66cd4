"""Tests of a shell that say a file is not there: what is written then, replaces nothing."""

from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from stopper.detect.commands.taint import is_literal
from stopper.detect.lazy import lazy

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["lacking", "leaves"]

_MAX_TESTS: Final = 8
_TEST: Final = lazy(
    r"(?P<not>!\s{1,9})?(?:test|\[\[?)\s{1,9}(?P<no>!\s{1,9})?-[efs]\s{1,9}"
    r"(?P<word>\"[^\"*?\[\n]{1,400}\"|'[^'*?\[\n]{1,400}'|[^\s\"'*?\[\]]{1,400})(?:\s{1,9}\]\]?)?"
)
_LEAVES: Final = lazy(
    r"(?:\{[^{}]{0,400}[;\n]\s{0,9})?(?:continue|exit|return|break)(?:\s{1,9}\d{1,3})?\s{0,9};?(?:\s{0,9}\})?"
)


def lacking(shell: "Shell", node: Node, *, holds: bool) -> set[str]:
    """The files that are not there where the statement `node` holds, or where it does not."""
    text = shell.source.text[node.start_byte : node.end_byte].strip()
    found = _TEST.fullmatch(text)
    if found is not None:
        if (bool(found["not"]) != bool(found["no"])) is not holds:
            return set()
        path = shell.places.resolve(shell.expand(found["word"]), shell.cwd)
        return {path} if is_literal(path) else set()
    if node.type != "list" or len(node.named_children) > _MAX_TESTS:
        return set()
    sign = "&&" if holds else "||"
    if any(child.type in {"&&", "||"} and child.type != sign for child in node.children):
        return set()
    return {path for child in node.named_children for path in lacking(shell, child, holds=holds)}


def leaves(text: str) -> bool:
    """Whether a statement ends a pass of a loop, a function or the script."""
    return _LEAVES.fullmatch(text.strip()) is not None
