import pytest

from stopper.detect.commands.codelists import take_each

EACH = {
    # what is tried               code                                       what comes behind it
    "a loop over a row":          ("for (const f of ['a', 'b']) rm(f)",      ") rm('a')\n) rm('b')"),
    "a call for each":            ("['a','b'].forEach(f => rm(f))",          " rm('a'))\n rm('b'))"),
    "a function for each":        ("['a'].map(function (f) { rm(f) })",      " { rm('a') })"),
    "a block for each":           ("['a'].each { |f| rm f }",                " rm 'a' }"),
    "a row of words":             ("%w[a b].each do |f| rm f end",           "['a','b'].each do |f| rm f end\n rm 'a' end\n rm 'b' end"),
    "a row in PHP":               ('foreach (["a"] as $f) rm($f);',          ') rm("a");'),
    "a member of the same name":  ("['a'].map(f => x.f(f))",                 " x.f('a'))"),
    "a row by its name":          ("const l = ['a']; for (const f of l) rm(f)", "const l = ['a']; for (const f of ['a']) rm(f)\n) rm('a')"),
    "a name in a text":           ("for my $f ('a') { run(\"rm $f\") }",      ' { run("rm a") }'),
    "a statement for each":       ("rm($_) for ('a', 'b');",                  "rm('a') \nrm('b') "),
    "an entry of a table":        ("const o = {p: 'a'}; rm(o.p)",             "const o = {p: 'a'}; rm('a')"),
    "no row":                     ("files.map(f => rm(f))",                  ""),
}  # fmt: skip


@pytest.mark.parametrize(("code", "behind"), EACH.values(), ids=EACH)
def test_each_of_a_row(code: str, behind: str) -> None:
    """What a loop does it does with each text that it goes through."""
    assert take_each(code) == (f"{code}\n{behind}" if behind else code)
