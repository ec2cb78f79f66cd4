"""What a request asks for, whatever its format, and how its prompt is counted."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

__all__ = [
    "MAX_CHOICES",
    "MEDIA_TOKENS",
    "Ask",
    "Line",
    "RequestError",
    "Speaker",
    "chosen_fields",
    "count_prompt",
    "flag",
    "number",
    "objects",
    "part",
    "texts",
]

MEDIA_TOKENS = 256
"""What an image, a document or any other part that is not text costs."""

MAX_CHOICES = 128
"""How many choices of a reply may be asked for."""

_BYTES_PER_TOKEN = 4
_TOKENS_PER_REPLY = 3
_MAX_DEPTH = 100
_UNREAD = frozenset(
    """
    cachePoint cache_control call_id detail encrypted_content id role signature status
    thoughtSignature toolUseId tool_call_id tool_use_id type
    """.split()  # noqa: SIM905  one column of names would be long
)
_MEDIA = frozenset(
    """
    audio document file fileData file_data image image_url images inlineData inline_data
    input_audio source video
    """.split()  # noqa: SIM905  as above
)
_FREE = frozenset(("args", "arguments", "input", "json", "response"))
_T = TypeVar("_T")


class RequestError(ValueError):
    """The request does not follow the format; the text says what is wrong."""


class Ask(Struct, frozen=True, gc=False):
    """A request as its format read it.

    `limit` is the most output tokens for one of `choices`; `prompt` the tokens of the whole
    prompt by this provider's own rule; `limits` the fields about size just as they were sent;
    `free_text` those of the `tools` that take a text and no object.
    """

    model: str
    stream: bool
    prompt: int
    limit: int | None = None
    choices: int = 1
    tools: tuple[str, ...] = ()
    free_text: frozenset[str] = frozenset()
    wants_usage: bool = False
    shows_thinking: bool = True
    limits: dict[str, Any] = {}


class Speaker(StrEnum):
    """Who said a line of a conversation."""

    USER = "user"
    MODEL = "model"
    TOOL = "tool"


class Line(Struct, frozen=True):
    """Something that was said before."""

    speaker: Speaker
    text: str = ""


def count_prompt(texts: Iterable[Any], tools: Any = None) -> int:
    """Tokens of a prompt: one for four bytes, rounded up, and three for the reply's frame.

    Every text value below `texts` counts, apart from names of roles, types and ids; media count
    `MEDIA_TOKENS` each; `tools`, and what tools were given and gave back, count as their JSON.
    """
    size, media = _weigh(list(texts), 0)
    if tools:
        size += len(msgspec.json.encode(tools))
    return -(-size // _BYTES_PER_TOKEN) + media * MEDIA_TOKENS + _TOKENS_PER_REPLY


def part(body: dict[str, Any], name: str, kind: type[_T], *, required: bool = False) -> _T | None:
    """The value of a field if it is there; raises RequestError where it is of another kind."""
    value = body.get(name)
    if value is None:
        if required:
            raise RequestError(f"{name}: Field required")
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RequestError(f"{name}: Input should be {kind.__name__}, not {type(value).__name__}")
    return value


def number(body: dict[str, Any], name: str, most: int | None = None) -> int | None:
    """A whole number from 1 to `most`; raises RequestError for anything else."""
    value = part(body, name, int)
    if value is not None and value < 1:
        raise RequestError(f"{name}: Input should be greater than or equal to 1")
    if value is not None and most is not None and value > most:
        raise RequestError(f"{name}: Input should be less than or equal to {most}")
    return value


def chosen_fields(body: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the named fields that are there."""
    return {name: body[name] for name in names if name in body}


def flag(body: dict[str, Any], name: str) -> bool:
    """A switch, off where it is missing."""
    return part(body, name, bool) or False


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing else is of interest."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def texts(content: Any, kinds: Iterable[str] = ("text", "input_text")) -> str:
    """The text of a message whose content is a text or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(
        p["text"]
        for p in objects(content)
        if p.get("type", "text") in kinds and isinstance(p.get("text"), str)
    )


def _weigh(value: Any, depth: int) -> tuple[int, int]:
    """Bytes of text and number of media parts below `value`."""
    if depth > _MAX_DEPTH:
        raise RequestError(f"the prompt is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")), 0
    if isinstance(value, dict):
        found = [_weigh_field(k, v, depth + 1) for k, v in value.items() if k not in _UNREAD]
    elif isinstance(value, list):
        found = [_weigh(item, depth + 1) for item in value]
    else:
        return 0, 0
    return sum(size for size, _ in found), sum(media for _, media in found)


def _weigh_field(key: str, value: Any, depth: int) -> tuple[int, int]:
    if key in _MEDIA:
        return 0, 1
    if key in _FREE and isinstance(value, dict):
        return len(msgspec.json.encode(value)), 0
    return _weigh(value, depth)
