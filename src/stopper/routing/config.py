"""Reads the pool, the affinities and the words from tables: the packaged one, or a file."""

import tomllib
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stopper.data.tables import load_table
from stopper.errors import SettingsError
from stopper.routing.model import ModelCapability, ModelConfig, ModelPool, TaskClass

__all__ = ["RoutingConfig", "load_config", "packaged_config"]

MAX_FILE_BYTES: Final = 1 << 20


class RoutingConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of models, of what tasks gain from capabilities, and of words that tell tasks.

    A part that a file leaves out is the packaged one.
    """

    pool: dict[str, ModelConfig] = {}
    affinity: dict[TaskClass, dict[ModelCapability, int]] = {}
    words: dict[TaskClass, dict[str, int]] = {}

    @property
    def models(self) -> ModelPool:
        """The pool as the hints take it."""
        return ModelPool(models=self.pool)


@lru_cache(maxsize=1)
def packaged_config() -> RoutingConfig:
    """The table that ships with Stopper."""
    return msgspec.convert(load_table("routing"), RoutingConfig)


def load_config(path: str | PathLike[str]) -> RoutingConfig:
    """Read a TOML file with `[pool.NAME]`, `[affinity]` or `[words.TASK]`, over what is packaged.

    SettingsError says what does not read.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise SettingsError(f"{path}: is larger than {MAX_FILE_BYTES} bytes")
        given = msgspec.convert(tomllib.loads(data.decode()), RoutingConfig)
        ModelPool(models=given.pool)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise SettingsError(f"{path}: is no table of models ({error})") from None
    base = packaged_config()
    return RoutingConfig(
        given.pool or base.pool, given.affinity or base.affinity, given.words or base.words
    )
