import ast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stopper.detect.commands.pyplain import plainer

ADDED = {
    # what is tried                 code                                              what comes behind it
    "a loop":                       ("for p in ['a', 'b']: use(p)",                   ["use('a')", "use('b')"]),
    "a loop over a name":           ("l = ['a', 'b']\nfor p in l: use(p)",            ["use('a')", "use('b')"]),
    "a name given twice":           ("l = ['a']\nl = []\nfor p in l: use(p)",         []),
    "what a loop gives":            ("for p in ['a', 'b']:\n q = p\n use(q)",
                                     ["q__0 = 'a'", "use(q__0)", "q__1 = 'b'", "use(q__1)"]),
    "a loop in a loop":             ("for p in ['a']:\n for q in ['b']:\n  use(p, q)",
                                     ["for q in ['b']:\n    use('a', q)", "use(p, 'b')", "use('a', 'b')"]),
    "a row of names":               ("for n, p in enumerate(['a']): use(p)",          ["use('a')"]),
    "pairs":                        ("for n, p in [(1, 'a')]: use(p)",                ["use('a')"]),
    "entries of a table":           ("d = {'k': 'a'}\nfor k, v in d.items(): use(v)", ["use('a')"]),
    "values of a table":            ("d = {'k': 'a'}\nfor v in d.values(): use(v)",   ["use('a')"]),
    "a list in a table":            ("d = {'k': ['a']}\nfor v in d['k']: use(v)",     ["use('a')"]),
    "a sorted list":                ("for p in sorted({'a'}): use(p)",                ["use('a')"]),
    "two lists":                    ("for p in ['a'] + ['b']: use(p)",                ["use('a')", "use('b')"]),
    "words":                        ("for p in 'a b'.split(): use(p)",                ["use('a')", "use('b')"]),
    "words of a name":              ("l = 'a b'\nfor p in l.split(): use(p)",         ["use('a')", "use('b')"]),
    "a list made of another":       ("[use(p) for p in ('a', 'b')]",                  ["use('a')", "use('b')"]),
    "an own function":              ("def f(p):\n use(p)\nf('a')",                    ["use('a')"]),
    "by name":                      ("def f(p, q='b'):\n use(p, q)\nf(p='a')",        ["use('a', 'b')"]),
    "with more of them":            ("def f(*l):\n for p in l: use(p)\nf('a')",
                                     ["for p in ('a',):\n    use(p)", "use('a')"]),
    "a function without a name":    ("f = lambda p: use(p)\nf('a')",                  ["use('a')"]),
    "called where it stands":       ("(lambda p: use(p))('a')",                       ["use('a')"]),
    "one that calls itself":        ("def f(p):\n f(p)\nf('a')",                      ["f('a')"] * 4 + ["f(p)"] * 4),
    "for each of a list":           ("map(use, ['a', 'b'])",                          ["use('a')", "use('b')"]),
    "in a pool":                    ("pool.submit(use, 'a')",                         ["use('a')"]),
    "in a thread":                  ("Thread(target=use, args=('a',))",               ["use('a')"]),
    "with the rest later":          ("partial(use, 'a')('b')",                        ["use('a', 'b')"]),
    "at the end":                   ("atexit.register(use, 'a')",                     ["use('a')"]),
    "a loop over what is not known": ("for p in walk(): use(p)",                      []),
}  # fmt: skip
SETTLED = {
    # what is tried          code                                       as plainly
    "an entry":              ("d = {'k': 'a'}\nuse(d['k'])",            "use('a')"),
    "one of a list":         ("l = ['a', 'b']\nuse(l[-1])",             "use('b')"),
    "one that is not there": ("l = ['a']\nuse(l[1])",                   "use(l[1])"),
    "an attribute":          ("class A:\n p = 'a'\nuse(A.p)",           "use('a')"),
    "what is spread":        ("l = ['a']\nuse('x', *l)",                "use('x', 'a')"),
    "a list in a list":      ("l = ['a']\nuse(['x', *l])",              "use(['x', 'a'])"),
    "an argument by name":   ("use(path='a')",                          "use('a', path='a')"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "behind"), ADDED.values(), ids=ADDED)
def test_what_is_done_each_time(code: str, behind: list[str]) -> None:
    """Loops, own functions and callbacks are judged for all that they are given."""
    tree = ast.parse(code)
    size = len(tree.body)
    plain = plainer(tree)
    assert plain is not None
    added = [ast.unparse(ast.fix_missing_locations(one)) for one in plain.body[size:]]
    assert sorted(added) == sorted(behind)


@pytest.mark.parametrize(("code", "plainly"), SETTLED.values(), ids=SETTLED)
def test_what_is_looked_up(code: str, plainly: str) -> None:
    """Entries of what is written out stand where they are asked for."""
    plain = plainer(ast.parse(code))
    assert plain is not None
    assert ast.unparse(plain.body[-1]) == plainly


def test_what_is_too_much() -> None:
    """Loops in loops would be longer than anybody could read."""
    rows = "".join(f"{' ' * n}for x{n} in [1, 2, 3, 4, 5, 6, 7, 8]:\n" for n in range(12))
    assert plainer(ast.parse(f"{rows}{' ' * 12}use(x0)\n")) is None


NAMES = some.sampled_from(["a", "b", "f", "g"])
VALUES = some.recursive(
    some.one_of(NAMES, some.just("'x'")),
    lambda inner: some.one_of(
        some.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        some.tuples(NAMES, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        some.tuples(NAMES, inner).map(lambda pair: f"{pair[0]}(*{pair[1]})"),
        some.tuples(inner, inner).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        some.tuples(NAMES, inner).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        some.tuples(NAMES, inner).map(lambda pair: f"map({pair[0]}, {pair[1]})"),
        some.tuples(inner, NAMES, inner).map(lambda one: f"[{one[0]} for {one[1]} in {one[2]}]"),
        some.tuples(NAMES, inner).map(lambda pair: f"(lambda {pair[0]}: {pair[1]})"),
    ),
    max_leaves=12,
)
LINES = some.one_of(
    some.tuples(NAMES, VALUES).map(" = ".join),
    some.tuples(NAMES, NAMES, VALUES).map(lambda one: f"def {one[0]}({one[1]}): {one[2]}"),
    some.tuples(NAMES, VALUES, VALUES).map(lambda one: f"for {one[0]} in {one[1]}: {one[2]}"),
    VALUES,
)


@given(some.lists(LINES, max_size=8).map("\n".join))
def test_any_code(code: str) -> None:
    """Whatever the names stand for, it comes to an end, and what was there is still there."""
    tree = ast.parse(code)
    size = len(tree.body)
    plain = plainer(tree)
    assert plain is None or len(plain.body) >= size
