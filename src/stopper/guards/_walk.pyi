from collections.abc import Sequence
from typing import Any

def measure(value: Any, max_depth: int, max_items: int, /) -> tuple[int, int, int] | None: ...
def texts(
    value: Any, name: str, max_items: int, least: int, most: int, /
) -> tuple[list[tuple[str, Sequence[str]]], list[tuple[str, int]]] | None: ...
