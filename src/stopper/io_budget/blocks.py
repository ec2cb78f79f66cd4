"""Reads messages of Anthropic and OpenAI as blocks, and which blocks stand and fall together.

Anthropic's Messages, OpenAI's chat messages, and the items of OpenAI's Responses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from stopper.meter.estimate import IMAGE_TOKENS

__all__ = [
    "MESSAGE_TOKENS",
    "Block",
    "Message",
    "atoms_of",
    "blocks_of",
    "is_fixed",
    "rebuild",
    "text_of",
    "weight_of",
]

Message = Mapping[str, Any]

MESSAGE_TOKENS: Final = 4
"""What providers put around a message: its role, its start and its end."""

_FIXED_ROLES: Final = ("system", "developer")
_CALL_IDS: Final = ("tool_use_id", "call_id", "tool_call_id")
_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")
_IMAGES: Final = ("image", "image_url", "input_image")
_WHOLE: Final = -1


class Block(Struct, frozen=True):
    """A part of a message: `at` is its place in the content, -1 for all of a message.

    `value` is what it says in plain values, `given` what the caller has put there: an SDK's own
    object, perhaps.
    """

    at: int
    value: Any
    given: Any

    @classmethod
    def of(cls, at: int, given: Any) -> "Block":
        """A block, read where it is an object of pydantic, as SDKs give them."""
        return cls(at, given.model_dump() if hasattr(given, "model_dump") else given, given)


def blocks_of(message: Message) -> tuple[Block, ...]:
    """The parts of a message; one that has no list of parts is one block."""
    content = message.get("content")
    if isinstance(content, list) and content and not message.get("tool_calls"):
        return tuple(Block.of(at, value) for at, value in enumerate(content))
    return (Block(_WHOLE, message, message),)


def is_fixed(message: Message) -> bool:
    """Whether it is never taken away: what the system or the developer says."""
    return message.get("role") in _FIXED_ROLES


def weight_of(blocks: Sequence[Block], count: Callable[[str], int]) -> int:
    """The tokens of a message that has these blocks; the sum of its blocks and what is around."""
    return MESSAGE_TOKENS + sum(_tokens(block.value, count) for block in blocks)


def text_of(value: Any) -> str:
    """All that a model would read of a block, without names of fields."""
    return "\n".join(_texts(value))


def atoms_of(messages: Sequence[Message]) -> list[list[tuple[int, Block]]]:
    """The blocks that can only go together, as (message, block); in order of their first block.

    A call goes with its result, and with all else that the model said in that message: its
    thinking is signed for just this. A reasoning item goes with the item behind it.
    """
    leader: dict[object, object] = {}

    def find(key: object) -> object:
        while (above := leader.setdefault(key, key)) != key:
            leader[key] = leader[above]
            key = leader[key]
        return key

    placed = [(number, block) for number, m in enumerate(messages) for block in blocks_of(m)]
    for number, block in placed:
        own = (number, block.at)
        for tie in _ties(messages, number, block):
            leader[find(own)] = find(tie)
    groups: dict[object, list[tuple[int, Block]]] = {}
    for number, block in placed:
        groups.setdefault(find((number, block.at)), []).append((number, block))
    return list(groups.values())


def rebuild(messages: Sequence[Message], kept: Sequence[tuple[int, Block]]) -> list[dict[str, Any]]:
    """The messages that have blocks left, with those; the blocks are given in order."""
    by_message: dict[int, list[Block]] = {}
    for number, block in kept:
        by_message.setdefault(number, []).append(block)
    return [
        dict(blocks[0].given)
        if blocks[0].at == _WHOLE
        else {**messages[number], "content": [block.given for block in blocks]}
        for number, blocks in sorted(by_message.items())
    ]


def _ties(messages: Sequence[Message], number: int, block: Block) -> Iterator[object]:
    """What a block is tied to: the id of a call, its whole message, or the message behind it."""
    message = messages[number]
    if message.get("role") == "assistant" and _has_calls(message):
        yield ("message", number)
    for call in (*_ids(message), *_ids(block.value)):
        yield ("call", call)
    if message.get("type") == "reasoning" and number + 1 < len(messages):
        yield (number + 1, blocks_of(messages[number + 1])[0].at)
    if message.get("role") == "function" and number:
        yield (number - 1, _WHOLE)


def _has_calls(message: Message) -> bool:
    return bool(message.get("tool_calls")) or any(
        isinstance(block.value, Mapping) and block.value.get("type") in _CALLS
        for block in blocks_of(message)
    )


def _ids(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    for name in _CALL_IDS:
        if isinstance(value.get(name), str):
            yield value[name]
    if value.get("type") in _CALLS and isinstance(value.get("id"), str):
        yield value["id"]
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping) and isinstance(call.get("id"), str):
            yield call["id"]


def _tokens(value: Any, count: Callable[[str], int]) -> int:
    if isinstance(value, str):
        return count(value)
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind in _IMAGES:
            return IMAGE_TOKENS
        if kind in ("text", "input_text", "output_text"):
            return count(str(value.get("text", "")))
        content = value.get("content")
        if isinstance(content, list):
            rest = {key: item for key, item in value.items() if key != "content"}
            return _json(rest, count) + sum(_tokens(part, count) for part in content)
        if isinstance(content, str) and value.keys() <= {"role", "content"}:
            return count(content)
    return _json(value, count)


def _json(value: Any, count: Callable[[str], int]) -> int:
    """What has other fields is counted as the JSON that it is sent as."""
    return count(msgspec.json.encode(value, enc_hook=str).decode())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in {"type", "role", "id", "data", "signature", *_CALL_IDS}:
                yield from _texts(item)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in value:
            yield from _texts(item)
