"""A hash chain over audit rows: any row changed, dropped or moved breaks every later hash."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec
from msgspec import Struct

__all__ = ["GENESIS", "AuditRow", "Break", "Fact", "chain_hash", "verify"]

GENESIS = "0" * 64

Fact = dict[str, str | int | float | bool | None]


class AuditRow(Struct, frozen=True):
    """One act of enforcement. `fact` holds plain values and never a secret; `at` is in ms, UTC."""

    id: int
    at: int
    run: str
    act: str
    code: str
    fact: Fact
    hash: str = ""


class Break(Struct, frozen=True):
    """The first row that does not follow from the row before it, or that is missing at the end.

    `found` is what stands there instead of the `expected` hash.
    """

    id: int
    expected: str
    found: str


def chain_hash(previous: str, row: AuditRow) -> str:
    """SHA-256 over the previous hash and the row's canonical JSON (sorted keys, no hash field)."""
    body = msgspec.json.encode(
        [row.id, row.at, row.run, row.act, row.code, row.fact], order="deterministic"
    )
    return sha256(previous.encode() + body).hexdigest()


def verify(rows: Iterable[AuditRow], head: str | None = None) -> Break | None:
    """Walk the chain from its first row; None when it holds.

    A chain whose last rows were cut off holds in itself: only `head`, the hash of the newest row
    as it was kept elsewhere, shows the loss.
    """
    previous, last = GENESIS, 0
    for row in rows:
        expected = chain_hash(previous, row)
        if row.hash != expected:
            return Break(row.id, expected, row.hash)
        previous, last = row.hash, row.id
    if head is not None and head != previous:
        return Break(last + 1, head, previous)
    return None
