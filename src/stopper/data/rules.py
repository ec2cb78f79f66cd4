"""The rules for secrets that ship with Stopper, as decoded rows."""

import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["load_rules"]


def load_rules() -> list[dict[str, Any]]:
    """Read `rules/*.toml` in the order of their names; `detect.rules.read_rules` checks them.

    Reads files each time: callers keep the result.
    """
    folder = files("stopper.data") / "rules"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [
        row
        for name in names
        for row in tomllib.loads((folder / name).read_text(encoding="utf-8"))["rule"]
    ]
