"""Lists in code in Perl, Ruby, JavaScript or PHP: what is done with each of their items."""

import re
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["take_each"]

_MAX_EACH: Final = 8
_MAX_CODE: Final = 4096
_MAX_TAKEN: Final = 32_768
"""What is behind that is not judged: no loop that somebody writes is so long."""
_MAX_LOOPS: Final = 4
_MAX_NAMES: Final = 16
_B = r"\s{0,9}"
_TEXT = r"(?:\"[^\"\\\n]{0,400}\"|'[^'\\\n]{0,400}')"
_ITEMS = rf"(?:{_B}+{_TEXT}{_B}+,?+){{1,60}}"
_ITEM: Final = lazy(_TEXT)
_WORDS: Final = lazy(r"(?:%[wW]|\bqw\s?)[\[({<|]([^\])}>|\"']{1,300})[\])}>|](?!\w)")
_ID = r"[$@]?[A-Za-z_]\w{0,40}"
_HELD: Final = lazy(
    rf"(?<![\w.$@])(?:(?:my|our|const|let|var)\s{{1,9}})?({_ID}){_B}={_B}[\[(]({_ITEMS})[\])]"
)
_LOOPS: Final = lazy(
    rf"\[(?P<called>{_ITEMS})\]{_B}\.{_B}(?:forEach|map|filter|each|every|some)\b{_B}"
    rf"(?:\({_B}(?:async\b{_B})?(?:function{_B})?\(?{_B}|(?:\{{|do\b){_B}\|{_B})(?P<given>[A-Za-z_]\w{{0,40}}){_B}"
    rf"(?:\)|=>|\||,)"
    rf"|\bfor\b{_B}(?:await\b{_B})?\({_B}(?:const|let|var){_B}(?P<of>[A-Za-z_]\w{{0,40}}){_B}of{_B}"
    rf"\[(?P<looped>{_ITEMS})\]"
    rf"|\bforeach{_B}\({_B}(?:\[|array\()(?P<row>{_ITEMS})[\])]{_B}as{_B}(?P<as>\$[A-Za-z_]\w{{0,40}})"
    rf"|\bfor(?:each)?\b{_B}(?:my{_B})?(?P<perl>\$\w{{1,40}})?{_B}[(\[]+(?P<each>{_ITEMS})[)\]]+(?={_B}\{{)"
    rf"|\bfor\s{{1,9}}(?P<in>[a-z_]\w{{0,40}})\s{{1,9}}in\s{{1,9}}\[(?P<ruby>{_ITEMS})\]"
)
"""What a loop goes through, where it is written out, and the name that it gives each."""
_BEHIND: Final = lazy(
    rf"(?:^|[;{{}}])([^;{{}}]{{1,300}}?)\bfor(?:each)?\b{_B}[(\[]?(?P<each>{_ITEMS})[)\]]?{_B}(?:[;}}]|$)"
)
"""A statement of Perl that is done for each item, which is called `$_` in it."""
_TABLE: Final = lazy(
    rf"(?<![\w.$%])[$%]?([A-Za-z_]\w{{0,40}}){_B}={_B}[{{(\[]((?:{_B}+[\w'\":]{{1,40}}{_B}+(?::|=>){_B}+{_TEXT}{_B}+,?+){{1,20}})[}})\]]"
)
_ENTRY: Final = lazy(rf"['\":]?(\w{{1,40}})['\"]?{_B}(?::|=>){_B}({_TEXT})")


def take_each(code: str) -> str:
    """The code, and behind it once more for each text that a loop in it goes through."""
    if len(code) > _MAX_CODE:
        return code
    plain = _put_entries(_put_lists(_WORDS.sub(_listed, code)))
    parts = [code] if plain == code else [code, plain]
    for loop in list(_LOOPS.finditer(plain))[:_MAX_LOOPS]:
        found = loop.groupdict()
        name = found["given"] or found["of"] or found["as"] or found["perl"] or found["in"] or "$_"
        items = found["called"] or found["looped"] or found["row"] or found["each"] or found["ruby"]
        parts += _each(plain[loop.end() :], name, items)
    for loop in list(_BEHIND.finditer(plain))[:_MAX_LOOPS]:
        parts += _each(loop[1], "$_", loop["each"])
    return "\n".join(parts)[:_MAX_TAKEN]


def _each(body: str, name: str, items: str) -> list[str]:
    return [_put(body, name, item) for item in _ITEM.findall(items)[:_MAX_EACH]]


def _put(body: str, name: str, item: str) -> str:
    """The body with a text for a name, and with what it says where a string has that name."""
    bare = re.escape(name)
    text = item[1:-1].replace("\\", r"\\")
    inside = rf"[$#]\{{{re.escape(name.lstrip('$'))}\}}"
    if name[:1] == "$":
        body = re.sub(r'"[^"\n]{0,400}"', lambda m: re.sub(rf"{bare}(?!\w)", text, m[0]), body)
    body = re.sub(inside, text, body)
    whole = rf"(?<![\w.$'\"]){bare}(?!\w|['\"]|\s{{0,9}}(?:=(?!=)|:))"
    return re.sub(whole, item.replace("\\", r"\\"), body)


def _listed(match: re.Match[str]) -> str:
    return "[" + ",".join(f"'{word}'" for word in match[1].split()) + "]"


def _put_lists(code: str) -> str:
    """The code with lists where a loop goes through the names that it gives them."""
    for held in list(_HELD.finditer(code))[:_MAX_NAMES]:
        bare = re.escape(held[1])
        used = (
            rf"(?<![\w.$@]){bare}(?={_B}\.(?:forEach|map|filter|each|every|some)\b)"
            rf"|(?<=\bof ){bare}(?!\w)|(?<=\bin ){bare}(?!\w)|(?<=\bfor ){bare}(?!\w)"
            rf"|(?<=\bforeach ){bare}(?!\w)|(?<=\(){bare}(?={_B}\)|{_B}as\b)"
        )
        listed = f"[{held[2]}]" if held[1][:1] != "@" else f"({held[2]})"
        code = re.sub(used, listed.replace("\\", r"\\"), code)[:_MAX_TAKEN]
    return code


def _put_entries(code: str) -> str:
    """The code with texts where it asks tables for them."""
    for table in list(_TABLE.finditer(code))[:_MAX_NAMES]:
        bare = re.escape(table[1])
        for key, text in _ENTRY.findall(table[2]):
            asked = (
                rf"\$?\b{bare}(?:(?:\.|->){key}\b|\[[:'\"]?{key}['\"]?\]|\{{['\"]?{key}['\"]?\}})"
            )
            code = _put_inside(code, bare, asked, text[1:-1].replace("\\", r"\\"))
            code = re.sub(asked, text.replace("\\", r"\\"), code)[:_MAX_TAKEN]
    return code


def _put_inside(code: str, bare: str, asked: str, text: str) -> str:
    """The same in strings that are put together when they are read."""
    inside = rf'"[^"\n]{{0,400}}\${bare}[^"\n]{{0,400}}"'
    return re.sub(inside, lambda string: re.sub(asked, text, string[0]), code)
