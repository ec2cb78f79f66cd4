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


_USUAL: Final[dict[str, str | None]] = {
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
_MAX_POSITION: Final = 3


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a credential."""
    return _SECRET.search(name) is not None


class Variables:
    """Values with their marks; what the text does not set is unknown."""

    def __init__(
        self,
        values: dict[str, str | None],
        lists: dict[str, list[str]] | None = None,
        positional: list[str] | None = None,
    ) -> None:
        self.values = values
        self.lists = lists or {}
        self.positional = positional

    @classmethod
    def usual(cls, workspace: str, home: str) -> "Variables":
        """What every shell starts with."""
        return cls({**_USUAL, "HOME": home, "OLDPWD": workspace})

    def copy(self) -> "Variables":
        """The same values, for a shell of their own."""
        return Variables(dict(self.values), dict(self.lists), self.positional)

    def join(self, before: "Variables") -> None:
        """Where a value may or may not have changed, it is not known."""
        for name, value in self.values.items():
            old = before.values.get(name)
            if name in before.values and old != value:
                self.values[name] = UNKNOWN

    def get(self, name: str) -> str | None:
        """A value; None where it is known to be unset."""
        if name in self.values:
            return self.values[name]
        if name in self.lists:
            return self.lists[name][0] if self.lists[name] else ""
        if name.isdigit() and self.positional is not None:
            number = int(name) if len(name) <= _MAX_POSITION else 0
            return self.positional[number - 1] if 0 < number <= len(self.positional) else ""
        if name in {"@", "*"}:
            return UNKNOWN if self.positional is None else " ".join(self.positional)
        if name in _NUMBERS:
            return "4242" if name in {"$", "!", "PPID", "BASHPID"} else "1"
        return SECRET if is_secret_name(name) else UNKNOWN

    def get_all(self, name: str) -> list[str] | None:
        """All values of an array; all positional parameters for `@`."""
        if name == "@":
            return self.positional
        if name in self.lists:
            return self.lists[name]
        return None if name not in self.values else [self.values[name] or ""]

    def set(self, name: str, value: str) -> None:
        """Give a variable a value."""
        self.values[name] = value
        self.lists.pop(name, None)

    def set_all(self, name: str, values: list[str]) -> None:
        """Give an array its values."""
        self.lists[name] = values
        self.values.pop(name, None)

    def unset(self, name: str) -> None:
        """Forget a variable; it is empty then."""
        self.values[name] = None
        self.lists.pop(name, None)
