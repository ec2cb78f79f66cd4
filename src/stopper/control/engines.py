"""The detector of the rules that ship with Stopper, compiled once and kept for later starts."""

import os
import stat
import sys
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec
from msgspec import Struct

from stopper import __version__
from stopper.control.key import installation_key
from stopper.data.rules import stamp_rules
from stopper.detect.engine import Engine, HyperscanEngine, engine_for
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import Rule
from stopper.detect.secrets import Detector

__all__ = ["CACHE", "complete", "open_detector", "open_engine"]

CACHE: Final = "cache"
"""The folder, in Stopper's own, of what can be thrown away at any time."""

MAX_BYTES: Final = 64 << 20

_FILE: Final = "detector"
_DIGEST_BYTES: Final = 32
_LOOSE: Final = 0o022
_MAX_FOLDERS: Final = 4


class _Kept(Struct, frozen=True, array_like=True):
    """What is kept: rules that did what they claim when they were read, and their engine."""

    stamp: str
    rules: tuple[Rule, ...]
    engine: bytes


def open_detector(folder: Path) -> Detector:
    """The detector of the installation in `folder`, with the engine that is kept there.

    Raises SettingsError where the installation can have no key.
    """
    key = installation_key(folder)
    rules, engine = open_engine(folder)
    return Detector(rules, key, engine)


@lru_cache(maxsize=_MAX_FOLDERS)
def open_engine(folder: Path) -> tuple[tuple[Rule, ...], Engine]:
    """The rules that ship with Stopper and their engine, from where the installation keeps it.

    Where none is kept, or not for these rules, this takes a second, and keeps it.
    """
    with suppress(OSError, ValueError):  # not there, not ours, damaged, or of other rules
        return _load(folder)
    rules = packaged_rules()
    engine = engine_for(rules)
    if isinstance(engine, HyperscanEngine):
        _keep(folder, rules, engine)
    return rules, engine


def complete(folder: Path) -> None:
    """Compile what streams need as well, and keep it; where it is not kept yet, that takes seconds.

    It may run beside whatever uses the detector.
    """
    rules, engine = open_engine(folder)
    if engine.is_complete:
        return
    engine.complete()
    if isinstance(engine, HyperscanEngine):
        _keep(folder, rules, engine)


def _load(folder: Path) -> tuple[tuple[Rule, ...], Engine]:
    _check_own(folder / CACHE)
    data = _read(folder / CACHE / _FILE)
    body = data[_DIGEST_BYTES:]
    if data[:_DIGEST_BYTES] != _digest(body):
        raise ValueError("what was kept is damaged")
    kept = msgspec.msgpack.decode(body, type=_Kept)
    if kept.stamp != _stamp():
        raise ValueError("what was kept belongs to other rules")
    return kept.rules, HyperscanEngine.load(kept.rules, kept.engine)


def _keep(folder: Path, rules: tuple[Rule, ...], engine: HyperscanEngine) -> None:
    """Put all of it in the place of what is there, at once; without it, starts only take longer."""
    body = msgspec.msgpack.encode(_Kept(_stamp(), rules, engine.dump()))
    place = folder / CACHE
    new = place / f"{_FILE}-{token_hex(8)}"
    with suppress(OSError):
        for each in (folder, place):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_own(place)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_digest(body) + body)
            new.replace(place / _FILE)
        finally:
            new.unlink(missing_ok=True)


def _stamp() -> str:
    """What the rules were read by, besides the version of Hyperscan, which the engine stamps."""
    return f"{__version__} {sys.implementation.cache_tag} {stamp_rules()}"


def _check_own(place: Path) -> None:
    """OSError where anybody else could have put something there: databases are code of a kind."""
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or not _is_own(status):
        raise PermissionError(f"{place} is open to others")


def _make_own(place: Path) -> None:
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{place} belongs to others")
    if stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
        place.chmod(stat.S_IRWXU)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _is_own(status):
            raise PermissionError(f"{path} is open to others")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{path} is too large")
        return file.read(MAX_BYTES)


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & _LOOSE


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
