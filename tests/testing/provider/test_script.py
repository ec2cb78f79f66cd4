from typing import Any

import msgspec
import pytest

from stopper.testing.provider import NAMED, Fault, Script, Tool

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    # what is wrong             script as JSON                                what the error names
    "text and a number":        ({"text": "a", "tokens": 3},                  "not both"),
    "a share above the whole":  ({"cache_write": 1, "cache_write_1h": 2},     "cache_write_1h"),
    "forced without a coding":  ({"force_encoding": True},                    "encoding"),
    "an unknown coding":        ({"encoding": "lzma"},                        "encoding"),
    "an unknown field":         ({"tokns": 3},                                "tokns"),
    "a negative number":        ({"tokens": -1},                              "tokens"),
    "pieces of nothing":        ({"write_bytes": 0},                          "write_bytes"),
    "a status that is no error": ({"fault": {"status": 200}},                 "status"),
    "arguments that are no JSON": ({"tools": [{"name": "f", "arguments": "{"}]}, "tool 'f'"),
    "arguments that are a list": ({"tools": [{"name": "f", "arguments": "[]"}]}, "tool 'f'"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "named"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(script: dict[str, Any], named: str) -> None:
    """A script that makes no sense says which field is at fault."""
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.convert(script, Script)


def test_python_scripts_are_checked_too() -> None:
    """What needs two fields or a parser is checked however a script is made."""
    with pytest.raises(ValueError, match="not both"):
        Script(text="a", tokens=1)
    with pytest.raises(ValueError, match="tool 'f'"):
        Tool("f", "no json")


def test_scripts_survive_json() -> None:
    """What Python says, another process reads."""
    script = Script(tokens=3, tools=(Tool("f", '"free"'),), fault=Fault(429, after=2))
    for each in (script, *NAMED.values()):
        assert msgspec.json.decode(msgspec.json.encode(each), type=Script) == each
