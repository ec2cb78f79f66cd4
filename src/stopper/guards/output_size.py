"""Outputs that are too large: refused, cut so that they fit, or given out in pages."""

import json
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict

from stopper.guards.config import Config, Count, Some, configure
from stopper.guards.memo import Memo, Seen
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    block,
    repair_output,
    warn,
)
from stopper.guards.opened import EXACT, Odd, spelled
from stopper.guards.pages import Pages
from stopper.guards.shrink import Limits, compact, cost, shrink
from stopper.guards.texts import MAX_DEPTH, contents, measure

__all__ = ["OutputSizeConfig", "OutputSizeGuard", "SizeViolation", "TruncationMode"]

_MAX_JSON_TEXT: Final = 2**24
_ROUNDS: Final = 8
_MOST_BYTES: Final = 6  # of a character in JSON: \u0000


class TruncationMode(StrEnum):
    """What becomes of an output that is too large."""

    ERROR = "error"
    TRUNCATE = "truncate"
    PAGINATE = "paginate"


class OutputSizeConfig(Config, frozen=True, kw_only=True):
    """The limits. Sizes are those of compact JSON; a token is `chars_per_token` of its bytes.

    `max_string_length` counts characters of values, and only where outputs are cut.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    max_bytes: Count = 100_000
    max_tokens: Count | None = None
    max_array_length: Count = 1000
    max_depth: Annotated[int, Meta(ge=0, le=MAX_DEPTH)] = 20
    max_string_length: Count = 10_000
    truncation_mode: TruncationMode = TruncationMode.ERROR
    chars_per_token: Some = 4

    @property
    def limits(self) -> Limits:
        """What a cut output has to fit into."""
        most = self.max_bytes
        if self.max_tokens is not None:
            most = min(most, self.max_tokens * self.chars_per_token)
        return Limits(most, self.max_array_length, self.max_depth, self.max_string_length)


class SizeViolation(Struct, frozen=True):
    """A limit that was passed, such as `array_length_exceeded`, and by how much."""

    violation_type: str
    limit: int
    actual: int

    def __str__(self) -> str:
        return f"{self.violation_type}: {self.actual} > {self.limit}"


class OutputSizeGuard:
    """Keeps outputs within limits, whatever they are made of.

    A cut output is plain JSON that fits in every usual spelling, and tells where something is
    missing; an output that is JSON in a text stays that. With `PAGINATE` the output becomes
    `{"page": 1, "data": ..., "next_cursor": ...}`, and `page(cursor)` gives the next one; give it
    to the agent as a tool. The outputs kept for that have 16 MiB together. What cannot be measured,
    because it can be looked at only once or has no end, is too large. Arguments are never looked
    at. Threads may share a guard.
    """

    is_last_on_output = True
    shares: ClassVar = frozenset({"check_output"})

    def __init__(self, config: OutputSizeConfig | None = None, **given: Any) -> None:
        self.config = configure(OutputSizeConfig, config, given)
        self._pages = Pages(self.config.limits)
        limits = self.config.limits
        self._surely_fits = min((limits.bytes - 2) // _MOST_BYTES, limits.chars)

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:  # noqa: ARG002  any call
        """Nothing: the size of arguments is the business of their schema."""
        return ALLOWED

    def check_output(
        self,
        tool: str,  # noqa: ARG002  any call
        args: dict[str, Any],  # noqa: ARG002
        output: Any,
        memo: Memo | None = None,
    ) -> GuardResult:
        """Whether the output is within all limits, or what to use instead."""
        config = self.config
        if config.mode is OFF:
            return ALLOWED
        found = self._violations((memo or Memo()).of(output))
        if not found:
            return ALLOWED
        if config.mode is EnforcementLevel.WARN:
            return warn(_code(found), str(found[0]), **_details(found))
        match config.truncation_mode:
            case TruncationMode.ERROR:
                return block(_code(found), str(found[0]), **_details(found))
            case TruncationMode.TRUNCATE:
                return self._cut(output, found)
            case TruncationMode.PAGINATE:
                return self._paged(output, found)

    def page(self, cursor: str | None) -> dict[str, Any] | None:
        """The page of an earlier output that `next_cursor` named.

        None when it is gone, and for what is no cursor, such as the None of a last page.
        """
        return self._pages.page(cursor)

    def reset(self) -> None:
        """Forget the outputs that are kept for their pages."""
        self._pages.clear()

    def _violations(self, seen: Seen) -> list[SizeViolation]:
        config, output = self.config, seen.value
        found: list[SizeViolation] = []
        if type(output) is str and len(output) <= self._surely_fits:
            return found
        shape = seen.shape
        if shape.depth > config.max_depth or shape.items > config.max_bytes or not seen.is_bounded:
            shape = measure(output, config.max_depth, config.max_bytes)
        if shape.longest > config.max_array_length:
            limit = config.max_array_length
            found.append(SizeViolation("array_length_exceeded", limit, shape.longest))
        if shape.depth > config.max_depth:
            found.append(SizeViolation("depth_exceeded", config.max_depth, shape.depth))
        is_bounded = shape.depth <= config.max_depth and shape.items <= config.max_bytes
        if is_bounded and shape.is_whole:
            size = _size(seen, config.max_bytes)
        else:
            size = shape.items if shape.is_whole else max(shape.items, config.max_bytes + 1)
        if size > config.max_bytes:
            found.append(SizeViolation("bytes_exceeded", config.max_bytes, size))
        if config.max_tokens is not None and size // config.chars_per_token > config.max_tokens:
            actual = size // config.chars_per_token
            found.append(SizeViolation("tokens_exceeded", config.max_tokens, actual))
        if not found and size > config.max_string_length:
            found += self._long_texts(output)
        return found

    def _long_texts(self, output: Any) -> list[SizeViolation]:
        """Where outputs are cut, long texts are cut too; else only the whole counts."""
        limit = self.config.max_string_length
        if self.config.truncation_mode is not TruncationMode.TRUNCATE:
            return []
        longest = _longest_text(output)
        return [SizeViolation("string_length_exceeded", limit, longest)] if longest > limit else []

    def _cut(self, output: Any, found: list[SizeViolation]) -> GuardResult:
        limits = self.config.limits
        cut = _cut_text(output, limits) if isinstance(output, str) else None
        if cut is None:
            cut = shrink(output, limits)
        size = cost(cut)
        if size > limits.bytes:
            return block(_code(found), f"{found[0]}, and nothing fits", **_details(found))
        reason = f"Output truncated: {found[0]}"
        return repair_output(cut, _code(found), reason, returned_bytes=size, **_details(found))

    def _paged(self, output: Any, found: list[SizeViolation]) -> GuardResult:
        page = self._pages.begin(output)
        if page is None:
            reason = f"{found[0]}, and it cannot be kept in pages"
            return block(_code(found), reason, **_details(found))
        reason = f"Output given in pages: {found[0]}"
        cursor = page["next_cursor"]
        return repair_output(page, _code(found), reason, next_cursor=cursor, **_details(found))


def _longest_text(output: Any) -> int:
    """Of the values, not the keys, of an output that is neither too deep nor too large."""
    longest, level = 0, [output]
    while level:
        longest = max([longest, *[len(item) for item in level if isinstance(item, str)]])
        level = [inner for item in level for inner in contents(item)]
    return longest


def _cut_text(output: str, limits: Limits) -> str | None:
    """JSON in a text, cut as what it is; None for any other text."""
    if output.lstrip()[:1] not in {"{", "["} or len(output) > _MAX_JSON_TEXT:
        return None
    try:
        value = msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    room = min(limits.bytes, limits.chars)
    for _ in range(_ROUNDS):  # quotes in a text cost one byte more each
        inner = Limits(room, limits.items, limits.depth, limits.chars)
        text = json.dumps(shrink(value, inner), ensure_ascii=False)
        if len(text) <= limits.chars and cost(text) <= limits.bytes:
            return text
        room //= 2
    return None


def _size(seen: Seen, limit: int) -> int:
    """How many bytes it has as JSON; what cannot be written is past the limit.

    What shows others than it holds has those of both.
    """
    if seen.json is not None:
        return len(seen.json)
    for write in (compact, json.dumps, repr):
        try:
            return len(write(seen.value if seen.is_plain else _opened(seen.value)))
        except Exception:  # noqa: BLE001, S112  odd keys and values, an object's own faults
            continue
    return limit + 1


def _opened(value: Any) -> Any:
    """The same in plain containers; bounded, since it was measured before."""
    if type(value) is dict:
        return {key: _opened(item) for key, item in value.items()}
    if type(value) in EXACT:
        return [_opened(item) for item in value]
    inside = Odd(value).holds
    return spelled(value) if inside is None else _opened(inside)


def _code(found: list[SizeViolation]) -> str:
    return f"output.{found[0].violation_type}"


def _details(found: list[SizeViolation]) -> dict[str, Any]:
    return {"violations": [asdict(one) for one in found]}
