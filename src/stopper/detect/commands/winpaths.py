"""Where a path of Windows lies."""

import re
from typing import TYPE_CHECKING, Final

from stopper.detect.effects import Scope

if TYPE_CHECKING:
    from stopper.detect.commands.shell import Shell

__all__ = ["is_home", "scope_of"]

_MAX_CLIMBS: Final = 8
_CLIMB: Final = re.compile(r"(?<=[\\/])(?!\.\.)[^\\/]{1,99}[\\/]\.\.(?:[\\/]|$)")
_DRIVE: Final = re.compile(r"(?:cert|ad|iis|sqlserver|wsman|vault|hklm|hkcr|gac):", re.IGNORECASE)
"""Drives of PowerShell that hold no files, and nothing that is built again."""
_DRIVE_PATH: Final = re.compile(r"[A-Za-z]:|%|\$env:", re.IGNORECASE)
_HOME_PATH: Final = re.compile(
    r"(?:~|\$home|\$\{home\}|\$env:userprofile|%userprofile%)(?=$|[\\/])", re.IGNORECASE
)
_VARIABLE: Final = re.compile(
    r"\$(?:env:(\w{1,40})|\{env:(\w{1,40})\}|)|%(\w{1,40})%", re.IGNORECASE
)
_FOLDERS: Final = frozenset(
    {"temp", "tmp", "appdata", "localappdata", "userprofile", "homepath", "programdata",
     "systemroot", "windir", "programfiles", "systemdrive", "public", "onedrive", "homedrive",
     "allusersprofile", "commonprogramfiles", "home", "username"}
)  # fmt: skip
"""Variables that name a folder of the system or of a user; any other may name any."""


def scope_of(shell: "Shell", path: str) -> Scope:
    """Where a path lies; one that an unknown variable names could be anywhere."""
    for _ in range(_MAX_CLIMBS):
        path, found = _CLIMB.subn("", path)
        if not found:
            break
    if _DRIVE.match(path):
        return Scope.OUTSIDE
    home = _HOME_PATH.match(path)
    if home is not None:
        return shell.places.scope(
            shell.places.home + path[home.end() :].replace("\\", "/"), shell.cwd
        )
    plain = path if _DRIVE_PATH.match(path) else path.replace("\\", "/")
    variable = _VARIABLE.match(plain)
    if (
        variable is not None
        and (variable[1] or variable[2] or variable[3] or "").lower() not in _FOLDERS
    ):
        return Scope.UNKNOWN
    if plain.startswith("//"):
        return Scope.OUTSIDE
    return shell.places.scope(plain, shell.cwd)


def is_home(path: str) -> bool:
    """Whether a path begins with a name of the home folder."""
    return _HOME_PATH.match(path) is not None
