"""What every wire format can do: read a request, limit it, follow its reply, refuse and cut."""

from typing import Any, Protocol

from msgspec import Struct

from stopper.core.reason import Refusal
from stopper.core.usage import Usage

__all__ = ["MAX_EVENT_BYTES", "MAX_JSON_BYTES", "Ask", "Live", "Reply", "Wire"]

MAX_EVENT_BYTES = 8 * 2**20
"""The largest single event, line or frame of a stream that is held back to be whole."""

MAX_JSON_BYTES = 32 * 2**20
"""The largest reply in one piece that is held back until it is whole."""


class Ask(Struct, frozen=True, gc=True):
    """What a request to a model asks for.

    `body` is the decoded JSON object, and `json` what it is encoded anew as. What is sent upstream
    is always one of the two, so a body that two parsers read differently (a key given twice) leaves
    with one meaning.
    `max_output` is the caller's limit for one choice, None where it gave none.
    `text_bytes` is never less than the UTF-8 bytes of all text that the model will read (system,
    tools and their schemas, messages); `media` counts the images, documents and other parts that
    are not text.
    """

    model: str
    stream: bool
    max_output: int | None
    text_bytes: int
    body: dict[str, Any]
    json: bytes
    choices: int = 1
    media: int = 0
    wants_usage: bool = True
    unbounded: str = ""
    """Names a part whose cost cannot be bounded from the request alone (a stored conversation)."""
    prompts: int = 0
    """The most input tokens that the provider adds on its own, such as for having tools at all."""


class Live(Struct, gc=False):
    """What has been seen of a reply so far, for estimates: deltas with content, and their size."""

    deltas: int = 0
    chars: int = 0


class Reply(Protocol):
    """Follows one reply; sees every byte in any split, gives the same usage for each.

    `feed` and `end` return the bytes that may go to the caller now. They release whole events
    only, so a reply can be cut between two of them at any time. Both raise MeterError on bytes
    that break the format or pass a bound; the caller then cuts.
    """

    live: Live

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the decoded body; give what may be forwarded."""

    def end(self) -> bytes:
        """The body is over; give what is left to forward."""

    def cut(self, refusal: Refusal) -> bytes:
        """End the reply here in the caller's protocol.

        As an error that official clients raise and do not retry; never leaves half a tool call
        that looks whole.
        """

    @property
    def usage(self) -> Usage | None:
        """The provider's own numbers so far (quality MEASURED), None before it stated any."""

    @property
    def final(self) -> bool:
        """Whether the provider has stated its last word on usage."""

    @property
    def model(self) -> str:
        """The model that answered, empty where the reply did not say."""


class Wire(Protocol):
    """One wire format; instances are stateless and shared.

    `refusal_status` replaces a refusal's own status below 500 where this format's clients retry
    that one; None where none of them does.
    """

    name: str
    refusal_status: int | None

    def ask(self, path: str, body: bytes) -> Ask:
        """Read a request; raises MeterError where it does not follow the format.

        `path` is below the provider's base, with its query: some formats name the model there.
        """

    def limited(self, ask: Ask, max_output: int) -> bytes:
        """The body to send: at most `max_output` output tokens a choice, usage switched on."""

    def reply(self, ask: Ask, status: int, content_type: str) -> Reply:
        """A follower for the reply to `ask`; replies of 400 and up carry errors, not usage."""

    def error(self, refusal: Refusal) -> bytes:
        """A refusal as the JSON body of an HTTP error in this provider's shape."""
