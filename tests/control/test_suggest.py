"""What somebody who mistyped a name may have meant."""

import pytest

from stopper.control.suggest import MAX_LISTED, did_you_mean, listed

MEANT = {
    # what was typed   known                expected
    "near":           ("fxo", ["fox", "owl"], " Did you mean 'fox'?"),
    "far":            ("elephant", ["fox"],   ""),
    "nothing known":  ("fox", [],             ""),
    "nothing typed":  ("", ["fox"],           ""),
}  # fmt: skip


@pytest.mark.parametrize(("word", "known", "expected"), MEANT.values(), ids=MEANT)
def test_the_nearest_is_meant(word: str, known: list[str], expected: str) -> None:
    assert did_you_mean(word, known) == expected


def test_a_list_has_an_order_and_a_bound() -> None:
    assert listed(["b", "a", "b"]) == "a, b"
    assert listed([]) == ""
    many = [f"{number:02}" for number in range(MAX_LISTED + 3)]
    assert listed(many).endswith("10, 11 and 3 more")
