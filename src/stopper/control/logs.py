"""The log of a run: what was enforced and what was used, merged by time, in sentences."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from typing import Final

from msgspec import Struct

from stopper.control.approvals import ANSWERS
from stopper.core.audit import AuditRow
from stopper.core.budget import Unit, format_amount
from stopper.core.reason import REASONS
from stopper.stores.ledger import Ledger, UsageRow
from stopper.stores.shelf import from_ms

__all__ = ["Log", "LogLine"]

_PAGE: Final = 500
_MILLI: Final = 1000
_UNKNOWN: Final = "unknown"
_MICROS: Final = frozenset({"micros", "was_micros"})

_SENTENCES: Final = {
    "run.start": "Started {agent} in bottle {bottle}.",
    "run.end": "The run is over ({status}) with exit status {exit_code}.",
    "expire": "Whoever sent a request to {provider} {model} died before it was settled; it is "
    "charged at its upper bound of {tokens} tokens, {micros}.",
    "correct": "A request to {provider} {model} was charged with {was_tokens} tokens "
    "({was_micros}); it is {tokens} now ({micros}).",
    "settle.unheld": "A reply of {provider} {model} was charged that had no hold: {tokens} "
    "tokens, {micros}.",
}
"""What the ledger's own acts are in words; acts with a reason code have the code's."""


class LogLine(Struct, frozen=True):
    """One thing that happened: the act (`call` for a model call), its reason, what was recorded."""

    at: datetime
    act: str
    code: str
    sentence: str
    row: AuditRow | UsageRow


class Log:
    """Reads what a run's ledger rows say; every `read` goes on where the last one ended."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        self._ledger = ledger
        self._run = run
        self._audited = 0
        self._used = 0

    def read(self) -> Iterator[LogLine]:
        """What is new, oldest first."""
        return merge(self._audit(), self._usage(), key=lambda line: line.at)

    def _audit(self) -> Iterator[LogLine]:
        for row in self._ledger.audit(run=self._run, after=self._audited):
            self._audited = row.id
            yield LogLine(from_ms(row.at), row.act, row.code, _audit_sentence(row), row)

    def _usage(self) -> Iterator[LogLine]:
        while page := self._ledger.rows(run=self._run, after=self._used, limit=_PAGE):
            for id_, row in page:
                self._used = id_
                yield LogLine(row.at, "call", row.code, _usage_sentence(row), row)


def _audit_sentence(row: AuditRow) -> str:
    if (template := _SENTENCES.get(row.act)) is not None:
        words = {name: _word(name, value) for name, value in row.fact.items()}
        return template.format_map(defaultdict(lambda: _UNKNOWN, words))
    answer = str(row.fact.get("order") or "")
    if answer.partition(" ")[0] in ANSWERS:
        return f"The operator said: {answer}."
    if (reason := REASONS.get(row.code)) is not None:
        count = row.fact.get("count")
        times = f" ({count} times)" if isinstance(count, int) and count > 1 else ""
        return reason.say.format(detail=row.fact.get("detail") or "it") + times
    return ", ".join(f"{name} {value}" for name, value in row.fact.items())


def _usage_sentence(row: UsageRow) -> str:
    usage = row.usage
    parts = [f"{usage.input:,} in"]
    parts += [f"{usage.cache_write:,} written to cache"] if usage.cache_write else []
    parts += [f"{usage.cache_read:,} read from cache"] if usage.cache_read else []
    reasoned = f" ({usage.reasoning:,} of it reasoning)" if usage.reasoning else ""
    parts += [f"{usage.output:,} out{reasoned}"]
    parts += ["no known price" if row.micros is None else format_amount(Unit.MICROS, row.micros)]
    parts += [str(usage.quality)]
    parts += [f"{row.millis / _MILLI:.1f} s"] if row.millis else []
    why = f" ({row.code})" if row.code else ""
    ending = "" if row.ending == "complete" else f"; ended: {row.ending}{why}"
    return f"{row.provider} {row.model}: {', '.join(parts)}{ending}"


def _word(name: str, value: str | float | None) -> str:
    if name in _MICROS:
        return format_amount(Unit.MICROS, value) if isinstance(value, int) else "no known price"
    if value is None:
        return _UNKNOWN
    return f"{value:,}" if isinstance(value, int) else str(value)
