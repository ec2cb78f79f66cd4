from collections import Counter

import pytest

from stopper.data.rules import load_rules, were_tried
from stopper.detect.finding import Tier
from stopper.detect.inspection import packaged_rules
from stopper.detect.rules import Rule, fill, read_rules
from stopper.detect.secrets import Detector

RULES = packaged_rules()
DETECTOR = Detector(RULES, b"key of this test")
SAMPLES = [(rule, number) for rule in RULES for number, _ in enumerate(rule.hits)]

NAMED_BY_THE_SEEDS = {
    # what the seeds call it      rule
    "OpenAI":                     "openai-api-key",
    "OpenAI project":             "openai-project-key",
    "Anthropic":                  "anthropic-api-key",
    "AWS":                        "aws-access-key",
    "Google":                     "google-api-key",
    "GitHub":                     "github-token",
    "GitHub fine-grained":        "github-fine-grained-token",
    "Stripe":                     "stripe-key",
    "HuggingFace":                "huggingface-token",
    "Databricks":                 "databricks-token",
    "Slack":                      "slack-bot-token",
    "npm":                        "npm-token",
    "SendGrid":                   "sendgrid-api-key",
    "PyPI":                       "pypi-token",
    "Vault":                      "vault-token",
    "JWT":                        "jwt",
    "private keys":               "private-key",
    "bearer tokens":              "bearer-token",
    "basic auth":                 "basic-auth",
    "passwords":                  "password",
    "passwords in URLs":          "url-password",
}  # fmt: skip


def test_there_are_many() -> None:
    """At least 120 kinds, each with its own id and name."""
    assert len(RULES) >= 120
    assert not [name for name, count in Counter(rule.name for rule in RULES).items() if count > 1]


def test_every_row_is_read() -> None:
    """Rules come in the order of the files, so that the same text is always called the same."""
    assert [row["id"] for row in load_rules()] == [rule.id for rule in RULES]


def test_what_ships_was_tried() -> None:
    """As it stands, so that no start tries it again; `make docs` records it."""
    assert read_rules(load_rules()) == RULES
    assert were_tried()


@pytest.mark.parametrize("rule", NAMED_BY_THE_SEEDS.values(), ids=NAMED_BY_THE_SEEDS)
def test_kinds_that_the_seeds_name(rule: str) -> None:
    """None of them is missing."""
    assert rule in {one.id for one in RULES}


@pytest.mark.parametrize(
    ("rule", "number"), SAMPLES, ids=[f"{rule.id}-{number}" for rule, number in SAMPLES]
)
def test_hits(rule: Rule, number: int) -> None:
    """All rules together find something in every hit of each, filled anew, but for what is public."""
    text = fill(rule.hits[number], rule.id)
    assert bool(DETECTOR.scan(text)) == (rule.tier is not Tier.PUBLIC)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_misses(rule: Rule) -> None:
    """Each has something that it must not find."""
    assert rule.misses
    assert not any(rule.finds(fill(miss, rule.id).encode()) for miss in rule.misses)


def test_parts_of_patterns_are_put_in() -> None:
    """No name of a part is left, and what patterns share is the same in all of them."""
    rows = {row["id"]: row["pattern"] for row in load_rules()}
    assert not [name for name, pattern in rows.items() if "%{" in pattern]
    assert "kennwort" in rows["password"]
    assert "kennwort" in rows["quoted-password"]
