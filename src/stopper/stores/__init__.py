"""Persistence behind Protocols; `open_ledger` is where a back end is chosen."""

from datetime import timedelta
from pathlib import Path

from stopper.core.budget import Enforce
from stopper.core.usage import Weights
from stopper.errors import StoreError
from stopper.stores.ledger import Ledger
from stopper.stores.shelf import DEFAULT_LIFETIME

__all__ = ["open_ledger"]


def open_ledger(
    place: str | Path,
    *,
    enforce: Enforce = Enforce.NEAREST,
    weights: Weights | None = None,
    lifetime: timedelta = DEFAULT_LIFETIME,
) -> Ledger:
    """Open the ledger at a path, `sqlite:PATH` or `memory:`; raises StoreError.

    A SQLite ledger is created where there is none. All that share a ledger must be given the same
    `enforce` and `weights`. `lifetime` is how long a hold stands that nobody renews.
    """
    scheme, colon, rest = str(place).partition(":")
    if isinstance(place, Path) or not colon or "/" in scheme:
        scheme, rest = "sqlite", str(place)
    if scheme == "memory" and not rest:
        from stopper.stores.memory import MemoryLedger  # noqa: PLC0415  only the one that is used

        return MemoryLedger(enforce=enforce, weights=weights, lifetime=lifetime)
    if scheme == "sqlite" and rest:
        from stopper.stores.sqlite import SqliteLedger  # noqa: PLC0415  only the one that is used

        path = Path(rest).expanduser()
        return SqliteLedger(path, enforce=enforce, weights=weights, lifetime=lifetime)
    raise StoreError(f"{place!s} is no ledger: name a file, or write sqlite:PATH or memory:")
