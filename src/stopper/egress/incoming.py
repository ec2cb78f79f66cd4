"""A reply's body as it may be read: decoded, and without the key that its request carried."""

from stopper.egress.credential import Mask
from stopper.egress.encoding import Decoder
from stopper.egress.message import Headers, ReplyHead

__all__ = ["Incoming"]


class Incoming:
    """Undoes the content coding that `head` names, then masks `secret` where there is one.

    In this order, because a key inside compressed bytes does not show. `head` comes out without the
    key and, where a coding is undone, without a length. Raises MeterError for a coding that cannot
    be read.
    """

    def __init__(self, head: ReplyHead, secret: bytes) -> None:
        self._decoder = Decoder.of(head.encoding)
        self._mask = Mask(secret) if secret else None
        head.headers = self.redact(head.headers)
        if self._decoder is not None:
            head.length = None

    def redact(self, headers: Headers) -> Headers:
        """Headers or trailers without the key."""
        return headers if self._mask is None else self._mask.redact(headers)

    def feed(self, data: bytes) -> bytes:
        """Take bytes; give what is clear to go on."""
        if self._decoder is not None:
            data = self._decoder.feed(data)
        return data if self._mask is None else self._mask.feed(data)

    def end(self) -> bytes:
        """What was held back, which is now known not to be the key."""
        return b"" if self._mask is None else self._mask.end()
