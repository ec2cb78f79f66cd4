"""Secrets replaced by marks, in texts and in values of any shape; JSON stays JSON."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import islice, takewhile
from operator import itemgetter
from typing import Any, Final, TypeVar

from msgspec import Struct

from stopper.detect.assigned import without_values
from stopper.detect.budget import Budget
from stopper.detect.engine import Engine, engine_for
from stopper.detect.finding import RANK, Finding, Severity, Tier
from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.jsontext import Cut, Edit, has_end, marked, merged
from stopper.detect.known import KnownValues
from stopper.detect.objects import MAX_DEPTH, distinct, is_number, of_kind, restored, written
from stopper.detect.pattern import may_hold, parse, secret_of
from stopper.detect.rules import Rule
from stopper.detect.secrets import Detector

__all__ = ["MAX_DEPTH", "Redactor", "SecretPattern", "mark_name"]

_ROUNDS: Final = 4
_KEY: Final = b"redaction"
_MAX_KEY: Final = 64
_TAG_BYTES: Final = 4
_MARK = re.compile(r"\[REDACTED:([A-Za-z0-9_.-]{1,64})(?:#[0-9a-f]{8})?\]")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LIKELY = re.compile(r"[A-Z0-9_.-]{1,64}")
_TAIL = re.compile(r"[A-Za-z0-9_-]*")
_UNQUOTED = str.maketrans(dict.fromkeys("\"'\\", "x"))
_OWN: Final = "pattern"
_OURS: Final = frozenset({"ENV_VAR", "UNPROVABLE", "TOO_DEEP", "UNSETTLED"})

_T = TypeVar("_T")


class SecretPattern(Struct, frozen=True):
    """A kind of secret of one's own: all that the regular expression `pattern` matches.

    `name` stands in the mark: letters, digits, `_`, `.` and `-`. ValueError says what does not
    read; a pattern that matches nothing at all would mark every place, and is refused.
    """

    name: str
    pattern: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("the name of a pattern is 1 to 64 letters, digits, '_', '.' and '-'")
        try:
            empty = re.compile(self.pattern).match("")
        except re.error as error:
            raise ValueError(f"pattern {self.name} does not read: {error}") from error
        if empty:
            raise ValueError(f"pattern {self.name} matches an empty text")


class Redactor:
    """Replaces every secret by `[REDACTED:NAME]`, and changes nothing else.

    Without `patterns` it uses `detector`, or else the rules that ship with Stopper; with them it
    knows only these, unless a detector is given too. `known` adds the secrets of a bottle. With
    `key` a mark ends in `#` and eight digits, which are equal for equal secrets and cannot be
    guessed without it. What `ignore` is true for stays. Encoded secrets are replaced as they
    stand. A text that `budget` does not suffice for, since its encodings nest too deeply or it
    holds thousands of secrets, is replaced as a whole. An empty `key` is a ValueError.
    """

    def __init__(
        self,
        patterns: Iterable[SecretPattern] | None = None,
        *,
        detector: Detector | None = None,
        known: KnownValues | None = None,
        key: bytes | None = None,
        ignore: Callable[[Finding], bool] = lambda _: False,
        budget: Budget | None = None,
    ) -> None:
        if key is not None and not key:
            raise ValueError("a redactor's key for its tags is empty: without one, give None")
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._removed: set[str] = set()
        if detector is None and patterns is None:
            detector = packaged_detector(_KEY)
        self._detector = detector
        self._known = known
        self._inspector = Inspector(detector, known, budget) if detector or known else None
        self._key = key
        self._ignore = ignore
        for pattern in patterns or ():
            self.add_pattern(pattern)

    def add_pattern(self, pattern: SecretPattern) -> None:
        """Look for `pattern` as well, in this redactor only; it replaces one of the same name.

        A rule of that name is not touched: where it was removed, it stays so.
        """
        self._patterns[pattern.name] = re.compile(pattern.pattern)

    def remove_pattern(self, name: str) -> bool:
        """Stop marking what is marked by `name`, in this redactor only; whether it was known."""
        if self._patterns.pop(name, None):
            return True
        known = name in self._rule_names() and name not in self._removed
        if known:
            self._removed.add(name)
        return known

    def redact(self, value: _T) -> _T:
        """The same without its secrets: str, bytes, and dicts, lists, tuples and sets of them.

        Keys of dicts are redacted too, and a number that is a secret becomes a mark. What is of
        another type is returned as it is, and a text without secrets is the very same object. What
        nests deeper than `MAX_DEPTH` is replaced as a whole.
        """
        redacted: _T = self._any(self._across(value), 0)
        return redacted

    def cuts(self, data: bytes) -> Sequence[Cut] | None:
        """What `redact` replaces in `data`, by bytes, in order and disjoint; None for all of it.

        For those that redact in parts; where JSON has to stay JSON, `marked` makes these cuts.
        """
        findings, is_sure = self._findings(data)
        return self._edits(data.decode("latin-1"), findings) if is_sure else None

    def begun(self, data: bytes) -> int:
        """Where in `data` a secret of several lines begins that its end leaves open, if one does.

        Else its length. For those that redact in parts; the first call takes half a second.
        """
        begun = len(data)
        if self._line_engine:
            begun = self._line_engine.begun(data).secret
        return min(begun, self._known.begun(data)) if self._known else begun

    def redact_env_vars(self, text: str, names: Iterable[str]) -> str:
        """Replace the values that these variables are given in `text`, whatever they are.

        As in `NAME=value`, `NAME="two words"`, `NAME: two words` and `"NAME": "value"`; JSON stays
        JSON, and what its texts say is looked at as well.
        """
        return without_values(text, names, "[REDACTED:ENV_VAR]")

    def _across(self, value: Any) -> Any:
        """A value of others without what their JSON shows of secrets, such as a name beside one.

        Own patterns are for texts: here they count where one matches over several of them.
        """
        if not isinstance(value, dict | list | tuple | set | frozenset):
            return value
        text = written(value)
        found = [
            one
            for one in self._findings(text)[0]
            if one.rule != _OWN or has_end(text, one.start, one.end)
        ]
        edits = self._edits(text, found)
        return restored(value, marked(text, edits)) if edits else value

    def _any(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, value)
        if isinstance(value, bytes):
            text = value.decode("latin-1")
            after = self._text(text, value)
            return value if after is text else after.encode("latin-1")
        if not isinstance(value, dict | list | tuple | set | frozenset):
            return value
        if depth >= MAX_DEPTH:
            return self._mark("TOO_DEEP", "")
        if isinstance(value, dict):
            return self._dict(value, depth)
        return of_kind(value, [self._any(item, depth + 1) for item in value])

    def _dict(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        return distinct(
            (self._any(key, depth + 1), self._any(self._below(key, item), depth + 1))
            for key, item in value.items()
        )

    def _below(self, key: Any, item: Any) -> Any:
        """What stands under a name, with a mark for what is a secret by that."""
        if isinstance(key, bytes):
            key = key.decode("latin-1")
        if not isinstance(key, str):
            return item
        if isinstance(item, str):
            return self._named(key, item)
        if isinstance(item, bytes):
            text = item.decode("latin-1")
            after = self._named(key, text)
            return item if after is text else after.encode("latin-1")
        if type(item) is int and is_number(item):
            after = self._named(key, str(item))
            return item if after == str(item) else after
        if isinstance(item, list | tuple):
            below = (self._below(key, one) if isinstance(one, str | bytes) else one for one in item)
            return of_kind(item, list(below))
        return item

    def _named(self, key: str, value: str) -> str:
        """A value that is a secret by its name is replaced as a whole."""
        alone = self._text(value, value)
        if alone is not value or self._detector is None:
            return alone
        text = f'"{key}": "{value.translate(_UNQUOTED)}"'
        begin = len(key) + len('"": "')
        for finding in self._detector.scan(text):
            if finding.start != begin or self._ignore(finding):
                continue
            if not self._is_removed(finding):
                return self._mark(mark_name(finding), finding.fingerprint)
        return value

    def _text(self, text: str, original: str | bytes) -> str:
        """`text` redacted; for bytes it is their latin-1, so that offsets agree."""
        for _ in range(_ROUNDS):
            findings, is_sure = self._findings(original)
            if not is_sure:
                return self._mark("UNPROVABLE", "")
            edits = self._edits(text, findings)
            if not edits:
                return text
            text = marked(text, edits)
            original = text.encode("latin-1") if isinstance(original, bytes) else text
        return self._mark("UNSETTLED", "")

    def _findings(self, data: str | bytes) -> tuple[list[Finding], bool]:
        """All findings, also in what `data` decodes to, and whether all of it was looked at."""
        text = data.decode("latin-1") if isinstance(data, bytes) else data
        findings = [
            _found(name, found)
            for name, pattern in self._patterns.items()
            for found in pattern.finditer(text)
            if found[0]
        ]
        if self._inspector is None:
            return findings, True
        inspection = self._inspector.inspect(data)
        findings += (one for one in inspection.findings if not self._ignore(one))
        return findings, not inspection.unprovable

    def _edits(self, text: str, findings: Iterable[Finding]) -> list[Edit]:
        marks = [(found.start(), found.end(), found[1]) for found in _MARK.finditer(text)]
        genuine = self._genuine() if marks else frozenset()
        edits = []
        run = -1, -1
        for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
            name = mark_name(finding)
            if self._is_removed(finding) or _is_marked(text, finding, marks, genuine):
                continue
            end = finding.end
            if finding.tier != Tier.GENERIC and not finding.decoded:
                if not run[0] <= end <= run[1]:  # of many in one run only the first looks for it
                    run = end, _tail(text, end)
                end = run[1]
            weight = (RANK[finding.tier], end - finding.start)
            edits.append(Edit(finding.start, end, self._mark(name, finding.fingerprint), weight))
        return merged(edits)

    def _is_removed(self, finding: Finding) -> bool:
        return _name_of(finding.rule) in self._removed

    def _mark(self, name: str, fingerprint: str) -> str:
        if self._key is None or not fingerprint:
            return f"[REDACTED:{name}]"
        tag = blake2b(fingerprint.encode(), key=self._key[:_MAX_KEY], digest_size=_TAG_BYTES)
        return f"[REDACTED:{name}#{tag.hexdigest()}]"

    @cached_property
    def _line_engine(self) -> Engine | None:
        """For the rules alone whose secrets go on over lines: all would take seconds."""
        rules = self._detector.rules if self._detector else ()
        over_lines = tuple(rule for rule in rules if _is_over_lines(rule))
        return engine_for(over_lines) if over_lines else None

    def _genuine(self) -> frozenset[str]:
        known = map(_named_mark, self._known.names) if self._known else ()
        return frozenset({*_OURS, *self._patterns, *self._rule_names(), *known})

    def _rule_names(self) -> frozenset[str]:
        rules = self._detector.rules if self._detector else ()
        return frozenset(_name_of(rule.id) for rule in rules)


def _is_over_lines(rule: Rule) -> bool:
    return may_hold(secret_of(parse(rule.pattern).node), ord("\n"))


def mark_name(finding: Finding) -> str:
    """What stands in the mark: the name of a known value or a pattern, else of the rule."""
    if finding.rule in {_OWN, "known-value", "known-value-part", "canary", "canary-part"}:
        return _named_mark(finding.name)
    return _name_of(finding.rule)


def _named_mark(name: str) -> str:
    return "".join(_NAME.findall(name))[:64] or "SECRET"


def _name_of(rule: str) -> str:
    return rule.upper().replace("-", "_")


def _found(name: str, found: re.Match[str]) -> Finding:
    print_ = blake2b(found[0].encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return Finding(_OWN, name, Severity.HIGH, Tier.GENERIC, *found.span(), print_)


def _is_marked(
    text: str, finding: Finding, marks: list[tuple[int, int, str]], genuine: frozenset[str]
) -> bool:
    """Whether nothing but marks is left of it.

    What looks like a mark and has a name that none of ours has may be a secret in disguise: always
    where a prefix makes that sure, else unless it is a name as marks have it.
    """
    rest, at = "", finding.start
    first = bisect_right(marks, finding.start, key=itemgetter(1))
    for start, end, name in takewhile(
        lambda mark: mark[0] < finding.end, islice(marks, first, None)
    ):
        is_generic = finding.tier == Tier.GENERIC
        if name not in genuine and not (is_generic and _LIKELY.fullmatch(name)):
            return False
        rest += text[at : max(at, start)]
        at = end
    if at == finding.start:
        return False
    rest += text[at : max(at, finding.end)]
    return not any(char.isalnum() for char in rest)


def _tail(text: str, end: int) -> int:
    found = _TAIL.match(text, end)
    return found.end() if found else end
