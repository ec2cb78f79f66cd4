"""Whether a file's content is what its name says: parsed, never run, nothing fetched."""

import ast
import re
import threading
import tomllib
import warnings
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

import msgspec
import yaml
from msgspec import Struct

from stopper.patch.grammars import first_error, grammar_for

__all__ = ["MAX_CHECKED_BYTES", "Checked", "check_syntax", "is_shell_script"]

MAX_CHECKED_BYTES: Final = 2 << 20
MAX_TREE_BYTES: Final = 512 << 10
"""Hostile texts cost a syntax tree seconds a megabyte, and nothing can interrupt it."""

MAX_DEPTH: Final = 500
MAX_SHOWN: Final = 200

_WITH_COMMENTS: Final = ("tsconfig", "jsconfig", "devcontainer")
_SHELLS: Final = ("sh", "bash", "zsh", "ksh", "dash")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONG_KEY: Final = re.compile(
    r"(?<![\w.\"'-])(?:(?:[\w-]++|\"[^\"\n]{0,64}+\"|'[^'\n]{0,64}+')[ \t]*+\.[ \t]*+){50}"
)
_filters = threading.Lock()


class Checked(Struct, frozen=True):
    """What was found: an empty `problem` where it parses, no `language` where nobody can tell.

    Where it `is_sure`, a problem is the content's own; otherwise it may be the grammar's. The
    `warning` says why nobody looked.
    """

    language: str = ""
    problem: str = ""
    is_sure: bool = True
    warning: str = ""


def check_syntax(name: str, data: bytes) -> Checked:
    """Parse `data` as the language of a file of this name."""
    suffix = PurePath(name).suffix.removeprefix(".").lower()
    if len(data) > MAX_CHECKED_BYTES:
        return _too_large(MAX_CHECKED_BYTES)
    if suffix in _PARSERS and not (suffix == "json" and _has_comments(name)):
        return Checked(suffix, _problem(_PARSERS[suffix], data))
    if is_shell_script(name, data):
        suffix = "sh"
    grammar = grammar_for(suffix) if suffix and suffix != "json" else None
    if grammar is None:
        return Checked()
    if len(data) > MAX_TREE_BYTES:
        return _too_large(MAX_TREE_BYTES)
    return Checked(grammar.name, first_error(grammar, data), grammar.is_sure)


def _too_large(limit: int) -> Checked:
    return Checked(warning=f"not parsed: larger than {limit} bytes")


def is_shell_script(name: str, data: bytes) -> bool:
    """By its suffix, or by its first line."""
    suffix = PurePath(name).suffix.removeprefix(".").lower()
    if suffix:
        return suffix in _SHELLS
    first = data[:128].partition(b"\n")[0].decode("latin-1")
    words = first.removeprefix("#!").replace("/", " ").split()
    return first.startswith("#!") and bool(words) and any(word in _SHELLS for word in words)


def _has_comments(name: str) -> bool:
    """JSON files of editors and compilers, which may hold comments."""
    path = PurePath(name)
    return path.name.startswith(_WITH_COMMENTS) or ".vscode" in path.parts


def _problem(parse: Callable[[bytes], None], data: bytes) -> str:
    try:
        parse(data)
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {error.msg}"[:MAX_SHOWN]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}"[:MAX_SHOWN]
    except (ValueError, msgspec.DecodeError, yaml.YAMLError) as error:
        return str(error)[:MAX_SHOWN] or "it does not parse"
    except (RecursionError, MemoryError):
        return "it nests too deeply"
    return ""


def _python(data: bytes) -> None:
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubtful escapes, which are no errors
        ast.parse(data)


def _json(data: bytes) -> None:
    msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))


def _yaml(data: bytes) -> None:
    depth = 0
    for event in yaml.parse(data.decode(), Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:  # each further level would cost more time than the one before
            raise RecursionError


def _toml(data: bytes) -> None:
    text = data.decode()
    if _LONG_KEY.search(text):  # each part costs as much as all before it, in memory too
        raise ValueError("a key of more than 50 parts")
    tomllib.loads(text)


_PARSERS: Final = {
    "py": _python, "pyi": _python, "pyw": _python, "json": _json, "yaml": _yaml, "yml": _yaml,
    "toml": _toml,
}  # fmt: skip
