"""Small tables that ship with Stopper, and the one name that a provider goes by."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from stopper.data import load_providers

__all__ = ["MAX_PROVIDER_CHARS", "load_table", "provider_named"]

MAX_PROVIDER_CHARS = 64
"""The longest name of a provider."""


def load_table(name: str) -> dict[str, Any]:
    """Read `NAME.toml` of this package; reads a file each time, so callers keep the result."""
    return tomllib.loads((files("stopper.data") / f"{name}.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def provider_named(name: str) -> str:
    """The provider that is meant, whatever the case: `Claude` is `anthropic`.

    A name that is not known stands for itself, in lower case. ValueError where it is no name.
    """
    word = name.strip().casefold()
    if not word or len(word) > MAX_PROVIDER_CHARS or not word.isprintable():
        raise ValueError(f"a provider's name has 1 to {MAX_PROVIDER_CHARS} printable characters")
    return _aliases().get(word, word)


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    return {
        agent: provider.name for provider in load_providers().values() for agent in provider.agents
    }
