"""Words as a shell reads them: quotes, escapes, braces, parameters and substitutions undone."""

import re
import sys
from collections.abc import Iterable
from typing import Protocol

from stopper.detect.commands.braces import MAX_WORDS, expand_braces
from stopper.detect.commands.parameters import expand_parameter
from stopper.detect.commands.source import read_source
from stopper.detect.commands.taint import UNKNOWN

__all__ = ["MAX_WORDS", "Expander", "World", "ansi_c"]


_MARKS = 3
"""The last character that is a mark."""
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,\-][A-Za-z0-9_./:@%+=,\-~^\]]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"([^"\\$`]*)"')
_RUN = re.compile(r"[^\\'\"$`<>]+")
_RUN_QUOTED = re.compile(r'[^\\"$`]+')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!\-]")
_TILDE = re.compile(r"~([A-Za-z_][\w-]*|\+|-|)(?=/|$)")
_SUM = re.compile(r"(0|[1-9]\d{0,8})\s{0,9}([-+*])\s{0,9}(0|[1-9]\d{0,8})")
"""Arithmetic that spells a number; with a zero before it, a number is octal."""
_ANSI = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))",
    re.DOTALL,
)
_ANSI_LETTERS = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b",
    "f": "\f", "v": "\v",
}  # fmt: skip
_NEST = re.compile(r"\\.|\$'(?:[^'\\]|\\.)*'|'|\"|`|\$?\(\(?|\)|\$\{|\}", re.DOTALL)


class World(Protocol):
    """What an expansion asks of the shell that it happens in."""

    def look_up(self, name: str) -> str | None:
        """A variable's value with its marks, or None where it is known to be unset."""

    def look_up_all(self, name: str) -> list[str] | None:
        """An array's values, or all positional parameters for `@`."""

    def assign(self, name: str, value: str) -> None:
        """Set a variable, as `${x:=y}` does."""

    def substitute(self, text: str) -> str:
        """What a command substitution prints."""

    def open_process(self, text: str, sign: str) -> str:
        """The path that a process substitution becomes."""

    def doubt(self, part: str, reason: str) -> None:
        """Note that a part is not judged."""

    def cut(self, text: str) -> str:
        """A text no longer than is followed."""


def ansi_c(text: str) -> str:
    r"""Undo the escapes of `$'...'`, which are also those of `printf` and `echo -e`."""

    def char(match: re.Match[str]) -> str:
        x, u, long, octal, control, letter = match.groups()
        if letter is not None:
            return _ANSI_LETTERS.get(letter, letter if letter in "\\'\"?" else "\\" + letter)
        if control is not None:
            return chr(ord(control) & 31)
        code = int(octal, 8) & 255 if octal else int(x or u or long, 16)
        return chr(code) if _MARKS < code <= sys.maxunicode else UNKNOWN

    return _ANSI.sub(char, text)


class Expander:
    """Expands words in one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def all_fields(self, words: Iterable[str]) -> list[str]:
        """The words that all these words of the text become."""
        found: list[str] = []
        for raw in words:
            if _PLAIN.fullmatch(raw):
                found.append(raw)
            else:
                found += self.fields(raw)
        return found

    def fields(self, raw: str) -> list[str]:
        """The words that one word of the text becomes."""
        if _PLAIN.fullmatch(raw):
            return [raw]
        quoted = _SINGLE.fullmatch(raw) or _DOUBLE.fullmatch(raw)
        if quoted is not None:
            return [quoted[1]]
        found: list[str] = []
        for word in expand_braces(raw):
            found += self._split(word)
        if len(found) >= MAX_WORDS:
            self._world.doubt("more words than are judged", "command.budget")
        return found

    def text(self, raw: str) -> str:
        """A word that does not split, as in an assignment or behind a redirection."""
        if _PLAIN.fullmatch(raw):
            return raw
        return self._world.cut("".join(part for part, _ in self._parts(raw)))

    def heredoc(self, body: str) -> str:
        """A here-document whose tag was not quoted."""
        if "$" not in body and "`" not in body and "\\" not in body:
            return body
        return self._world.cut(
            "".join(part for part, _ in self._quoted(body, body, stops=False)[0])
        )

    def _split(self, raw: str) -> list[str]:
        """Split what came from unquoted expansions at white space, or at IFS where it is set."""
        separators = self._world.look_up("IFS")
        separators = " \t\n" if separators is None or UNKNOWN in separators else separators
        words: list[str] = []
        current: str | None = None
        for part, splits in self._parts(raw):
            if splits == "@":
                current = _spread(part.split("\x04"), current, words)
            elif not splits or not separators or not any(s in part for s in separators):
                if part or not splits:
                    current = (current or "") + part
            else:
                pieces = re.split(f"[{re.escape(separators)}]+", part)
                current = _spread(pieces, current, words)
        if current is not None:
            words.append(self._world.cut(current))
        return words

    def _parts(self, raw: str) -> list[tuple[str, str]]:
        """Literal and expanded pieces; the second says how a piece splits: not, `$` or `@`."""
        parts: list[tuple[str, str]] = []
        shadow = read_source(raw).shadow if "<<" in raw else raw
        place = 0
        tilde = _TILDE.match(raw)
        if tilde is not None:
            parts.append((self._home(tilde[1]), ""))
            place = tilde.end()
        while place < len(raw):
            char = raw[place]
            run = _RUN.match(raw, place)
            if run is not None:
                parts.append((run[0], ""))
                place = run.end()
            elif char == "\\":
                parts.append((raw[place + 1 : place + 2].replace("\n", ""), ""))
                place += 2
            elif char == "'":
                end = _find(raw, "'", place + 1)
                parts.append((raw[place + 1 : end], ""))
                place = end + 1
            elif char == '"':
                more, place = self._quoted(raw, shadow, place + 1)
                parts += [*more, ("", "")]
            elif char in "<>" and raw.startswith("(", place + 1):
                end = _closing(shadow, place + 2)
                parts.append((self._world.open_process(raw[place + 2 : end], char), ""))
                place = end + 1
            else:
                piece, place = self._dollar(raw, shadow, place, quoted=False)
                parts.append(piece)
        return parts

    def _quoted(
        self, raw: str, shadow: str, place: int = 0, *, stops: bool = True
    ) -> tuple[list[tuple[str, str]], int]:
        parts: list[tuple[str, str]] = []
        while place < len(raw):
            char = raw[place]
            run = _RUN_QUOTED.match(raw, place)
            if run is not None:
                parts.append((run[0], ""))
                place = run.end()
            elif char == '"':
                if stops:
                    return parts, place + 1
                parts.append((char, ""))
                place += 1
            elif char == "\\":
                after = raw[place + 1 : place + 2]
                kept = after if after in '$`"\\' else "" if after == "\n" else "\\" + after
                parts.append((kept, ""))
                place += 2
            else:
                piece, place = self._dollar(raw, shadow, place, quoted=True)
                parts.append(piece)
        return parts, place

    def _dollar(
        self, raw: str, shadow: str, place: int, *, quoted: bool
    ) -> tuple[tuple[str, str], int]:
        """One expansion that begins at `place`, and where it ends."""
        splits = "" if quoted else "$"
        if raw[place] == "`":
            end = _find_backtick(raw, place + 1)
            inside = re.sub(r"\\([$`\\])", r"\1", raw[place + 1 : end])
            return (self._world.substitute(inside), splits), end + 1
        if raw[place] != "$":
            return (raw[place], ""), place + 1
        after = raw[place + 1 : place + 2]
        if after == "(":
            if raw.startswith("((", place + 1):
                end = _closing(shadow, place + 3)
                if raw.startswith(")", end + 1):
                    return (self._arithmetic(raw[place + 3 : end]), ""), end + 2
            end = _closing(shadow, place + 2)
            return (self._world.substitute(raw[place + 2 : end]), splits), end + 1
        if after == "{":
            end = _closing(shadow, place + 2, "}")
            value = expand_parameter(raw[place + 2 : end], self._world, self.text)
            return (value[0], value[1] or splits), end + 1
        if after == "'" and not quoted:
            match = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL).match(raw, place + 2)
            end = match.end() if match else len(raw)
            return (ansi_c(raw[place + 2 : end]), ""), end + 1
        if after == '"' and not quoted:
            return ("", ""), place + 1
        name = _NAME.match(raw, place + 1)
        if name is None:
            return ("$", ""), place + 1
        value = expand_parameter(name[0], self._world, self.text)
        return (value[0], value[1] or splits), name.end()

    def _arithmetic(self, text: str) -> str:
        text = text.strip()
        if text.isdigit():
            return text
        found = _SUM.fullmatch(text)
        if found is None:
            return UNKNOWN
        left, right = int(found[1]), int(found[3])
        return str({"+": left + right, "-": left - right, "*": left * right}[found[2]])

    def _home(self, who: str) -> str:
        home = self._world.look_up("HOME") or UNKNOWN
        if who == "":
            return home
        if who in "+-":
            return self._world.look_up("PWD" if who == "+" else "OLDPWD") or UNKNOWN
        return "/root" if who == "root" else f"/home/{who}"


def _spread(pieces: list[str], current: str | None, words: list[str]) -> str | None:
    """Add pieces that each begin a word, but for the first; the last is the new current word."""
    for number, piece in enumerate(pieces):
        if number and current is not None:
            words.append(current)
            current = None
        if piece:
            current = (current or "") + piece
    return current


def _closing(raw: str, place: int, sign: str = ")") -> int:
    """Where the bracket closes that was opened before `place`; the end, where it never does."""
    stack = [sign]
    while (match := _NEST.search(raw, place)) is not None:
        found, place = match[0], match.end()
        top = stack[-1]
        if found == top:
            stack.pop()
            if not stack:
                return match.start()
        elif found == "'" and top != '"':
            place = _find(raw, "'", place) + 1
        elif found in {'"', "`"}:
            stack.append(found)
        elif found in {"$(", "(", "$((", "(("} and (top != '"' or found[0] == "$"):
            stack += [")"] * (2 if found.endswith("((") else 1)
        elif found == "${":
            stack.append("}")
    return len(raw)


def _find(raw: str, sign: str, place: int) -> int:
    end = raw.find(sign, place)
    return len(raw) if end < 0 else end


_BACKTICK = re.compile(r"(?:[^`\\]|\\.)*", re.DOTALL)


def _find_backtick(raw: str, place: int) -> int:
    match = _BACKTICK.match(raw, place)
    return match.end() if match else len(raw)
