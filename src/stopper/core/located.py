"""Values that know where they were written, so that every complaint about one can say it."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

import yaml
from msgspec import Struct

from stopper.errors import SettingsError

__all__ = ["MAX_BYTES", "MAX_SHOWN", "Located", "meant", "read_texts", "read_yaml"]

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 4
MAX_SHOWN: Final = 60
_UNUSED: Final = {
    yaml.AnchorToken: "anchors are not used here; put a text that starts with & in quotes",
    yaml.AliasToken: "aliases are not used here; put a text that starts with * in quotes",
    yaml.TagToken: "tags are not used here; put a text that starts with ! in quotes",
    yaml.DirectiveToken: "directives are not used here",
}
_OPENS: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSES: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class Located(Struct, frozen=True):
    """A text, a list or a map as it was written; None where a key has nothing behind it.

    `place` is `FILE:LINE:COLUMN`, a variable or a flag; `name` is the setting's, with dots;
    `key_place` is where its key stands. One that `is_secret` is shown by no complaint.
    """

    place: str
    name: str
    content: "str | tuple[Located, ...] | dict[str, Located] | None"
    key_place: str = ""
    is_secret: bool = False

    def fault(self, allowed: str) -> SettingsError:
        """The complaint about this value: where it is, what was read, what is allowed instead."""
        name = f"{self.name}: " if self.name else ""
        return SettingsError(f"{self.place}: {name}read {self._shown()}; {allowed}")

    def unknown_key(self, known: Iterable[str], kind: str) -> SettingsError:
        """The complaint about this value's key, with the known ones and the one that was meant."""
        key, names = self.name.rpartition(".")[2], sorted(known)
        return SettingsError(
            f"{self.key_place or self.place}: read {key[:MAX_SHOWN]!r}, which is no {kind}"
            f"{meant(key, names)}; allowed: {', '.join(names)}"
        )

    def text(self, allowed: str) -> str:
        """The text, or the complaint that one is needed."""
        if isinstance(self.content, str):
            return self.content
        raise self.fault(allowed)

    def items(self) -> "tuple[Located, ...]":
        """The elements of a list; a single text is a list of one, and nothing an empty one."""
        match self.content:
            case None:
                return ()
            case tuple():
                return self.content
            case str():
                return (self,)
            case _:
                raise self.fault("write a list")

    def fields(self, allowed: str) -> "dict[str, Located]":
        """The map, empty where nothing was written."""
        if self.content is None:
            return {}
        if isinstance(self.content, dict):
            return self.content
        raise self.fault(allowed)

    def _shown(self) -> str:
        match self.content:
            case None:
                return "nothing"
            case str() if self.is_secret:
                return "a text (not shown, since it may be a secret)"
            case str() if "@" in self.content:
                return "a text with an @ (not shown, since it may hold a password)"
            case str() if len(self.content) > MAX_SHOWN:
                return f"{self.content[:MAX_SHOWN]!r} and more"
            case str():
                return repr(self.content)
            case tuple():
                return "a list"
            case _:
                return "a map"


def meant(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'budget'?` where a known word is close, otherwise nothing."""
    close = get_close_matches(word.lower()[:MAX_SHOWN], known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def read_texts(place: str, name: str, given: str | Sequence[str]) -> Located:
    """The value of a flag: one text, or a list where the flag may be repeated."""
    if isinstance(given, str):
        return Located(place, name, given)
    return Located(place, name, tuple(Located(place, name, text) for text in given))


def read_yaml(text: str, source: str, name: str = "") -> Located:
    """Read one YAML document of plain maps, lists and texts; anything else is a SettingsError.

    Anchors, aliases, tags, directives and repeated keys are refused. Nothing is converted: a
    number stays the text that was written.
    """
    if len(text) > MAX_BYTES:
        raise SettingsError(f"{source}: longer than {MAX_BYTES} characters; make it shorter")
    try:
        _check_tokens(text, source)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        place = _place(source, *_line_and_column(text, error.position))
        raise SettingsError(f"{place}: a character that YAML does not allow; remove it") from None
    except yaml.MarkedYAMLError as error:
        raise SettingsError(_unreadable(error, source)) from None
    return Located(source, name, None) if node is None else _locate(node, source, name)


def _check_tokens(text: str, source: str) -> None:
    """Refuse what settings do not use before anything recursive looks at the text."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        place = _mark(source, token.start_mark)
        if type(token) in _UNUSED:
            raise SettingsError(f"{place}: {_UNUSED[type(token)]}")
        depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
        if depth > MAX_DEPTH:
            raise SettingsError(f"{place}: nested more than {MAX_DEPTH} deep, as no setting is")


def _locate(node: yaml.Node, source: str, name: str, key_place: str = "") -> Located:
    place = _mark(source, node.start_mark)
    match node:
        case yaml.ScalarNode(tag="tag:yaml.org,2002:null"):
            return Located(place, name, None, key_place)
        case yaml.ScalarNode():
            return Located(place, name, str(node.value), key_place)
        case yaml.SequenceNode():
            items = tuple(_locate(item, source, name) for item in node.value)
            return Located(place, name, items, key_place)
        case _:
            return Located(place, name, _locate_fields(node, source, name), key_place)


def _locate_fields(node: yaml.Node, source: str, name: str) -> dict[str, Located]:
    fields: dict[str, Located] = {}
    for key_node, value_node in node.value:
        place = _mark(source, key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            raise SettingsError(f"{place}: a key that is no text; write KEY: VALUE")
        key = str(key_node.value)
        if key in fields:
            raise SettingsError(
                f"{place}: {key[:MAX_SHOWN]!r} stands here twice, first at "
                f"{fields[key].key_place}; keep one"
            )
        fields[key] = _locate(value_node, source, f"{name}.{key}" if name else key, place)
    return fields


def _unreadable(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    place = source if mark is None else _mark(source, mark)
    if error.context == "while scanning an alias":
        return f"{place}: {_UNUSED[yaml.AliasToken]}"
    return f"{place}: not readable as YAML ({error.problem or error.context}); mend this line"


def _mark(source: str, mark: yaml.Mark) -> str:
    return _place(source, mark.line, mark.column)


def _place(source: str, line: int, column: int) -> str:
    return f"{source}:{line + 1}:{column + 1}"


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n"), position - (before.rfind("\n") + 1)
