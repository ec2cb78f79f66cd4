"""Follows a reply that comes as one piece of JSON: held back until it is whole."""

from collections.abc import Callable

from stopper.core.reason import Refusal
from stopper.core.usage import Usage
from stopper.errors import MeterError
from stopper.meter.wire import MAX_JSON_BYTES, Live

__all__ = ["JsonReply", "ReadJson"]

ReadJson = Callable[[bytes], tuple[Usage | None, str]]
"""Reads a whole reply: the usage it states and the model it names, None and empty where neither."""


class JsonReply:
    """A Reply in one piece; nothing goes on before `end`, so a cut leaves only the refusal.

    Without `read` it is a reply that carries no usage because it costs nothing: an error.
    A reply that should state its usage and does not leaves its size in `live`, as the upper bound
    of what was generated.
    """

    __slots__ = ("_error", "_held", "_read", "_usage", "live", "model")

    def __init__(self, read: ReadJson | None, error: Callable[[Refusal], bytes]) -> None:
        self._read = read
        self._error = error
        self._held = bytearray()
        self._usage: Usage | None = None
        self.live = Live()
        self.model = ""

    def feed(self, data: bytes) -> bytes:
        """Nothing goes on yet; MeterError on more than MAX_JSON_BYTES."""
        if len(self._held) + len(data) > MAX_JSON_BYTES:
            raise MeterError(f"the reply is larger than {MAX_JSON_BYTES} bytes")
        self._held += data
        return b""

    def end(self) -> bytes:
        """The whole reply; MeterError where it is not what its format says."""
        data = bytes(self._held)
        self._held.clear()
        if self._read is not None and data:
            self._usage, self.model = self._read(data)
            if self._usage is None:
                self.live.deltas, self.live.chars = 1, len(data)
        return data

    def cut(self, refusal: Refusal) -> bytes:
        """The refusal as an error body in place of the reply."""
        self._held.clear()
        return self._error(refusal)

    @property
    def usage(self) -> Usage | None:
        """What the reply stated once it was whole."""
        return self._usage

    @property
    def final(self) -> bool:
        """Whether usage was stated, or there is none to state."""
        return self._read is None or self._usage is not None
