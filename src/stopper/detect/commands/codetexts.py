"""Texts that code of any language spells by calls: written out, so that they can be read."""

import base64
import binascii
import codecs
import re
import zlib
from typing import Final

from stopper.detect.lazy import lazy

__all__ = ["is_made", "mute", "spell"]

_ROUNDS: Final = 4
"""How deep calls may stand in each other."""
_MAX_CODE: Final = 65_536
_MAX_TEXT: Final = 16_384
_MAX_SETS: Final = 32
_MAX_POINT: Final = 0x10FFFF
_B = r"\s{0,9}"
_S = r"(?:\"(?:[^\"\\\n$]|\\.){0,4000}\"|'(?:[^'\\\n]|\\.){0,4000}')"
_LIST = rf"{_S}(?:{_B},{_B}{_S}){{0,99}}"
_END = rf"(?:{_B}\.(?:toString|to_s|decode|encode|force_encoding|String)\((?:{_S})?\))?"
_NUMBERS = (
    rf"(?:0x[0-9a-fA-F]{{1,6}}|\d{{1,7}})(?:{_B},{_B}(?:0x[0-9a-fA-F]{{1,6}}|\d{{1,7}})){{0,2000}}"
)
_TEXT: Final = lazy(_S)
_JOINED: Final = lazy(r"([\"'])\s{0,9}(?:\+|\.(?!\w)|\.\.|<>)\s{0,9}\1")
_HEX: Final = lazy(
    rf"(?:\bBuffer\.from\({_B}({_S}){_B},{_B}['\"]hex['\"]{_B}\)|\b(?:hex2bin|unhexlify|Base\.decode16!?)\({_B}({_S})"
    rf"[^)]{{0,40}}\)|\bpack\({_B}['\"]H\*['\"]{_B},{_B}({_S}){_B}\)|\[{_B}({_S}){_B}\]\.pack\({_B}['\"]H\*['\"]{_B}\))"
    rf"{_END}"
)
_BASE64: Final = lazy(
    rf"(?:\bBuffer\.from\({_B}({_S}){_B},{_B}['\"]base64(?:url)?['\"]{_B}\)|\b(?:atob|base64_decode|decode64|strict_decode64"
    rf"|decode_base64|Base64\.(?:url_?|strict_)?decode(?:64)?!?|Base\.decode64!|b64decode)\s{{0,9}}\(?{_B}({_S}){_B}\)?"
    rf"|({_S})\.unpack1?\({_B}['\"]m0?['\"]{_B}\)(?:\[0\]|\.first)?){_END}"
)
_ROT: Final = lazy(
    rf"\bstr_rot13\({_B}({_S}){_B}\)|({_S})\.tr\({_B}['\"](?:A-Za-z|a-zA-Z|a-z)['\"]{_B},{_B}['\"]"
    rf"(?:N-ZA-Mn-za-m|n-za-mN-ZA-M|n-za-m)['\"]{_B}\)"
)
_REVERSED: Final = lazy(
    rf"\b(?:strrev|string\.reverse|String\.reverse|scalar\(?\s{{0,9}}reverse|reverse)\s{{0,9}}\(?{_B}({_S}){_B}\)?"
    rf"|({_S})\.split\({_B}(?:''|\"\"){_B}\)\.reverse\(\)\.join\({_B}(?:''|\"\"){_B}\)|(?:\(({_S})\)|({_S}))(?:\.|:)reverse(?:\(\))?"
    rf"|\[\.\.\.({_S})\]\.reverse\(\)\.join\({_B}(?:''|\"\"){_B}\)"
)
_CODES: Final = lazy(
    rf"\bString\.fromCharCode\({_B}({_NUMBERS}){_B}\)|\[{_B}({_NUMBERS}){_B}\]\.pack\({_B}['\"][cCU]\*['\"]{_B}\)"
    rf"|\bpack\({_B}['\"][cCUW]\*['\"]{_B},{_B}({_NUMBERS}){_B}\)|\bstring\.char\({_B}({_NUMBERS}){_B}\)"
    rf"|\bchr\({_B}({_NUMBERS}){_B}\)"
)
_JOINS: Final = lazy(
    rf"\[{_B}({_LIST}){_B}\]\.join(?:\({_B}({_S})?{_B}\))?|\b(?:implode|join)\({_B}({_S}){_B},{_B}[\[(]?{_B}({_LIST}){_B}[\])]?"
    rf"{_B}\)|\btable\.concat\({_B}\{{{_B}({_LIST}){_B}\}}{_B}(?:,{_B}({_S}){_B})?\)"
)
_WORD_JOINS: Final = lazy(
    rf"%[wW]([\[({{<])([^\])}}>|\"']{{0,300}})[\])}}>]\.join(?:\({_B}({_S})?{_B}\))?"
    rf"|\bjoin\({_B}({_S}){_B},{_B}qw[\[({{/]([^\])}}/\"']{{0,300}})[\])}}/]{_B}\)"
)
_REPLACED: Final = lazy(rf"({_S})\.(?:replace(?:All)?|gsub|sub)\({_B}({_S}){_B},{_B}({_S}){_B}\)")
_PHP_REPLACED: Final = lazy(rf"\bstr_replace\({_B}({_S}){_B},{_B}({_S}){_B},{_B}({_S}){_B}\)")
_SENT: Final = lazy(
    rf"\.(?:public_send|__send__|send|method)\({_B}[:]?({_S})(?:\.to_sym|\.intern)?{_B}(?:,{_B}|(\)))"
)
_APPLIED: Final = lazy(
    rf"\bcall_user_func(?:_array)?\({_B}(['\"])(\w{{1,60}})\1{_B},{_B}"
    rf"|\bmethod\({_B}[:'\"](\w{{1,60}})['\"]?{_B}\)\.call\("
)
_MEMBER: Final = lazy(rf"([\w)])\[{_B}(['\"])([A-Za-z_]\w{{0,40}})\2{_B}\]{_B}\(")
_NAMED: Final = lazy(rf"\((['\"])([a-z_]\w{{1,40}})\1\){_B}\((?=['\"])")
_SET: Final = lazy(
    rf"(?<![\w.$\[])((?:\$|@)?[A-Za-z_]\w{{0,40}}){_B}:?={_B}({_S}){_B}(?=[;,\n)}}]|$|\bin\b)"
)
_SHOWN: Final = lazy(
    rf"(\b(?:check|judge|classify|scan|inspect|puts|p|print|println|printf|echo|say|console\.(?:log|error|warn)|log|warn"
    rf"|info|debug|assert_\w{{1,30}}|expect|describe|it|test|include\?|match\??|refute|lint|parse|tokenize|highlight"
    rf"|is_dangerous|analyze)\s{{0,9}}\(?\s{{0,9}})(?:{_S})(?=\s{{0,9}}(?:[);,\n}}]|$|\.(?:inspect|to_s)))"
)
_MAKERS = (
    r"(?:base64|decode|unpack|rot13|strrev|\breverse|\bjoin\b|implode|concat|\bchr\b|fromCharCode|replace|gsub|\btr/|\by/"
    r"|\bpack\b|inflate|uncompress|gunzip|Buffer\.from|\batob|hex2bin|string\.char|codepoint|xor)"
)
_MADE: Final = lazy(
    rf"(?<![\w.])(?:eval|exec|system|passthru|shell_exec|popen|execSync|spawnSync|assert"
    rf"|create_function|loadstring|instance_eval|class_eval|call_user_func(?:_array)?|new Function"
    rf"|Code\.eval_string|include|dofile)"
    rf"\b\s{{0,9}}\(?[^;\n]{{0,200}}?{_MAKERS}"
    rf"|(\$\w{{1,40}})\s{{0,9}}=[^;\n]{{0,300}}{_MAKERS}[^;\n]{{0,900}};[^\n]{{0,900}}?(?:(?<![\w>])\1\s{{0,9}}\("
    rf"|\beval\s{{0,9}}\(?\s{{0,9}}\1)"
    r"|\b(?:globalThis|global|window|process|this|_G|Kernel|Reflect)\s{0,9}\[(?!\s{0,9}['\"\d])[^\]]{1,200}\]\s{0,9}\("
    r"|\&\{\s{0,9}(?:\\\s{0,9}&\s{0,9}\{)?\s{0,9}[\"$]|\&\$\w{1,40}\s{0,9}\(|\*\{\s{0,9}\""
    rf"|\.(?:public_send|__send__|send|const_get|instance_eval)\(?\s{{0,9}}(?![:'\"\s)])[^;\n]{{0,200}}?{_MAKERS}"
    rf"|\bapply\([^;\n]{{0,200}}?{_MAKERS}",
    re.IGNORECASE,
)


def spell(code: str) -> str:
    """The code with texts in the places of the constant calls that spell them."""
    if len(code) > _MAX_CODE or ("(" not in code and "%w" not in code and "qw" not in code):
        return code
    for _ in range(_ROUNDS):
        before = code
        code = _JOINED.sub("", code)
        code = _HEX.sub(lambda m: _readable(_unhex(_first(m)), m[0]), code)
        code = _BASE64.sub(lambda m: _readable(_unbase64(_first(m)), m[0]), code)
        code = _ROT.sub(lambda m: _quote(codecs.encode(_first(m), "rot13")), code)
        code = _CODES.sub(_from_codes, code)
        code = _WORD_JOINS.sub(_joined_words, code)
        code = _JOINS.sub(_joined, code)
        code = _REVERSED.sub(lambda m: _quote(_first(m)[::-1]), code)
        code = _REPLACED.sub(lambda m: _swapped(m, 1, 2, 3), code)
        code = _PHP_REPLACED.sub(lambda m: _swapped(m, 3, 1, 2), code)
        code = _put(code)
        if code == before or len(code) > _MAX_CODE:
            break
    code = _APPLIED.sub(lambda m: f"{m[2] or m[3]}(", _SENT.sub(_called, code))
    code = _MEMBER.sub(r"\1.\3(", code)
    return _NAMED.sub(r"\2(", code)


def mute(code: str) -> str:
    """The code without texts that look like code and that are only printed, compared or judged."""
    if len(code) > _MAX_CODE:
        return code
    return _SHOWN.sub(lambda m: m[1] + "''", code)


def is_made(code: str) -> bool:
    """Whether code runs what it puts together itself, or calls by a name that it puts together."""
    return _MADE.search(code) is not None


def _called(match: re.Match[str]) -> str:
    """A method that is called by its name, as if it were written so."""
    name = re.sub(r"\W", "", match[1])
    return f".{name}" if match[2] else f".{name}("


def _first(match: re.Match[str]) -> str:
    return _plain(next(group for group in match.groups() if group))


def _plain(written: str) -> str:
    """The text between quotes."""
    text = written[1:-1]
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text and "\\x" not in text else text


def _quote(text: str) -> str:
    sign = '"' if "'" in text else "'"
    return sign + text[:_MAX_TEXT].replace("\\", "\\\\").replace(sign, "\\" + sign) + sign


def _readable(data: bytes, written: str) -> str:
    """Bytes as the text that they are; as they were written where they are none."""
    text = data.decode("utf-8", "replace")
    return _quote(text) if text.replace("\n", "").isprintable() and text else written


def _unhex(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _unbase64(text: str) -> bytes:
    plain = text.translate({45: 43, 95: 47}).rstrip("=")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (ValueError, binascii.Error):
        return b""
    if data[:2] == b"\x1f\x8b":
        try:
            return zlib.decompressobj(31).decompress(data, _MAX_TEXT)
        except zlib.error:
            return b""
    return data


def _from_codes(match: re.Match[str]) -> str:
    numbers = next(group for group in match.groups() if group)
    codes = [int(code, 0) for code in re.findall(r"0x[0-9a-fA-F]+|[1-9]\d*", numbers)]
    return _quote("".join(chr(code) for code in codes if 0 < code <= _MAX_POINT))


def _joined(match: re.Match[str]) -> str:
    if match[1] is not None:
        listed, joint = match[1], match[2] or ("" if match[0].endswith(".join") else "','")
        joint = joint if match[2] or not match[0].endswith("()") else "','"
    elif match[4] is not None:
        listed, joint = match[4], match[3]
    else:
        listed, joint = match[5], match[6] or "''"
    return _quote((_plain(joint) if joint else "").join(map(_plain, _TEXT.findall(listed))))


def _joined_words(match: re.Match[str]) -> str:
    words, joint = (match[2], match[3]) if match[2] is not None else (match[5], match[4])
    return _quote((_plain(joint) if joint else "").join(words.split()))


def _swapped(match: re.Match[str], text: int, old: int, new: int) -> str:
    found = _plain(match[old])
    whole = _plain(match[text])
    return _quote(whole.replace(found, _plain(match[new])) if found else whole)


def _put(code: str) -> str:
    """Put texts that are assigned once where their variables are called, joined or looked up."""
    values: dict[str, str] = {}
    twice = set()
    for match in list(_SET.finditer(code))[:_MAX_SETS]:
        if match[1] in values:
            twice.add(match[1])
        values[match[1]] = match[2]
    for name, value in values.items():
        if name in twice:
            continue
        bare = re.escape(name)
        called = rf"(?<![\w$@.])(?:\(\s{{0,9}}{bare}\s{{0,9}}\)|{bare})(?=\s{{0,9}}\()"
        text = _plain(value)
        if re.fullmatch(r"[A-Za-z_][\w.:]{0,60}", text) and name[0] == "$":
            code = re.sub(called, text, code)
        used = rf"(?<![\w$@.'\"]){bare}(?=\s{{0,9}}(?:[\])+,]|\.(?!\w)))(?!\s{{0,9}}=)"
        code = re.sub(used, value.replace("\\", "\\\\"), code)[:_MAX_CODE]
    return code
