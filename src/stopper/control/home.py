"""Opens what every command stands on: the folder, its settings, its ledger."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from stopper.errors import SettingsError
from stopper.settings import Settings, load_settings
from stopper.stores import open_ledger
from stopper.stores.ledger import Ledger

__all__ = ["HOME_VARIABLE", "LEDGER_FILE", "Home", "find_home", "open_for_orders", "open_home"]

HOME_VARIABLE: Final = "STOPPER_HOME"
"""The environment variable that names another folder than `~/.stopper`."""

LEDGER_FILE: Final = "stopper.db"


class Home(Struct, frozen=True):
    """The open folder; a context manager that closes the ledger when it ends."""

    settings: Settings
    ledger: Ledger
    folder: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ledger.close()


def find_home(environ: Mapping[str, str]) -> Path:
    """The folder that holds settings and ledger; raises SettingsError where there is none."""
    if named := environ.get(HOME_VARIABLE):
        folder = Path(named).expanduser()
        if not folder.is_absolute():
            raise SettingsError(f"{HOME_VARIABLE}={named} is no absolute path: write it in full")
        return folder
    try:
        return Path.home() / ".stopper"
    except RuntimeError:
        raise SettingsError(f"no home folder is known: set {HOME_VARIABLE} or HOME") from None


def open_home(
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str | Sequence[str]] | None = None,
) -> Home:
    """Read the settings and open the ledger, which is made where there is none yet.

    `environ` is this process's own by default; `flags` win over it. Holds whose owners died are
    settled. Raises SettingsError or StoreError.
    """
    environ = os.environ if environ is None else environ
    folder = find_home(environ)
    home = _open(folder, load_settings(environ, flags or {}, folder))
    home.ledger.expire(datetime.now(UTC))
    return home


def open_for_orders(environ: Mapping[str, str] | None = None) -> Home:
    """Open the ledger with default settings: a bottle can be stopped where settings do not read.

    Nothing may be held or settled with it. Raises SettingsError or StoreError.
    """
    folder = find_home(os.environ if environ is None else environ)
    return _open(folder, Settings())


def _open(folder: Path, settings: Settings) -> Home:
    terms = settings.terms
    ledger = open_ledger(
        folder / LEDGER_FILE,
        enforce=terms.enforce,
        weights=terms.weights,
        lifetime=terms.lifetime,
    )
    return Home(settings, ledger, folder)
