"""What the caller gets: an upstream's reply, metered and looked at, or one of our own."""

from typing import TYPE_CHECKING, Final

from stopper.core.reason import Refusal
from stopper.egress.compose import error_body, own_reply, reply_head, switching_head
from stopper.egress.incoming import Incoming
from stopper.egress.message import Head, Headers, ReplyHead, chunk, last_chunk, trailing
from stopper.egress.metering import Metering
from stopper.egress.websocket import closing

if TYPE_CHECKING:
    from stopper.egress.client import Client
    from stopper.egress.screening import Screening

__all__ = ["Reply"]

_RECODED: Final = frozenset({b"content-digest", b"content-encoding", b"content-md5", b"digest"})
"""What describes bytes that are passed on in another form."""


class Reply:
    """The way back of one exchange; `last` tells that its connection ends with it.

    In order: `begin`, then for every piece `read` and `give`, then `rest` and `end`. Reading raises
    MeterError for what cannot be decoded or metered; giving returns a refusal for what must not
    come in, and has given none of it. `secret` is the key that was sent: where it is echoed it is
    masked.
    """

    def __init__(
        self,
        client: "Client",
        request: Head,
        *,
        last: bool,
        secret: bytes = b"",
        metering: Metering | None = None,
        screening: "Screening | None" = None,
    ) -> None:
        self.begun = False
        self._client = client
        self._request = request
        self._last = last
        self._secret = secret
        self._metering = metering
        self._screening = screening
        self._head: ReplyHead | None = None
        self._incoming: Incoming | None = None
        self._switched = False

    # an upstream's

    def begin(self, head: ReplyHead) -> None:
        """The upstream's head. One that is metered is passed on with the first byte of its body."""
        self._head = head
        if self._metering is not None or self._secret:
            self._incoming = Incoming(head, self._secret)
        if self._metering is not None:
            self._metering.follow(head)
        else:
            self._start(head.length)

    def read(self, data: bytes) -> bytes:
        """Decode the next bytes and meter them; what may be given."""
        if self._incoming is not None:
            data = self._incoming.feed(data)
        return data if self._metering is None else self._metering.feed(data)

    def give(self, data: bytes) -> Refusal | None:
        """Pass on what was read; the reply begins with the first byte that may be."""
        if not data:
            return None
        free = self._looked(data)
        if isinstance(free, Refusal):
            return free
        if free and not self.begun:
            self._start(None)
        self._pass(free)
        return None

    def rest(self) -> bytes:
        """What was held back, once all was read."""
        rest = self._incoming.end() if self._incoming is not None else b""
        if self._metering is None:
            return rest
        return (self._metering.feed(rest) if rest else b"") + self._metering.end()

    def end(self, rest: bytes, trailers: Headers) -> Refusal | None:
        """Pass on the last of it."""
        free = self._looked(rest, last=True)
        if isinstance(free, Refusal):
            return free
        if not self.begun:
            self._start(len(free), free)
            return None
        self._pass(free)
        if self._is_chunked():
            self._client.write(last_chunk(self._trailing(trailers)))
        return None

    def switch(self, head: ReplyHead, data: bytes) -> None:
        """The upstream has switched protocols as it was asked to, and said `data` already."""
        self._head = head
        self.begun = self._switched = True
        self._client.write(switching_head(head, self._request.upgrade) + data)

    def _start(self, length: int | None, body: bytes = b"") -> None:
        head = self._head
        assert head is not None  # noqa: S101  a head comes before its body
        self.begun = True
        drop = _RECODED if self._incoming is not None else frozenset()
        head.length = length
        chunked = self._is_chunked()
        written = reply_head(head, drop, length, chunked=chunked, alive=self._alive)
        self._client.write(written + body)

    def _pass(self, data: bytes) -> None:
        if data:
            self._client.write(chunk(data) if self._is_chunked() else data)

    def _looked(self, data: bytes, *, last: bool = False) -> bytes | Refusal:
        return data if self._screening is None else self._screening.reply(data, last=last)

    def _trailing(self, trailers: Headers) -> Headers:
        if self._metering is not None:
            return []
        trailers = trailing(trailers)
        return trailers if self._incoming is None else self._incoming.redact(trailers)

    def _is_chunked(self) -> bool:
        head = self._head
        if head is None or head.length is not None or head.bodiless(self._request.method):
            return False
        if self._request.version == "1.0":
            self._client.close_after = True
            return False
        return True

    @property
    def _alive(self) -> bool:
        """Whether the connection stays open after this reply."""
        return not (self._last or self._client.close_after)

    # our own

    def answer(self, status: int, body: bytes, refusal: Refusal | None = None) -> None:
        """A whole reply."""
        bodiless = self._request.method == "HEAD"
        self._client.write(own_reply(status, body, refusal, alive=self._alive, bodiless=bodiless))

    def refuse(self, refusal: Refusal) -> None:
        """Say why, in the caller's own protocol: in a reply, or as the end of one that began."""
        if self.begun:
            self._end_early(refusal)
        elif self._metering is not None:
            status = self._metering.status(refusal)
            self.answer(status, self._metering.error(refusal), refusal)
        else:
            self.answer(refusal.status, error_body(refusal), refusal)

    def _end_early(self, refusal: Refusal) -> None:
        self._client.close_after = True
        if self._switched:
            self._client.write(closing(refusal.sentence))
        if self._metering is not None:
            self._pass(self._metering.cut(refusal))
            if self._is_chunked():
                self._client.write(last_chunk([]))
