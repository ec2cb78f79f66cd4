"""The rules for secrets that ship with Stopper, as decoded rows."""

import re
import tomllib
from collections.abc import Mapping
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

__all__ = ["load_rules", "stamp_rules", "were_tried"]

_PART: Final = re.compile(r"%\{([A-Z]+)\}")
_MAX_DEPTH: Final = 6
_TRIED: Final = "tried.txt"


def load_rules() -> list[dict[str, Any]]:
    """Read `rules/*.toml` in the order of their names; `detect.rules.read_rules` checks them.

    The `%{NAME}` of patterns are put in from the table `parts`. Reads files each time: callers
    keep the result.
    """
    tables = [tomllib.loads(text.decode()) for text in _texts()]
    parts = {name: part for table in tables for name, part in table.get("parts", {}).items()}
    return [
        row | {"pattern": _whole(row["pattern"], parts)}
        for table in tables
        for row in table.get("rule", ())
    ]


def stamp_rules() -> str:
    """Another text for every change to `rules/*.toml`."""
    digest = blake2b(digest_size=20)
    for text in _texts():
        digest.update(blake2b(text).digest())
    return digest.hexdigest()


def were_tried() -> bool:
    """Whether these rules, byte for byte, did what their hits and misses say when it was recorded.

    `make docs` tries them all and records their stamp.
    """
    recorded = files("stopper.data") / "rules" / _TRIED
    return recorded.is_file() and recorded.read_text(encoding="ascii").strip() == stamp_rules()


def _whole(pattern: str, parts: Mapping[str, str]) -> str:
    for _ in range(_MAX_DEPTH):
        if "%{" not in pattern:
            return pattern
        pattern = _PART.sub(lambda name: parts[name[1]], pattern)
    raise ValueError(f"parts of patterns nest in more than {_MAX_DEPTH} levels")


def _texts() -> list[bytes]:
    folder = files("stopper.data") / "rules"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [(folder / name).read_bytes() for name in names]
