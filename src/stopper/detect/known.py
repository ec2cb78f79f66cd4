"""The secrets of a bottle, recognised in every usual spelling, also in parts and across cuts."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from stopper.detect.allowance import Allowance
from stopper.detect.finding import Finding, Severity, Tier
from stopper.detect.grams import MIN_SHOWN, Match, Track, by_letters, by_visible
from stopper.detect.origin import Characters
from stopper.detect.spelling import (
    MAX_VALUE,
    MIN_BITS,
    MIN_VALUE,
    check_value,
    encoded_variants,
    spellings,
)
from stopper.detect.view import View

__all__ = ["MAX_VALUE", "MIN_BITS", "MIN_VALUE", "Follower", "KnownValues", "encoded_variants"]

_MAX_KEY: Final = 64
_FINGERPRINT_BYTES: Final = 16


class KnownValues:
    """Finds the given secrets in any spelling, and half of one as well.

    Letters and digits alone are compared, without their case, so separators, quotes, line ends,
    NUL, zero-width and non-ASCII characters put between change nothing. Spellings are raw,
    base64 and base32 at all alignments (url-safe, unpadded), base64 of each letter, hex, percent,
    lists of codes, rot13, and what is written from its end. Everything else that a decoder undoes
    is found in the views of the text.

    Values are not kept. What is kept are SipHash values, under the process's own key, of all
    stretches of six characters after a substitution that `key` decides: enough to recognise, and
    nothing that shows in a log. It does not withstand someone who can read this process's memory
    and has both keys, since six characters can be tried out; matching any half of a value at any
    place allows no slower hash. A value with fewer than eight letters and digits is compared with
    its punctuation, kept in the same way.
    """

    def __init__(self, values: Mapping[str, str], key: bytes, canaries: Iterable[str] = ()) -> None:
        """Take values by name; `canaries` are the names of those that only a thief would send.

        ValueError names a value that is too short, too long or too easily met with, and says why.
        """
        if not key:
            raise ValueError("known values need a key")
        self._canaries = frozenset(canaries)
        self._fingerprints = {
            name: blake2b(
                value.encode("utf-8", "surrogatepass"), key=key[:_MAX_KEY],
                digest_size=_FINGERPRINT_BYTES,
            ).hexdigest()
            for name, value in values.items()
        }  # fmt: skip
        letters = by_letters(key)
        visible = by_visible()
        for name, value in values.items():
            check_value(name, value)
            raw = value.encode("utf-8", "surrogatepass")
            plane = letters if len(letters.project(raw)) >= MIN_SHOWN else visible
            shown = {plane.project(text): spelling for spelling, text in spellings(raw)}
            for text, spelling in shown.items():
                plane.add(name, spelling, text)
        self.planes = tuple(plane for plane in (letters, visible) if plane.longest)

    @property
    def names(self) -> frozenset[str]:
        """What the values are called."""
        return frozenset(self._fingerprints)

    def scan(
        self,
        text: str | bytes,
        views: Iterable[View] = (),
        allowance: Allowance | None = None,
        shown: Iterable[Finding] = (),
    ) -> list[Finding]:
        """All known values in `text`, and in the `views` of the same text, in their order.

        Offsets count characters of a str and bytes of bytes. When the `allowance` has no more for
        known values not all are found, and when it is late none in the views. `shown` are those
        that were found in the same text before, and are told with these.
        """
        allowance = allowance or Allowance()
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        found = self._whole(data, allowance)
        if len(data) != len(text):
            before = Characters(data).before
            found = [_moved(one, before(one.start), before(one.end)) for one in found]
        for view in views:
            if allowance.is_late(len(view.data)):
                break
            for one in self._whole(view.data, allowance):
                found.append(_moved(one, *view.origin(one.start, one.end), view.path))
        return _settled((*shown, *found))

    def follow(self, allowance: Allowance | None = None) -> "Follower":
        """A follower for one stream."""
        return Follower(self, allowance)

    def begun(self, data: bytes) -> int:
        """Where the part of a value begins that `data` ends in; its length if it ends in none."""
        return min((plane.begun(data) for plane in self.planes), default=len(data))

    def finding(self, match: Match, start: int, end: int) -> Finding:
        """A match as others see it."""
        variant = match.variant
        rule = "canary" if variant.name in self._canaries else "known-value"
        return Finding(
            rule if match.is_whole else f"{rule}-part", variant.name, Severity.CRITICAL,
            Tier.CHECKED, start, end, self._fingerprints[variant.name],
            (variant.spelling,) if variant.spelling else (),
        )  # fmt: skip

    def _whole(self, data: bytes, allowance: Allowance) -> list[Finding]:
        return self.follow(allowance).finish(data)


class Follower:
    """Finds known values in a stream, whatever its cuts, in the order in which they end.

    Offsets count bytes from the start of the stream. It keeps as much of the stream as the longest
    spelling of a value has letters, and finds no more than the `allowance` has for known values.
    """

    def __init__(self, known: KnownValues, allowance: Allowance | None = None) -> None:
        self._known = known
        allowance = allowance or Allowance()
        self._tracks = [Track(plane, allowance) for plane in known.planes]

    def feed(self, chunk: bytes) -> list[Finding]:
        """Take the next bytes; values that may still go on are told later."""
        return self._found(track.feed(chunk) for track in self._tracks)

    def finish(self, chunk: bytes = b"") -> list[Finding]:
        """Take the last bytes, and tell the values that the stream ended in as well."""
        return self._found(track.feed(chunk, last=True) for track in self._tracks)

    @property
    def open_since(self) -> int | None:
        """Where what may be a part of a value began that the stream ends in, for now.

        Told from its sixth letter on; None when the stream ends in none.
        """
        starts = [track.since for track in self._tracks if track.since is not None]
        return min(starts, default=None)

    def _found(self, groups: Iterable[list[tuple[Match, int, int]]]) -> list[Finding]:
        return _settled([self._known.finding(*one) for group in groups for one in group])


def _settled(findings: Iterable[Finding]) -> list[Finding]:
    """In order, and each place once for each name: raw before decoded, whole before part."""
    kept: dict[str, int] = {}
    found = []
    for one in sorted(findings, key=lambda one: (one.start, -one.end, len(one.decoded), one.rule)):
        if one.end > kept.get(one.name, 0):
            kept[one.name] = one.end
            found.append(one)
    return found


def _moved(one: Finding, start: int, end: int, path: tuple[str, ...] = ()) -> Finding:
    return Finding(
        one.rule, one.name, one.severity, one.tier, start, end, one.fingerprint,
        (*path, *one.decoded),
    )  # fmt: skip
