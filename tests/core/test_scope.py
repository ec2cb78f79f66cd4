"""Scopes and the path a run's usage rolls up along."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopper.core.scope import GLOBAL, Scope, ScopeKind, path_of

GOOD = {
    "global":                GLOBAL,
    "bottle:amber-fox":      Scope(ScopeKind.BOTTLE, "amber-fox"),
    "agent:claude":          Scope(ScopeKind.AGENT, "claude"),
    "run:01:02":             Scope(ScopeKind.RUN, "01:02"),
    "bottle:a/b *":          Scope(ScopeKind.BOTTLE, "a/b *"),
}  # fmt: skip

BAD = {
    "nothing": "",
    "an unknown kind": "team:x",
    "capitals": "Global",
    "a kind without a name": "bottle",
    "an empty name": "bottle:",
    "a name for global": "global:x",
    "a space before": " global",
}


@pytest.mark.parametrize(("text", "scope"), GOOD.items(), ids=GOOD)
def test_a_scope_reads_and_is_written_back(text: str, scope: Scope) -> None:
    assert Scope.parse(text) == scope
    assert str(scope) == text


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_scope_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="is no scope"):
        Scope.parse(text)


@given(
    st.sampled_from([kind for kind in ScopeKind if kind is not ScopeKind.GLOBAL]),
    st.text(min_size=1),
)
def test_every_scope_reads_back(kind: ScopeKind, name: str) -> None:
    assert Scope.parse(str(Scope(kind, name))) == Scope(kind, name)


def test_a_path_is_nearest_first() -> None:
    path = path_of("r1", "claude", "child", ("parent", "grandparent"))
    assert [str(scope) for scope in path] == [
        "run:r1",
        "agent:claude",
        "bottle:child",
        "bottle:parent",
        "bottle:grandparent",
        "global",
    ]
