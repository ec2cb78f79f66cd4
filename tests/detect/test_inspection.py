"""Rules and known values in one text: each place once for each secret, in its own units."""

import base64
import gzip
import json
import random
import string
import zlib
from itertools import count
from urllib.parse import quote

import pytest

from stopper.detect.allowance import Clock
from stopper.detect.budget import PATIENT, Budget
from stopper.detect.inspection import Inspection, Inspector, packaged_detector
from stopper.detect.known import KnownValues
from stopper.detect.redact import Redactor

KEY = b"a key for tests"
RANDOM = random.Random(5)  # noqa: S311  samples
LETTERS = string.ascii_letters + string.digits


def sample(prefix: str, size: int, alphabet: str = LETTERS) -> str:
    return prefix + "".join(RANDOM.choices(alphabet, k=size))


GITHUB = sample("ghp_", 36)
AWS = sample("AKIA", 16, string.ascii_uppercase)
PASSWORD = sample("", 14)
VALUE = sample("", 30)
TOKEN = sample("ghp_", 36)
CANARY = sample("", 24)
PREFIXED = sample("gsk_", 51) + "7"
DETECTOR = packaged_detector(KEY)
KNOWN = KnownValues({"VALUE": VALUE, "TOKEN": TOKEN, "CANARY": CANARY}, KEY, canaries=["CANARY"])
INSPECTOR = Inspector(DETECTOR, KNOWN)


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def hexed(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def rules(inspection: Inspection) -> list[str]:
    return [finding.rule for finding in inspection.findings]


def escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


BOTH = f"{GITHUB} {AWS}"
CASES = {
    # what stands in it                text                                         rules
    "nothing":                        ("hello world",                               []),
    "one token":                      (f"see {GITHUB} end",                         ["github-token"]),
    "one token twice":                (f"{GITHUB} {GITHUB}",                        ["github-token", "github-token"]),
    "two tokens":                     (BOTH,                                        ["github-token", "aws-access-key"]),
    "a token between escapes":        (json.dumps(f"\t{GITHUB}\n"),                 ["github-token"]),
    "a token in base64":              (f"x {b64(f'key {GITHUB} end')} y",           ["github-token"]),
    "a token in base64 twice":        (b64(b64(f"key {GITHUB} end")),               ["github-token"]),
    "a token in escapes":             (f'"{hexed(GITHUB)}"',                        ["github-token"]),
    "a token in percent":             (quote(f"={GITHUB}&", safe=""),               ["github-token"]),
    "two tokens in one packed blob":  (b64(gzip.compress(BOTH.encode())),           ["aws-access-key", "github-token"]),
    "a token over two lines":         (f"{GITHUB[:20]}\n{GITHUB[20:]}",             ["github-token"]),
    "a token in two literals":        (f'"{GITHUB[:20]}" + "{GITHUB[20:]}"',        ["github-token"]),
    "a token before a word":          (f"{GITHUB}\nfoo",                            ["github-token"]),
    "a token behind a letter":        (f"x{PREFIXED}",                              ["groq-api-key"]),
    "a letter and a token in base64": (b64(f"x{PREFIXED}ok"),                       ["groq-api-key"]),
    "a packed token in escapes":      (f'"{escaped(gzip.compress(GITHUB.encode()))}"', ["github-token"]),
    "a packed token as Python has it": (repr(gzip.compress(GITHUB.encode(), mtime=0)), ["github-token"]),
    "a packed token in base85":       (base64.b85encode(zlib.compress(GITHUB.encode())).decode(), ["github-token"]),
    "a token turned round":           (f"x {PREFIXED[::-1]} y",                     ["groq-api-key"]),
    "a value":                        (f"see {VALUE} end",                          ["known-value"]),
    "a value in base64":              (f"see {b64(VALUE)} end",                     ["known-value"]),
    "a value that a rule finds too":  (f"see {TOKEN} end",                          ["known-value"]),
    "half a value":                   (f"see {VALUE[:20]} end",                     ["known-value-part"]),
    "a canary":                       (f"see {CANARY} end",                         ["canary"]),
    "a value and a token":            (f"{VALUE} {GITHUB}",                         ["known-value", "github-token"]),
    "a token that has a name":        (f'"password": "{GITHUB}"',                   ["github-token"]),
    "a token in a password's place":  (f'password="{quote(GITHUB[:4])}%{ord(GITHUB[4]):02x}{GITHUB[5:]}"', ["github-token"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_a_place_shows_once_for_each_secret(text: str, expected: list[str]) -> None:
    """Each row gives exactly the rules in its last column, as text and as bytes."""
    assert rules(INSPECTOR.inspect(text)) == expected
    assert rules(INSPECTOR.inspect(text.encode())) == expected


SECRETS = [
    GITHUB,
    b64(f"key {GITHUB} end"),
    hexed(GITHUB),
    VALUE,
    b64(VALUE),
    f"{GITHUB[:20]}\n{GITHUB[20:]}",
]


@pytest.mark.parametrize("before", ["", "see ", "Größe \U0001f600 "])
@pytest.mark.parametrize("number", range(len(SECRETS)))
def test_spans_are_in_the_units_of_the_text(number: int, before: str) -> None:
    """Characters of a str, bytes of bytes; what is cut out leaves nothing to find."""
    text = f"{before}{SECRETS[number]} end"
    (one,) = INSPECTOR.inspect(text).findings
    (raw,) = INSPECTOR.inspect(text.encode()).findings
    assert len(before) <= one.start < one.end <= len(before) + len(SECRETS[number])
    assert len(text[: one.start].encode()) == raw.start
    assert len(text[: one.end].encode()) == raw.end
    assert INSPECTOR.inspect(text[: one.start] + text[one.end :]).is_clean


def test_one_key_gives_a_value_one_fingerprint() -> None:
    """Whether a rule sees it or it is known."""
    (by_rule,) = Inspector(DETECTOR).inspect(TOKEN).findings
    (known,) = Inspector(None, KNOWN).inspect(TOKEN).findings
    assert by_rule.fingerprint == known.fingerprint


def test_a_spent_budget_is_unprovable_and_not_clean() -> None:
    text = b64(b64(b64("nothing to see here at all, really nothing")))
    assert INSPECTOR.inspect(text).is_clean
    inspection = Inspector(DETECTOR, budget=Budget(depth=1)).inspect(text)
    assert inspection == Inspection((), "depth")
    assert not inspection.is_clean


@pytest.mark.parametrize("around", ["{}", "value\n-----\n{}\n(1 row)\n", '{{"rows": "{}"}}'])
def test_bytes_as_postgres_shows_them(around: str) -> None:
    """Their mark is no escape, which would leave the first of them without its like."""
    shown = "\\x" + GITHUB.encode().hex()
    text = around.format(shown.replace("\\", "\\\\") if "{{" in around else shown)
    assert rules(INSPECTOR.inspect(text)) == ["github-token"]


def test_thousands_of_findings_are_unprovable() -> None:
    """Plain or encoded; those that were found are told, and known values are looked for still."""
    most = 40
    several = "\n".join(sample("ghp_", 36) for _ in range(most + 1))
    bounded = Inspector(DETECTOR, KNOWN, Budget(findings=most))
    for text in (several, b64(several), several + b64(VALUE)):
        inspection = bounded.inspect(f"{text}\n{VALUE}")
        assert inspection.unprovable == "findings"
        assert not inspection.is_clean
        assert "known-value" in rules(inspection)
    assert len(bounded.inspect(several).findings) == most + 1
    few = several.split("\n")[:9]
    assert len(bounded.inspect("\n".join(few)).findings) == len(few)
    assert not bounded.inspect("\n".join(few)).unprovable


@pytest.mark.parametrize(
    ("row", "most"),
    [("page_token={0:020}\n", 40), ("db_password = get_number_{0}()\n", 300)],
    ids=["matches", "values"],
)
def test_more_matches_than_are_worth_it(row: str, most: int) -> None:
    """They are no findings; what is judged counts once for each value."""
    bounded = Inspector(DETECTOR, KNOWN, Budget(matches=most))
    several = "".join(row.format(number) for number in range(100))
    inspection = bounded.inspect(f"{VALUE}\n{several}")
    assert inspection.unprovable == "matches"
    assert rules(inspection) == ["known-value"]
    assert bounded.inspect(row.format(1) * 9).is_clean
    assert Inspector(DETECTOR).inspect(several).is_clean
    assert Inspector(DETECTOR, budget=PATIENT).inspect(several).is_clean


def test_more_is_allowed_in_longer_texts() -> None:
    tokens = "".join(f"--page-token={number:020}\n" for number in range(3_000))
    bounded = Inspector(DETECTOR, budget=Budget(matches=100))
    assert bounded.inspect(tokens).unprovable == "matches"
    assert bounded.inspect(tokens + " " * 1_400_000).is_clean


def test_more_known_values_than_are_worth_it() -> None:
    """Whole or but for a letter: each place costs, so there are not more than the budget has."""
    bounded = Inspector(DETECTOR, KNOWN, Budget(known=50))
    for text, most in ((VALUE, 20), (VALUE[:12] + VALUE[13:], 10)):
        assert not bounded.inspect(f"{text}\n" * most).unprovable
        inspection = bounded.inspect(f"{text}\n" * 200)
        assert inspection.unprovable == "known"
        assert not inspection.is_clean
        assert not Inspector(DETECTOR, KNOWN, PATIENT).inspect(f"{text}\n" * 200).unprovable


def run_out(looks: int) -> Clock:
    """A clock that has gone on for a day after so many looks at it."""
    seen = count()
    return lambda: 86_400.0 if next(seen) >= looks else 0.0


def test_whenever_the_time_is_over_it_is_said() -> None:
    """At each of the looks at the clock, until there are no more of them; known values count."""
    quiet = "".join(f"  - sha256:{RANDOM.randbytes(32).hex()}\n" for _ in range(500))
    text = f"{quiet}see {GITHUB} and\nsee {b64(AWS)} or\n{quote(b64(quiet))}\n{VALUE}\n"
    whole = INSPECTOR.inspect(text)
    assert rules(whole) == ["github-token", "aws-access-key", "known-value"]
    for looks in range(1, 1_000):
        inspection = Inspector(DETECTOR, KNOWN, Budget(clock=run_out(looks))).inspect(text)
        if not inspection.unprovable:
            break
        assert inspection.unprovable == "time"
        assert rules(inspection)[-1] == "known-value"
        assert set(inspection.findings) <= set(whole.findings)
    assert inspection == whole
    assert looks > len(text) // 32_768 > 1


def test_who_is_patient_finds_all() -> None:
    several = "\n".join(sample("ghp_", 36) for _ in range(2_100))
    assert Inspector(DETECTOR).inspect(several).unprovable == "findings"
    patient = Inspector(DETECTOR, budget=PATIENT).inspect(several)
    assert (len(patient.findings), patient.unprovable) == (2_100, "")
    assert Redactor(detector=DETECTOR).redact(several) == "[REDACTED:UNPROVABLE]"
    assert "ghp_" not in Redactor(detector=DETECTOR, budget=PATIENT).redact(several)


def test_without_known_values_or_without_rules() -> None:
    text = f"{GITHUB} {VALUE}"
    assert rules(Inspector(DETECTOR).inspect(text)) == ["github-token"]
    assert rules(Inspector(None, KNOWN).inspect(text)) == ["known-value"]


def test_detectors_of_the_packaged_rules_share_one_engine() -> None:
    other = packaged_detector(b"another key")
    assert other.engine is DETECTOR.engine
    assert other.scan(GITHUB)[0].fingerprint != DETECTOR.scan(GITHUB)[0].fingerprint
