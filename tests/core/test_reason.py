"""The table of reason codes."""

import re

import pytest

from stopper.core.reason import REASONS, UNREADABLE, Reason, Refusal, refuse

RETRIED = {408, 409, 429, *range(500, 600)}
"""What the official SDKs send again unless they are told not to."""

DELIBERATE = {"budget.paced", "http.slow"}
"""Decisions with such a status: trying again can help, because time is what was short."""

ELSEWHERE = {"http", "network"}
"""Areas whose 5xx says that another party failed."""

WENT_ON = {"secret.held", "secret.passed", "secret.redacted"}
"""What is recorded of a request that was not refused."""

EACH = pytest.mark.parametrize(("code", "reason"), REASONS.items(), ids=REASONS)


@EACH
def test_a_code_is_an_area_and_a_fact(code: str, reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", code)


@EACH
def test_a_decision_has_a_status_that_is_not_retried(code: str, reason: Reason) -> None:
    assert 400 <= reason.status < 600 or (reason.status == 200 and code in WENT_ON)
    if reason.status >= 500:
        assert code.partition(".")[0] in ELSEWHERE
    elif reason.status in RETRIED:
        assert code in DELIBERATE


@EACH
def test_a_sentence_says_what_happened_and_what_to_do(code: str, reason: Reason) -> None:
    for detail in ("", "{0} {detail} %s $"):
        sentence = refuse(code, detail).sentence
        assert sentence.startswith(f"[stopper {code}] ")
        assert sentence.endswith(f" {reason.advice}")
        assert (detail in sentence) == ("{detail}" in reason.say or not detail)
    assert "{detail}" not in reason.advice
    assert reason.say.endswith(".")
    assert reason.advice.strip() == reason.advice != ""


def test_a_refusal_shows_its_detail() -> None:
    refusal = refuse("network.metadata", "169.254.169.254")
    assert refusal == Refusal("network.metadata", "169.254.169.254")
    assert "169.254.169.254 is a cloud's metadata service." in refusal.sentence
    assert refusal.status == 403


def test_a_code_that_nobody_documented_is_a_defect() -> None:
    with pytest.raises(KeyError):
        refuse("network.whatever")


def test_what_does_not_read_has_codes_of_the_table() -> None:
    assert REASONS.keys() >= UNREADABLE
