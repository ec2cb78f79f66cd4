"""Secrets that may pass: whole values, perhaps only to one place and for a time."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from msgspec import Struct

from stopper.detect.finding import Finding
from stopper.detect.secrets import fingerprint, serves

__all__ = ["Allowed", "Allowlist"]


class Allowed(Struct, frozen=True):
    """One whole value, by its keyed fingerprint.

    `host` None is everywhere, otherwise one name, or with a leading `*.` every name below it.
    `until` None is for ever.
    """

    fingerprint: str
    host: str | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("an allowed secret expires at a time with its zone")

    @classmethod
    def value(
        cls, value: bytes, key: bytes, host: str | None = None, until: datetime | None = None
    ) -> Self:
        """The entry for an exact value, which it does not keep; `key` is the detector's."""
        return cls(fingerprint(value, key), host, until)

    def covers(self, host: str | None, now: datetime) -> bool:
        """Whether it holds for this destination at this time; an unknown one is nobody's."""
        if self.until is not None and now >= self.until:
            return False
        return self.host is None or (host is not None and serves(self.host, host))


class Allowlist:
    """Entries by fingerprint. A part of an allowed value, or one around it, is not allowed."""

    def __init__(self, entries: Iterable[Allowed] = ()) -> None:
        self._entries: dict[str, list[Allowed]] = {}
        for entry in entries:
            self._entries.setdefault(entry.fingerprint, []).append(entry)

    @property
    def expires(self) -> bool:
        """Whether what it permits may change with time."""
        return any(entry.until for entries in self._entries.values() for entry in entries)

    def permits(self, finding: Finding, host: str | None, now: datetime) -> bool:
        """Whether this very value may go to `host` (None: not known) at `now`."""
        entries = self._entries.get(finding.fingerprint, ())
        return any(entry.covers(host, now) for entry in entries)
