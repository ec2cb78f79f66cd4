"""Every seed's example, every shape of value, and nothing left of a secret."""

import base64
import json
import random
import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from stopper.detect.inspection import packaged_detector
from stopper.detect.known import KnownValues
from stopper.detect.redact import MAX_DEPTH, Redactor, SecretPattern
from stopper.detect.rules import fill

RANDOM = random.Random(5)  # noqa: S311  samples


def sample(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(alphabet, k=size))


GITHUB = "ghp_" + sample(36)
OTHER = "ghp_" + sample(36)
OPENAI = "sk-" + sample(48)
AWS = "AKIA" + sample(16, string.ascii_uppercase + "234567")
BODY = "\n".join(sample(64) for _ in range(5))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"
REDACTOR = Redactor()

SEEDS = {
    # what the seeds show     text                                             what comes out
    "an export":              ("export OPENAI_API_KEY=sk-1234567890abcdef",    "export OPENAI_API_KEY=[REDACTED:OPENAI_API_KEY]"),
    "a sentence":             ("API key: sk-1234567890abcdef",                 "API key: [REDACTED:OPENAI_API_KEY]"),
    "a long key":             (f"key={OPENAI}",                                "key=[REDACTED:OPENAI_API_KEY]"),
    "a GitHub token":         (f"token: {GITHUB}",                             "token: [REDACTED:GITHUB_TOKEN]"),
    "an AWS key":             (f"id {AWS}.",                                   "id [REDACTED:AWS_ACCESS_KEY]."),
    "twice the same":         (f"{GITHUB} {GITHUB}",                           "[REDACTED:GITHUB_TOKEN] [REDACTED:GITHUB_TOKEN]"),
    "a whole PEM block":      (f"a\n{PEM}\nb",                                 "a\n[REDACTED:PRIVATE_KEY]\nb"),
    "a tail":                 (f"{GITHUB}_old-",                               "[REDACTED:GITHUB_TOKEN]"),
    "nothing":                ("hello world",                                  "hello world"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SEEDS.values(), ids=SEEDS)
def test_texts(text: str, expected: str) -> None:
    assert REDACTOR.redact(text) == expected
    assert REDACTOR.redact(text.encode()) == expected.encode()
    assert REDACTOR.redact(expected) is expected


class Pair(NamedTuple):
    left: str
    right: str


M = "[REDACTED:GITHUB_TOKEN]"
SHAPES: dict[str, tuple[Any, Any]] = {
    "a value":           ({"a": GITHUB},                    {"a": M}),
    "a key":             ({GITHUB: 1},                      {M: 1}),
    "two keys":          ({GITHUB: 1, OTHER: 2},            {M: 1, f"{M}-2": 2}),
    "a list in a tuple": (([GITHUB, 1], None),              ([M, 1], None)),
    "a named tuple":     (Pair(GITHUB, "x"),                Pair(M, "x")),
    "sets":              ({GITHUB, "x"},                    {M, "x"}),
    "a frozen set":      (frozenset({GITHUB}),              frozenset({M})),
    "bytes":             (b"\xff" + GITHUB.encode(),        b"\xff" + M.encode()),
    "JSON in JSON":      (json.dumps({"a": json.dumps({"b": GITHUB})}), json.dumps({"a": json.dumps({"b": M})})),
    "a password by name": ({"password": "correct-Horse9 battery"}, {"password": "[REDACTED:PASSWORD_PHRASE]"}),
    "numbers":           ([1, 2.5, True, None],             [1, 2.5, True, None]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), SHAPES.values(), ids=SHAPES)
def test_values_of_any_shape(value: Any, expected: Any) -> None:
    redacted = REDACTOR.redact(value)
    assert redacted == expected
    assert type(redacted) is type(value)


HIDDEN = {
    "base64": base64.b64encode(f"a {GITHUB}".encode()).decode(),
    "hex": GITHUB.encode().hex(),
    "percent": "".join(f"%{byte:02x}" for byte in GITHUB.encode()),
    "escapes": "".join(f"\\u{byte:04x}" for byte in GITHUB.encode()),
    "zero-width": "\u200b".join(GITHUB),
    "fullwidth": "".join(chr(ord(char) + 0xFEE0) for char in GITHUB),
    "two literals": f'"{GITHUB[:12]}" + "{GITHUB[12:]}"',
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_encoded_secrets_are_replaced_as_they_stand(hidden: str) -> None:
    redacted = REDACTOR.redact(f"see {hidden} there")
    assert redacted.startswith("see ")
    assert redacted.endswith(" there")
    assert M in redacted
    assert len(redacted) < len("see  there") + len(M) + 12


JSON_TEXTS = {
    "an object": json.dumps({"a": f"x {GITHUB}", "n": 1.50}, indent=2),
    "an escape after it": json.dumps({"a": f'{GITHUB}"\n\\x'}),
    "an escape before it": json.dumps({"a": f'\\"\n{GITHUB}'}),
    "escapes in it": '{"a": "' + "".join(f"\\u{byte:04x}" for byte in GITHUB.encode()) + '"}',
    "a password with quotes": json.dumps({"password": 'abF7qcD3x"ghi9 jkl'}),
    "a PEM block": json.dumps({"key": PEM}),
    "a PEM block in lines": json.dumps({"key": PEM.split("\n")}),
    "a number": '{"card": 4111111111111111}',
    "lines": f'{{"a": "{GITHUB}"}}\n{{"b": "{OPENAI}\\n"}}',
    "events": f'event: x\ndata: {{"a": "{GITHUB}"}}\n\ndata: [DONE]\n\n',
    "a password in an event": f'data: {{"password": "{sample(12)}\\"x"}}\n\n',
}


@pytest.mark.parametrize("text", JSON_TEXTS.values(), ids=JSON_TEXTS)
def test_json_stays_json(text: str) -> None:
    redacted = REDACTOR.redact(text)
    assert "[REDACTED:" in redacted
    for secret in (GITHUB, OPENAI, "ghi9", *BODY.split("\n")):
        assert secret not in redacted
    assert redacted.count("\n") == text.count("\n")
    for before, after in zip(text.splitlines(), redacted.splitlines(), strict=True):
        try:
            json.loads(before.removeprefix("data:"))
        except ValueError:
            continue
        json.loads(after.removeprefix("data:"))
    if not text.startswith(("event", "data")) and "\n{" not in text:
        json.loads(redacted)


ENV = {
    # text                                                      names               what comes out
    "plain":            ("DATABASE_URL=postgresql://user:pass@host/db", ["DATABASE_URL"], "DATABASE_URL=[REDACTED:ENV_VAR]"),
    "two":              ("A=1 SECRET_KEY=x B=2",                 ["SECRET_KEY", "B"], "A=1 SECRET_KEY=[REDACTED:ENV_VAR] B=[REDACTED:ENV_VAR]"),
    "quoted":           ('export A="two words" b',               ["A"],             "export A=[REDACTED:ENV_VAR] b"),
    "single quotes":    ("A='two words'; b",                     ["A"],             "A=[REDACTED:ENV_VAR]; b"),
    "half quoted":      ('A=x"y z"w b',                          ["A"],             "A=[REDACTED:ENV_VAR] b"),
    "an escaped blank": ("A=x\\ y b",                            ["A"],             "A=[REDACTED:ENV_VAR] b"),
    "an open quote":    ('A="x y',                               ["A"],             "A=[REDACTED:ENV_VAR]"),
    "JSON":             ('{"A": "x\\"y", "B": 1}',               ["A"],             '{"A": "[REDACTED:ENV_VAR]", "B": 1}'),
    "YAML":             ("A: x\nB: y",                           ["A"],             "A: [REDACTED:ENV_VAR]\nB: y"),
    "a longer name":    ("MY_A=x A_B=y",                         ["A"],             "MY_A=x A_B=y"),
    "a name alone":     ("A is set",                             ["A"],             "A is set"),
    "odd names":        ("A.B=x",                                ["A.B", ""],       "A.B=[REDACTED:ENV_VAR]"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "names", "expected"), ENV.values(), ids=ENV)
def test_environment_variables(text: str, names: list[str], expected: str) -> None:
    assert REDACTOR.redact_env_vars(text, names) == expected
    assert REDACTOR.redact_env_vars(expected, names) == expected


FIRST = fill("{alnum:9}7", "phrase")
PHRASE = fill("{alnum:9}7 {lower:6}9 {lower:7}!", "phrase")
WORDY = fill("{lower:7} {lower:5} {lower:7} 9", "phrase")
PHRASES: dict[str, tuple[object, object]] = {
    # what we try           what holds it                           the same without it
    "JSON":                 (json.dumps({"password": PHRASE}),      '{"password": "[REDACTED:PASSWORD_PHRASE]"}'),
    "YAML":                 (f'password: "{PHRASE}"\nport: 1',      'password: "[REDACTED:PASSWORD_PHRASE]"\nport: 1'),
    "shell":                (f"DB_PASSWORD='{PHRASE}' run",         "DB_PASSWORD='[REDACTED:PASSWORD_PHRASE_B]' run"),
    "quotes inside":        (f"PASSWORD=\"{PHRASE}'s \\\" {FIRST}\" b", 'PASSWORD="[REDACTED:PASSWORD_PHRASE]" b'),
    "a tab inside":         (f'password = "{FIRST}\tx"',            'password = "[REDACTED:PASSWORD_PHRASE]"'),
    "a short name":         (f'psk="{PHRASE}"',                     'psk="[REDACTED:SHORT_NAMED_PHRASE]"'),
    "a key":                (f'api_key: "{FIRST} {PHRASE}"',        'api_key: "[REDACTED:KEY_PHRASE]"'),
    "a name and a value":   (f'{{"name":"API_KEY","value":"{PHRASE}"}}', '{"name":"API_KEY","value":"[REDACTED:NAMED_VALUE_PHRASE]"}'),
    "JSON in JSON":         (json.dumps({"a": json.dumps({"password": PHRASE})}), json.dumps({"a": '{"password": "[REDACTED:PASSWORD_PHRASE]"}'})),
    "plain words first":    ({"password": WORDY},                   {"password": "[REDACTED:PASSWORD_PHRASE]"}),
    "a strong word later":  ({"password": fill("{lower:7} {alpha:6}aA7! {lower:5}", "phrase")}, {"password": "[REDACTED:PASSWORD_PHRASE]"}),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), PHRASES.values(), ids=PHRASES)
def test_no_part_of_a_quoted_password_is_left(value: object, expected: object) -> None:
    assert REDACTOR.redact(value) == expected


SAID = {
    "a rule":       '{"password": "must be at least 8 characters"}',
    "a label":      'password: "Enter your password"',
    "a step":       '"password_title": "Choose one, step 2 of 3"',
    "a hint":       "'password_hint': 'Use 1 capital, 1 digit and one of #!$'",
    "an error":     'raise ValueError("password: \'x\' is too short, 8 characters at least")',
    "a message":    '{"password": "The password has expired 30 days ago!"}',
    "a language":   '{"password": "Mindestens 12 Zeichen"}',
    "a template":   'password: "${DB_PASSWORD} and more 1"',
    "a token":      '{"token": "one of the 32 tokens left"}',
}  # fmt: skip


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_what_is_said_of_passwords_stays(text: str) -> None:
    assert REDACTOR.redact(text) is text


class TestPatterns:
    def test_they_belong_to_one_redactor(self) -> None:
        mine, other = Redactor(), Redactor()
        mine.add_pattern(SecretPattern("TICKET", r"TICK-\d{4}"))
        assert mine.redact("see TICK-1234") == "see [REDACTED:TICKET]"
        assert other.redact("see TICK-1234") == "see TICK-1234"
        assert mine.remove_pattern("TICKET")
        assert not mine.remove_pattern("TICKET")
        assert mine.redact("see TICK-1234") == "see TICK-1234"

    def test_a_packaged_kind_can_be_removed(self) -> None:
        redactor = Redactor()
        assert redactor.remove_pattern("GITHUB_TOKEN")
        assert not redactor.remove_pattern("GITHUB_TOKEN")
        assert redactor.redact(GITHUB) == GITHUB
        assert REDACTOR.redact(GITHUB) == M

    def test_one_in_place_of_a_packaged_kind_does_not_bring_it_back(self) -> None:
        redactor = Redactor()
        assert redactor.remove_pattern("GITHUB_TOKEN")
        redactor.add_pattern(SecretPattern("GITHUB_TOKEN", r"TICK-\d{4}"))
        assert redactor.redact(f"{GITHUB} TICK-1234") == f"{GITHUB} {M}"
        assert redactor.remove_pattern("GITHUB_TOKEN")
        assert redactor.redact(f"{GITHUB} TICK-1234") == f"{GITHUB} TICK-1234"

    def test_a_known_value_named_like_a_removed_kind_is_still_marked(self) -> None:
        value = sample(24)
        redactor = Redactor(known=KnownValues({"GITHUB_TOKEN": value}, b"key"))
        assert redactor.remove_pattern("GITHUB_TOKEN")
        assert redactor.redact(f"a {value}") == f"a {M}"

    def test_they_look_at_texts_and_at_no_signs_of_json(self) -> None:
        redactor = Redactor([SecretPattern("WORD", "[A-Za-z0-9]{4,}"), SecretPattern("ALL", ", ")])
        value = {1: [12345, True, None, "a\nbcd"], "x": 1.25}
        assert redactor.redact(value) == value

    def test_no_patterns_are_no_patterns(self) -> None:
        assert Redactor([]).redact(GITHUB) == GITHUB

    def test_a_pattern_that_matches_marks_comes_to_an_end(self) -> None:
        redactor = Redactor([SecretPattern("WORD", "[A-Z]{4,}")])
        assert redactor.redact("a WORDS b") == "a [REDACTED:WORD] b"
        assert redactor.redact("a [REDACTED:WORD] b") == "a [REDACTED:WORD] b"

    @pytest.mark.parametrize(
        ("name", "pattern"), [("", "a"), ("A B", "a"), ("A]", "a"), ("A", "("), ("A", "a*")]
    )
    def test_what_does_not_read_is_refused(self, name: str, pattern: str) -> None:
        with pytest.raises(ValueError, match="pattern"):
            SecretPattern(name, pattern)


class TestTags:
    def test_equal_secrets_have_equal_tags_under_one_key(self) -> None:
        redactor = Redactor(key=b"mine")
        first, again, other = redactor.redact([GITHUB, f"x {GITHUB}", OTHER])
        assert again == f"x {first}"
        assert first != other
        assert first.startswith("[REDACTED:GITHUB_TOKEN#")
        assert Redactor(key=b"another").redact(GITHUB) != first

    def test_an_empty_key_would_make_tags_that_all_can_guess(self) -> None:
        with pytest.raises(ValueError, match="key"):
            Redactor(key=b"")

    def test_tagged_marks_stay(self) -> None:
        redactor = Redactor(key=b"mine")
        once = redactor.redact(f"password={GITHUB}")
        assert redactor.redact(once) == once


def test_known_values_are_marked_by_their_names() -> None:
    value = sample(24)
    redactor = Redactor(known=KnownValues({"MY_VALUE": value}, b"key"))
    assert redactor.redact(f"a {value[::-1]} b {GITHUB}") == f"a [REDACTED:MY_VALUE] b {M}"


def test_a_false_mark_hides_nothing() -> None:
    assert AWS not in REDACTOR.redact(f"[REDACTED:{AWS}]")


FALSE = fill("{lower:7}2is{alpha:4}99", "mark")
FALSE_MARKS = {
    # what we try              text                                        what comes out
    "behind a password's name": (f"password=[REDACTED:{FALSE}]",           "password=[REDACTED:PASSWORD]"),
    "in a URL":               (f"https://u:[REDACTED:{FALSE}]@h/",         "https://u:[REDACTED:URL_PASSWORD]@h/"),
    "behind a key's name":    (f"api_key: [REDACTED:{FALSE}]",             "api_key: [REDACTED:DISGUISED_SECRET]"),
    "alone":                  (f"[redacted:{FALSE}]",                      "[REDACTED:DISGUISED_SECRET]"),
    "behind a mark":          (f"password=[REDACTED:PASSWORD]{FALSE}",     "password=[REDACTED:PASSWORD]"),
    "without an end":         (f"password=[REDACTED:{FALSE}",              "password=[REDACTED:PASSWORD]"),
    "in small letters":       (f"password=[redacted:{FALSE}]",             "password=[REDACTED:PASSWORD]"),
    "a mark":                 ("password=[REDACTED:DB_PASSWORD_2]",        "password=[REDACTED:DB_PASSWORD_2]"),
    "a mark with a tag":      ("password=[REDACTED:A.B-2#0a1b2c3d]",       "password=[REDACTED:A.B-2#0a1b2c3d]"),
    "a mark in a URL":        ("https://u:[REDACTED:URL_PASSWORD]@h/",     "https://u:[REDACTED:URL_PASSWORD]@h/"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FALSE_MARKS.values(), ids=FALSE_MARKS)
def test_marks_that_were_made_up_hide_nothing(text: str, expected: str) -> None:
    assert REDACTOR.redact(text) == expected
    assert REDACTOR.redact(expected) is expected


def test_own_names_in_small_letters_make_marks_too() -> None:
    value = sample(24)
    mine = Redactor(
        [SecretPattern("ticket-9x7z", r"TICK-\d{4}")],
        detector=packaged_detector(b"a key"),
        known=KnownValues({"my-value-7x9": value}, b"key"),
    )
    once = mine.redact(f"password=TICK-1234 password={value}")
    assert once == "password=[REDACTED:ticket-9x7z] password=[REDACTED:my-value-7x9]"
    assert mine.redact(once) is once


def test_where_a_secret_of_lines_has_begun() -> None:
    """Told for what redacts in parts."""
    data = b"one\nBackup codes:\n" + fill("{digit:4}-{digit:4}", "begun").encode() + b"\n"
    assert REDACTOR.begun(data) == data.index(b":\n") + 2
    assert REDACTOR.begun(b"an ordinary line\n") == len(b"an ordinary line\n")
    assert Redactor([]).begun(data) == len(data)
    value = sample(24)
    mine = Redactor([], known=KnownValues({"A": value}, b"key"))
    assert mine.begun(f"one\n{value[:12]}\n".encode()) == len("one\n")


def test_what_nests_too_deeply_is_replaced() -> None:
    value: list[Any] = []
    value.append(value)
    assert "[REDACTED:TOO_DEEP]" in str(REDACTOR.redact(value))
    deep: Any = GITHUB
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert M in str(REDACTOR.redact(deep))


def test_what_cannot_be_looked_through_is_replaced() -> None:
    text = GITHUB
    for _ in range(12):
        text = base64.b64encode(text.encode()).decode()
    assert REDACTOR.redact(text) == "[REDACTED:UNPROVABLE]"


def test_texts_without_secrets_are_the_same_objects() -> None:
    for clean in ("hello", b"\xff\x00", "a" * 1000):
        assert REDACTOR.redact(clean) is clean


LINES = fill(
    "-----BEGIN RSA PRIVATE KEY-----\n{b64:64}\n{b64:64}\n{b64:64}\n-----END RSA PRIVATE KEY-----"
)

ACROSS: dict[str, Callable[[list[str]], object]] = {
    "a list of lines": lambda lines: {"lines": lines, "more": [1, None, 2.5, True]},
    "a list alone": list,
    "lines deep below": lambda lines: {"a": [{"b": {"c": lines}}], "d": "the end"},
}


@pytest.mark.parametrize("shaped", ACROSS.values(), ids=ACROSS)
def test_a_secret_in_several_texts_is_marked_in_each(shaped: Callable[[list[str]], object]) -> None:
    lines = LINES.split("\n")
    before = shaped(lines)
    after = Redactor().redact(before)
    assert not any(line in json.dumps(after) for line in lines)
    assert json.dumps(before).count('"') == json.dumps(after).count('"')


AS_JSON: dict[str, Callable[[list[str]], Any]] = {
    "a tuple of lines":     tuple,
    "bytes":                lambda lines: [line.encode() for line in lines],
    "beside a time":        lambda lines: {"lines": lines, "at": datetime(2026, 1, 1, tzinfo=UTC)},
    "beside bytes":         lambda lines: {"lines": tuple(lines), "more": b"\xff"},
    "beside a set":         lambda lines: {"lines": lines, "more": {1, None}},
    "beside odd keys":      lambda lines: {"lines": lines, 1: 2, "1": 3, (4, "x"): 5, None: 6},
    "beside odd numbers":   lambda lines: {"lines": lines, "more": [10**5000, -1e300, float("inf")]},
    "beside half a character": lambda lines: {"lines": lines, "more": "\udc80 \ud83d"},
}  # fmt: skip


@pytest.mark.parametrize("shaped", AS_JSON.values(), ids=AS_JSON)
def test_a_secret_in_several_texts_is_marked_whatever_is_beside(
    shaped: Callable[[list[str]], Any],
) -> None:
    """And all but its lines is what it was."""
    lines = LINES.split("\n")
    before = shaped(lines)
    expected = shaped(["[REDACTED:PRIVATE_KEY]" for _ in lines])
    assert REDACTOR.redact(before) == expected
    assert type(REDACTOR.redact(before)) is type(expected)


class Odd:
    """Something that no redactor knows."""


VALUE = fill("{alnum:15}7", "named")
ODD = Odd()
NAMED: dict[str, tuple[Any, Any]] = {
    # what we try               what holds a secret                          the same without it
    "a name and a value":       ({"name": "API_KEY", "value": VALUE},        {"name": "API_KEY", "value": "[REDACTED:NAMED_VALUE]"}),
    "beside what is odd":       ([{"name": "API_KEY", "value": VALUE}, ODD], [{"name": "API_KEY", "value": "[REDACTED:NAMED_VALUE]"}, ODD]),
    "a name in bytes":          ({b"password": VALUE.encode()},              {b"password": b"[REDACTED:PASSWORD]"}),
    "a value below its name":   ({"password": {"value": VALUE}},             {"password": {"value": "[REDACTED:NESTED_VALUE]"}}),
    "in a tuple":               (({"password": (VALUE, 1)},),                ({"password": ("[REDACTED:PASSWORD]", 1)},)),
    "bytes below a name":       ({"password": [b"x", VALUE.encode()]},       {"password": [b"x", b"[REDACTED:PASSWORD]"]}),
    "two names in bytes":       ({GITHUB.encode(): 1, OTHER.encode(): 2},    {M.encode(): 1, M.encode() + b"-2": 2}),
    "a number":                 ({"card": 4111111111111111},                 {"card": "[REDACTED:PAYMENT_CARD]"}),
    "a token in a password":    ({"password": f"{FIRST} {GITHUB}"},          {"password": "[REDACTED:PASSWORD_PHRASE][REDACTED:GITHUB_TOKEN]"}),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), NAMED.values(), ids=NAMED)
def test_objects_are_searched_as_their_json_is(value: Any, expected: Any) -> None:
    assert REDACTOR.redact(value) == expected


UNDER = {
    "bytes": lambda value: value.encode(),
    "a list": lambda value: [value, "x"],
    "a tuple": lambda value: (value,),
    "a text": str,
}


@pytest.mark.parametrize("shaped", UNDER.values(), ids=UNDER)
def test_a_name_makes_a_secret_of_what_is_no_text_too(shaped: Callable[[str], Any]) -> None:
    value = fill("{alnum:9}7!")
    assert value not in repr(Redactor().redact({"db_password": shaped(value), "port": 5432}))


def test_numbers_stay_numbers() -> None:
    plain = {"token_limit": 4096, "password_length": 12, "count": 12345678901, "id": [1, 2]}
    assert Redactor().redact(plain) == plain
