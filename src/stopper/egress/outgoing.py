"""Path and headers of a request as its upstream gets them."""

from typing import Final

from stopper.core.reason import Refusal
from stopper.egress.credential import inject
from stopper.egress.message import Head, Headers, kept
from stopper.egress.route import Route

__all__ = ["is_signed", "outgoing"]

_READ_DROPS: Final = frozenset({b"accept-encoding", b"if-range", b"range", b"x-goog-fieldmask"})
"""What would hide a reply's usage from its meter, or an echo of the key."""

_WRITTEN_ANEW: Final = _READ_DROPS | {
    b"content-digest",
    b"content-encoding",
    b"content-md5",
    b"content-range",
    b"content-type",
    b"digest",
}
"""What described the caller's body; JSON in UTF-8 takes its place."""

_EXTENSIONS: Final = frozenset({b"sec-websocket-extensions"})
"""What would have the messages of a WebSocket compressed."""

_IDENTITY: Final = (b"accept-encoding", b"identity")
_JSON: Final = (b"content-type", b"application/json")
_SIGNED: Final = b"AWS4-"


def outgoing(head: Head, route: Route) -> tuple[bytes, Headers] | Refusal:
    """What leaves of a request's head, with the key where its placeholder stood."""
    if route.wire is not None:
        headers = [*kept(head, _WRITTEN_ANEW), _JSON]
    elif route.secret:
        headers = [*kept(head, _READ_DROPS), _IDENTITY]
    elif route.upgrade:
        headers = [
            *kept(head, _EXTENSIONS),
            (b"connection", b"upgrade"),
            (b"upgrade", head.upgrade),
        ]
    else:
        headers = kept(head)
    if route.credential is None:
        return route.path, headers
    return inject(route.credential, route.path, headers)


def is_signed(head: Head) -> bool:
    """Whether a signature stands for the body as it is."""
    return any(
        name == b"authorization" and value.startswith(_SIGNED) for name, value in head.headers
    )
