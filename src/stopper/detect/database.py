"""Hyperscan databases: compiled or handed in as bytes, and safe to scan from any thread."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    HAS_HYPERSCAN = False
else:
    HAS_HYPERSCAN = True

__all__ = ["HAS_HYPERSCAN", "Database", "library_version"]

_MAX_SPARE: Final = 16
_ASKED_EVERY: Final = 1024


def library_version() -> str:
    """What databases depend on besides their patterns; empty without Hyperscan."""
    return str(vars(hyperscan)["__version__"]) if HAS_HYPERSCAN else ""


class Database:
    """Patterns that are looked for at once. Their numbers are their places in the list.

    A pattern in `once` is told at most once a scan, which is much cheaper where only its being
    there matters.
    """

    def __init__(self, database: "hyperscan.Database") -> None:
        self._database = database
        self._model = hyperscan.Scratch(database)
        # What a scan writes to; one a scan, since the library lets other threads run meanwhile.
        self._spare = [self._model.clone()]

    @classmethod
    def compile(
        cls,
        patterns: Iterable[str],
        once: Iterable[str] = (),
        *,
        limits: Sequence[int] = (),
        numbers: Sequence[int] = (),
    ) -> Self:
        """Takes about a second for hundreds of patterns.

        With `limits`, one for each of `patterns`, none is told that ends behind its own; with
        `numbers`, they have these, and several may have the same.
        """
        often, single = [text.encode() for text in patterns], [text.encode() for text in once]
        expressions = often + single
        flags = [0] * len(often) + [hyperscan.HS_FLAG_SINGLEMATCH] * len(single)
        database = hyperscan.Database()
        database.compile(
            expressions=expressions,
            ids=numbers or range(len(expressions)),
            elements=len(expressions),
            flags=flags,
            ext=[(hyperscan.HS_EXT_FLAG_MAX_OFFSET, 0, limit, 0, 0, 0) for limit in limits] or None,
        )
        return cls(database)

    @classmethod
    def load(cls, data: bytes) -> Self:
        """What `dump` gave; ValueError when it is none or was made for another processor."""
        try:
            return cls(hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK))
        except hyperscan.error as error:
            raise ValueError("these bytes are no database of this Hyperscan") from error

    def dump(self) -> bytes:
        """The database as bytes, for `load` on the same machine."""
        dumped: bytes = hyperscan.dumpb(self._database)
        return dumped

    def scan(
        self, data: bytes, is_late: Callable[[], bool] = lambda: False
    ) -> list[tuple[int, int]]:
        """Where each match ends, with the number of its pattern, in no order.

        Not all once it `is_late`, which is asked now and then.
        """
        found: list[tuple[int, int]] = []

        def told(number: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            found.append((end, number))
            return len(found) % _ASKED_EVERY == 0 and is_late()

        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = self._model.clone()
        try:  # noqa: SIM105  `suppress` costs as much as a small text
            self._database.scan(data, told, 0, None, scratch)
        except hyperscan.ScanTerminated:
            pass
        if len(self._spare) < _MAX_SPARE:
            self._spare.append(scratch)
        return found
