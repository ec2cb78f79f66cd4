"""What became of a change to a file."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from stopper.core.reason import Refusal

__all__ = ["Backup", "PatchResult", "WriteResult"]


class Backup(Struct, frozen=True):
    """A content that a file once had. `file` holds it; its name is the SHA-256 of what it holds."""

    path: Path
    at: datetime
    sha256: str
    size: int
    mode: int
    file: Path


class WriteResult(Struct, frozen=True, kw_only=True):
    """A change that was made, or was found good in a dry run, or was refused; true unless refused.

    `path` is the file itself where the name was a link. `backup` holds what the file was before.
    `diff` is filled by a dry run. `changed` is false where the file already was as wanted.
    """

    path: Path
    changed: bool = False
    backup: Path | None = None
    diff: str = ""
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.refusal is None


class PatchResult(Struct, frozen=True, kw_only=True):
    """All files of a diff; true where none was refused. Where one was, none is changed."""

    files: tuple[WriteResult, ...] = ()
    refusal: Refusal | None = None

    def __bool__(self) -> bool:
        return self.refusal is None

    @property
    def diff(self) -> str:
        """What a dry run would change in all of them."""
        return "".join(file.diff for file in self.files)
