"""`TokenLedger`: what was used, kept in a file of lines, and how fast it goes."""

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Final

from stopper.core.budget import MAX_AMOUNT, Unit, Window, parse_amount
from stopper.core.usage import Quality
from stopper.data.tables import load_table, provider_named
from stopper.errors import SettingsError
from stopper.stores.ledger import Ledger
from stopper.telemetry.alert import Alert, Sink, Watcher, anomaly_alert, level_alert
from stopper.telemetry.anomaly import Usual, anomaly, usual
from stopper.telemetry.books import SPAN_MINUTES, Account, Books, span_of
from stopper.telemetry.burn import BurnRate, burn_rate, odd, past_spans
from stopper.telemetry.entry import MAX_CHARS, MAX_TOKENS, UsageEntry, decode_entry, encode_entry
from stopper.telemetry.journal import CARRY, Journal
from stopper.telemetry.levels import crossed
from stopper.telemetry.transfer import entries_of, export_entries

__all__ = ["CEREBRAS_DAILY_LIMIT", "DEFAULT_DAILY_LIMIT", "LEDGER_PATH", "TokenLedger"]

LEDGER_PATH: Final = ".stopper/usage.jsonl"
CEREBRAS_DAILY_LIMIT: Final = 24_000_000
DEFAULT_DAILY_LIMIT: Final = 100_000_000

_PATH_VARIABLE: Final = "STOPPER_TELEMETRY_PATH"
_LIMIT_VARIABLE: Final = "STOPPER_DAILY_LIMIT"
_PREFIX: Final = os.urandom(8).hex()
_numbers = count()


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class TokenLedger:
    """Records what calls used, and tells how much of a day's limit is gone (days are UTC).

    `ledger_path` is `.stopper/usage.jsonl` unless `STOPPER_TELEMETRY_PATH` names another file. Any
    number of processes may share it; all see each other's usage, and what was recorded is there
    after a restart. What is acknowledged withstands `kill -9` of any process; a loss of power may
    take the last seconds.

    `daily_limits` are tokens by provider. Where it names none, `STOPPER_DAILY_LIMIT` holds for
    every provider, and without that 24 million for Cerebras and 100 million for others.

    Each of `sinks` gets every alert, once among all processes: the one whose record crossed the
    threshold tells it. `watchers` see every entry that this process records. What one of them
    raises reaches whoever recorded, once all were told; the record stands.
    """

    def __init__(
        self,
        ledger_path: str | os.PathLike[str] | None = None,
        *,
        daily_limits: Mapping[str, int] | None = None,
        sinks: Iterable[Sink] = (),
        watchers: Iterable[Watcher] = (),
        clock: Callable[[], datetime] = utc_now,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.path = Path(ledger_path or environ.get(_PATH_VARIABLE) or LEDGER_PATH)
        self._limits = _Limits(daily_limits or {}, environ)
        self._sinks = [*sinks]
        self._watchers = [*watchers]
        self._clock = clock
        self._sums = _Sums()
        self._mutex = threading.Lock()
        self._pid = os.getpid()
        self._journal = Journal(self.path, self._sums)

    def record_usage(  # noqa: PLR0917  as documented
        self,
        provider: str,
        model: str,
        input_tokens: int,
        output_tokens: int,
        latency_ms: float | None = None,
        operation: str = "",
        *,
        cache_write_tokens: int = 0,
        cache_read_tokens: int = 0,
        quality: Quality | str = Quality.MEASURED,
        micros: int | None = None,
    ) -> UsageEntry:
        """Append what a call used; when this returns, it is recorded.

        ValueError for numbers that no call has; StoreError where it cannot be recorded.
        """
        entry = UsageEntry(
            timestamp=self._clock(),
            provider=provider_named(provider),
            model=_name("model", model),
            input_tokens=_tokens("input_tokens", input_tokens),
            output_tokens=_tokens("output_tokens", output_tokens),
            cache_write_tokens=_tokens("cache_write_tokens", cache_write_tokens),
            cache_read_tokens=_tokens("cache_read_tokens", cache_read_tokens),
            latency_ms=None if latency_ms is None else _millis(latency_ms),
            operation=_name("operation", operation),
            quality=Quality(quality),
            micros=None if micros is None else _tokens("micros", micros),
            id=f"{_PREFIX}{os.getpid():x}-{next(_numbers):x}",
        )
        self.append(entry)
        return entry

    def append(self, entry: UsageEntry) -> None:
        """Append an entry as it is, and tell whoever wants to know."""
        with self._alone():
            self._journal.append(encode_entry(entry))
            alerts = [*self._alerts(entry)]
        if alerts or self._watchers:
            told = [partial(sink, alert) for alert in alerts for sink in self._sinks]
            _tell([*told, *(partial(watcher, entry) for watcher in self._watchers)])

    def check_burn_rate(self, provider: str) -> BurnRate:
        """How much of the provider's day is used, by all who share the file."""
        name, now = provider_named(provider), self._clock()
        with self._alone():
            self._journal.follow()
            account = self._sums.books.account(name)
            known = self._sums.usual(name, account, now)
            return burn_rate(name, account, self._limits.of(name), now, known)

    def providers(self) -> list[str]:
        """Those that anything was recorded of lately, by name."""
        with self._alone():
            self._journal.follow()
            return sorted(self._sums.books.accounts)

    def entries(self) -> Iterator[UsageEntry]:
        """All that is recorded and not rotated away, oldest first, without unreadable lines."""
        for line in self._journal.lines():
            try:
                yield decode_entry(line)
            except ValueError:
                continue

    @property
    def unreadable(self) -> int:
        """How many lines could not be read: torn by a writer's death, or written by others."""
        return self._sums.unreadable

    def export_to(self, store: Ledger) -> int:
        """Settle all entries in the ledger of bottles that are not there yet; gives how many."""
        return export_entries(self.entries(), self.path, store)

    def import_from(self, store: Ledger) -> int:
        """Append what bottles have used and is not here yet; gives how many. Nobody is told."""
        known = {entry.id for entry in self.entries()}
        new = [entry for entry in entries_of(store) if entry.id not in known]
        with self._alone():
            for entry in new:
                self._journal.append(encode_entry(entry))
        return len(new)

    def on_alert(self, sink: Sink) -> None:
        """Tell this one too."""
        self._sinks.append(sink)

    def close(self) -> None:
        """Give up the file; the next use opens it again."""
        with self._alone():
            self._journal.close()

    def _alone(self) -> threading.Lock:
        """One thread at a time; in a child of a fork, the parent's threads do not count."""
        if self._pid != os.getpid():
            self._mutex, self._pid = threading.Lock(), os.getpid()
        return self._mutex

    def _alerts(self, entry: UsageEntry) -> Iterator[Alert]:
        """What this entry brought about: a threshold that it crossed, a rate it made unusual."""
        name, at, tokens = provider_named(entry.provider), entry.at, entry.total_tokens
        account, limit = self._sums.books.account(name), self._limits.of(name)
        used = account.used_on(at.date())
        level = crossed(used - tokens, used, limit)
        if level is not None:
            yield level_alert(level, name, at, used, limit)
        known = self._sums.usual(name, account, at)
        found = odd(account, at, known) if known is not None else None
        if found is not None and anomaly(found.tokens - tokens, known, SPAN_MINUTES) is None:
            yield anomaly_alert(found, name, at, used, limit)


def _tell(calls: Iterable[Callable[[], object]]) -> None:
    """Make all calls, then raise the first error of theirs."""
    errors = []
    for call in calls:
        try:
            call()
        except Exception as error:  # noqa: BLE001  the others are told before it goes on
            errors.append(error)
    if errors:
        raise errors[0]


class _Sums:
    """What the lines add up to, and what is usual by them."""

    def __init__(self) -> None:
        self.books = Books()
        self.unreadable = 0
        self._usual: dict[str, tuple[int, Usual | None]] = {}

    def restart(self) -> None:
        self.books = Books()
        self.unreadable = 0
        self._usual.clear()

    def take(self, line: bytes) -> None:
        try:
            if line.startswith(CARRY):
                self.books.carry_on(line)
            else:
                self.books.add(decode_entry(line))
        except ValueError:
            self.unreadable += 1

    def carried(self) -> bytes:
        return self.books.carried()

    def usual(self, provider: str, account: Account, now: datetime) -> Usual | None:
        """What is usual for a provider; it is worked out once in a span."""
        span = span_of(now)
        found = self._usual.get(provider)
        if found is None or found[0] != span:
            found = self._usual[provider] = (span, usual(past_spans(account, now)))
        return found[1]


class _Limits:
    """The tokens of a day: as the caller said, as the environment says, or as they are packaged."""

    def __init__(self, given: Mapping[str, int], environ: Mapping[str, str]) -> None:
        self._given = {provider_named(name): _limit(name, n) for name, n in given.items()}
        self._everywhere = _limit_in(environ)

    def of(self, provider: str) -> int:
        if provider in self._given:
            return self._given[provider]
        return self._everywhere or _packaged().get(provider, DEFAULT_DAILY_LIMIT)


@lru_cache(maxsize=1)
def _packaged() -> dict[str, int]:
    return {
        name: row["daily_token_limit"]
        for name, row in load_table("io_budgets").items()
        if "daily_token_limit" in row
    }


def _limit_in(environ: Mapping[str, str]) -> int | None:
    text = environ.get(_LIMIT_VARIABLE, "")
    if not text:
        return None
    try:
        amount = parse_amount(text)
        if amount.unit is not Unit.TOKENS or amount.window is not Window.LIFETIME:
            raise ValueError  # noqa: TRY301  said below
        return _limit(_LIMIT_VARIABLE, amount.limit)
    except ValueError:
        raise SettingsError(
            f"{_LIMIT_VARIABLE}={text[:40]}: write the tokens of a day, such as 24000000 or 24M"
        ) from None


def _limit(name: str, tokens: int) -> int:
    if type(tokens) is not int or not 0 < tokens <= MAX_AMOUNT:
        raise ValueError(f"{name}: a daily limit is a whole number from 1 to {MAX_AMOUNT}")
    return tokens


def _tokens(name: str, tokens: int) -> int:
    if type(tokens) is not int or not 0 <= tokens <= MAX_TOKENS:
        raise ValueError(f"`{name}` must be a whole number from 0 to {MAX_TOKENS}")
    return tokens


def _millis(latency_ms: float) -> float:
    if not 0 <= latency_ms < math.inf:
        raise ValueError("`latency_ms` must be a number from 0")
    return latency_ms


def _name(what: str, text: str) -> str:
    if len(text) > MAX_CHARS:
        raise ValueError(f"`{what}` must have at most {MAX_CHARS} characters")
    return text
