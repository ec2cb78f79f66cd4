import pytest

from stopper.detect.commands import is_dangerous, judge_command

FUNCTIONS = {
    # a function that                    text, and whether it is a bomb
    "returns before it goes on":  ("f() { (( $1 == 0 )) && return; f $(($1-1)); f $(($1-1)); }", False),
    "does one thing or another":  ('f() { if [ "$1" -lt 2 ]; then echo; else echo $(f $(($1-1))) $(f $(($1-2))); fi; }', False),
    "hands on to a filter":       ('f() { [ $# -eq 0 ] && return; shift; f "$@"; f "$@" | sed s/a/b/; }', False),
    "never asks":                 ("f() { f $1; f $1; }", True),
    "asks too late":              ("f() { f $1; f $1; [ $1 ] && return; }", True),
    "asks of nothing":            ("f() { true && return; f $1; f $1; }", True),
    "passes nothing on":          ('f() { [ "$1" ] && return; f; f; }', True),
    "asks, and goes on aside":    ('f() { [ "$1" ] && return; f $2 & f $2; }', True),
    "asks, and pipes to itself":  ('f() { [ "$1" ] && return; f $2 | f $2; }', True),
}  # fmt: skip

COMPILED = {
    # what the program does              source, and whether it is a bomb
    "forks for ever":             ("int main(){ for(;;) fork(); }", True),
    "forks and starts again":     ("int main(){ fork(); main(); }", True),
    "forks behind a counter":     ("int main(){ while (1) { n++; fork(); } }", True),
    "takes memory for ever":      ("int main(){ while (1) malloc(4096); }", True),
    "serves":                     ("int main(){ for(;;) { int c = accept(s,0,0); if (!fork()) serve(c); } }", False),
    "forks some times":           ("int main(){ for (int i = 0; i < 3; i++) fork(); }", False),
    "forks and waits":            ("int main(){ while (1) { if (!fork()) work(); wait(0); } }", False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "bomb"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(text: str, bomb: bool) -> None:
    """Recursion that asks what it was given comes to its end, where nothing runs beside it."""
    assert is_dangerous(judge_command(f"{text}\nf 9")) == bomb


@pytest.mark.parametrize(("source", "bomb"), COMPILED.values(), ids=COMPILED)
@pytest.mark.parametrize(
    "call", ["cat > a.c <<'E'\n{}\nE\ngcc a.c && ./a.out", "echo '{}' | cc -xc -"]
)
def test_compiled(call: str, source: str, bomb: bool) -> None:
    """A program is judged where the text compiles it, from a file or from its input."""
    assert is_dangerous(judge_command(call.replace("{}", source))) == bomb
