"""Patterns that are compiled when something is first sought with them: few texts need many."""

import re
from typing import Any, AnyStr, Final, cast

__all__ = ["lazy"]

_METHODS: Final = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")


def lazy(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, later; a fault in the pattern is raised at its first use."""
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))


class _Lazy:
    """A pattern that becomes its compiled self: each method is looked up once."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self.pattern, self._flags)
        vars(self).update({method: getattr(compiled, method) for method in _METHODS})
        return getattr(compiled, name)
