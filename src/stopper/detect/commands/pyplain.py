"""Python code made plainer: loops unrolled over what is written out, own functions put in place."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import count
from typing import Final, TypeVar

__all__ = ["pairs", "plainer"]

_MAX_NODES: Final = 20_000
"""So many nodes are added at most."""
_MAX_KEPT: Final = 64
_MAX_ITEMS: Final = 16
_MAX_DEPTH: Final = 4
_MAX_LOOKED: Final = 8
_COPIES: Final = frozenset({"sorted", "list", "set", "tuple", "reversed", "iter", "frozenset"})
_APPLIES: Final = frozenset(
    {"map", "imap", "starmap", "filter", "submit", "register", "to_thread", "apply",
     "apply_async", "map_async", "call_soon"}
)  # fmt: skip
_EACH: Final = frozenset({"map", "imap", "filter", "map_async"})
_NAMED: Final = ("path", "command", "args", "cmd", "name", "filename", "file", "src", "argv")
"""What functions call the first thing that they are given."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Given = Mapping[str, ast.expr]
_Node = TypeVar("_Node", bound=ast.AST)


def plainer(tree: ast.Module) -> ast.Module | None:
    """The module, and behind it what its loops, its own functions and its callbacks do, once each.

    Nothing is run: names are replaced by what the text gives them, as far as it is written out.
    None where that is too much, or too deep.
    """
    try:
        return _plainer(tree)
    except RecursionError:
        return None


def _plainer(tree: ast.Module) -> ast.Module | None:
    facts = _Facts(tree)
    tree = facts.settle(tree)
    added: list[ast.stmt] = []
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    left = _MAX_NODES
    while waiting:
        root, depth = waiting.pop()
        for node in ast.walk(root) if depth < _MAX_DEPTH else ():
            for one in facts.done_by(node):
                left -= sum(1 for _ in ast.walk(one))
                if left < 0:
                    return None
                settled = facts.settle(one)
                added.append(settled if isinstance(settled, ast.stmt) else ast.Expr(settled))
                waiting.append((settled, depth + 1))
    return ast.Module([*tree.body, *added], [])


class _Facts:
    """What names of a module stand for, where it gives them once."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions: dict[str, _Function] = {}
        self._given: dict[str, ast.expr] = {}
        self._numbers = count()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                for target, value in pairs(node.body):
                    self._give(f"{node.name}.{target.id}", value)
            for target, value in pairs([node]):
                self._give(target.id, value)

    def _give(self, name: str, value: ast.expr) -> None:
        if isinstance(value, ast.Lambda):
            self._functions[name] = value
        elif name in self._given:
            self._given[name] = ast.Constant(None)  # it is one thing and then another
        else:
            self._given[name] = value

    def settle(self, node: _Node) -> _Node:
        """The node with entries of lists and dictionaries, and what is spread, written out."""
        return _Settler(self).visit(node)  # type: ignore[no-any-return]

    def items(self, node: ast.AST | None, depth: int = 0) -> list[ast.expr]:
        """What a list holds that is written out, here or where a name is given it."""
        if depth > _MAX_LOOKED:
            return []
        match node:
            case ast.List(elts) | ast.Tuple(elts) | ast.Set(elts):
                return elts
            case ast.Name(name):
                return self.items(self._given.get(name, ast.Constant(None)), depth + 1)
            case ast.Call(ast.Name(name), [first, *_]) if name in _COPIES:
                return self.items(first, depth + 1)
            case ast.Call(ast.Name("enumerate"), [first, *_]):
                counted = enumerate(self.items(first, depth + 1)[:_MAX_KEPT])
                return [ast.Tuple([ast.Constant(n), one]) for n, one in counted]
            case ast.Call(ast.Attribute(owner, "split" | "splitlines"), args):
                is_shlex = isinstance(owner, ast.Name) and owner.id == "shlex" and args
                held = self._value(args[0] if is_shlex else owner)
                text = held.value if isinstance(held, ast.Constant) else None
                words = text.split()[:_MAX_KEPT] if isinstance(text, str) else []
                return [ast.Constant(word) for word in words]
            case ast.Call(ast.Attribute(owner, "values" | "items" | "keys" as what), []):
                return _entries(self._value(owner), what)
            case ast.Subscript(owner, key):
                return self.items(self.entry(owner, key), depth + 1)
            case ast.BinOp(left, ast.Add(), right):
                before, after = self.items(left, depth + 1), self.items(right, depth + 1)
                return [*before, *after][:_MAX_KEPT] if before and after else []
        return []

    def _value(self, node: ast.AST) -> ast.AST | None:
        """What a name or an attribute of an own class is given; what is no name is itself."""
        match node:
            case ast.Name(name):
                return self._given.get(name)
            case ast.Attribute(ast.Name(owner), name):
                return self._given.get(f"{owner}.{name}")
        return node

    def entry(self, owner: ast.expr, key: ast.expr) -> ast.expr | None:
        """What stands under a key, of a dictionary or a list that is written out."""
        held = self._value(owner)
        if isinstance(held, ast.Dict) and isinstance(key, ast.Constant):
            for name, value in zip(held.keys, held.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key.value:
                    return value
        elif isinstance(held, ast.List | ast.Tuple):
            at = _number(key)
            if at is not None and -len(held.elts) <= at < len(held.elts):
                return held.elts[at]
        return None

    def attribute(self, owner: str, name: str) -> ast.expr | None:
        """What an own class gives an attribute."""
        return self._given.get(f"{owner}.{name}")

    def done_by(self, node: ast.AST) -> Iterator[ast.stmt | ast.expr]:
        """What a loop or a call of an own function or callback does, each time."""
        match node:
            case ast.For(target, source, body):
                for item in self.items(source)[:_MAX_ITEMS]:
                    yield from self._put(body, _taken(target, item))
            case (
                ast.ListComp(element, generators)
                | ast.GeneratorExp(element, generators)
                | ast.SetComp(element, generators)
            ):
                for one in generators:
                    for item in self.items(one.iter)[:_MAX_ITEMS]:
                        yield from self._put([element], _taken(one.target, item))
            case ast.Call():
                yield from self._called(node)

    def _called(self, call: ast.Call) -> Iterator[ast.stmt | ast.expr]:
        match call.func:
            case ast.Name(name) if name in self._functions:
                yield from self._inside(self._functions[name], call)
            case ast.Lambda() as function:
                yield from self._inside(function, call)
            case ast.Call(ast.Name("partial") | ast.Attribute(_, "partial"), [first, *args]):
                yield ast.Call(first, [*args, *call.args], call.keywords)
            case ast.Name(name) | ast.Attribute(_, name) if name in _APPLIES and call.args:
                yield from self._applied(name, call.args[0], call.args[1:])
        target = {word.arg: word.value for word in call.keywords}
        if "target" in target and isinstance(target["target"], ast.Name | ast.Attribute):
            yield ast.Call(target["target"], self.items(target.get("args", call)), [])

    def _applied(
        self, name: str, function: ast.expr, args: list[ast.expr]
    ) -> Iterator[ast.stmt | ast.expr]:
        if not isinstance(function, ast.Name | ast.Attribute | ast.Lambda):
            return
        if name in _EACH:
            for item in self.items(args[0])[:_MAX_ITEMS] if args else ():
                yield ast.Call(function, [item], [])
        elif name == "starmap":
            for item in self.items(args[0])[:_MAX_ITEMS] if args else ():
                yield ast.Call(function, self.items(item), [])
        else:
            yield ast.Call(function, args, [])

    def _inside(self, function: _Function, call: ast.Call) -> Iterator[ast.stmt | ast.expr]:
        """The body of an own function with what it is given for its parameters."""
        rules = function.args
        names = [one.arg for one in (*rules.posonlyargs, *rules.args)]
        given: dict[str, ast.expr] = dict(zip(reversed(names), reversed(rules.defaults)))  # noqa: B905  the last ones have them
        given |= dict(zip(names, call.args))  # noqa: B905  the rest goes elsewhere
        given |= {word.arg: word.value for word in call.keywords if word.arg}
        if rules.vararg:
            given[rules.vararg.arg] = ast.Tuple(call.args[len(names) :])
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        yield from self._put(body, given)

    def _put(
        self, body: list[ast.stmt] | list[ast.expr], given: _Given
    ) -> Iterator[ast.stmt | ast.expr]:
        """A copy of a body with `given` for its names; those that it gives itself get new names."""
        if not given:
            return
        own = {target.id for part in body for node in ast.walk(part) for target, _ in pairs([node])}
        number = next(self._numbers)
        renamed = {name: f"{name}__{number}" for name in own - given.keys()}
        for part in body:
            copy = _Replacer(given, renamed).visit(deepcopy(part))
            for node in ast.walk(copy):
                for target, value in pairs([node]):
                    self._give(target.id, value)
            yield copy


class _Replacer(ast.NodeTransformer):
    """Puts values where their names stand, and new names for others."""

    def __init__(self, given: _Given, renamed: Mapping[str, str]) -> None:
        self._given = given
        self._renamed = renamed

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name."""
        if isinstance(node.ctx, ast.Load) and node.id in self._given:
            return deepcopy(self._given[node.id])
        node.id = self._renamed.get(node.id, node.id)
        return node


class _Settler(ast.NodeTransformer):
    """Writes out entries of what is known, what is spread, and arguments by their order."""

    def __init__(self, facts: _Facts) -> None:
        self._facts = facts

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """An entry."""
        self.generic_visit(node)
        found = self._facts.entry(node.value, node.slice) if _is_read(node) else None
        return node if found is None else deepcopy(found)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An attribute of an own class."""
        self.generic_visit(node)
        if not isinstance(node.value, ast.Name) or not _is_read(node):
            return node
        found = self._facts.attribute(node.value.id, node.attr)
        return node if found is None else deepcopy(found)

    def visit_List(self, node: ast.List) -> ast.expr:
        """A list with others spread in it."""
        self.generic_visit(node)
        node.elts = self._spread(node.elts)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call with a list spread over its arguments, or with the first of them by name."""
        self.generic_visit(node)
        node.args = self._spread(node.args)
        if not node.args:
            named = {word.arg: word.value for word in node.keywords}
            node.args = [named[name] for name in _NAMED if name in named][:1]
        return node

    def _spread(self, parts: list[ast.expr]) -> list[ast.expr]:
        found: list[ast.expr] = []
        for part in parts:
            items = self._facts.items(part.value) if isinstance(part, ast.Starred) else []
            found += items or [part]
        return found


def pairs(
    body: Iterable[ast.AST], items: Callable[[ast.AST], list[ast.expr]] | None = None
) -> Iterator[tuple[ast.Name, ast.expr]]:
    """The names that statements give, and what; `items` tells what a row is, where it is a name."""
    for node in body:
        match node:
            case ast.Assign(targets, value):
                for target in targets:
                    yield from _matched(target, value, items)
            case ast.AnnAssign(target, _, ast.expr() as value) | ast.NamedExpr(target, value):
                yield from _matched(target, value, items)


def _matched(
    target: ast.expr, value: ast.expr, items: Callable[[ast.AST], list[ast.expr]] | None = None
) -> Iterator[tuple[ast.Name, ast.expr]]:
    match target:
        case ast.Name():
            yield target, value
        case ast.Tuple(names) | ast.List(names):
            row = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for name, one in zip(names, items(value) if items else row):  # noqa: B905  what is spread is not followed
                yield from _matched(name, one, items)


def _taken(target: ast.expr, item: ast.expr) -> dict[str, ast.expr]:
    return {name.id: value for name, value in _matched(target, item)}


def _entries(held: ast.AST | None, what: str) -> list[ast.expr]:
    if not isinstance(held, ast.Dict):
        return []
    pairs = [(key, value) for key, value in zip(held.keys, held.values, strict=True) if key]
    if what == "values":
        return [value for _, value in pairs]
    if what == "keys":
        return [key for key, _ in pairs]
    return [ast.Tuple([key, value]) for key, value in pairs]


def _number(key: ast.expr) -> int | None:
    match key:
        case ast.Constant(int(at)):
            return at
        case ast.UnaryOp(ast.USub(), ast.Constant(int(at))):
            return -at
    return None


def _is_read(node: ast.Subscript | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Load)
