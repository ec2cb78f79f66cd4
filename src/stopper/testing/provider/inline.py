"""Scripts inside a prompt, so that unmodified agents can be driven with words alone.

    [[mock: tokens=400 delay_ms=20]]
    [[mock: text="All done." thinking=30 ignore_limit]]
    [[mock: tool=bash:{"command": "ls"} then text="That was all."]]

Every number, text and switch of `Script` is a setting of the same name; a value with blanks is a
JSON string. `tool=NAME:{...}` may stand several times. `error=STATUS` and `error_after=TOKENS` make
a `Fault`. `then` begins the next turn: the turn that answers is as many as the model has had since
the prompt, and after the last turn comes the friendly answer.
"""

from json import JSONDecodeError, JSONDecoder
from typing import Any

import msgspec

from stopper.testing.provider.script import Script

__all__ = ["OPENING", "ScriptError", "read_inline"]

OPENING = "[[mock:"
_CLOSING = "]]"
_THEN = "then"
_SWITCHES = {name for name, kind in Script.__annotations__.items() if kind is bool}
_JSON = JSONDecoder()


class ScriptError(ValueError):
    """An inline script does not read; the text says where and what is allowed."""


def read_inline(text: str) -> list[Script]:
    """The turns of the last inline script in `text`; none where it holds no script."""
    start = text.rfind(OPENING)
    if start < 0:
        return []
    turns: list[dict[str, Any]] = [{}]
    place = start + len(OPENING)
    while True:
        place = _skip_blanks(text, place)
        if text.startswith(_CLOSING, place):
            return [_script(turn) for turn in turns]
        word, place = _word(text, place)
        if word == _THEN:
            turns.append({})
        else:
            place = _setting(turns[-1], word, text, place)


def _skip_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    if place >= len(text):
        raise ScriptError(f"{OPENING} ...: no closing {_CLOSING}")
    return place


def _word(text: str, place: int) -> tuple[str, int]:
    end = place
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    if end == place:
        raise ScriptError(
            f"{OPENING} ...: expected `name=value`, found {text[place : place + 12]!r}"
        )
    return text[place:end], end


def _setting(turn: dict[str, Any], name: str, text: str, place: int) -> int:
    if not text.startswith("=", place):
        if name not in _SWITCHES:
            raise ScriptError(f"{OPENING} ...: `{name}` needs a value, as in `{name}=...`")
        turn[name] = True
        return place
    if name == "tool":
        return _tool(turn, text, place + 1)
    value, place = _value(text, place + 1)
    match name:
        case "error":
            turn.setdefault("fault", {})["status"] = value
        case "error_after":
            turn.setdefault("fault", {})["after"] = value
        case _:
            turn[name] = value
    return place


def _tool(turn: dict[str, Any], text: str, place: int) -> int:
    colon = text.find(":", place)
    name = text[place:colon]
    if colon < 0 or not name or any(c.isspace() or c in '"{[]}' for c in name):
        raise ScriptError(f'{OPENING} ...: write a tool as tool=NAME:{{"key": "value"}}')
    end = _json(text, colon + 1, f"the arguments of tool {name!r}")
    turn.setdefault("tools", []).append({"name": name, "arguments": text[colon + 1 : end]})
    return end


def _value(text: str, place: int) -> tuple[str, int]:
    if text.startswith('"', place):
        end = _json(text, place, "a text")
        return msgspec.json.decode(text[place:end].encode(), type=str, strict=False), end
    end = place
    while end < len(text) and not text[end].isspace() and not text.startswith(_CLOSING, end):
        end += 1
    return text[place:end], end


def _json(text: str, place: int, what: str) -> int:
    try:
        _, end = _JSON.raw_decode(text, place)
    except JSONDecodeError as error:
        raise ScriptError(f"{OPENING} ...: {what} is no JSON: {error.msg}") from None
    return end


def _script(turn: dict[str, Any]) -> Script:
    try:
        return msgspec.convert(turn, Script, strict=False)
    except msgspec.ValidationError as error:
        raise ScriptError(f"{OPENING} ...: {error}") from None
