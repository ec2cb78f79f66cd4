"""Contents are parsed as what their names say, by whatever grammar is installed."""

import importlib.util

import pytest

from stopper.patch import Checked, check_syntax
from stopper.patch.grammars import grammar_for
from stopper.patch.validate import MAX_CHECKED_BYTES, MAX_TREE_BYTES, is_shell_script

GOOD_AND_BAD = {
    # name            good                                  bad
    "a.py":           ("x = 1\n",                           "x = = 1\n"),
    "a.pyi":          ("def f() -> int: ...\n",             "def f() -> : ...\n"),
    "a.json":         ('\ufeff{"a": [1, 2.5e3, null]}',     "{'a': 1}"),
    "a.yaml":         ("a: 1\n---\nb: [x, y]\n",            "a: b: c\n"),
    "a.toml":         ("[a]\nb = 1\n",                      "[a\nb = 1\n"),
    "a.js":           ("export const a = () => ({b: 1});\n", "const a = (;\n"),
    "a.mjs":          ("await import('x');\n",              "function {\n"),
    "a.jsx":          ("const a = <b c={1}>d</b>;\n",       "const a = <b>;\n"),
    "a.ts":           ("type A<T> = T extends string ? 1 : 2;\n", "type A = ;\n"),
    "a.tsx":          ("const a: C = <b<D>>e</b>;\n".replace("<b<D>>", "<b>"), "const a: = 1;\n"),
    "a.sh":           ("for i in 1 2; do echo $i; done\n",  "for i in; do ( done\n"),
    "a.go":           ("package a\n\nfunc f() int { return 1 }\n", "package a\nfunc f( {\n"),
    "a.rs":           ("fn f() -> u8 { 1 }\n",              "fn f( -> {\n"),
    "a.java":         ("class A { int f() { return 1; } }\n", "class A { int f( }\n"),
    "a.c":            ("int f(void) { return 1; }\n",       "int f(void { return\n"),
    "a.rb":           ("def f\n  1\nend\n",                 "def f(\n"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "texts"), GOOD_AND_BAD.items(), ids=GOOD_AND_BAD)
def test_good_and_bad(name: str, texts: tuple[str, str]) -> None:
    good, bad = (check_syntax(name, text.encode()) for text in texts)
    if not good.language:
        pytest.skip("the grammar of this language is not installed")
    assert not good.problem
    assert bad.problem
    assert (good.language, good.is_sure) == (bad.language, bad.is_sure)


def test_the_grammars_that_come_along() -> None:
    """Everything else is found where its wheel is installed, as `tree_sitter_<name>`."""
    names = ("js", "jsx", "ts", "tsx", "sh")
    assert all(grammar_for(name) is not None for name in names)
    found = grammar_for("go") is not None
    assert found is (importlib.util.find_spec("tree_sitter_go") is not None)
    for odd in ("", "no_such_language", "../x", "x.y", "Ä", "_" * 99):
        assert grammar_for(odd) is None


def test_an_error_has_its_place() -> None:
    assert check_syntax("a.ts", b"const a = 1;\nconst = 2;\n").problem.startswith("line 2")
    assert check_syntax("a.py", b"x = 1\ny = (\n").problem.startswith("line 2")
    assert check_syntax("a.yml", b"a: 1\nb: [\n").problem.startswith("line 3")


DEEP = {
    "a.py": b"(" * 50_000,
    "b.py": b"-" * 100_000 + b"1",
    "c.py": b"a" + b".b" * 100_000,
    "a.json": b"[" * 100_000,
    "a.yaml": b"[" * 100_000,
    "a.toml": b"a = " + b"[" * 100_000,
    "b.toml": b"a." * 200_000 + b"a = 1",
    "c.toml": b"a = {" + b"'b' . " * 60 + b"c = 1}",
    "d.toml": b"x" * 500_000,
    "a.js": b"(" * 100_000,
    "a.sh": b"$(" * 50_000,
}


@pytest.mark.parametrize(("name", "data"), DEEP.items(), ids=DEEP)
def test_what_nests_without_end_is_a_problem_and_no_fault(name: str, data: bytes) -> None:
    assert check_syntax(name, data).problem


def test_what_nobody_looks_at() -> None:
    for name, limit in (("a.py", MAX_CHECKED_BYTES), ("a.js", MAX_TREE_BYTES)):
        checked = check_syntax(name, b"(" * (limit + 1))
        assert (checked.problem, checked.warning) == ("", f"not parsed: larger than {limit} bytes")
    assert check_syntax("LICENSE", b"(((") == Checked()
    assert check_syntax(".vscode/settings.json", b"{ // x\n}") == Checked()


SCRIPTS = {
    "a.sh": (b"", True),
    "a.py": (b"#!/bin/sh\n", False),
    "run": (b"#!/usr/bin/env bash\n", True),
    "tool": (b"#!/usr/bin/python3\n", False),
    "data": (b"sh bash\n", False),
}


@pytest.mark.parametrize(("name", "row"), SCRIPTS.items(), ids=SCRIPTS)
def test_scripts(name: str, row: tuple[bytes, bool]) -> None:
    assert is_shell_script(name, row[0]) is row[1]
