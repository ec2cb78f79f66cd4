"""The folder `.stopper` that a project's records lie in: private, and not for version control."""

from pathlib import Path
from typing import Final

__all__ = ["STATE_NAME", "state_folder"]

STATE_NAME: Final = ".stopper"
_IGNORE: Final = "# made by Stopper: what lies here is this machine's\n*\n"


def state_folder(folder: Path) -> Path:
    """Make `folder` where it is missing; one named `.stopper` on its way is kept out of git.

    Raises OSError where it cannot be.
    """
    if folder.is_dir():
        return folder
    places = (place for place in (folder, *folder.parents) if place.name == STATE_NAME)
    if (place := next(places, None)) and not place.is_dir():
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
