"""Where outputs come from: references that nobody can forge, and their lineage."""

import hmac
import re
from collections import OrderedDict, deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from itertools import islice
from typing import Any, ClassVar, Final

from msgspec import Struct

from stopper.errors import GuardError
from stopper.guards.canonical import NO_SPELLING, canonical, signature
from stopper.guards.config import Config, Count, Some, configure
from stopper.guards.memo import Memo
from stopper.guards.models import (
    ALLOWED,
    OFF,
    EnforcementLevel,
    GuardResult,
    Unavailable,
    allow,
    asked,
    block,
    enforced,
)
from stopper.guards.shown import shown
from stopper.guards.texts import Texts
from stopper.guards.world import Clock, fresh_key, lock, wall_ms

__all__ = ["ProvenanceConfig", "ProvenanceGuard"]

MAX_LINEAGE: Final = 1000
MAX_PARENTS: Final = 100
MAX_TEXTS: Final = 200
"""The most texts of one output, and of one call, that are compared."""
MAX_DEPTH: Final = 20
MAX_LOOKED_AT: Final = 10_000
"""The most items of one depth that are looked at."""

_MIN_TEXT: Final = 16
_TAG_BYTES: Final = 12
_NUMBER_BYTES: Final = 8
"""Drawn for each output, so that no other guard or process with the key makes its reference."""
_SHAPE: Final = re.compile(
    r"(?:[A-Za-z_]|\[\.\.\.\])[^:\s]{0,255}(?::[^:\s]{1,64}){0,8}:[^:\s]{1,64}:[0-9]{1,16}"
)
_NAMES: Final = frozenset({"ref", "refs", "reference", "references"})
_ENDINGS: Final = ("_ref", "_refs", "_reference", "_references")
_REF: Final = "ref"  # in all of these
_LAST: Final = re.compile(rb':[0-9]{1,16}"')  # of a reference in JSON
_MAX_SHOWN: Final = 100
_LISTS: Final = (list, tuple)


class ProvenanceConfig(Config, frozen=True, kw_only=True):
    """What has to say where it comes from.

    With `require_attribution`, a call that hands on a text of a recorded output (16 characters or
    more) has to name a reference; `max_unattributed_uses` such calls may go without. What stands in
    `reference_arg_names` has to be a genuine reference; so has what looks like one in an argument
    named `ref` or `..._ref`, and every text under such a name however deep. The last
    `max_history_size` outputs are remembered.
    """

    mode: EnforcementLevel = EnforcementLevel.WARN
    require_attribution: bool = True
    track_lineage: bool = True
    max_unattributed_uses: Count = 0
    max_history_size: Some = 10_000
    reference_arg_names: AbstractSet[str] = frozenset(
        {"_ref", "_reference", "_provenance", "_source"}
    )


class _Record(Struct, frozen=True):
    """One output; nothing in it tells what the arguments or the output were."""

    reference: str
    tool: str
    args_hash: str
    content_hash: str
    timestamp: int
    parents: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


class ProvenanceGuard:
    """Gives every output a reference, and checks the references that calls bring.

    A reference reads `TOOL:TAG:MILLISECONDS`; its tag is made with `key`, so that whoever does not
    have that can make none. Of a tool whose name looks like a key it has a mark. Without a key of
    your own, references are good in this process alone.
    """

    shares: ClassVar = frozenset({"admit_output", "judge"})

    def __init__(
        self,
        config: ProvenanceConfig | None = None,
        *,
        key: bytes | None = None,
        clock: Clock = wall_ms,
        **fields: Any,
    ) -> None:
        self.config = configure(ProvenanceConfig, config, fields)
        self._key = key or fresh_key()
        self._clock = clock
        self._lock = lock()
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._texts: OrderedDict[int, str] = OrderedDict()
        self._unattributed = 0

    def check(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Whether the references are genuine and none is missing; a missing one is counted."""
        judged = self.judge(tool, args)
        if not judged.blocked:
            self.admit(tool, args)
        return judged

    def judge(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:
        """The same, counting nothing."""
        del tool
        if self.config.mode is OFF:
            return ALLOWED
        refused = self._refused(args, (memo or Memo()).of(args).texts)
        return enforced(self.config.mode, refused) if refused else ALLOWED

    def admit(self, tool: str, args: dict[str, Any]) -> GuardResult:
        """Count a call that hands on an output without a reference."""
        del tool
        if self.config.mode is not OFF and self._is_unattributed(args):
            with self._lock:
                self._unattributed += 1
        return ALLOWED

    def check_output(self, tool: str, args: dict[str, Any], output: Any) -> GuardResult:
        """Record an output; `details` has its reference as `ref`."""
        return self.admit_output(tool, args, output)

    def admit_output(
        self, tool: str, args: dict[str, Any], output: Any, memo: Memo | None = None
    ) -> GuardResult:
        """Record an output as the caller gets it, with the references in `args` as its parents."""
        if self.config.mode is OFF:
            return ALLOWED
        memo = memo or Memo()
        parents: tuple[str, ...] = ()
        written = memo.of(args).json
        if written is None or _LAST.search(written):
            parents = _some(one for one in _strings(args) if self.is_genuine(one))
        try:
            return allow(ref=self._recorded(tool, args, output, parents, memo))
        except Unavailable as lost:
            return lost.result

    def record_output(
        self,
        tool: str,
        args: dict[str, Any],
        output: Any,
        parent_refs: Iterable[str] = (),
    ) -> str:
        """Record an output and give its reference; GuardError for a parent that is not genuine."""
        parents = _some(parent_refs)
        for parent in parents:
            if not self.is_genuine(parent):
                raise GuardError(
                    f"parent_refs: {parent[:_MAX_SHOWN]!r} is no reference of this guard; "
                    "use what record_output returned"
                )
        return self._recorded(tool, args, output, parents, Memo())

    def _recorded(
        self, tool: str, args: dict[str, Any], output: Any, parents: tuple[str, ...], memo: Memo
    ) -> str:
        args_hash = memo.of(args).signature(tool, self._key).hex()
        content_hash = memo.of(output).signature("", self._key).hex()
        tool = shown(tool)
        now = asked(self.config.mode, "The clock", self._clock)
        number = fresh_key()[:_NUMBER_BYTES].hex()
        reference = f"{tool}:{number}{self._tag(tool, number, now)}:{now}"
        with self._lock:
            kept = parents if self.config.track_lineage else ()
            self._records[reference] = _Record(reference, tool, args_hash, content_hash, now, kept)
            self._remember(reference, output)
        return reference

    def is_genuine(self, reference: Any) -> bool:
        """Whether this guard, or another with its key, made this reference."""
        if not isinstance(reference, str):
            return False
        tool, _, rest = reference.rpartition(":")[0].rpartition(":")
        at = reference.rpartition(":")[2]
        number, tag = rest[: -2 * _TAG_BYTES], rest[-2 * _TAG_BYTES :]
        if not (number and at.isdecimal() and at.isascii() and len(reference) <= 512):  # noqa: PLR2004
            return False
        expected = self._tag(tool, number, int(at))
        return hmac.compare_digest(expected.encode(), tag.encode("utf-8", "replace"))

    def get_provenance(self, reference: str) -> dict[str, Any] | None:
        """What is known of an output: its tool, hashes, time and parents; None if forgotten.

        The hashes are equal for equal values, and tell nothing without the key.
        """
        record = self._records.get(reference)
        return record.shown() if record else None

    def get_lineage(self, reference: str) -> list[dict[str, Any]]:
        """The output, its parents, theirs and so on, each once, nearest first."""
        found: dict[str, dict[str, Any]] = {}
        waiting = deque([reference])
        while waiting and len(found) < MAX_LINEAGE:
            record = self._records.get(waiting.popleft())
            if record and record.reference not in found:
                found[record.reference] = record.shown()
                waiting.extend(record.parents)
        return list(found.values())

    def is_unchanged(self, reference: str, output: Any) -> bool:
        """Whether `output` is what was recorded under this reference; false where none can tell.

        That is so of an output that is no plain data, or has no end.
        """
        record = self._records.get(reference)
        try:
            canonical(output)
        except NO_SPELLING:
            return False
        return record is not None and hmac.compare_digest(
            record.content_hash, signature("", output, self._key).hex()
        )

    def reset(self) -> None:
        """Forget every output; their references stay genuine."""
        with self._lock:
            self._records.clear()
            self._texts.clear()
            self._unattributed = 0

    def _refused(self, args: dict[str, Any], texts: Texts) -> GuardResult | None:
        names = self.config.reference_arg_names
        if not names.isdisjoint(args):
            for name, value in args.items():
                if name in names and not _are_texts(value):
                    return _forged(name)
        for name, group in texts.groups:
            if (_REF in name.lower() or name in names) and any(
                not self.is_genuine(text) for text in group if self._is_claim(name, text)
            ):
                return _forged(name)
        if not texts.is_whole:
            return block("guard.too_much", "The arguments nest too deep or are too many to look at")
        limit = self.config.max_unattributed_uses
        if self._unattributed >= limit and self._is_unattributed(args):
            return block("provenance.unattributed", "An output is handed on without its reference")
        return None

    def _is_claim(self, name: str, text: str) -> bool:
        """Whether a text under this name says that it is a reference."""
        if name in self.config.reference_arg_names:
            return True
        lower = name.lower()
        return (lower in _NAMES or lower.endswith(_ENDINGS)) and bool(_SHAPE.fullmatch(text))

    def _is_unattributed(self, args: dict[str, Any]) -> bool:
        if not self.config.require_attribution or not self._texts:
            return False
        texts = list(_strings(args))
        return any(hash(text) in self._texts for text in texts) and not any(
            self.is_genuine(text) for text in texts
        )

    def _tag(self, tool: str, number: str, at: int) -> str:
        text = f"{len(tool)}:{tool}:{number}:{at}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._key[:64], digest_size=_TAG_BYTES).hexdigest()

    def _remember(self, reference: str, output: Any) -> None:
        if self.config.require_attribution:
            for text in _strings(output):
                self._texts[hash(text)] = reference
        while len(self._records) > self.config.max_history_size:
            self._records.popitem(last=False)
        while len(self._texts) > self.config.max_history_size:
            self._texts.popitem(last=False)


def _are_texts(value: Any) -> bool:
    """Whether it is a text or a list of them, which alone can be references, or nothing at all."""
    return value is None or all(
        isinstance(one, str) for one in (value if isinstance(value, _LISTS) else (value,))
    )


def _forged(name: str) -> GuardResult:
    reason = f"Reference in '{name[:_MAX_SHOWN]}' is not genuine"
    return block("provenance.forged", reason, argument=name[:_MAX_SHOWN])


def _some(references: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(references))[:MAX_PARENTS]


def _strings(value: Any) -> list[str]:
    """Texts in `value` that are long enough to be told from chance, outermost first."""
    found: list[str] = []
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if len(item) >= _MIN_TEXT:
                    found.append(item)
            elif isinstance(item, dict):
                below += islice(item.values(), MAX_TEXTS)
            elif isinstance(item, _LISTS):
                below += islice(item, MAX_TEXTS)
            if len(below) >= MAX_LOOKED_AT:
                break
        if len(found) >= MAX_TEXTS or not below:
            break
        level = below
    return found[:MAX_TEXTS]
