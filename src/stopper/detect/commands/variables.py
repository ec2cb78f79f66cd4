"""A shell's variables as far as its text tells them."""

import re
from typing import Final

from stopper.detect.commands.taint import SECRET, UNKNOWN

__all__ = ["Variables", "is_secret_name"]

_SECRET: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|PAT|PRIVATE_KEY"
    r"|(?:API|ACCESS|SECRET|AUTH|ENCRYPTION|SIGNING|MASTER|SERVICE|ROLE|DEPLOY|SSH)_KEY(?:_ID)?)"
    r"(?:_|$)|^PGPASSWORD$|_DSN$",
    re.IGNORECASE,
)
_NUMBERS: Final = frozenset({"$", "!", "?", "#", "PPID", "BASHPID", "RANDOM", "SECONDS", "UID"})


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a credential."""
    return _SECRET.search(name) is not None


class Variables:
    """Values with their marks; what the text does not set is unknown."""

    def __init__(self, workspace: str, home: str) -> None:
        self._values: dict[str, str | None] = {
            "HOME": home,
            "OLDPWD": workspace,
            "SHELL": "/bin/bash",
            "BASH": "/bin/bash",
            "TMPDIR": "/tmp/run",  # noqa: S108  a name, nothing is made there
            "IFS": " \t\n",
            "EDITOR": "vi",
            "PAGER": "less",
            "0": "bash",
            "-": "hB",
            "": "",
        }
        self._lists: dict[str, list[str]] = {}
        self.positional: list[str] | None = None

    def copy(self) -> "Variables":
        """The same values, for a shell of their own."""
        new = Variables.__new__(Variables)
        new._values = dict(self._values)
        new._lists = dict(self._lists)
        new.positional = self.positional
        return new

    def join(self, before: "Variables") -> None:
        """Where a value may or may not have changed, it is not known."""
        for name, value in self._values.items():
            old = before._values.get(name)
            if name in before._values and old != value:
                self._values[name] = UNKNOWN

    def get(self, name: str) -> str | None:
        """A value; None where it is known to be unset."""
        if name in self._values:
            return self._values[name]
        if name in self._lists:
            return self._lists[name][0] if self._lists[name] else ""
        if name.isdigit() and self.positional is not None:
            number = int(name) if len(name) < 4 else 0
            return self.positional[number - 1] if 0 < number <= len(self.positional) else ""
        if name in {"@", "*"}:
            return UNKNOWN if self.positional is None else " ".join(self.positional)
        if name in _NUMBERS:
            return "1"
        return SECRET if is_secret_name(name) else UNKNOWN

    def get_all(self, name: str) -> list[str] | None:
        """All values of an array; all positional parameters for `@`."""
        if name == "@":
            return self.positional
        if name in self._lists:
            return self._lists[name]
        return None if name not in self._values else [self._values[name] or ""]

    def set(self, name: str, value: str) -> None:
        """Give a variable a value."""
        self._values[name] = value
        self._lists.pop(name, None)

    def set_all(self, name: str, values: list[str]) -> None:
        """Give an array its values."""
        self._lists[name] = values
        self._values.pop(name, None)

    def unset(self, name: str) -> None:
        """Forget a variable; it is empty then."""
        self._values[name] = None
        self._lists.pop(name, None)
