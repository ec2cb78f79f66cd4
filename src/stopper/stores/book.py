"""PURE: what a batch of ledger operations does to accounts, holds and rows, in every back end."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from stopper.core.budget import MAX_AMOUNT, Budget, Unit
from stopper.core.hold import Account, Denial, Need, admit
from stopper.core.usage import Quality, Usage
from stopper.errors import StoreError
from stopper.stores.ledger import (
    Grant,
    Grow,
    Hold,
    Op,
    Outcome,
    Pending,
    Release,
    Settle,
    UsageRow,
)
from stopper.stores.shelf import (
    MS,
    Entry,
    Note,
    OpenHold,
    Place,
    Shelf,
    Tally,
    Terms,
    amount_of,
    from_ms,
    pending_of,
    window_ms,
)

__all__ = ["LOST", "MOST", "UNSENT", "Book"]

LOST: Final = "lost"
"""The ending of a row that stands for a hold whose owner did not settle it."""

UNSENT: Final = "unsent"
"""The ending of a row that takes a lost one back, because its request never left."""

MOST: Final = MAX_AMOUNT
"""The most tokens or micro-dollars that one hold or row can take."""

_MINUTE_MS = 60_000
_TOKENS: Final = Unit.TOKENS
_MICROS: Final = Unit.MICROS


class Book:
    """One batch: carries operations out on what a shelf has, and gathers what is to be written.

    It writes nothing itself; where it raises, nothing happened. `now` is in ms. When it is done,
    the store keeps all of `tallies` that changed, deletes the holds in `closed`, puts those in
    `opened` (new or changed), appends `entries` and chains `notes`.
    """

    def __init__(self, shelf: Shelf, terms: Terms, now: int) -> None:
        self.tallies: dict[tuple[str, int], Tally] = {}
        self.closed: set[str] = set()
        self.opened: dict[str, OpenHold] = {}
        self.entries: list[Entry] = []
        self.notes: list[Note] = []
        self._shelf = shelf
        self._terms = terms
        self._now = now
        self._expires = now + terms.lifetime // MS
        self._stored: set[str] = set()
        self._newest: dict[str, Entry] = {}
        self._last_entry: int | None = None
        self._sheets: dict[tuple[str, str, int], tuple[list[Tally], list[Tally]]] = {}

    def apply(self, ops: Sequence[Op]) -> list[Outcome]:
        """Carry out `ops` in order; one outcome each."""
        return [self._carry_out(op) for op in ops]

    def expire(self, hold: OpenHold) -> Pending:
        """Settle an open hold at its upper bound, as unknown."""
        place = self._place(hold.run)
        self._stored.add(hold.id)
        self._close(hold)
        row = UsageRow(
            hold=hold.id,
            run=hold.run,
            provider=hold.provider,
            model=hold.model,
            usage=Usage(output=hold.tokens, quality=Quality.UNKNOWN),
            micros=hold.micros,
            at=from_ms(self._now),
            ending=LOST,
        )
        entry = self._append(row, hold.created, hold.tokens)
        self.notes.append(_note("expire", entry))
        return pending_of(entry, place.bottle)

    def correct(self, hold: str, tokens: int, micros: int | None) -> bool:
        """Replace a row of unknown quality by what an operator found out."""
        entry = self._entry(hold)
        if entry is None or entry.row.usage.quality is not Quality.UNKNOWN:
            return False
        usage = Usage(output=tokens, quality=Quality.ESTIMATED)
        at = from_ms(self._now)
        self._supersede(entry, replace(entry.row, usage=usage, micros=micros, at=at))
        return True

    def account(self, budget: Budget) -> Account:
        """A budget's account in the window that holds now."""
        return self._tally(budget.key, budget, self._now).account()

    def _carry_out(self, op: Op) -> Outcome:
        match op:
            case Hold():
                return self._hold(op)
            case Settle():
                self._settle(op.row)
            case Grow():
                return self._grow(op)
            case Release():
                self._release(op.id)
        return None

    def _hold(self, op: Hold) -> Grant | Denial:
        known = self._open(op.id)
        if known is not None and known.run == op.run:
            return Grant(known.id, known.output, known.tokens, known.micros or 0)
        if known is not None or self._entry(op.id) is not None:
            raise StoreError(f"hold id {op.id!r} was used before: give every request its own id")
        counting, binding = self._sheet(op.run, op.provider, self._now)
        need = op.need
        verdict = admit([t.account() for t in binding], need, _within(op.asked), op.least)
        if isinstance(verdict, Denial):
            return verdict
        output = verdict.output
        tokens = _within(need.amount(_TOKENS, output))
        micros = _within(need.amount(_MICROS, output))
        priced = micros if need.priced else None
        _add_held(counting, tokens, priced or 0)
        self.opened[op.id] = OpenHold(
            op.id,
            op.run,
            op.provider,
            op.model,
            output,
            tokens,
            priced,
            self._now,
            self._expires,
        )
        return Grant(op.id, output, tokens, micros)

    def _grow(self, op: Grow) -> Grant | Denial | None:
        hold = self._open(op.id)
        if hold is None:
            return None
        held = hold.micros or 0
        tokens = max(min(op.tokens, MOST), hold.tokens)
        micros = max(min(op.micros, MOST), held)
        counting, binding = self._sheet(hold.run, hold.provider, hold.created)
        without = [
            replace(t.account(), held=t.held - amount_of(hold, t.budget.unit)) for t in binding
        ]
        verdict = admit(without, Need(tokens, micros, 0, 0), asked=0)
        if isinstance(verdict, Denial):
            short = next(t for t in binding if t.budget == verdict.account.budget)
            return Denial(short.account(), verdict.waiting)
        _add_held(counting, tokens - hold.tokens, micros - held)
        priced = hold.micros is not None or micros > 0
        self.opened[op.id] = replace(hold, tokens=tokens, micros=micros if priced else None)
        return Grant(op.id, 0, tokens, micros)

    def _settle(self, row: UsageRow) -> None:
        hold = self._open(row.hold)
        entry = None if hold else self._entry(row.hold)
        if hold is not None:
            self._close(hold)
            self._append(row, hold.created)
        elif entry is None:
            self.notes.append(_note("settle.unheld", self._append(row, self._now)))
        elif entry.row.ending == LOST:
            self._supersede(entry, row)

    def _release(self, id_: str) -> None:
        hold = self._open(id_)
        if hold is not None:
            self._close(hold)
            return
        entry = self._entry(id_)
        if entry is not None and entry.row.ending == LOST:
            usage = Usage(quality=Quality.MEASURED)
            at = from_ms(self._now)
            row = replace(entry.row, usage=usage, micros=0, ending=UNSENT, at=at)
            self._supersede(entry, row)

    def _supersede(self, old: Entry, row: UsageRow) -> None:
        for tally in self._sheet(old.row.run, old.row.provider, old.created)[0]:
            tally.spent -= amount_of(old, tally.budget.unit)
            tally.changed = True
        note = _note("correct", self._append(row, old.created, corrects=old.id))
        was = {"was_tokens": old.tokens, "was_micros": old.row.micros}
        self.notes.append(replace(note, fact={**note.fact, **was}))

    def _append(
        self, row: UsageRow, created: int, tokens: int | None = None, corrects: int = 0
    ) -> Entry:
        row = _bounded(row)
        if tokens is None:
            tokens = _within(self._terms.weights.tokens(row.usage))
        if self._last_entry is None:
            self._last_entry = self._shelf.last_entry()
        self._last_entry += 1
        entry = Entry(self._last_entry, row, created, tokens, corrects)
        for tally in self._sheet(row.run, row.provider, created)[0]:
            tally.spent += tokens if tally.budget.unit is _TOKENS else row.micros or 0
            tally.changed = True
        self.entries.append(entry)
        self._newest[row.hold] = entry
        return entry

    def _close(self, hold: OpenHold) -> None:
        counting, _ = self._sheet(hold.run, hold.provider, hold.created)
        _add_held(counting, -hold.tokens, -(hold.micros or 0))
        self.opened.pop(hold.id, None)
        if hold.id in self._stored:
            self.closed.add(hold.id)

    def _open(self, id_: str) -> OpenHold | None:
        found = self.opened.get(id_)
        if found is None and id_ not in self.closed:
            found = self._shelf.hold(id_)
            if found is not None:
                self._stored.add(id_)
        return found

    def _entry(self, hold: str) -> Entry | None:
        return self._newest.get(hold) or self._shelf.entry(hold)

    def _place(self, run: str) -> Place:
        place = self._shelf.place(run)
        if place is None:
            raise StoreError(f"run {run!r} is not in this ledger: record it before it asks")
        return place

    def _sheet(self, run: str, provider: str, created: int) -> tuple[list[Tally], list[Tally]]:
        """The tallies that a request held at `created` counts in, and those of them that bind."""
        key = (run, provider, created // _MINUTE_MS)
        sheet = self._sheets.get(key)
        if sheet is None:
            self._place(run)
            sheet = self._sheets[key] = ([], [])
            for line in self._shelf.lines(run, provider):
                tally = self._tally(line.key, line.budget, created)
                sheet[0].append(tally)
                if line.governs:
                    sheet[1].append(tally)
        return sheet

    def _tally(self, key: str, budget: Budget, created: int) -> Tally:
        start, end = window_ms(budget.window, created)
        tally = self.tallies.get((key, start))
        if tally is None:
            kept = self._shelf.tally(key, start)
            spent, held = kept or self._shelf.sums(budget, start, end)
            tally = self.tallies[key, start] = Tally(budget, spent, held, changed=kept is None)
        return tally


def _add_held(tallies: Iterable[Tally], tokens: int, micros: int) -> None:
    for tally in tallies:
        tally.held += tokens if tally.budget.unit is _TOKENS else micros
        tally.changed = True


def _bounded(row: UsageRow) -> UsageRow:
    """The row as it is, or, where an upstream claims impossible numbers, within bounds as unknown.

    A negative number would give budget back, and a huge one would fail every batch it is in.
    """
    usage = row.usage
    if (
        0 <= usage.input <= MOST
        and 0 <= usage.output <= MOST
        and 0 <= usage.cache_write <= MOST
        and 0 <= usage.cache_read <= MOST
        and 0 <= usage.reasoning <= MOST
        and 0 <= usage.cache_write_1h <= MOST
        and 0 <= (usage.cost or 0) <= MOST
        and 0 <= (row.micros or 0) <= MOST
    ):
        return row
    doubted = Usage(
        _within(usage.input),
        _within(usage.output),
        _within(usage.cache_write),
        _within(usage.cache_read),
        _within(usage.reasoning),
        _within(usage.cache_write_1h),
        quality=Quality.UNKNOWN,
        cost=None if usage.cost is None else _within(usage.cost),
    )
    return replace(row, usage=doubted, micros=None if row.micros is None else _within(row.micros))


def _within(number: int) -> int:
    """The number, or the nearest that a hold or a row can have."""
    return number if 0 <= number <= MOST else 0 if number < 0 else MOST


def _note(act: str, entry: Entry) -> Note:
    row = entry.row
    return Note(
        row.run,
        act,
        row.code,
        {
            "hold": row.hold,
            "provider": row.provider,
            "model": row.model,
            "tokens": entry.tokens,
            "micros": row.micros,
        },
    )
