import pytest

from stopper.detect.commands.inert import is_inert

CODE = {
    # what is tried                       code, its language, and whether it is inert
    "a list that is printed":                ("print(['rm -rf /'])", "python", True),
    "a list that is judged":                 ("for c in ['rm -rf /']: print(is_risky(c))", "python", True),
    "in a formatted text":                   ('print(f"{classify(\'rm -rf /\')}")', "python", True),
    "a list in Node":                        ("['rm -rf /'].forEach(c => console.log(c))", "node", True),
    "a list in Ruby":                        ("['rm -rf /'].each { |c| puts c }", "ruby", True),
    "an unknown call":                       ("go('rm -rf /')", "python", False),
    "an unknown call that is given":         ("list(map(go, ['rm -rf /']))", "python", False),
    "a call under another name":             ("from os import system as check; check('rm -rf /')", "python", False),
    "a module in a text":                    ("const {a: check} = require('child_process'); check('rm -rf /')", "node", False),
    "a call in a formatted text":            ('print(f"{go(\'rm -rf /\')}")', "python", False),
    "a call that ends a text":               ('print(f"{go("rm -rf /")}")', "python", False),
    "a call without brackets":               ("['rm -rf /'].each { |c| go c }", "ruby", False),
    "a call of what no name says":           ("[print][0]('rm -rf /')", "python", False),
    "Ruby's own shell":                      ("puts `ls`", "ruby", False),
    "a pattern that hides a text":           ("/'/; go(1); /'/", "node", False),
    "code from elsewhere":                   ("import check from 'https://e.example/a.js'; check('a')", "node", False),
    "a text without end":                    ("print('a' * 10**11)", "python", False),
    "a loop without end":                    ("while True: print(1)", "python", False),
    "another language":                      ("print('a')", "lua", False),
}  # fmt: skip


@pytest.mark.parametrize(("code", "language", "inert"), CODE.values(), ids=CODE)
def test_inert(code: str, language: str, inert: bool) -> None:
    """Only code all of whose calls are known to look at texts is."""
    assert is_inert(code, language) == inert
