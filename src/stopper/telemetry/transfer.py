"""Carries entries between the file of lines and the ledger of bottles, each of them once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from stopper.core.scope import path_of
from stopper.stores.ledger import Ledger, Run, Settle, UsageRow
from stopper.telemetry.entry import UsageEntry, encode_entry

__all__ = ["NAME", "entries_of", "export_entries"]

NAME: Final = "telemetry"
"""The bottle and the agent under which exported entries are found."""

BATCH: Final = 500
PAGE: Final = 1000


def export_entries(entries: Iterable[UsageEntry], path: Path, store: Ledger) -> int:
    """Settle every entry in `store` that is not there yet, at its own time; gives how many."""
    run = f"{NAME}-{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    before = _settled(store, run)
    added = 0
    for batch in _batches(row for row in _rows(entries, run) if row.hold not in before):
        at = batch[-1].at
        if not added and not before:
            store.add_run(Run(run, NAME, NAME, path_of(run, NAME, NAME), batch[0].at))
            store.end_run(run, "ended", 0, batch[0].at)
        store.apply([Settle(row) for row in batch], at)
        added += len(batch)
    return added


def entries_of(store: Ledger) -> Iterator[UsageEntry]:
    """What holds in `store` now, of bottles alone: corrected rows and exported ones are left."""
    rows: dict[str, UsageRow] = {}
    after = 0
    while page := store.rows(after=after, limit=PAGE):
        rows |= {row.hold: row for _, row in page if not row.run.startswith(f"{NAME}-")}
        after = page[-1][0]
    for row in rows.values():
        if row.usage.total:
            yield _entry(row)


def _settled(store: Ledger, run: str) -> set[str]:
    found: set[str] = set()
    after = 0
    while page := store.rows(run=run, after=after, limit=PAGE):
        found |= {row.hold for _, row in page}
        after = page[-1][0]
    return found


def _rows(entries: Iterable[UsageEntry], run: str) -> Iterator[UsageRow]:
    seen: Counter[str] = Counter()
    for entry in entries:
        yield UsageRow(
            _id(entry, seen),
            run,
            entry.provider.casefold(),
            entry.model,
            entry.usage,
            entry.micros,
            entry.at,
            millis=round(entry.latency_ms or 0),
        )


def _id(entry: UsageEntry, seen: "Counter[str]") -> str:
    """Its own, or one of what it says and how often that was said before."""
    if entry.id:
        return entry.id
    digest = sha256(encode_entry(entry)).hexdigest()[:24]
    seen[digest] += 1
    return f"line-{digest}-{seen[digest]}"


def _batches(rows: Iterable[UsageRow]) -> Iterator[list[UsageRow]]:
    """Rows of one minute, which no window parts."""
    batch: list[UsageRow] = []
    for row in rows:
        if batch and (len(batch) == BATCH or _minute(row.at) != _minute(batch[-1].at)):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _entry(row: UsageRow) -> UsageEntry:
    return UsageEntry(
        timestamp=row.at,
        provider=row.provider,
        model=row.model,
        input_tokens=row.usage.input,
        output_tokens=row.usage.output,
        cache_write_tokens=row.usage.cache_write,
        cache_read_tokens=row.usage.cache_read,
        latency_ms=row.millis or None,
        quality=row.usage.quality,
        micros=row.micros,
        id=row.hold,
    )
