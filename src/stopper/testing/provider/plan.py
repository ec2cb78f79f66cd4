"""What will be said and billed, before any format puts it into words."""

from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

from stopper.testing.provider.ask import Ask
from stopper.testing.provider.script import FRIENDLY, Script, Tool
from stopper.testing.provider.words import Speech

__all__ = ["Call", "Plan", "Stop", "make_plan"]

_MODEL_LIMIT = 128_000
_SILENCE = Speech(0, ())
_FRIENDLY = Speech.of(FRIENDLY)


class Stop(Enum):
    """Why the model ends its turn."""

    END = "end"
    LIMIT = "limit"
    TOOLS = "tools"


class Call(Struct, frozen=True):
    """A tool call; `whole` is false where the limit cut its arguments."""

    id: str
    name: str
    arguments: Speech
    whole: bool

    @property
    def value(self) -> Any:
        """The arguments of a whole call, for formats that send an object."""
        value = msgspec.json.decode(str(self.arguments))
        return value if isinstance(value, dict) else {"input": value}


class Plan(Struct, frozen=True, gc=False):
    """One reply. Each of the asked-for choices says the same; `output` is the sum over them."""

    number: int
    ask: Ask
    script: Script
    thinking: Speech
    text: Speech
    calls: tuple[Call, ...]
    stop: Stop
    input: int

    @property
    def model(self) -> str:
        """The model that was asked for is the one that answers."""
        return self.ask.model

    @property
    def said(self) -> int:
        """Tokens of text and calls, of all choices."""
        calls = sum(call.arguments.count for call in self.calls)
        return (self.text.count + calls) * self.ask.choices

    @property
    def reasoning(self) -> int:
        """Tokens of thinking, of all choices."""
        return self.thinking.count * self.ask.choices

    @property
    def output(self) -> int:
        """All output tokens."""
        return self.said + self.reasoning

    @property
    def prompt(self) -> int:
        """All input tokens, those of the cache included."""
        return self.input + self.script.cache_read + self.script.cache_write

    @property
    def parallel(self) -> range:
        """The numbers of the choices."""
        return range(self.ask.choices)


def make_plan(number: int, ask: Ask, script: Script) -> Plan:
    """Apply the caller's limit, or the model's own, to the script.

    Thinking is paid first, then text, then calls.
    """
    limit = _MODEL_LIMIT if ask.limit is None else ask.limit
    room = None if script.ignore_limit else limit
    wanted = _wanted(script)
    thinking, room = _fit(Speech(script.thinking), room)
    text, room = _fit(wanted, room)
    cut = thinking.count < script.thinking or text.count < wanted.count
    calls: list[Call] = []
    for place, tool in enumerate(script.tools):
        asked = Speech.of(_arguments(ask, tool))
        given, room = _fit(asked, room)
        whole = given.count == asked.count
        if given.count:
            calls.append(Call(f"mock_{number}_{place}", tool.name, given, whole))
        cut = cut or not whole
    stop = Stop.LIMIT if cut else Stop.TOOLS if calls else Stop.END
    return Plan(
        number=number,
        ask=ask,
        script=script,
        thinking=thinking,
        text=text,
        calls=tuple(calls),
        stop=stop,
        input=ask.prompt if script.input is None else script.input,
    )


def _wanted(script: Script) -> Speech:
    if script.text is not None:
        return Speech.of(script.text)
    if script.tokens is not None:
        return Speech(script.tokens)
    return _SILENCE if script.tools else _FRIENDLY


def _arguments(ask: Ask, tool: Tool) -> str:
    if tool.name in ask.free_text:
        value = msgspec.json.decode(tool.arguments)
        return value if isinstance(value, str) else tool.arguments
    return tool.arguments


def _fit(speech: Speech, room: int | None) -> tuple[Speech, int | None]:
    """As much of `speech` as there is room for, and the room that is left."""
    if room is None:
        return speech, None
    fitting = speech.first(room)
    return fitting, room - fitting.count
