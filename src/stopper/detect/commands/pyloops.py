"""Loops in Python code that never end and take ever more processes or memory."""

import ast
from typing import Final

__all__ = ["exhausts"]

_GROWS: Final = frozenset(
    {"subprocess.Popen", "multiprocessing.Process", "Process", "threading.Thread", "Popen",
     "os.system"}
)  # fmt: skip
_PAUSES: Final = frozenset({"sleep", "input", "wait", "communicate", "join", "recv"})
_HUGE: Final = 1_000_000


def exhausts(loop: ast.AST, calls: list[str]) -> bool:
    """Whether an endless loop starts programs, or keeps more, and never waits."""
    if not isinstance(loop, ast.While) or _pauses(loop, calls):
        return False
    return not _GROWS.isdisjoint(calls) or any(map(_is_huge, ast.walk(loop)))


def _pauses(loop: ast.AST, calls: list[str]) -> bool:
    """Whether a loop ends, or waits for what it starts."""
    ends = any(isinstance(part, ast.Break | ast.Return) for part in ast.walk(loop))
    return ends or any(name.rpartition(".")[2] in _PAUSES for name in calls)


def _is_huge(node: ast.AST) -> bool:
    """Text or a list repeated a million times or more."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    right = node.right
    if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow):
        return True
    value = right.value if isinstance(right, ast.Constant) else 0
    return isinstance(value, int | float) and value >= _HUGE
