"""Syntax trees for every language whose tree-sitter grammar is installed."""

import importlib
import importlib.util
import re
from functools import lru_cache
from typing import Final

from msgspec import Struct
from tree_sitter import Language, Node, Parser

__all__ = ["Grammar", "first_error", "grammar_for"]

MAX_SEARCHED: Final = 100_000
"""Nodes that are looked at for the place of an error."""

_NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
# Suffixes that are not the grammar's own name, and grammars with more than one language.
_SUFFIXES: Final = {
    "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "typescript.typescript", "mts": "typescript.typescript", "cts": "typescript.typescript",
    "tsx": "typescript.tsx", "php": "php.php", "ml": "ocaml.ocaml", "mli": "ocaml.ocaml_interface",
    "xml": "xml.xml", "dtd": "xml.dtd",
    "h": "c", "cc": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp", "hxx": "cpp", "cs": "c_sharp",
    "rb": "ruby", "rs": "rust", "kt": "kotlin", "kts": "kotlin", "hs": "haskell", "jl": "julia",
    "ex": "elixir", "exs": "elixir", "erl": "erlang", "pl": "perl", "pm": "perl", "tf": "hcl",
    "sol": "solidity", "htm": "html", "sh": "bash", "ksh": "bash", "m": "objc",
    "proto": "proto", "graphql": "graphql", "gql": "graphql", "cmake": "cmake", "f90": "fortran",
}  # fmt: skip
_SURE: Final = frozenset({"javascript", "typescript"})


class Grammar(Struct, frozen=True):
    """A language to parse. Where it `is_sure`, what does not parse is wrong; others have gaps."""

    name: str
    is_sure: bool
    language: Language


@lru_cache(maxsize=128)
def grammar_for(suffix: str) -> Grammar | None:
    """The grammar for files that end in `.suffix`, where its wheel is installed."""
    module_name, _, part = _SUFFIXES.get(suffix.lower(), suffix.lower()).partition(".")
    package = f"tree_sitter_{module_name}"
    if not _NAME.fullmatch(module_name) or importlib.util.find_spec(package) is None:
        return None
    module = importlib.import_module(package)
    make = getattr(module, f"language_{part}" if part else "language", None)
    if make is None:
        return None
    try:
        language = Language(make())
    except ValueError:  # built for another version of tree-sitter
        return None
    return Grammar(part or module_name, module_name in _SURE, language)


def first_error(grammar: Grammar, data: bytes) -> str:
    """Where `data` first does not parse; empty where all of it does."""
    root = Parser(grammar.language).parse(data).root_node
    if not root.has_error:
        return ""
    place = _place(root)
    line, column = place.start_point
    return f"line {line + 1}, column {column + 1}: no valid {grammar.name}"


def _place(root: Node) -> Node:
    """The first node that is wrong or missing."""
    waiting = [root]
    for _ in range(MAX_SEARCHED):
        if not waiting:
            break
        node = waiting.pop()
        if node.is_error or node.is_missing:
            return node
        if node.has_error:
            waiting += reversed(node.children)
    return root
