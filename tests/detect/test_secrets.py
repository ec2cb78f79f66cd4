"""Fifteen shapes that block; findings in order, without overlaps, and never with the secret."""

import random
import string
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.detect.finding import Tier
from stopper.detect.inspection import packaged_detector, packaged_rules
from stopper.detect.rules import fill, read_rules
from stopper.detect.secrets import Detector, fingerprint, scan_token_patterns, serves

KEY = b"a key for tests"
DETECTOR = packaged_detector(KEY)
RANDOM = random.Random(8)  # noqa: S311  samples

SHAPES = {
    # what it is              text                                                       word of its reason
    "AWS, from the manual":   ("key=AKIA" + "IOSFODNN7EXAMPLE",                           "AWS access key"),
    "AWS":                    ("key=AKIA" + "A" * 16,                                     "AWS access key"),
    "GitHub":                 ("token: ghp_" + "A" * 36,                                  "GitHub token"),
    "GitHub, for a server":   ("token: ghs_" + "A" * 36,                                  "GitHub token"),
    "GitHub, fine-grained":   ("pat=github_pat_" + "A" * 82,                              "fine-grained"),
    "Anthropic":              ("auth: sk-ant-" + "A" * 93,                                "Anthropic"),
    "OpenAI":                 ("key=sk-" + "A" * 48,                                      "OpenAI"),
    "OpenAI, of a project":   ("key=sk-proj-" + "A" * 48,                                 "OpenAI project"),
    "Stripe":                 ("stripe: sk_live_" + "A" * 24,                             "Stripe"),
    "a bearer token":         ("Authorization: Bearer " + "A" * 60,                       "Bearer JWT"),
    "Hugging Face":           ("token=hf_" + "A" * 34,                                    "HuggingFace"),
    "Databricks":             ("dapi" + "a" * 32,                                         "Databricks"),
    "Slack":                  ("xoxb-" + "0" * 11 + "-" + "0" * 11 + "-" + "A" * 24,      "Slack"),
    "npm":                    ("npm_" + "A" * 36,                                         "npm"),
    "SendGrid":               ("SG." + "A" * 22 + "." + "B" * 43,                         "SendGrid"),
    "PyPI":                   ("pypi-" + "A" * 80,                                        "PyPI"),
    "Vault":                  ("hvs." + "A" * 24,                                         "Vault"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "word"), SHAPES.values(), ids=SHAPES)
def test_the_fifteen_shapes(text: str, word: str) -> None:
    """Each row blocks, and its reason holds the word in its last column."""
    for given_text in (text, text.encode()):
        result = scan_token_patterns(given_text, location="body")
        assert result is not None
        assert result.severity == "block"
        assert word in result.reason
        assert result.location == "body"
        secret = text.replace("=", " ").rpartition(" ")[2]
        assert text[result.start : result.end].endswith(secret)
        assert secret not in repr(result)


CLEAN = [
    "",
    "hello world",
    "AKIA",
    "sk-short",
    "the bearer of good news",
    "a task-oriented approach",
    "npm_config",
]


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_is_none(text: str) -> None:
    assert scan_token_patterns(text) is None


def test_the_context_is_the_name_before() -> None:
    result = scan_token_patterns('{"api_key": "ghp_' + "A" * 36 + '"}')
    assert result is not None
    assert result.context == "api_key"


ROWS = [
    {"id": "wide", "name": "w", "severity": "low", "tier": "prefix", "pattern": "ab[a-z]{4,12}", "hits": ["abcdef"]},
    {"id": "inner", "name": "i", "severity": "low", "tier": "prefix", "pattern": "cd[a-z]{2,4}", "hits": ["cdef"]},
    {"id": "loose", "name": "l", "severity": "low", "tier": "generic", "pattern": "(?:key|pw)=(?P<secret>[a-z0-9]{4,30})", "hits": ["key=abcd"]},
    {"id": "late", "name": "t", "severity": "low", "tier": "prefix", "pattern": "ef[a-z]{2,20}", "hits": ["efgh"]},
    {"id": "shown", "name": "s", "severity": "low", "tier": "public", "pattern": "pub_(?:key|ab)=?(?P<secret>[a-z]{4,8})", "hits": ["pub_key=abcd"]},
]  # fmt: skip
SMALL = Detector(read_rules(ROWS), KEY)
OVERLAPS = {
    # what meets                            text                  rules with their places
    "one inside of another":                ("abcdefghijkl",      [("wide", 0, 12)]),
    "a sure one inside of a generic one":   ("key=0cdef00",       [("loose", 4, 5), ("inner", 5, 9), ("loose", 9, 11)]),
    "a generic one of the same place":      ("key=cdefgh",        [("inner", 4, 10)]),
    "a later and longer one":               ("abcdefghijklmnopqrstuv", [("wide", 0, 4), ("late", 4, 22)]),
    "none":                                 ("key=",              []),
    "a generic one of what is public":      ("pub_key=xyzxyz00",   []),
    "a sure one inside of what is public":  ("pub_key=cdef",       [("inner", 8, 12)]),
    "one next to what is public":           ("pub_key=xyzz key=abcd", [("loose", 17, 21)]),
    "next to each other":                   ("key=abcd pw=efgh",  [("loose", 4, 8), ("late", 12, 16)]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), OVERLAPS.values(), ids=OVERLAPS)
def test_what_two_rules_claim_goes_to_the_surer(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    """Each row gives exactly the pieces in its last column; the other keeps its rest."""
    assert [(one.rule, one.start, one.end) for one in SMALL.scan(text)] == expected


TEXTS = st.lists(
    st.sampled_from([fill(rule.hits[0], rule.id) for rule in packaged_rules()])
    | st.sampled_from(["key=", "\u00e4", "\U0001f600", " ", '"', "\n", "\ud800", "\0"]),
    max_size=6,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_findings_are_in_order_and_in_the_units_of_the_text(text: str) -> None:
    """Disjoint, inside the text, and the same for a str and its bytes."""
    data = text.encode("utf-8", "surrogatepass")
    findings, raw = DETECTOR.scan(text), DETECTOR.scan(data)
    end = 0
    for one, other in zip(findings, raw, strict=True):
        assert end <= one.start < one.end <= len(text)
        assert len(text[: one.start].encode("utf-8", "surrogatepass")) == other.start
        assert len(text[: one.end].encode("utf-8", "surrogatepass")) == other.end
        assert one.fingerprint == other.fingerprint
        end = one.end


@pytest.mark.parametrize(
    "marker",
    ["stopper:allow", "gitleaks:allow", "pragma: allowlist secret", "nosec", "\0", "\ud800"],
)
def test_nothing_in_the_text_silences_it(marker: str) -> None:
    token = fill("ghp_{alnum:36}")
    assert DETECTOR.scan(f"{marker} {token} # {marker}")
    assert DETECTOR.scan("x" * 1_000_000 + f" {token}")


PUBLIC = {
    "behind it":       "password={secret}client_request_token=abcdefgh1234",
    "behind it again": "password={secret}_page_token={secret}",
    "before it":       "page_token=password={secret}",
    "as a kind of it": "next_token: secret={secret}",
    "beside it":       "api_key={secret}/sitekey=abcdefgh1234",
}  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC.values(), ids=PUBLIC)
def test_a_name_of_what_is_public_silences_nothing(text: str) -> None:
    """Anybody may write such a name around a secret."""
    secret = "".join(RANDOM.choices(string.ascii_letters, k=18)) + "7Q4k"
    text = text.format(secret=secret)
    at = text.index(secret)
    assert any(one.start <= at and at + len(secret) <= one.end for one in DETECTOR.scan(text))


def test_what_is_public_is_none() -> None:
    token = "".join(RANDOM.choices(string.ascii_letters + string.digits, k=40))
    assert DETECTOR.scan(f"access_token={token}")
    assert DETECTOR.scan(f"next_page_token={token}") == []


def test_a_checksum_raises_and_its_absence_lowers_nothing() -> None:
    letters = string.digits + string.ascii_uppercase + string.ascii_lowercase
    body = "".join(RANDOM.choices(letters, k=30))
    crc, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = letters[digit] + digits
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    (right,), (other,) = DETECTOR.scan(f"npm_{body}{digits}"), DETECTOR.scan(f"npm_{body}{wrong}")
    assert (right.tier, other.tier) == (Tier.CHECKED, Tier.PREFIX)
    assert right.rule == other.rule


def test_fingerprints_are_equal_for_equal_values_of_one_key() -> None:
    token = "".join(RANDOM.choices(string.ascii_letters, k=36))
    one, two = DETECTOR.scan(f"ghp_{token} ghp_{token}")
    assert one.fingerprint == two.fingerprint == fingerprint(f"ghp_{token}".encode(), KEY)
    (other,) = packaged_detector(b"another").scan(f"ghp_{token}")
    assert other.fingerprint != one.fingerprint
    with pytest.raises(ValueError, match="key"):
        packaged_detector(b"")


SERVED = {
    # pattern, host                                 whether it is served
    ("api.github.com", "api.github.com"):           True,
    ("api.github.com", "API.GitHub.com."):          True,
    ("api.github.com", "x.api.github.com"):         False,
    ("*.github.com", "api.github.com"):             True,
    ("*.github.com", "github.com"):                 False,
    ("*.github.com", "evilgithub.com"):             False,
    ("*.github.com", "github.com.evil.example"):    False,
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "host"), SERVED, ids=str)
def test_hosts(pattern: str, host: str) -> None:
    assert serves(pattern, host) is SERVED[pattern, host]


def test_a_token_to_its_vendor_is_use() -> None:
    (one,) = DETECTOR.scan(fill("ghp_{alnum:36}"))
    assert DETECTOR.is_use(one, "api.github.com")
    assert not DETECTOR.is_use(one, "api.github.com.evil.example")
