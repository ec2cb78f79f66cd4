"""What is done about a secret on its way somewhere: decided by where it is going."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

from msgspec import Struct

from stopper.detect.allow import Allow
from stopper.detect.hosts import Host

__all__ = ["ON_REPLY", "ON_SECRET", "Choice", "Exempt", "OnReply", "OnSecret"]

_A = TypeVar("_A", bound=StrEnum)


class OnSecret(StrEnum):
    """What is done about a secret that is about to leave.

    `redact` puts a mark in its place, and blocks where none can be put; `hold` asks a person.
    """

    BLOCK = "block"
    REDACT = "redact"
    WARN = "warn"
    HOLD = "hold"


class OnReply(StrEnum):
    """What is done about a secret in what comes back."""

    IGNORE = "ignore"
    WARN = "warn"
    BLOCK = "block"


class Choice(Struct, Generic[_A], frozen=True):
    """What is wished by provider and by destination, of which the first that fits counts.

    `provider` and `other` stand where nothing was wished.
    """

    provider: _A
    other: _A
    providers: Mapping[str, _A] = {}
    destinations: tuple[tuple[Allow, _A], ...] = ()

    def of(self, provider: str, host: Host, port: int, method: str, path: str) -> _A:
        """The wish for a request; `provider` is empty for a destination that is none."""
        if provider:
            return self.providers.get(provider, self.provider)
        for rule, wish in self.destinations:
            if rule.reaches(host, port) and rule.covers(method, path):
                return wish
        return self.other


ON_SECRET: Final = Choice(provider=OnSecret.REDACT, other=OnSecret.BLOCK)
"""By default providers get marks in the place of secrets, and nobody else gets the request."""

ON_REPLY: Final = Choice(provider=OnReply.IGNORE, other=OnReply.IGNORE)
"""By default replies are not looked at: what comes in tells the outside nothing."""


class Exempt(Struct, frozen=True):
    """A secret that may pass, by the variable that holds it or by the fingerprint in the logs.

    `host` None is everywhere, otherwise one name, or with a leading `*.` every name below it;
    `until` None is for ever.
    """

    secret: str
    host: str | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        where = f" to {self.host}" if self.host else ""
        return f"{self.secret}{where}{f' until {self.until:%Y-%m-%d}' if self.until else ''}"
