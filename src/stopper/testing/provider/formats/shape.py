"""What every format of the mock provider can do."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from stopper.testing.provider.ask import Ask, Line
from stopper.testing.provider.plan import Plan
from stopper.testing.provider.script import Fault

__all__ = ["Format", "Headers", "Step"]

Headers = dict[str, str]

Step = tuple[bytes, int]
"""One event of a stream as bytes, and how many output tokens were generated for it."""


class Format(Protocol):
    """One wire format; instances are stateless and shared."""

    name: str

    def ask(self, body: dict[str, Any], model: str, streams: bool, /) -> Ask:
        """Read a request; raises RequestError where it does not follow the format.

        `model` and `streams` are what the path said, for the formats that say it there.
        """

    def talk(self, body: dict[str, Any]) -> Iterable[Line]:
        """The conversation so far, in order."""

    def head(self, plan: Plan) -> Headers:
        """The headers of a reply, with its content type."""

    def whole(self, plan: Plan) -> Any:
        """The JSON of a reply in one piece."""

    def steps(self, plan: Plan) -> Iterator[Step]:
        """The events of a stream."""

    def error(self, status: int, message: str, /) -> tuple[Headers, Any]:
        """An HTTP error: extra headers, and the JSON of its body."""

    def broken(self, plan: Plan, fault: Fault, sent: int, /) -> bytes:
        """The end of a stream that fails after `sent` events."""
