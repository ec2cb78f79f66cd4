"""A reply that is looked through while it comes, and held back where a secret may have begun."""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopper.detect.finding import Finding
    from stopper.detect.live import LiveInspector

__all__ = ["Inflow"]


class Inflow:
    """Takes a reply in pieces; gives of it what nothing to come can make part of a secret.

    With `by_pieces` that is always whole pieces, as where these are events: between two of them a
    reply can be ended as its protocol knows it. No more is held back than a `LiveInspector` holds,
    and a piece.
    """

    def __init__(self, follower: "LiveInspector", *, by_pieces: bool) -> None:
        self._follower = follower
        self._by_pieces = by_pieces
        self._pieces: deque[bytes] = deque()
        self._free = 0  # so much of the first pieces is let go of

    def feed(self, data: bytes, *, last: bool) -> tuple[bytes, "tuple[Finding, ...]"]:
        """Take the next piece; what may be passed on unless the findings in it forbid that."""
        released = self._follower.feed(data)
        let_go, findings = released.data, released.findings
        if last:
            rest = self._follower.finish()
            let_go, findings = let_go + rest.data, findings + rest.findings
        return (self._whole(data, len(let_go)) if self._by_pieces else let_go), findings

    def _whole(self, data: bytes, size: int) -> bytes:
        """The pieces all of which is let go of."""
        self._pieces.append(data)
        self._free += size
        whole = []
        while self._pieces and len(self._pieces[0]) <= self._free:
            whole.append(self._pieces.popleft())
            self._free -= len(whole[-1])
        return b"".join(whole)
