"""What words in the names of tools and arguments mean, as it ships with Stopper."""

import re
import tomllib
from importlib.resources import files

__all__ = ["load_tool_words", "words_of"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def load_tool_words() -> dict[str, dict[str, frozenset[str]]]:
    """Read `tools.toml`: for each table, the words behind each of its names.

    Reads a file each time: callers keep the result.
    """
    table = tomllib.loads((files("stopper.data") / "tools.toml").read_text(encoding="utf-8"))
    return {
        section: {name: frozenset(words.split()) for name, words in rows.items()}
        for section, rows in table.items()
    }


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, however they are joined: `sendEmail`, `send-email`."""
    return [word.lower() for word in _WORD.findall(name)]
