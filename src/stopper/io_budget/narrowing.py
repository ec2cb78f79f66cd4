"""Makes a conversation fit: by a summary, from its head, from its tail, or by what matters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from stopper.io_budget.blocks import (
    MESSAGE_TOKENS,
    Block,
    Message,
    atoms_of,
    blocks_of,
    is_fixed,
    rebuild,
    text_of,
    weight_of,
)
from stopper.io_budget.bm25 import bm25
from stopper.io_budget.budget import NarrowingMode
from stopper.io_budget.clip import clip
from stopper.io_budget.tokens import Counter, counter_for, estimate_tokens

__all__ = ["Summarize", "narrow"]

Summarize = Callable[[list[dict[str, Any]]], str]
"""Makes a text of the messages that it is given; usually by asking a small model."""

SUMMARY_SHARE: Final = 4
"""A summary gets a quarter of the target."""

LEAST_CLIPPED: Final = 32
"""What would be left with fewer tokens of a text is left out instead."""

_TRIES: Final = 8
_SUMMARY: Final = "Summary of what was said before:\n"


_Part = tuple[int, Block]
"""A block, and the number of its message."""


class _Atom(Struct, frozen=True):
    """Blocks that stand and fall together."""

    parts: tuple[_Part, ...]
    first: int
    pinned: bool


def narrow(
    messages: Sequence[Message],
    mode: NarrowingMode | str,
    target_tokens: int,
    *,
    task: str = "",
    summarize: Summarize | None = None,
    model: str = "",
) -> list[dict[str, Any]]:
    """Messages of at most `target_tokens`, as `estimate_tokens` counts them; the order stays.

    What the system and the developer say stays, and so does the last text of the user. A tool's
    call and its result stay or go together. The one text that would reach beyond the target is
    cut, and says so. A conversation that fits is given back as it is.

    `TRUNCATE_HEAD` drops the oldest first, `TRUNCATE_TAIL` the newest first, `SEMANTIC_FILTER`
    what fits `task` least by BM25 (by default, the last text of the user). `SUMMARIZE` drops the
    oldest and puts in their place what `summarize` makes of them. ValueError where the target is
    too small for what has to stay, or a summary is wanted that nobody writes.
    """
    mode = NarrowingMode(mode)
    if mode is NarrowingMode.SUMMARIZE and summarize is None:
        raise ValueError("SUMMARIZE needs `summarize`, which makes a text of messages")
    frame = _Frame(messages, counter_for(model))
    if estimate_tokens(messages, model) <= target_tokens:
        return [dict(message) for message in messages]
    match mode:
        case NarrowingMode.TRUNCATE_HEAD:
            kept = _fill(frame, target_tokens, _newest_first(frame), head=True)
        case NarrowingMode.TRUNCATE_TAIL:
            kept = _fill(frame, target_tokens, _oldest_first(frame), head=False)
        case NarrowingMode.SEMANTIC_FILTER:
            kept = _best(frame, target_tokens, task)
        case NarrowingMode.SUMMARIZE:
            assert summarize is not None  # noqa: S101  checked above
            return _summarized(frame, target_tokens, summarize)
    return rebuild(messages, kept)


class _Frame:
    """A conversation with its atoms, and what each part of it weighs."""

    def __init__(self, messages: Sequence[Message], count: Counter) -> None:
        self.messages = messages
        self.count = count
        self.task = _last_of_user(messages)
        self.atoms = [
            _Atom(tuple(parts), parts[0][0], any(map(self._stays, parts)))
            for parts in atoms_of(messages)
        ]
        self.free = [atom for atom in self.atoms if not atom.pinned]

    def _stays(self, part: _Part) -> bool:
        number, block = part
        return is_fixed(self.messages[number]) or (number, block.at) == self.task


class _Kept:
    """What is kept so far, and its weight as `estimate_tokens` would count it."""

    def __init__(self, frame: _Frame) -> None:
        self.parts: dict[tuple[int, int], Block] = {}
        self.weight = 0
        self._numbers: set[int] = set()
        self._count = frame.count

    def cost(self, parts: Iterable[_Part]) -> int:
        """What these parts would add."""
        parts = [*parts]
        new = {number for number, _ in parts} - self._numbers
        return MESSAGE_TOKENS * len(new) + sum(self.cost_of(block) for _, block in parts)

    def cost_of(self, block: Block) -> int:
        """A block without what is around its message."""
        return weight_of([block], self._count) - MESSAGE_TOKENS

    def add(self, parts: Iterable[_Part]) -> None:
        """Keep these parts too."""
        parts = [*parts]
        self.weight += self.cost(parts)
        self._numbers |= {number for number, _ in parts}
        self.parts |= {(number, block.at): block for number, block in parts}

    def ordered(self) -> list[_Part]:
        """All parts as they stand in the conversation."""
        return [(number, self.parts[number, at]) for number, at in sorted(self.parts)]


def _fill(frame: _Frame, target: int, order: Iterable[_Atom], *, head: bool) -> list[_Part]:
    """Take atoms in this order while they fit; the first that does not is cut to what is left."""
    kept = _pinned(frame, target, head=head)
    for atom in order:
        if kept.weight + kept.cost(atom.parts) > target:
            kept.add(_shortened(frame, kept, atom, target - kept.weight, head=head))
            break
        kept.add(atom.parts)
    return _led_by_the_user(frame, kept.ordered())


def _best(frame: _Frame, target: int, task: str) -> list[_Part]:
    """Take the newest atom, then those that fit the task best, as long as they fit in."""
    kept = _pinned(frame, target, head=True)
    scores = bm25(
        task or _text_at(frame.messages, frame.task),
        [text_of([block.value for _, block in atom.parts]) for atom in frame.free],
    )
    places = sorted(range(len(scores)), key=lambda place: (-scores[place], -place))
    newest = max(places, key=lambda place: frame.free[place].first, default=None)
    for place in places if newest is None else [newest, *(p for p in places if p != newest)]:
        if kept.weight + kept.cost(frame.free[place].parts) <= target:
            kept.add(frame.free[place].parts)
    return _led_by_the_user(frame, kept.ordered())


def _summarized(frame: _Frame, target: int, summarize: Summarize) -> list[dict[str, Any]]:
    room = target // SUMMARY_SHARE
    kept = _fill(frame, target - room, _newest_first(frame), head=True)
    places = {(number, block.at) for number, block in kept}
    every = sorted((part for atom in frame.atoms for part in atom.parts), key=_place)
    gone = [part for part in every if _place(part) not in places]
    messages = rebuild(frame.messages, kept)
    if not gone:
        return messages
    text = _SUMMARY + summarize(rebuild(frame.messages, gone))
    short = clip(text, room - MESSAGE_TOKENS, frame.count, head=False)
    if short is None:
        raise ValueError(f"{target} tokens are too few for a summary beside what has to stay")
    begin = sum(1 for message in messages if is_fixed(message))
    return [*messages[:begin], {"role": "user", "content": short}, *messages[begin:]]


def _place(part: _Part) -> tuple[int, int]:
    return part[0], part[1].at


def _newest_first(frame: _Frame) -> list[_Atom]:
    return sorted(frame.free, key=lambda atom: -atom.first)


def _oldest_first(frame: _Frame) -> list[_Atom]:
    return sorted(frame.free, key=lambda atom: atom.first)


def _pinned(frame: _Frame, target: int, *, head: bool) -> _Kept:
    """What has to stay; where even that does not fit, the user's own text is cut."""
    parts = [part for atom in frame.atoms if atom.pinned for part in atom.parts]
    kept = _Kept(frame)
    kept.add(parts)
    over = kept.weight - target
    if over <= 0:
        return kept
    for place, (number, block) in enumerate(parts):
        if (number, block.at) == frame.task:
            shorter = _clipped(block, kept.cost_of(block) - over, frame.count, head=head)
            if shorter is not None:
                cut = _Kept(frame)
                cut.add([*parts[:place], (number, shorter), *parts[place + 1 :]])
                return cut
    raise ValueError(
        f"{target} tokens are too few: what the system and the user say takes {kept.weight}"
    )


def _shortened(
    frame: _Frame, kept: _Kept, atom: _Atom, room: int, *, head: bool
) -> tuple[_Part, ...]:
    """The atom with its longest text cut so that it takes `room` tokens; nothing if it cannot."""
    costs = [kept.cost_of(block) for _, block in atom.parts]
    longest = costs.index(max(costs))
    number, block = atom.parts[longest]
    left = room - (kept.cost(atom.parts) - costs[longest])
    shorter = _clipped(block, left, frame.count, head=head) if left >= LEAST_CLIPPED else None
    if shorter is None:
        return ()
    return (*atom.parts[:longest], (number, shorter), *atom.parts[longest + 1 :])


def _clipped(block: Block, room: int, count: Counter, *, head: bool) -> Block | None:
    """The block with its text cut so that it has `room` tokens; None where it has no such text."""
    value = block.value
    if isinstance(value, str):
        text = clip(value, room, count, head=head)
        return None if text is None else Block(block.at, text, text)
    if not isinstance(value, Mapping):
        return None
    for name in ("text", "content", "output"):
        if isinstance(value.get(name), str):
            around = weight_of([Block(block.at, {**value, name: ""}, None)], count) - MESSAGE_TOKENS
            return _clipped_at(block, name, room - around, count, head=head)
    return None


def _clipped_at(block: Block, name: str, room: int, count: Counter, *, head: bool) -> Block | None:
    """JSON spells some characters longer, so what is cut may have to be cut again."""
    text: str = block.value[name]
    goal = room
    for _ in range(_TRIES):
        shorter = clip(text, goal, count, head=head)
        if shorter is None:
            return None
        value = {**block.value, name: shorter}
        empty = {**block.value, name: ""}
        weight = weight_of([Block(0, value, None)], count)
        over = weight - weight_of([Block(0, empty, None)], count) - room
        if over <= 0:
            return Block(block.at, value, value)
        goal -= over + 1
    return None


def _last_of_user(messages: Sequence[Message]) -> tuple[int, int] | None:
    """Where the user's last text is: what the agent is at."""
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].get("role") != "user":
            continue
        for block in reversed(blocks_of(messages[number])):
            value = block.value
            kind = value.get("type", "text") if isinstance(value, Mapping) else "text"
            if kind in ("text", "input_text", "message"):
                return number, block.at
    return None


def _text_at(messages: Sequence[Message], place: tuple[int, int] | None) -> str:
    if place is None:
        return ""
    blocks = blocks_of(messages[place[0]])
    return next(text_of(block.value) for block in blocks if block.at == place[1])


def _led_by_the_user(frame: _Frame, kept: list[_Part]) -> list[_Part]:
    """Where the user began, the user begins: Anthropic takes no other conversation."""
    spoken = next((message for message in frame.messages if not is_fixed(message)), {})
    if spoken.get("role") != "user":
        return kept
    atoms = {_place(part): atom for atom in frame.atoms for part in atom.parts}
    gone: set[int] = set()
    begun = False
    left = []
    for part in kept:
        atom = atoms[_place(part)]
        message = frame.messages[part[0]]
        if is_fixed(message):
            left.append(part)
            continue
        is_gone = id(atom) in gone
        begun = begun or (not is_gone and (atom.pinned or message.get("role") == "user"))
        if begun and not is_gone:
            left.append(part)
        else:
            gone.add(id(atom))
    return left
