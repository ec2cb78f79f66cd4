"""A program's arguments, sorted into options, their values and operands."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

__all__ = ["Options", "read_options"]

_MIN_ABBREVIATION = 5
_WILD = frozenset("*?[")
_NONE = frozenset({"none", "false", "no", "off", "0"})


class Options(Struct):
    """Options as written, the values of those that take one, and the operands."""

    flags: list[str]
    values: dict[str, list[str]]
    operands: list[str]

    def has(self, *wanted: str) -> bool:
        """Whether any of these options is there: in a cluster, abbreviated or with a value."""
        for flag in self.flags:
            for want in wanted:
                if _fits(flag, want):
                    return True
        return False

    def value(self, *names: str) -> str | None:
        """The last value of the first of these options that has one."""
        for name in names:
            if name in self.values:
                return self.values[name][-1]
        return None

    def all_values(self, *names: str) -> list[str]:
        """All values of these options."""
        return [value for name in names for value in self.values.get(name, ())]

    def matches(self, pattern: str) -> bool:
        """Whether an option, or an operand by its pattern, is there; abbreviations count."""
        if pattern.startswith("-"):
            name, equals, value = pattern.partition("=")
            if equals:
                return any(fnmatchcase(v, value) for v in self.values.get(name, ()))
            return self.has(pattern)
        if _WILD.isdisjoint(pattern):
            return pattern in self.operands
        return any(fnmatchcase(operand, pattern) for operand in self.operands)

    def spells(self, pattern: str) -> bool:
        """As `matches`, but a long option must be written in full and not be taken back.

        It is for what excuses a call: `--dry-run=none` does not.
        """
        if pattern.startswith("--"):
            spelled = (flag.partition("=") for flag in self.flags)
            return any(name == pattern and value not in _NONE for name, _, value in spelled)
        return self.matches(pattern)


def _fits(flag: str, want: str) -> bool:
    if flag == want:
        return True
    if want.startswith("--"):
        name = flag.partition("=")[0]
        if name == want:
            return True
        return len(name) >= _MIN_ABBREVIATION and name.startswith("--") and want.startswith(name)
    return (
        not want.startswith("--")
        and len(want) == len("-x")
        and flag[:1] == "-"
        and flag[1:2] != "-"
        and want[1] in flag[1:]
    )


def read_options(
    args: Iterable[str], values: frozenset[str] = frozenset(), *, until_operand: bool = False
) -> Options:
    """Sort arguments; `values` are the options that take one, by the next word, `=` or glued.

    With `until_operand`, all from the first operand on are operands, as for a program that runs
    another.
    """
    options = Options([], {}, [])
    pending = ""
    items = iter(args)
    for arg in items:
        if pending:
            options.values.setdefault(pending, []).append(arg)
            pending = ""
        elif arg == "--":
            options.operands += items
            break
        elif arg[:1] == "-" and len(arg) > 1:
            options.flags.append(arg)
            pending = _value(arg, values, options)
        else:
            options.operands.append(arg)
            if until_operand:
                options.operands += items
                break
    return options


def _value(arg: str, values: frozenset[str], options: Options) -> str:
    """Keep a value that is glued to its option; else the name of the option that waits for one."""
    if arg in values:
        return arg
    name, equals, value = arg.partition("=")
    if equals:
        options.values.setdefault(name, []).append(value)
        return ""
    if arg[1] != "-":
        for place in range(1, len(arg)):
            name = "-" + arg[place]
            if name in values:
                if place + 1 == len(arg):
                    return name
                options.values.setdefault(name, []).append(arg[place + 1 :])
                break
    return ""
