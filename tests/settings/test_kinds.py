from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

import pytest

from stopper.core.budget import Budget, Unit, Window
from stopper.core.located import read_texts, read_yaml
from stopper.core.provider import OnDisconnect
from stopper.core.scope import GLOBAL, Scope
from stopper.core.usage import Weights
from stopper.detect.allow import judge_answers, parse_rule
from stopper.detect.urls import Url, parse_url
from stopper.errors import SettingsError
from stopper.settings.kinds import (
    Reader,
    Upstream,
    parse_budget,
    read_budgets,
    read_choice,
    read_disconnects,
    read_duration,
    read_policies,
    read_rules,
    read_unmetered,
    read_upstreams,
    read_weights,
)

NAMES = {"anthropic": "anthropic", "claude": "anthropic", "openai": "openai", "codex": "openai"}
RUN = Scope.parse("run:r1")
T, M = Unit.TOKENS, Unit.MICROS
DAY, LIFETIME = Window.DAY, Window.LIFETIME


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _budgets(*rows: tuple[str | None, Unit, int, Window]) -> tuple[Budget, ...]:
    return tuple(Budget(GLOBAL, unit, limit, window, who) for who, unit, limit, window in rows)


def _url(text: str) -> Url:
    url = parse_url(text)
    assert isinstance(url, Url)
    return url


COLOUR = read_choice(Colour)
SHORT = read_duration(timedelta(seconds=1), timedelta(hours=1))
READ: dict[str, tuple[Reader, str, Any]] = {
    "the seed's budgets": (
        read_budgets,
        "{claude: 5000000, codex: 2000000}",
        _budgets(("anthropic", T, 5_000_000, LIFETIME), ("openai", T, 2_000_000, LIFETIME)),
    ),
    "one amount for all": (read_budgets, "200k", _budgets((None, T, 200_000, LIFETIME))),
    "dollars for all": (read_budgets, "all: $2.50", _budgets((None, M, 2_500_000, LIFETIME))),
    "the word of the seed": (read_budgets, "global: 1", _budgets((None, T, 1, LIFETIME))),
    "two windows": (
        read_budgets,
        "openai: [1M/day, 5M]",
        _budgets(("openai", T, 1_000_000, DAY), ("openai", T, 5_000_000, LIFETIME)),
    ),
    "two units": (
        read_budgets,
        "[5M, $1]",
        _budgets((None, T, 5_000_000, LIFETIME), (None, M, 1_000_000, LIFETIME)),
    ),
    "no budget": (read_budgets, "", ()),
    "policies": (read_policies, "{cedar: a.cedar, mine: }", {"cedar": "a.cedar", "mine": ""}),
    "no policies": (read_policies, "", {}),
    "a choice": (COLOUR, "red", Colour.RED),
    "seconds": (SHORT, "30s", timedelta(seconds=30)),
    "the longest": (SHORT, "1h", timedelta(hours=1)),
    "weights": (read_weights, "cache_read: 0.1", Weights(cache_read=100)),
    "a weight of nothing": (read_weights, "{input: 0, output: 5}", Weights(input=0, output=5000)),
    "a rule": (read_rules, "api.example.com", (parse_rule("api.example.com"),)),
    "rules": (
        read_rules,
        "- '*.example.com'\n- GET a.com/x/*",
        (parse_rule("*.example.com"), parse_rule("GET a.com/x/*")),
    ),
    "an upstream": (
        read_upstreams,
        "claude: http://127.0.0.1:9/",
        {"anthropic": Upstream(_url("http://127.0.0.1:9/"))},
    ),
    "an upstream with a key": (
        read_upstreams,
        "openai: {url: 'https://llm.example.com/v1', key_env: LLM_KEY}",
        {"openai": Upstream(_url("https://llm.example.com/v1"), "LLM_KEY")},
    ),
    "an upstream as in a flag": (
        read_upstreams,
        "openai=http://127.0.0.1:9",
        {"openai": Upstream(_url("http://127.0.0.1:9"))},
    ),
    "disconnects": (read_disconnects, "codex: drain", {"openai": OnDisconnect.DRAIN}),
    "unmetered": (
        read_unmetered,
        "- openai GET /v1/files/*",
        (("openai", "GET", "/v1/files/*"),),
    ),
}

REFUSED: dict[Reader, dict[str, tuple[str, str]]] = {
    # what we try, the text, and what is said of it
    read_budgets: {
        "no amount":           ("claude: 5Mx",               "f:1:9: x.claude: '5Mx' is no amount"),
        "a fraction":          ("1.5",                       "finer than one token"),
        "too much":            ("9999999B",                  "out of range"),
        "a negative amount":   ("-5",                        "is no amount"),
        "infinity":            (".inf",                      "is no amount"),
        "a long amount":       ("1" * 99,                    "and more; write an amount"),
        "a map as amount":     ("claude: {a: 1}",            "f:1:9: x.claude: read a map"),
        "a list of maps":      ("[{a: 1}]",                  "read a map; write an amount"),
        "an unknown provider": ("claud: 5M",                 "read 'claud', which is no provider"),
        "its suggestion":      ("claud: 5M",                 "did you mean 'claude'?"),
        "one provider twice":  ("{claude: 1, anthropic: 2}", "f:1:24: x.anthropic: read '2'"),
        "all twice":           ("{all: 1, global: 2}",       "keep one"),
        "one window twice":    ("[1/day, 2/day]",            "keep one"),
    },
    COLOUR: {
        "another choice":    ("Blau",  "allowed: red, blue"),
        "a close choice":    ("blu",   "did you mean 'blue'?"),
        "a list of choices": ("[red]", "read a list; allowed: red, blue"),
        "no choice":         ("",      "read nothing; allowed: red, blue"),
    },
    SHORT: {
        "no unit":   ("30",  "write it like 30s, 10m or 2h"),
        "too short": ("0s",  "from 1s to 3600s"),
        "too long":  ("61m", "from 1s to 3600s"),
    },
    read_weights: {
        "an unknown weight": ("cache_reed: 1", "did you mean 'cache_read'?"),
        "no number":         ("input: .nan",   "from 0 to 999.999"),
        "a negative weight": ("input: -1",     "from 0 to 999.999"),
        "too fine a weight": ("input: 0.0001", "from 0 to 999.999"),
        "weights as a list": ("[1, 2]",        "write KIND: WEIGHT"),
    },
    read_rules: {
        "no rule":            ("[a.com, '*']", "f:1:9: x: read '*'; no rule"),
        "a private wildcard": ("'*.internal'", "is no wildcard"),
        "rules as a map":     ("a.com: 443",   "write a list"),
    },
    read_upstreams: {
        "an unknown upstream":  ("gpt: http://a.com",                 "no provider or agent"),
        "a flag without a URL": ("openai",                            "write NAME=URL"),
        "no URL":               ("openai: a.com",                     "an http or https URL"),
        "another scheme":       ("openai: ws://a.com",                "an http or https URL"),
        "a query":              ("openai: http://a.com?b",            "an http or https URL"),
        "an unknown field":     ("openai: {uri: x}",                  "did you mean 'url'?"),
        "a key and no URL":     ("openai: {key_env: X}",              "an upstream needs its url"),
        "an upstream twice":    ("[codex=http://a, openai=http://b]", "keep one"),
    },
    read_disconnects: {
        "another end":  ("codex: drane",                  "did you mean 'drain'?"),
        "an end twice": ("{codex: drain, openai: drain}", "keep one"),
    },
    read_unmetered: {
        "a path alone":        ("[/v1/files]",       "write PROVIDER METHOD PATH"),
        "a relative path":     ("openai GET files",  "write PROVIDER METHOD PATH"),
        "unmetered strangers": ("gpt GET /v1/files", "no provider or agent"),
    },
}  # fmt: skip
REFUSALS = [(reader, *row) for reader, rows in REFUSED.items() for row in rows.values()]
REFUSED_IDS = [sentence for rows in REFUSED.values() for sentence in rows]

BUDGETS = {
    # as a flag          text                budget on the run
    "tokens":        ("200k",          Budget(RUN, T, 200_000)),
    "of an agent":   ("claude=5M/day", Budget(RUN, T, 5_000_000, DAY, "anthropic")),
    "dollars":       ("$2.50",         Budget(RUN, M, 2_500_000)),
    "of a provider": ("openai=$1",     Budget(RUN, M, 1_000_000, LIFETIME, "openai")),
    "of all":        ("all=1",         Budget(RUN, T, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("reader", "text", "value"), READ.values(), ids=READ)
def test_read(reader: Reader, text: str, value: object) -> None:
    """Each row reads as its last column."""
    assert reader(read_yaml(text, "f", "x"), NAMES) == value


@pytest.mark.parametrize(("reader", "text", "said"), REFUSALS, ids=REFUSED_IDS)
def test_refused(reader: Reader, text: str, said: str) -> None:
    """Each row is refused in words that hold its last column."""
    with pytest.raises(SettingsError) as caught:
        reader(read_yaml(text, "f", "x"), NAMES)
    assert said in str(caught.value)


@pytest.mark.parametrize(("text", "budget"), BUDGETS.values(), ids=BUDGETS)
def test_parse_budget(text: str, budget: Budget) -> None:
    """Each row reads as the budget in its last column."""
    assert parse_budget(text, RUN, NAMES) == budget


@pytest.mark.parametrize("text", ["", "=", "claude=", "=5M", "claud=5M", "5M=claude", "a=b=1"])
def test_parse_budget_refuses(text: str) -> None:
    """What does not read names the flag."""
    with pytest.raises(SettingsError, match=r"^--budget: "):
        parse_budget(text, RUN, NAMES)


def test_a_key_in_the_wrong_place_is_not_shown() -> None:
    """Someone who writes the key where its variable's name belongs does not read it again."""
    wrong = "-".join(("sk", "x" * 20))
    for text in (f"openai: {{url: 'http://a.com', key_env: {wrong}}}", f"openai: http://{wrong}@a"):
        with pytest.raises(SettingsError) as caught:
            read_upstreams(read_yaml(text, "f", "x"), NAMES)
        assert wrong not in str(caught.value)


def test_an_upstream_may_be_near() -> None:
    """An upstream is an exact setting: its name may resolve to private and loopback addresses."""
    rule = Upstream(_url("http://llm.example.com:8080/v1")).rule
    private = (ip_address("10.0.0.1"),)
    assert rule.reaches(rule.host, 8080)
    assert judge_answers(rule.host, private, rule) == private


def test_flags_say_which_flag() -> None:
    """A complaint about a flag starts with it."""
    with pytest.raises(SettingsError, match=r"^--allow: allow: read"):
        read_rules(read_texts("--allow", "allow", ["a.com", "*"]), NAMES)
