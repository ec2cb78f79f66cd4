"""The order of verdicts."""

from itertools import pairwise

import pytest

from stopper.core.verdict import Verdict, join


def test_the_order_is_theirs_and_not_that_of_their_names() -> None:
    assert list(Verdict) == sorted(Verdict)
    for lower, higher in pairwise(Verdict):
        assert lower < higher
        assert lower <= higher
        assert higher > lower
        assert higher >= lower
    assert [verdict.rank for verdict in Verdict] == [0, 1, 2, 3, 4]


def test_a_verdict_is_not_compared_with_a_text() -> None:
    with pytest.raises(TypeError):
        assert Verdict.ALLOW < "block"


def test_nothing_said_is_allowed() -> None:
    assert join([]) is Verdict.ALLOW
