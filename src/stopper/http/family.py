"""`httpx` and `httpx2` alike: which of them a request is of, and streams that its client takes."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from stopper.http.flow import Fault

__all__ = ["Feed", "async_stream", "family_of", "fault_of", "sync_stream"]

_UNSENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_UNANSWERED: Final = frozenset(
    {"ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "RemoteProtocolError", "CloseError"}
)

Feed = Callable[[bytes | None], bytes]
"""Takes bytes and gives those that may go on; None is the end of them."""


def family_of(thing: object) -> Any:
    """The package that made it."""
    return sys.modules[type(thing).__module__.partition(".")[0]]


def fault_of(error: BaseException) -> Fault | None:
    """What an error of either package says about the request; None for all others."""
    if type(error).__module__.partition(".")[0] not in {"httpx", "httpx2"}:
        return None
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _UNSENT:
        return Fault.UNSENT
    return Fault.UNANSWERED if names & _UNANSWERED else None


def sync_stream(package: Any, pieces: Iterator[bytes], close: Callable[[], None]) -> Any:
    """A stream for a client of this package."""
    return _sync_class(package)(pieces, close)


def async_stream(
    package: Any, pieces: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]
) -> Any:
    """The same for an event loop."""
    return _async_class(package)(pieces, close)


@lru_cache(maxsize=4)
def _sync_class(package: Any) -> Any:
    class Stream(package.SyncByteStream):  # type: ignore[misc]
        def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
            self._pieces, self._close = pieces, close

        def __iter__(self) -> Iterator[bytes]:
            return self._pieces

        def close(self) -> None:
            self._close()

    return Stream


@lru_cache(maxsize=4)
def _async_class(package: Any) -> Any:
    class Stream(package.AsyncByteStream):  # type: ignore[misc]
        def __init__(
            self, pieces: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]
        ) -> None:
            self._pieces, self._close = pieces, close

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self._pieces

        async def aclose(self) -> None:
            await self._close()

    return Stream
