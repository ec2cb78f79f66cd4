"""What becomes of one request in which a secret was seen: blocked, redacted, let through, asked."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.calls import Trail
from stopper.detect.finding import Finding
from stopper.detect.handling import OnReply, OnSecret
from stopper.detect.live import LiveInspector
from stopper.egress.encoding import undone
from stopper.egress.inflow import Inflow
from stopper.egress.kept import MAX_KEPT_BYTES, Share
from stopper.egress.screen import BODY, CODED, Seen
from stopper.errors import MeterError

if TYPE_CHECKING:
    from asyncio import Future

    from stopper.egress.message import Head, Headers
    from stopper.egress.plane import Plane
    from stopper.egress.route import Route

__all__ = ["INLINE_BYTES", "WHOLE_BYTES", "Screening", "is_looked_at_whole"]

WHOLE_BYTES: Final = 2**20
"""A body whose length is known to be at most this is looked through as a whole."""

INLINE_BYTES: Final = 64 * 1024
"""Looking through more than this is left to a thread, so that other requests go on meanwhile; to
one thread, since what comes out of decoding may be many times as large."""


def is_looked_at_whole(head: "Head") -> bool:
    """Whether a body is kept until all of it is there: a short one, or one that is compressed."""
    return head.encoded or (head.length is not None and head.length <= WHOLE_BYTES)


class _Looked(Struct, frozen=True):
    """What was seen in a body, and what may leave of it; None where it cannot be rewritten."""

    seen: Seen | None
    body: bytes | None


class Screening:
    """Looks through a request part by part; whoever asks is answered now or later, but once.

    Where something was seen, the wish for the destination decides. What cannot be rewritten is
    refused where it should be redacted.
    """

    def __init__(self, plane: "Plane", head: "Head", route: "Route") -> None:
        self._plane = plane
        self._screen = plane.screen
        self._head = head
        self._coded = head.encoded and route.wire is None  # what is metered is sent plainly
        self.towards = self._screen.towards(head, route)
        self._reply: Inflow | None = None
        if self.towards.reply is not OnReply.IGNORE:
            self._reply = Inflow(self.follow(), by_pieces=route.wire is not None)
        self._question = ""
        self._number = 0
        self._left = False

    def head(self, answer: Callable[[Refusal | None], None], *, streams: bool) -> None:
        """Look through the request's head; None lets it pass.

        Where the body `streams`, or the reply is looked at, it waits for what that takes.
        """

        def decided(refusal: Refusal | None) -> None:
            if refusal is None and (streams or self._reply is not None):
                self._plane.following.wait(answer)
            else:
                answer(refusal)

        self.decide(self._screen.head(self._head, self.towards), decided)

    def body(self, body: bytes, answer: Callable[[bytes | Refusal], None]) -> None:
        """Look through a whole body; the answer is the body that may leave."""
        if len(body) <= INLINE_BYTES:
            self._answer_body(body, self._looked(body), answer)
            return
        share = Share(self._plane.kept)  # it is held until it is looked through, whoever left

        def done(future: "Future[_Looked]") -> None:
            share.forget()
            if self._left or future.cancelled():
                return
            try:
                self._answer_body(body, future.result(), answer)
            except Exception as error:  # noqa: BLE001  what could not be looked at stays here
                answer(refuse("egress.fault", f"{type(error).__name__} while looking"))

        if share.grow(len(body)):
            looking = self._plane.loop.run_in_executor(self._plane.looking, self._looked, body)
            looking.add_done_callback(done)
        else:
            share.forget()
            answer(refuse("egress.busy", f"{MAX_KEPT_BYTES} bytes of requests"))

    def trailers(self, trailers: "Headers", answer: Callable[[Refusal | None], None]) -> None:
        """Look through what stands behind a body."""
        self.decide(self._screen.trailers(trailers, self.towards), answer)

    def look(self, data: bytes, place: str, behind: Trail | None = None) -> Seen | None:
        """What stands in the way of these bytes, `behind` what left before them."""
        return self._screen.look(data, self.towards, place, behind)

    def decide(self, seen: Seen | None, answer: Callable[[Refusal | None], None]) -> None:
        """Answer for something that passes as it is or not at all."""
        if seen is None:
            answer(None)
            return
        match self.towards.wish:
            case OnSecret.WARN:
                self._plane.note(Refusal("secret.passed", seen.what), "warn")
                answer(None)
            case OnSecret.HOLD:
                self._ask(seen, answer)
            case _:
                code = "secret.unprovable" if seen.unprovable else "secret.blocked"
                answer(refuse(code, seen.what))

    def follow(self) -> LiveInspector:
        """What looks through a body that streams."""
        return self._screen.follow()

    def leaks(self, findings: Iterable[Finding]) -> list[Finding]:
        """Those that may not go where this request goes."""
        return self._screen.leaks(findings, self.towards)

    def describe(self, findings: Iterable[Finding], place: str) -> str:
        """What was found, for a person, without the secret."""
        return self._screen.describe(findings, self.towards, place)

    def redacted(self, seen: Seen) -> None:
        """Record that marks stand in the place of what was seen."""
        self._plane.note(Refusal("secret.redacted", seen.what), "redact")

    def reply(self, data: bytes, *, last: bool = False) -> bytes | Refusal:
        """What may be passed on of a reply, now that these are its next bytes.

        Where it is to be cut at a secret, what may become one is held back, so that nothing of it
        has been passed on when it becomes sure. Elsewhere nothing waits.
        """
        if self._reply is None:
            return data
        free, found = self._reply.feed(data, last=last)
        findings = self._screen.leaks(found, self.towards, sure=True)
        is_cut = self.towards.reply is OnReply.BLOCK
        if findings:
            what = self.describe(findings, "reply")
            if is_cut:
                return refuse("secret.reply", what)
            self._plane.note(Refusal("secret.passed", what), "warn")
        return free if is_cut else data

    def leave(self) -> None:
        """The request is over, whatever was asked about it."""
        self._left = True
        if self._question:
            self._plane.approvals.cancel(self._number)
            self._plane.note(Refusal("secret.undecided", self._question))

    def _looked(self, body: bytes) -> _Looked:
        if self._left:  # nobody waits any more
            return _Looked(None, b"")
        seen = self._look_below_codings(body) if self._coded else self.look(body, BODY)
        if seen is None:
            return _Looked(None, body)
        if seen.unprovable or seen.fixed or self.towards.wish is not OnSecret.REDACT:
            return _Looked(seen, None)
        if self._coded or not _is_utf8(body):  # marks would break what they stand in
            return _Looked(seen, None)
        redacted = self._screen.redact(body, self.towards)
        if redacted is None or self.look(redacted, BODY):
            return _Looked(seen, None)
        return _Looked(seen, redacted)

    def _look_below_codings(self, body: bytes) -> Seen | None:
        """Look at what the codings hide that the head names, and at what is sent.

        What does not follow them is looked at as it is, and is not readable for all that.
        """
        named = (value for name, value in self._head.headers if name == b"content-encoding")
        try:
            plain = undone(b",".join(named).decode("latin-1"), body)
        except MeterError:
            unread = Seen(f"the body, to {self.towards.shown}", unprovable=True)
            return self.look(body, BODY) or unread
        return self.look(body, CODED) or self.look(plain, BODY)

    def _answer_body(
        self, body: bytes, looked: _Looked, answer: Callable[[bytes | Refusal], None]
    ) -> None:
        if looked.body is None:
            self.decide(looked.seen, lambda refusal: answer(refusal or body))
            return
        if looked.seen is not None:
            self.redacted(looked.seen)
        answer(looked.body)

    def _ask(self, seen: Seen, answer: Callable[[Refusal | None], None]) -> None:
        def decided(allowed: bool | None) -> None:
            what, self._question = self._question, ""
            if allowed:
                self._plane.note(Refusal("secret.passed", what), "approve")
                answer(None)
            else:
                answer(refuse("secret.undecided" if allowed is None else "secret.denied", what))

        number = self._plane.approvals.ask(decided)
        self._question = f"#{number} {seen.what}"
        self._number = number
        self._plane.note(Refusal("secret.held", self._question), "hold")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
