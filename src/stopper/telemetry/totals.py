"""Sums entries up by provider, model or day, as the ledger of bottles does."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from stopper.core.usage import Quality, Usage, weakest
from stopper.stores.ledger import Total
from stopper.telemetry.entry import UsageEntry

__all__ = ["GROUPS", "totals_of"]

GROUPS: Final = ("provider", "model", "day")


def totals_of(
    entries: Iterable[UsageEntry], by: Sequence[str], since: datetime | None = None
) -> list[Total]:
    """One total for each group of `GROUPS`, sorted; days are UTC."""
    found: dict[tuple[str, ...], Total] = {}
    for entry in entries:
        if since is None or entry.at >= since:
            group = tuple(_word(entry, word) for word in by)
            found[group] = _with(found.get(group), group, entry)
    return [found[group] for group in sorted(found)]


def _word(entry: UsageEntry, by: str) -> str:
    match by:
        case "provider":
            return entry.provider.casefold()
        case "model":
            return entry.model
        case _:
            return entry.at.date().isoformat()


def _with(total: Total | None, group: tuple[str, ...], entry: UsageEntry) -> Total:
    before = total or Total(group, 0, Usage(quality=Quality.MEASURED), 0, 0, {})
    usage, quality = before.usage, entry.quality
    return Total(
        group,
        before.requests + 1,
        Usage(
            input=usage.input + entry.input_tokens,
            output=usage.output + entry.output_tokens,
            cache_write=usage.cache_write + entry.cache_write_tokens,
            cache_read=usage.cache_read + entry.cache_read_tokens,
            quality=weakest((usage.quality, quality)),
        ),
        before.micros + (entry.micros or 0),
        before.unpriced + (entry.micros is None),
        {**before.by_quality, str(quality): before.by_quality.get(str(quality), 0) + 1},
    )
