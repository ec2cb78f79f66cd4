"""Texts in code of any language: which it calls by, which it makes and runs, and which it shows."""

import re
from typing import Final

from stopper.detect.commands.folds import fold_code
from stopper.detect.lazy import lazy

__all__ = ["blank_patterns", "call_plainly", "is_made", "mute", "name_attributes", "unalias"]

_MAX_CODE: Final = 65_536
_MAX_SETS: Final = 32
_B = r"\s{0,9}"
_S = r"(?:\"(?:[^\"\\\n$]|\\.){0,4000}\"|'(?:[^'\\\n]|\\.){0,4000}')"
_SENT: Final = lazy(
    rf"\.(?:public_send|__send__|send|method)\({_B}[:]?({_S})(?:\.to_sym|\.intern)?{_B}(?:,{_B}|(\)))"
)
_APPLIED: Final = lazy(
    rf"\bcall_user_func(?:_array)?\({_B}(['\"])(\w{{1,60}})\1{_B},{_B}"
    rf"|\bmethod\({_B}[:'\"](\w{{1,60}})['\"]?{_B}\)\.call\("
)
_MEMBER: Final = lazy(rf"([\w)])\[{_B}(['\"])([A-Za-z_]\w{{0,40}})\2{_B}\]{_B}\(")
_TAKERS: Final = lazy(r"getattr|methodcaller")
_ASKED: Final = lazy(r"\.__getattr(?:ibute)?__\(\s{0,9}+['\"](\w{1,40}+)['\"]\s{0,9}+\)")
_CALLER: Final = lazy(r"\bmethodcaller\(\s{0,9}+['\"](\w{1,40}+)['\"]")
_TEXTS = r"((?:['\"]\w{1,40}+['\"]\s{0,9}+(?:\+\s{0,9}+)?+){1,9}+)"
_TAKEN: Final = lazy(rf",\s{{0,9}}+{_TEXTS}\)\s{{0,9}}+\(")
"""The name of what `getattr` gives, which is called."""
_KEPT: Final = lazy(rf"\bgetattr\(([^,\n]{{1,200}}+),\s{{0,9}}+{_TEXTS}\)")
"""The name of what `getattr` gives, which is called later."""
_WORDS: Final = lazy(r"\w{1,40}+")
_NAMED: Final = lazy(rf"\((['\"])([a-z_]\w{{1,40}})\1\){_B}\((?=['\"])")
_SET: Final = lazy(
    rf"(?<![\w.$\[])((?:\$|@)?[A-Za-z_]\w{{0,40}}){_B}:?={_B}({_S}){_B}(?=[;,\n)}}]|$|\bin\b)"
)
_NAME: Final = lazy(r"[A-Za-z_][\w.:]{0,60}")
_SHOWN: Final = lazy(
    rf"(\b(?:check|judge|classify|scan|inspect|puts|p|print|println|printf|echo|say|console\.(?:log|error|warn)|log|warn"
    rf"|info|debug|assert_\w{{1,30}}|expect|describe|it|test|include\?|match\??|refute|lint|parse|tokenize|highlight"
    rf"|is_dangerous|analyze)\s{{0,9}}\(?\s{{0,9}})(?:{_S})(?=\s{{0,9}}(?:[);,\n}}]|$|\.(?:inspect|to_s)))"
)
_RUNNERS = r"(execSync|execFileSync|execFile|exec|spawnSync|spawn|system|popen|fork|eval)"
_RUNNER: Final = lazy(_RUNNERS)
_ALIASED: Final = lazy(
    rf"[{{,]{_B}{_RUNNERS}(?:{_B}:{_B}|\s{{1,9}}as\s{{1,9}})([A-Za-z_]\w{{0,40}}){_B}(?=[,}}])"
    rf"|\b([A-Za-z_]\w{{0,40}}){_B}={_B}[\w.()\"':]{{0,60}}\.{_RUNNERS}{_B}(?=[;,\n)]|$)"
    rf"|\b([A-Za-z_]\w{{0,40}}){_B}={_B}method\({_B}[:'\"]{_RUNNERS}['\"]?{_B}\)"
    rf"|\b(?:def|function)\s{{1,9}}([A-Za-z_]\w{{0,40}}){_B}\(?{_B}\w{{1,40}}{_B}\)?{_B}[={{;\n]?{_B}"
    rf"(?:return\s{{1,9}})?(?:[\w.()\"':]{{0,60}}\.)?{_RUNNERS}{_B}\("
    rf"|\b([A-Za-z_]\w{{0,40}}){_B}={_B}\(?{_B}\w{{1,40}}{_B}\)?{_B}=>{_B}(?:\{{{_B}(?:return\s{{1,9}})?)?"
    rf"(?:[\w.()\"':]{{0,60}}\.)?{_RUNNERS}{_B}\("
    rf"|\balias(?:_method)?\s{{1,9}}:?([A-Za-z_]\w{{0,40}}),?\s{{1,9}}:?{_RUNNERS}\b"
)
_SOUGHT: Final = lazy(
    r"(\bre\.(?:findall|finditer|search|match|fullmatch|compile|split|sub)\(\s{0,9})"
    r"r?(?:'[^'\n]{0,400}'|\"[^\"\n]{0,400}\")(?=\s{0,9}[,)])"
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
    rf"|\.(?:public_send|__send__|send|const_get|instance_eval)\(?\s{{0,9}}(?![:'\"\s)])[^;\n]{{0,200}}?{_MAKERS}"
    rf"|\bapply\([^;\n]{{0,200}}?{_MAKERS}",
    re.IGNORECASE,
)
_MAKER: Final = lazy(_MAKERS, re.IGNORECASE)
_BY_NAME: Final = lazy(
    r"\b(?:globalThis|global|window|process|this|_G|Kernel|Reflect)\s{0,9}\[(?!\s{0,9}['\"\d])[^\]]{1,200}\]\s{0,9}\("
    r"|\&\{\s{0,9}(?:\\\s{0,9}&\s{0,9}\{)?\s{0,9}[\"$]|\&\$\w{1,40}\s{0,9}\(|\*\{\s{0,9}\"",
    re.IGNORECASE,
)


def call_plainly(code: str) -> str:
    """The code with each call by a text, or by a variable that holds one, as a plain call."""
    if len(code) > _MAX_CODE or "(" not in code:
        return code
    code = _APPLIED.sub(lambda m: f"{m[2] or m[3]}(", _SENT.sub(_called, _put(code)))
    code = _MEMBER.sub(r"\1.\3(", code)
    return _NAMED.sub(r"\2(", code)


def name_attributes(code: str) -> str:
    """The code with the attributes that `getattr` is told to call behind what it takes."""
    if len(code) > _MAX_CODE or _TAKERS.search(code) is None:
        return code
    code = _ASKED.sub(r".\1", _CALLER.sub(r".\1(", fold_code(code)))
    code = _TAKEN.sub(lambda m: f").{_joined(m[1])}(", code)
    return _KEPT.sub(lambda m: f"{m[1]}.{_joined(m[2])}(", code)


def _joined(texts: str) -> str:
    """What texts are that are added up."""
    return "".join(_WORDS.findall(texts))


def unalias(code: str) -> str:
    """The code with calls that run commands under their own names, where it gives them others."""
    if len(code) > _MAX_CODE:
        return code
    for match in list(_ALIASED.finditer(code))[:_MAX_SETS]:
        first, second = (group for group in match.groups() if group is not None)
        name, other = (second, first) if _RUNNER.fullmatch(second) else (first, second)
        called = rf"(?<![\w$.]){other}(?:\.call|\.)?(?=\s{{0,9}}[(\"'`])"
        code = re.sub(called, name, code)[:_MAX_CODE]
    return code


def mute(code: str) -> str:
    """The code without texts that look like code and that are only printed, compared or judged."""
    if len(code) > _MAX_CODE:
        return code
    return _SHOWN.sub(lambda m: m[1] + "''", code)


def blank_patterns(code: str) -> str:
    """Python code without the patterns that it only seeks in texts."""
    if len(code) > _MAX_CODE or ".pattern" in code:
        return code
    return _SOUGHT.sub(lambda m: m[1] + "''", code)


def is_made(code: str) -> bool:
    """Whether code runs what it puts together itself, or calls by a name that it puts together."""
    if _MAKER.search(code) and _MADE.search(code):
        return True
    return _BY_NAME.search(code) is not None


def _called(match: re.Match[str]) -> str:
    """A method that is called by its name, as if it were written so."""
    name = re.sub(r"\W", "", match[1])
    return f".{name}" if match[2] else f".{name}("


def _put(code: str) -> str:
    """Put names that are assigned once where their variables are called."""
    values: dict[str, str] = {}
    twice = set()
    for match in list(_SET.finditer(code))[:_MAX_SETS]:
        if match[1] in values:
            twice.add(match[1])
        values[match[1]] = match[2][1:-1]
    for name, value in values.items():
        if name[0] == "$" and name not in twice and _NAME.fullmatch(value):
            bare = re.escape(name)
            called = rf"(?<![\w$@.])(?:\(\s{{0,9}}{bare}\s{{0,9}}\)|{bare})(?=\s{{0,9}}\()"
            code = re.sub(called, value, code)[:_MAX_CODE]
    return code
