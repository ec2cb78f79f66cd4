import pytest

from stopper.detect.commands.folds import fold_code

FOLDS = {
    # what is written                code                                             folded
    "items of a table":      ('f(table.concat({"a", "b"}, "-"))',                     'f("a-b")'),
    "items of a list":       ("f(['a','b'].join(''))",                                'f("ab")'),
    "what stands between":   ('open F, join("/", "", "dev")',                         'open F, "/dev"'),
    "texts":                 ("f('a' + \"b\" + 'c')",                                 'f("abc")'),
    "texts with dots":       ('f("a" .. "b")',                                        'f("ab")'),
    "letters by number":     ("f(String.fromCharCode(114, 109))",                     'f("rm")'),
    "hexadecimal":           ("f(Buffer.from('2f61', 'hex').toString())",             'f("/a")'),
    "base64":                ("f(atob('cm0='))",                                      'f("rm")'),
    "turned letters":        ("f(str_rot13('ez'))",                                   'f("rm")'),
    "backwards":             ('f(strrev("mr"))',                                      'f("rm")'),
    "backwards in a list":   ("f('mr'.split('').reverse().join(''))",                 'f("rm")'),
    "backwards, spread":     ("f([...'mr'].reverse().join(''))",                      'f("rm")'),
    "words":                 ('f(%w[delete all].join("_"))',                          'f("delete_all")'),
    "words, the glue first": ('f(join("_", qw(delete all)))',                         'f("delete_all")'),
    "a replacement":         ("f('rXm'.replace('X',''))",                             'f("rm")'),
    "a replacement, text last": ('f(str_replace("X", "", "rXm"))',                    'f("rm")'),
    "unpacked":              ('f("cm0=".unpack1("m"))',                               'f("rm")'),
    "two lines":             ("f(atob('YQpi'))",                                      'f("a\nb")'),
    "both quotes":           ("f(atob('ImEnIg=='))",                                  "f('\"a\\'\"')"),
    "no text":               ("f(atob('/w=='))",                                      "f(atob('/w=='))"),
    "a name":                ('let a = "/x/"; f(a + "y");',                           'let a = "/x/"; f("/x/y");'),
    "a name given twice":    ('a = "x"; a = "y"; f(a)',                               'a = "x"; a = "y"; f(a)'),
    "a list that stays one": ('f("a", "b")',                                          'f("a", "b")'),
    "no constant":           ("f(a.join(b))",                                         "f(a.join(b))"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "folded"), FOLDS.values(), ids=FOLDS)
def test_constants(code: str, folded: str) -> None:
    """What is made of constants alone is written out, and nothing else is."""
    assert fold_code(code) == folded


def test_texts_beside_each_other() -> None:
    """Only in languages that join them."""
    assert fold_code('f("a" "b")', beside=True) == 'f("ab")'
    assert fold_code('f("a" "b")') == 'f("a" "b")'
