"""Secrets of every kind and shape: found, marked, spared when allowed, never shown."""

import base64
import json
import random
import string
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.verdict import Verdict
from stopper.detect.known import KnownValues
from stopper.detect.rules import fill
from stopper.errors import SettingsError
from stopper.guards.chain import GuardChain
from stopper.guards.models import EnforcementLevel
from stopper.guards.sensitive_data import RedactMode, SensitiveDataConfig, SensitiveDataGuard

RANDOM = random.Random(11)  # noqa: S311  samples


def sample(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(alphabet, k=size))


AWS = "AKIA" + sample(16, string.ascii_uppercase + "234567")
TEMPORARY = "ASIA" + sample(16, string.ascii_uppercase + "234567")
GITHUB = "ghp_" + sample(36)
OPENAI = "sk-" + sample(48)
STRIPE = "sk_live_" + sample(24)
FAKE = "sk_fake_" + sample(12, string.ascii_lowercase + string.digits)
ALLOWED = "test_key_" + sample(9)
PASSWORD = sample(14) + "9!"
BODY = "\n".join(sample(64) for _ in range(4))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"
JWT = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "HS256"}, {"sub": sample(12)}, [sample(24)])
)


class Pair(NamedTuple):
    left: str
    right: str


MARK = "[REDACTED]"
FOUND: dict[str, tuple[Any, str, Any]] = {
    # where it is                 arguments                                kinds              with marks
    "an assignment":             ({"config": f"api_key={FAKE}"},           "api_key",         {"config": MARK}),
    "a value named key":         ({"key": f"api_key={FAKE}"},              "api_key",         {"key": MARK}),
    "an assignment in a text":   ({"a": f"set api_key={FAKE} now"},        "api_key",         {"a": f"set api_key={MARK} now"}),
    "a vendor's key":            ({"a": OPENAI},                           "api_key",         {"a": MARK}),
    "another's":                 ({"a": STRIPE},                           "api_key",         {"a": MARK}),
    "a cloud's key":             ({"a": f"id {AWS}."},                     "aws_key",         {"a": f"id {MARK}."}),
    "a temporary one":           ({"a": TEMPORARY},                        "aws_key",         {"a": MARK}),
    "a token":                   ({"a": GITHUB},                           "github_token",    {"a": MARK}),
    "a header":                  ({"h": f"Authorization: Bearer {JWT}"},   "jwt_token",       {"h": f"Authorization: Bearer {MARK}"}),
    "a whole key block":         ({"a": f"x\n{PEM}\ny"},                   "private_key",     {"a": f"x\n{MARK}\ny"}),
    "a password in a URL":       ({"a": f"postgres://u:{PASSWORD}@db/x"},  "password_in_url", {"a": f"postgres://u:{MARK}@db/x"}),
    "a password by its name":    ({"password": PASSWORD},                  "password",        {"password": MARK}),
    "a key of a dict":           ({AWS: 1},                                "aws_key",         {MARK: 1}),
    "two keys":                  ({AWS: 1, GITHUB: 2},                     "aws_key, github_token", {MARK: 1, f"{MARK}-1": 2}),
    "bytes":                     ({"a": b"\xff" + AWS.encode()},           "aws_key",         {"a": b"\xff" + MARK.encode()}),
    "tuples and sets":           ({"a": (AWS, {GITHUB})},                  "aws_key, github_token", {"a": (MARK, {MARK})}),
    "a named tuple":             ({"a": Pair("x", AWS)},                   "aws_key",         {"a": Pair("x", MARK)}),
    "JSON in JSON":              ({"a": json.dumps({"b": AWS})},           "aws_key",         {"a": json.dumps({"b": MARK})}),
    "base64":                    ({"a": base64.b64encode(f"x {AWS}".encode()).decode()}, "aws_key", {"a": f"eC{MARK}=="}),
    "zero-width":                ({"a": "\u200b".join(AWS)},               "aws_key",         {"a": MARK}),
    "fullwidth":                 ({"a": "".join(chr(ord(one) + 0xFEE0) for one in AWS)}, "aws_key", {"a": MARK}),
    "an odd key beside it":      ({(1, 2): "x", "a": AWS},                 "aws_key",         {(1, 2): "x", "a": MARK}),
    "half a character":          ({"a": f"\ud800 {AWS}"},                  "aws_key",         {"a": f"\ud800 {MARK}"}),
}  # fmt: skip

BLOCKS = SensitiveDataGuard()
REDACTS = SensitiveDataGuard(redact_mode=RedactMode.REDACT)
HASHES = SensitiveDataGuard(redact_mode=RedactMode.HASH, key=b"k" * 32)


@pytest.mark.parametrize(("args", "kinds", "marked"), FOUND.values(), ids=FOUND)
def test_secrets(args: Any, kinds: str, marked: Any) -> None:
    result = BLOCKS.check("t", args)
    assert (result.blocked, result.reason) == (True, f"Sensitive data detected: {kinds}")
    assert BLOCKS.check_output("t", {}, args) == result
    repaired = REDACTS.check("t", args)
    assert (repaired.repaired, repaired.repaired_args) == (True, marked)
    assert REDACTS.check_output("t", {}, args).repaired_output == marked
    assert REDACTS.check("t", marked).code == ""
    for one in (AWS, GITHUB, FAKE, PASSWORD, JWT, BODY):
        assert one not in str((result, repaired.reason, repaired.details))


CLEAN = {
    "good news":         "the bearer of good news",
    "a mail address":    "see http://a.com/x: mail me@x.com",
    "an id":             "4f7c1f4e-9f2b-4a59-8f07-0f6f4c2a9d10",
    "a commit":          "fixed in 3f90611a2b",
    "a mark":            "api_key=[REDACTED]",
    "nothing":           "",
}  # fmt: skip


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
def test_no_secrets(text: str) -> None:
    for value in (text, {"a": text}, [text], None, {"at": datetime.now(UTC), "n": 1.5}):
        assert BLOCKS.check_output("t", {}, value).code == ""


def test_hashes_are_equal_for_equal_secrets_and_need_the_key() -> None:
    first = HASHES.check("t", {"a": f"x {AWS}", "b": [AWS], "c": GITHUB}).repaired_args
    assert first is not None
    assert first["a"] == f"x {first['b'][0]}"
    assert first["b"][0] != first["c"]
    other = SensitiveDataGuard(redact_mode="hash", key=b"o" * 32)
    assert other.check("t", {"b": [AWS]}).repaired_args != {"b": first["b"]}
    assert SensitiveDataGuard(redact_mode="hash").check("t", {"a": AWS}).repaired


ALLOWLIST: dict[str, tuple[str, bool, str]] = {
    # the text                  text                                is it blocked  what REDACT leaves
    "the allowed value":       (f"api_key={ALLOWED}",               False, ""),
    "with more behind":        (f"api_key={ALLOWED}x1",             True,  MARK),
    "in front of another":     (f"api_key={ALLOWED} and {AWS}",     True,  f"api_key={ALLOWED} and {MARK}"),
    "encoded":                 (base64.b64encode(f"api_key={ALLOWED}".encode()).decode(), False, ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "blocked", "left"), ALLOWLIST.values(), ids=ALLOWLIST)
def test_allowed_values(text: str, blocked: bool, left: str) -> None:
    for mode in (RedactMode.BLOCK, RedactMode.REDACT):
        config = SensitiveDataConfig(allowlist={ALLOWED}, redact_mode=mode)
        result = SensitiveDataGuard(config).check("t", {"a": text})
        assert result.blocked == (blocked and mode is RedactMode.BLOCK)
        assert result.repaired_args == (
            {"a": left} if blocked and mode is RedactMode.REDACT else None
        )


def test_known_values_and_own_patterns() -> None:
    value = sample(20)
    known = KnownValues({"DEPLOY_KEY": value}, b"k")
    guard = SensitiveDataGuard(
        known=known, redact_mode="redact", custom_patterns={"internal_id": r"INT-\d{6}"}
    )
    result = guard.check(
        "t", {"a": value[::-1], "b": "see INT-123456", "c": [value.encode().hex()]}
    )
    assert result.repaired_args == {"a": MARK, "b": f"see {MARK}", "c": [MARK]}
    assert result.details["types"] == ["internal_id", "known_value"]
    assert guard.check("t", {"a": "see INT-12345"}).code == ""


def test_what_no_mark_can_replace_blocks() -> None:
    class Record:
        def __str__(self) -> str:
            return AWS

    result = REDACTS.check_output("t", {}, {"a": Record()})
    assert (result.blocked, result.code) == (True, "sensitive.not_redactable")


def test_what_cannot_be_looked_through_blocks() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    bomb: Any = "lol"
    for _ in range(12):
        bomb = [bomb] * 12
    wrapped = AWS
    for _ in range(14):
        wrapped = base64.b64encode(wrapped.encode()).decode()
    for guard in (BLOCKS, REDACTS):
        assert guard.check("t", circle).code == "sensitive.too_much"
        assert guard.check_output("t", {}, bomb).blocked
    assert BLOCKS.check("t", {"a": wrapped}).code == "sensitive.unprovable"


def test_switches_and_levels() -> None:
    args = {"a": AWS}
    assert SensitiveDataGuard(check_args=False).check("t", args).code == ""
    assert SensitiveDataGuard(check_output=False).check_output("t", {}, args).code == ""
    assert SensitiveDataGuard(mode=EnforcementLevel.OFF).check("t", args).code == ""
    for mode in RedactMode:
        result = SensitiveDataGuard(mode=EnforcementLevel.WARN, redact_mode=mode).check("t", args)
        assert (result.warned, result.repaired_args) == (True, None)
    with pytest.raises(SettingsError, match="custom_patterns"):
        SensitiveDataGuard(custom_patterns={"x": "("})


@given(st.recursive(
    st.text(max_size=20) | st.integers() | st.sampled_from([AWS, GITHUB, f"x {OPENAI} y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_what_was_repaired_is_clean(value: Any) -> None:
    result = REDACTS.check_output("t", {}, value)
    if result.repaired:
        assert REDACTS.check_output("t", {}, result.repaired_output).code == ""
        assert not any(one in repr(result) for one in (AWS, GITHUB, OPENAI))
    else:
        assert not any(one in repr(value) for one in (AWS, GITHUB, OPENAI)) or result.blocked


def test_a_key_in_several_texts_blocks() -> None:
    """No mark in one of them would leave nothing of it, so it is not said to be redacted."""
    body = fill("{b64:64} {b64:64} {b64:64}").split()
    plain = ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    sealed = [
        plain[0],
        "Proc-Type: 4,ENCRYPTED",
        f"DEK-Info: AES-128-CBC,{fill('{HEX:32}')}",
        "",
        *plain[1:],
    ]
    guard = SensitiveDataGuard(redact_mode=RedactMode.REDACT)
    for lines in (plain, sealed):
        for output in ({"lines": lines}, [{"n": n, "text": line} for n, line in enumerate(lines)]):
            result = guard.check_output("read_file", {}, output)
            assert (result.verdict, result.code) == (Verdict.BLOCK, "sensitive.not_redactable")
    assert guard.check_output("read_file", {}, "\n".join(plain)).repaired


NO_ALLOWLISTS: dict[str, Any] = {
    "one text":            GITHUB,
    "a number among them": [GITHUB, 5],
    "a map":               {GITHUB: 1},
    "a list in a list":    [[GITHUB]],
}  # fmt: skip


@pytest.mark.parametrize("given", NO_ALLOWLISTS.values(), ids=NO_ALLOWLISTS)
def test_no_complaint_shows_what_is_allowed(given: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"allowlist: read a .*not shown.*; use a list") as made:
        SensitiveDataGuard(allowlist=given)
    file = tmp_path / "g.yml"
    file.write_text(json.dumps({"guards": {"sensitive_data": {"allowlist": given}}}))
    complaint = str(made.value)
    try:
        GuardChain.from_file(file)
    except SettingsError as error:
        complaint += str(error)
    assert GITHUB not in complaint


@pytest.mark.parametrize("mode", [RedactMode.BLOCK, RedactMode.REDACT])
def test_a_known_value_in_pieces_over_calls(mode: RedactMode) -> None:
    """Whatever else the calls say; what one says again is no piece."""
    value = sample(32)
    guard = SensitiveDataGuard(known=KnownValues({"KEY": value}, b"key"), redact_mode=mode)
    calls = [
        {"to": "ann", "at": number, "text": value[number : number + 6]}
        for number in range(0, 32, 6)
    ]
    results = [guard.check("send", call) for call in calls]
    stopped = next(at for at, result in enumerate(results) if result.blocked)
    assert 0 < stopped < 3
    assert results[stopped].details["types"] == ["known_value_part"]
    assert value[:6] not in str(results[stopped])


def test_a_known_value_in_pieces_over_tools() -> None:
    value = sample(32)
    guard = SensitiveDataGuard(known=KnownValues({"KEY": value}, b"key"))
    assert guard.check("read", {"path": value[:11]}).allowed
    assert guard.check("write", {"text": value[11:22]}).blocked


def test_threads_may_share_what_follows_calls() -> None:
    guard = SensitiveDataGuard(known=KnownValues({"KEY": sample(32)}, b"key"))
    with ThreadPoolExecutor(8) as pool:
        calls = ({f"a{number % 700}": f"says {number}"} for number in range(2_000))
        assert all(pool.map(lambda call: guard.check("send", call).allowed, calls))
