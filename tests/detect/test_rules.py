"""Every packaged rule does what it says; a rule that does not is refused, and told why."""

import string
from math import prod
from typing import Any

import pytest

from stopper.data.rules import load_rules
from stopper.detect.finding import Tier
from stopper.detect.inspection import packaged_detector, packaged_rules
from stopper.detect.pattern import Chars, Choice, Node, Repeat, Sequence, parse, shortest
from stopper.detect.rules import MAX_MATCH, Rule, fill, read_rules

RULES = packaged_rules()
DETECTOR = packaged_detector(b"a key for tests")
HITS = {
    f"{rule.id} {number}": (rule, hit) for rule in RULES for number, hit in enumerate(rule.hits)
}
MISSES = {
    f"{rule.id} {number}": (rule, miss) for rule in RULES for number, miss in enumerate(rule.misses)
}
MEGABYTE = 1_000_000
LINE = 77
MOST_IN_STANDARD = 0.03
MOST_IN_URL_SAFE = 0.1


def _letters(more: str) -> int:
    return sum(1 << ord(char) for char in string.ascii_letters + string.digits + more)


ROW: dict[str, Any] = {
    "id": "acme-key", "name": "Acme key", "severity": "high", "tier": "prefix", "pattern": "acme_[a-z0-9]{12,40}",
    "hits": ["acme_{b36:12}"], "misses": ["acme_{b36:6}"],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "hit"), HITS.values(), ids=HITS)
def test_a_hit_is_found(rule: Rule, hit: str) -> None:
    """By all rules together, and with other characters than the rule itself was checked with.

    What is public is found by its own rule alone. Only what must look random keeps its own, since chance may draw something that does not.
    """
    for seed in (rule.id,) if rule.needs else ("one", "two"):
        text = fill(hit, seed)
        assert rule.finds(text.encode())
        assert bool(DETECTOR.scan(text)) == (rule.tier is not Tier.PUBLIC)


@pytest.mark.parametrize(("rule", "miss"), MISSES.values(), ids=MISSES)
def test_a_miss_is_not_found(rule: Rule, miss: str) -> None:
    for seed in ("one", "two"):
        text = fill(miss, seed)
        assert not rule.finds(text.encode())
        assert rule.id not in {finding.rule for finding in DETECTOR.scan(text)}


def test_the_packaged_rules_cover_what_they_should() -> None:
    assert len(RULES) >= 120
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len(load_rules()) == len(RULES)
    assert {rule.tier for rule in RULES} == {Tier.PREFIX, Tier.PUBLIC, Tier.GENERIC}
    assert sum(bool(rule.hosts) for rule in RULES) >= 100


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_hosts_are_names(rule: Rule) -> None:
    """In lower case, with a star for a whole first label only."""
    for host in rule.hosts:
        name = host.removeprefix("*.")
        assert name == name.lower().strip(".")
        assert "." in name
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


REFUSED = {
    # what is wrong                      changes to a good row                                   part of the message
    "an unknown field":                  ({"colour": "red"},                                     "unknown fields: colour"),
    "an id with capitals":               ({"id": "Acme"},                                        "an id is lower-case words"),
    "an id with a blank":                ({"id": "acme key"},                                    "an id is lower-case words"),
    "no pattern":                        ({"pattern": None},                                     "does not load"),
    "an unknown severity":               ({"severity": "bad"},                                   "does not load"),
    "an unknown tier":                   ({"tier": "sure"},                                      "does not load"),
    "an empty pattern":                  ({"pattern": ""},                                       "nothing where something must match"),
    "a match of three bytes":            ({"pattern": "abc"},                                    "a match has from 4"),
    "a match that may be short":         ({"pattern": "abc(?:[0-9]{0,9})"},                      "a match has from 4"),
    "a match that is too long":          ({"pattern": f"(?:abc[0-9]{{{MAX_MATCH}}}){{2}}"},      f"to {MAX_MATCH} bytes"),
    "a repetition without a bound":      ({"pattern": "acme_[a-z]+"},                            "a repetition without a bound"),
    "a look-ahead":                      ({"pattern": "acme_(?=x)[a-z]{4}"},                     "a group that is neither"),
    "a back reference":                  ({"pattern": r"(?:acme)\1"},                            "unknown escape"),
    "NUL before":                        ({"pattern": r"(?<![\x00a])acme_[a-z0-9]{12}"},         "a NUL"),
    "letters outside ASCII":             ({"pattern": "äcme_[a-z0-9]{12}"},                      "outside ASCII"),
    "an unknown check":                  ({"checks": ["magic"]},                                 "unknown checks: magic"),
    "an unknown need":                   ({"tier": "generic", "needs": ["luck"]},                "unknown checks: luck"),
    "a need behind a prefix":            ({"needs": ["random"]},                                 "only a generic or a public rule"),
    "no hits":                           ({"hits": []},                                          "it has no hits"),
    "a hit that is none":                ({"hits": ["acme_{b36:12}", "acne_{b36:12}"]},          "its own hit 2"),
    "a hit that fails its need":         ({"tier": "generic", "needs": ["random"], "hits": ["acme_aaaaaaaaaaaa"]}, "its own hit 1"),
    "a miss that is a hit":              ({"misses": ["x", "acme_{b36:13}"]},                    "its own miss 2"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_rule_that_does_not_do_what_it_says_does_not_load(
    changes: dict[str, Any], message: str
) -> None:
    """Each row is refused for the reason in its last column, and the rule is named."""
    with pytest.raises(ValueError, match="rule") as error:
        read_rules([ROW | changes])
    assert message in str(error.value)
    assert str((ROW | changes)["id"]) in str(error.value)


def test_the_row_that_these_change_is_good() -> None:
    (rule,) = read_rules([ROW])
    assert rule.finds(fill("x acme_{b36:12} y").encode())


def test_the_packaged_rules_do_what_they_say() -> None:
    """They are tried here and not where they are loaded."""
    assert read_rules(load_rules()) == RULES


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="share an id: acme-key"):
        read_rules([ROW, ROW])


STANDARD = _letters("+/")
URL_SAFE = _letters("-_")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_random_base64_hardly_ever_holds_a_match(rule: Rule) -> None:
    """Images and fonts are such text; of a whole one each rule claims a few in a hundred at most.

    In a row without a break something stands before each place; in lines, nothing does at the
    first of them.
    """
    pattern = parse(rule.pattern)
    for letters, most in ((STANDARD, MOST_IN_STANDARD), (URL_SAFE, MOST_IN_URL_SAFE)):
        chance = _chance(shortest(pattern.node), letters)
        anywhere = (letters & ~pattern.before).bit_count() / letters.bit_count()
        assert MEGABYTE * chance * max(anywhere, 1 / LINE) <= most


def _chance(node: Node, letters: int) -> float:
    """No less than how often a match begins at one place of random text of these letters."""
    match node:
        case Chars(mask):
            return (mask & letters).bit_count() / letters.bit_count()
        case Sequence(items):
            return prod(_chance(item, letters) for item in items)
        case Choice(options):
            return min(1.0, sum(_chance(option, letters) for option in options))
        case Repeat(item, low, high):
            once = _chance(item, letters)
            return min(1.0, sum(once**count for count in range(low, high + 1)))
        case _:
            return _chance(node.item, letters)


def test_a_check_that_fails_lowers_nothing() -> None:
    (rule,) = read_rules([ROW | {"checks": ["base62_crc"]}])
    assert rule.tier_of(b"acme_wrong") == Tier.PREFIX


class TestFill:
    def test_it_is_always_the_same(self) -> None:
        assert fill("{alnum:36}", "a") == fill("{alnum:36}", "a")
        assert fill("{alnum:36}", "a") != fill("{alnum:36}", "b")

    def test_only_slots_are_filled(self) -> None:
        text = fill("x{digit:3}-{hex:4}{}")
        assert len(text) == len("x123-abcd{}")
        assert text[1:4].isdigit()
        assert set(text[5:9]) <= set("0123456789abcdef")

    def test_an_unknown_alphabet_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            fill("{emoji:3}")
