"""The rules for secrets that ship with Stopper, as decoded rows."""

import tomllib
from hashlib import blake2b
from importlib.resources import files
from typing import Any

__all__ = ["load_rules", "stamp_rules"]


def load_rules() -> list[dict[str, Any]]:
    """Read `rules/*.toml` in the order of their names; `detect.rules.read_rules` checks them.

    Reads files each time: callers keep the result.
    """
    return [row for text in _texts() for row in tomllib.loads(text.decode())["rule"]]


def stamp_rules() -> str:
    """Another text for every change to `rules/*.toml`."""
    digest = blake2b(digest_size=20)
    for text in _texts():
        digest.update(blake2b(text).digest())
    return digest.hexdigest()


def _texts() -> list[bytes]:
    folder = files("stopper.data") / "rules"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [(folder / name).read_bytes() for name in names]
