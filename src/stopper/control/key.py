"""The key of this installation, which makes fingerprints that nobody else can guess."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from stopper.errors import SettingsError

__all__ = ["installation_key"]

_KEY_FILE: Final = "key"
_KEY_BYTES: Final = 32


def installation_key(folder: Path) -> bytes:
    """The key of this installation's fingerprints, made at first need and never shown.

    Raises SettingsError where it cannot be kept.
    """
    path = folder / _KEY_FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: the key cannot be kept ({error.strerror})") from None
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"{path}: is no key of {_KEY_BYTES} bytes; remove it for a new one")
    return key


def _make(path: Path) -> None:
    """Of two processes that come at once, one makes it and both read it whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}-{token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink()
