"""Look for secrets in files: which are looked at, what is found in them, and what was not seen."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from stopper.control.ignores import Ignores
from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.finding import Finding, Tier
from stopper.detect.inspection import Inspection, Inspector
from stopper.detect.origin import CONTINUATIONS
from stopper.errors import UsageError
from stopper.settings import Settings

__all__ = [
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "MAX_FOUND",
    "Found",
    "Scan",
    "Unseen",
    "allowed_everywhere",
    "is_binary",
    "scan",
    "scan_bytes",
]

MAX_FILE_BYTES: Final = 10 << 20
"""Larger files are not looked at, unless it is said otherwise."""

MAX_FILES: Final = 1_000_000
MAX_FOUND: Final = 10_000
"""After so many findings a scan ends: whoever reads them has enough to do."""

_SAMPLE_BYTES: Final = 8192
_BINARY_SHARE: Final = 0.05
_CONTROLS: Final = bytes({*range(1, 32), 127} - {*b"\t\n\v\f\r\b\x1b"})
_MARKERS: Final = (b"stopper:allow", b"gitleaks:allow")
_MAX_COMMENT: Final = 2048
_NEVER_BLOCKING: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_Tell = Callable[[int, int], None]


class Found(Struct, frozen=True):
    """A finding and its place: lines and columns count from 1, columns in characters.

    `end_column` is behind the last character.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    finding: Finding


class Unseen(Struct, frozen=True):
    """A file that was not looked at, or not to its end. `fault` is not what anyone asked for."""

    path: str
    why: str
    fault: bool = True


class Scan(Struct, frozen=True):
    """What was found, what was not seen, and how much was looked at.

    `ignored` counts files and folders that `.gitignore` names, `allowed` findings that may stay.
    `more` is set where the scan ended early, at `MAX_FOUND`.
    """

    found: tuple[Found, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    files: int = 0
    size: int = 0
    ignored: int = 0
    allowed: int = 0
    more: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether all that was to be looked at was, and nothing was found."""
        return not self.found and not any(one.fault for one in self.unseen)


def scan(
    paths: Iterable[str],
    inspector: Inspector,
    *,
    max_bytes: int = MAX_FILE_BYTES,
    use_ignores: bool = True,
    inline_allow: bool = False,
    allows: Callable[[Finding], bool] = lambda _: False,
    tell: _Tell = lambda _done, _size: None,
) -> Scan:
    """Look through files, and through all files below folders; links are not followed there.

    `tell` hears how many bytes are done, of how many. Raises UsageError for a path that cannot be
    looked at, and for a file named itself that is too large.
    """
    walk = _Walk(max_bytes, use_ignores=use_ignores)
    listed = list(walk.files(paths))  # all of them first: only then is the way ahead known
    total = sum(one.size for one in listed)
    book = _Book(inspector, inline_allow=inline_allow, allows=allows)
    done = 0
    for one in listed:
        if book.is_full:
            break
        if one.why:
            book.miss(one.path, one.why, fault=one.fault)
        else:
            _look_at(one.path, max_bytes, book)
        done += one.size
        tell(done, total)
    return book.closed(walk.ignored)


def scan_bytes(
    data: bytes,
    name: str,
    inspector: Inspector,
    *,
    inline_allow: bool = False,
    allows: Callable[[Finding], bool] = lambda _: False,
) -> Scan:
    """Look through what came from elsewhere, under the name that findings shall bear."""
    book = _Book(inspector, inline_allow=inline_allow, allows=allows)
    book.look(name, data)
    return book.closed(0)


def allowed_everywhere(
    settings: Settings, environ: Mapping[str, str], key: bytes, now: datetime
) -> Callable[[Finding], bool]:
    """Which findings the settings let stand anywhere: by fingerprint, or by a variable's value."""
    entries = []
    for exempt in settings.allow_secrets:
        value = environ.get(exempt.secret)
        if value is None:
            entries.append(Allowed(exempt.secret, exempt.host, exempt.until))
        else:
            entries.append(Allowed.value(os.fsencode(value), key, exempt.host, exempt.until))
    allowlist = Allowlist(entries)
    return lambda one: allowlist.permits(one, None, now)


def is_binary(data: bytes) -> bool:
    """Whether so much of the beginning is control characters that it is no text in any encoding.

    NUL does not count, so that neither UTF-16 nor a NUL that somebody puts in makes a binary.
    """
    sample = data[:_SAMPLE_BYTES]
    shown = len(sample) - sample.count(0)
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls > shown * _BINARY_SHARE


class _Book:
    """What a scan has seen so far."""

    def __init__(
        self, inspector: Inspector, *, inline_allow: bool, allows: Callable[[Finding], bool]
    ) -> None:
        self._inspector = inspector
        self._inline_allow = inline_allow
        self._allows = allows
        self._found: list[Found] = []
        self._unseen: list[Unseen] = []
        self._files = self._size = self._allowed = 0

    @property
    def is_full(self) -> bool:
        return len(self._found) > MAX_FOUND

    def look(self, path: str, data: bytes) -> None:
        """Look at one file, in full unless it is binary."""
        self._files += 1
        self._size += len(data)
        inspection = _inspected(self._inspector, data)
        if inspection.unprovable:
            why = f"not looked at to the end: too much is encoded in it ({inspection.unprovable})"
            self.miss(path, why)
        kept = [one for one in inspection.findings if not self._is_allowed(one, data)]
        self._allowed += len(inspection.findings) - len(kept)
        self._found += _placed(_shown(path), data, kept)

    def miss(self, path: str, why: str, *, fault: bool = True) -> None:
        """Note a file that was not seen, or not in full."""
        self._unseen.append(Unseen(_shown(path), why, fault))

    def closed(self, ignored: int) -> Scan:
        """All of it as a value."""
        return Scan(
            tuple(self._found[:MAX_FOUND]),
            tuple(self._unseen),
            self._files,
            self._size,
            ignored,
            self._allowed,
            self.is_full,
        )

    def _is_allowed(self, one: Finding, data: bytes) -> bool:
        return self._allows(one) or (self._inline_allow and _has_marker(one, data))


def _shown(path: str) -> str:
    return path.removeprefix("./")


def _inspected(inspector: Inspector, data: bytes) -> Inspection:
    """Of binaries only the bytes as they are, by what needs no context to be sure.

    So whatever a file pretends to be, a token in it is found.
    """
    if not is_binary(data) or inspector.detector is None:
        return inspector.inspect(data)
    findings = inspector.detector.scan(data)
    return Inspection(tuple(one for one in findings if one.tier is not Tier.GENERIC))


def _has_marker(one: Finding, data: bytes) -> bool:
    """Whether a comment allows it on the line where it begins, or where it ends."""
    before = max(data.rfind(b"\n", 0, one.start) + 1, one.start - _MAX_COMMENT)
    first, last = data.find(b"\n", one.start, one.end), data.find(b"\n", one.end)
    after = min(len(data) if last < 0 else last, one.end + _MAX_COMMENT)
    final = data.rfind(b"\n", one.start, one.end) + 1 or one.start
    begin = data[before : one.end if first < 0 else first].lower()
    end = data[final:after].lower()
    return any(marker in begin or marker in end for marker in _MARKERS)


def _placed(path: str, data: bytes, findings: Iterable[Finding]) -> Iterator[Found]:
    some = list(findings)
    places = _places(data, {at for one in some for at in (one.start, one.end)})
    for one in some:
        yield Found(path, *places[one.start], *places[one.end], one)


def _places(data: bytes, offsets: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Line and column of each offset, in one go through the data."""
    places = {}
    at, line, column = 0, 1, 1
    for offset in sorted(offsets):
        between = data[at:offset]
        if breaks := between.count(b"\n"):
            line, column = line + breaks, 1
            between = between[between.rfind(b"\n") + 1 :]
        column += len(between.translate(None, CONTINUATIONS))
        at = offset
        places[offset] = (line, column)
    return places


class _Listed(Struct, frozen=True):
    """A file to look at; or not, and then `why`."""

    path: str
    size: int
    why: str = ""
    fault: bool = False


class _Walk:
    """Lists files, and counts what is left out."""

    def __init__(self, max_bytes: int, *, use_ignores: bool) -> None:
        self._max_bytes = max_bytes
        self._use_ignores = use_ignores
        self.ignored = 0

    def files(self, paths: Iterable[str]) -> Iterator[_Listed]:
        """Every file to look at, and those that cannot be: each once, however often it is named."""
        places: set[str] = set()
        for path in paths:
            top = ""
            for one in self._from(path):
                top = top or os.path.realpath(path)
                place = os.path.join(top, one.path[len(path) :].lstrip("/")).rstrip("/")  # noqa: PTH118
                if place in places:
                    continue
                if len(places) >= MAX_FILES:
                    raise UsageError(f"{path} has more than {MAX_FILES:,} files: scan a part of it")
                places.add(place)
                yield one

    def _from(self, path: str) -> Iterator[_Listed]:
        try:
            status = os.stat(path)  # noqa: PTH116  follows what was named itself
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise UsageError(f"{path!r} is no path") from None
        if stat.S_ISDIR(status.st_mode):
            yield from self._below(path)
        elif not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is neither a file nor a folder; `-` reads stdin")
        elif status.st_size > self._max_bytes:
            raise UsageError(f"{path} has more than {self._max_bytes:,} bytes: see --max-size")
        else:
            yield _Listed(path, status.st_size)

    def _below(self, top: str) -> Iterator[_Listed]:
        """All files below a folder, each folder's own first."""
        folders = [(top, Ignores.at(top) if self._use_ignores else None)]
        while folders:
            folder, ignores = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                yield _Listed(folder, 0, f"cannot be read: {error.strerror}", fault=True)
                continue
            deeper = []
            for entry in inside:
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not entry.is_file(follow_symlinks=False):
                    continue
                if ignores and ignores.leaves_out(entry.name, is_folder=is_folder):
                    self.ignored += 1
                elif is_folder:
                    deeper.append((entry.path, ignores and ignores.below(entry.name)))
                else:
                    yield self._sized(entry)
            folders += reversed(deeper)

    def _sized(self, entry: "os.DirEntry[str]") -> _Listed:
        try:
            size = entry.stat(follow_symlinks=False).st_size
        except OSError as error:
            return _Listed(entry.path, 0, f"cannot be read: {error.strerror}", fault=True)
        if size > self._max_bytes:
            return _Listed(entry.path, 0, _too_large(self._max_bytes))
        return _Listed(entry.path, size)


def _look_at(path: str, max_bytes: int, book: _Book) -> None:
    try:
        data = _read(path, max_bytes + 1)
    except OSError as error:
        book.miss(path, f"cannot be read: {error.strerror}")
        return
    if len(data) > max_bytes:  # it has grown since it was listed
        book.miss(path, _too_large(max_bytes), fault=False)
        return
    book.look(path, data)


def _read(path: str, most: int) -> bytes:
    """The file, unless something else has taken its place since it was listed."""
    descriptor = os.open(path, _NEVER_BLOCKING)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no file any more", path)
        return file.read(most)


def _too_large(max_bytes: int) -> str:
    return f"not looked at: it has more than {max_bytes:,} bytes"
