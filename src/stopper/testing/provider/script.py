"""What the mock provider is told to do: scripts, and the scripts that model names stand for."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

__all__ = ["FRIENDLY", "NAMED", "Encoding", "Fault", "Script", "Tool"]

_Count = Annotated[int, Meta(ge=0, le=10_000_000)]
_Size = Annotated[int, Meta(ge=1, le=2**20)]
_Millis = Annotated[float, Meta(ge=0, le=3_600_000)]


class Encoding(StrEnum):
    """A content coding, as `Accept-Encoding` names it."""

    GZIP = "gzip"
    BR = "br"
    ZSTD = "zstd"
    DEFLATE = "deflate"


class Tool(Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call; `arguments` costs its pieces in tokens.

    It is the JSON text of an object, sent as it stands; for a tool that takes free text, a JSON
    string.
    """

    name: str
    arguments: str = "{}"

    def __post_init__(self) -> None:
        try:
            msgspec.json.decode(self.arguments, type=dict[str, Any] | str)
        except msgspec.DecodeError as error:
            raise ValueError(f"the arguments of tool {self.name!r}: {error}") from None


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """An error in the provider's own shape.

    As an HTTP reply with `status` and `headers`; with `after`, inside a stream that began with
    200, once that many tokens were sent. Replies that do not stream give the HTTP error either way.
    """

    status: Annotated[int, Meta(ge=400, le=599)] = 500
    message: str = "The mock provider was told to fail."
    headers: dict[str, str] = {}
    after: _Count | None = None


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one request is answered. The default is a short friendly answer.

    What is said: `thinking` tokens first, then `text` or `tokens` made-up ones (the friendly
    answer where there are no `tools` either), then `tools`. All of them count towards the caller's
    limit, unless `ignore_limit`. Thinking is shown where the format and the request show it, and
    is billed either way.

    How it is billed: `input` replaces the count of the prompt; `cache_read` and `cache_write` come
    on top of it, and `cache_write_1h` is a share of `cache_write`. `omit_usage` keeps the numbers
    from the client; `restate_input` (Anthropic streams) first states the cached tokens as input
    and corrects itself at the end. `bills_abandoned` bills all of a stream that its client left.

    How it is sent: `per_delta` tokens each `delay_ms`, nothing before `first_delay_ms`. After that
    many tokens `disconnect_after` closes the connection and `stall_after` falls silent; a reply
    that does not stream breaks in the middle of its body. `encoding` compresses for clients that
    accept it, with `force_encoding` for all. `write_bytes` cuts the body into HTTP chunks of that
    many bytes, each in its own write. `trailers` follow a chunked body.
    """

    text: str | None = None
    tokens: _Count | None = None
    tools: tuple[Tool, ...] = ()
    thinking: _Count = 0
    ignore_limit: bool = False

    input: _Count | None = None
    cache_read: _Count = 0
    cache_write: _Count = 0
    cache_write_1h: _Count = 0
    omit_usage: bool = False
    restate_input: bool = False
    bills_abandoned: bool = False

    per_delta: _Size = 1
    delay_ms: _Millis = 0
    first_delay_ms: _Millis = 0
    fault: Fault | None = None
    disconnect_after: _Count | None = None
    stall_after: _Count | None = None
    redirect: str | None = None
    encoding: Encoding | None = None
    force_encoding: bool = False
    write_bytes: _Size | None = None
    headers: dict[str, str] = {}
    trailers: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.text is not None and self.tokens is not None:
            raise ValueError("give either `text` or `tokens`, not both")
        if self.cache_write_1h > self.cache_write:
            raise ValueError("`cache_write_1h` is a share of `cache_write` and cannot exceed it")
        if self.force_encoding and self.encoding is None:
            raise ValueError("`force_encoding` needs an `encoding`")

    @property
    def plain(self) -> bool:
        """Whether a reply in one piece can be written at once."""
        return (
            not (self.delay_ms or self.first_delay_ms or self.trailers)
            and self.disconnect_after is self.stall_after is self.write_bytes is None
        )


FRIENDLY = (
    "Hello! I am the mock provider. I was told nothing special, so here is a short and friendly"
    " answer of about thirty tokens. Have a nice day!"
)
"""What is said where a script names neither words nor tools."""

NAMED = {
    "mock-slow": Script(tokens=200, delay_ms=20),
    "mock-long": Script(tokens=4_000),
    "mock-endless": Script(tokens=10_000_000),
    "mock-runaway": Script(tokens=2_000, ignore_limit=True),
    "mock-thinking": Script(thinking=50, tokens=50),
    "mock-cached": Script(tokens=50, cache_read=2_000, cache_write=500),
    "mock-no-usage": Script(tokens=50, omit_usage=True),
    "mock-rate-limited": Script(fault=Fault(status=429, headers={"retry-after": "1"})),
    "mock-overloaded": Script(fault=Fault(status=529)),
    "mock-failing": Script(fault=Fault(status=500)),
    "mock-breaking": Script(tokens=50, fault=Fault(status=500, after=10)),
    "mock-leaving": Script(tokens=50, disconnect_after=10),
    "mock-stalling": Script(tokens=50, stall_after=10),
}
"""Model names that carry a script of their own."""
