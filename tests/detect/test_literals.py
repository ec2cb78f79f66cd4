"""Passwords, which have no prefix, in literals that code puts together."""

import pytest

from stopper.detect.inspection import Inspector, packaged_detector
from stopper.detect.live import LiveInspector
from stopper.detect.rules import fill

INSPECTOR = Inspector(packaged_detector(b"a key for tests"))
FIRST, SECOND = fill("Kx{alnum:4}7"), fill("q{alnum:5}!9")

PUT_TOGETHER = {
    "a sum": 'DB_PASSWORD = "{}" + "{}"',
    "a sum of PHP": "$password = '{}' . '{}';",
    "a sum over lines": 'password := "{}" +\n\t"{}"',
    "a sum of strings": 'std::string dbPassword = std::string("{}") + "{}";',
    "C, lines": 'static const char *password = "{}"\n    "{}";',
    "SQL": "SET @password = CONCAT('{}', '{}');",
    "Terraform": 'locals {{\n  password = join("", ["{}", "{}"])\n}}',
    "Python, a list": "password = ''.join(['{}', '{}'])",
    "Python, a format": 'password = "{{}}{{}}".format("{}", "{}")',
    "Python, percent": 'password = "%s%s" % ("{}", "{}")',
    "Rust": 'let password = format!("{{}}{{}}", "{}", "{}");',
    "Go": 'password := fmt.Sprintf("%s%s", "{}", "{}")',
    "JavaScript": "const dbPassword = ['{}', '{}'].join('');",
    "PHP, a list": "$password = implode('', ['{}', '{}']);",
    "PowerShell": "$password = -join @('{}', '{}')",
    "PowerShell, behind": "$password = ('{}','{}') -join ''",
    "R": "db_password <- paste0('{}', '{}')",
}
ITEMS = {
    "a list put together below": 'const parts = ["password=", "{}", "{}"];\nexport default parts.join("");',
    "Go, a list": 'cred := strings.Join([]string{{"DB_PASSWOR", "D: {}", "{}"}}, "")',
    "a list of YAML": 'parts:\n  - "password: {}"\n  - "{}"\njoin: ""',
}


@pytest.mark.parametrize("text", PUT_TOGETHER.values(), ids=PUT_TOGETHER)
def test_a_password_is_found_in_its_parts(text: str) -> None:
    """What is marked leaves nothing of either part."""
    whole = f"begin\n{text.format(FIRST, SECOND)}\nend\n"
    found = [one for one in INSPECTOR.inspect(whole).findings if "concatenated" in one.decoded]
    assert found
    start, end = found[0].start, found[0].end
    assert FIRST not in whole[:start] + whole[end:]
    assert SECOND not in whole[:start] + whole[end:]


@pytest.mark.parametrize("text", ITEMS.values(), ids=ITEMS)
def test_each_item_of_a_list_is_marked(text: str) -> None:
    rest = f"begin\n{text.format(FIRST, SECOND)}\nend\n"
    for one in reversed(INSPECTOR.inspect(rest).findings):
        rest = rest[: one.start] + rest[one.end :]
    assert FIRST not in rest
    assert SECOND not in rest


@pytest.mark.parametrize(
    "text", [*PUT_TOGETHER.values(), *ITEMS.values()], ids=[*PUT_TOGETHER, *ITEMS]
)
def test_so_it_is_in_a_stream(text: str) -> None:
    """The same in chunks, which a window follows."""
    live = LiveInspector(INSPECTOR)
    whole = f"begin\n{text.format(FIRST, SECOND)}\nend\n".encode()
    released = [live.feed(whole[at : at + 11]) for at in range(0, len(whole), 11)]
    assert any(each.findings for each in (*released, live.finish()))


INNOCENT = {
    "a message": 'raise ValueError("the password " + "must have 8 characters")',
    "a statement": 'sql = "SELECT password2 FROM users " + "WHERE id1 = ?"',
    "names": 'fields = ",".join(["password1", "password2", "token3"])',
    "a path": 'password_file = "/".join(["run1", "secrets", "db2"])',
    "a list with signs between": 'parts = ["password=", "Kx7aB2q", "9Zt4mPw1"]\nprint(", ".join(parts))',
    "classes": "const passwordClass = ['input1', 'wide2'].join(' ');",
    "a format": 'password_label = "{} {}".format("Password1", "(again)")',
    "hints": 'password_hint = "%s%s" % ("8 letters", " and a digit")',
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_what_is_no_password(text: str) -> None:
    assert INSPECTOR.inspect(f"{text}\n").is_clean
