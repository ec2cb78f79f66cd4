"""What words in the names of tools and arguments mean, as it ships with Stopper."""

import tomllib
from importlib.resources import files

__all__ = ["load_tool_words"]


def load_tool_words() -> dict[str, dict[str, frozenset[str]]]:
    """Read `tools.toml`: for each table, the words behind each of its names.

    Reads a file each time: callers keep the result.
    """
    table = tomllib.loads((files("stopper.data") / "tools.toml").read_text(encoding="utf-8"))
    return {
        section: {name: frozenset(words.split()) for name, words in rows.items()}
        for section, rows in table.items()
    }
