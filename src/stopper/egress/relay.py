"""A WebSocket's messages on their way out, each looked through before it leaves."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stopper.core.reason import Refusal, refuse
from stopper.detect.calls import Trail
from stopper.egress.inorder import InOrder, Sink
from stopper.egress.websocket import Message, Messages, WebSocketError, framed

if TYPE_CHECKING:
    from stopper.egress.screening import Screening

__all__ = ["Relay"]

_PLACE: Final = "WebSocket message"


class Relay:
    """Takes bytes of frames; whole messages that may leave go to its `sink`, each as one frame.

    A message cannot be rewritten here, so it leaves as it is or not at all. Known values are seen
    across messages, too.
    """

    def __init__(self, screening: "Screening", sink: Sink) -> None:
        self._screening = screening
        self._messages = Messages(masked=True)
        self._line: InOrder[Message] = InOrder(self._decide, sink)
        self._trails = {False: Trail(), True: Trail()}

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the caller."""
        try:
            messages = self._messages.feed(data)
        except WebSocketError as error:
            self._line.stop(refuse("secret.unprovable", f"a WebSocket frame: {error}"))
            return
        except Exception as error:  # noqa: BLE001  what could not be read stays here
            self._line.stop(refuse("egress.fault", f"{type(error).__name__} while reading"))
            return
        for message in messages:
            self._line.put(message)

    def _decide(self, message: Message, answer: Callable[[bytes | Refusal], None]) -> None:
        trail = self._trails[message.is_control]
        seen = self._screening.look(message.payload, _PLACE, trail)
        trail.add(message.payload)
        self._screening.decide(
            seen, lambda refusal: answer(refusal or framed(message, os.urandom(4)))
        )
