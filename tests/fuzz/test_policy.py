"""Whatever a context holds, the gate decides, and says nothing of what it holds."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stopper.policy.decision import ActionType
from stopper.safety import PolicyGate

NAMES = st.sampled_from(
    [
        *("command", "args", "code", "language", "sql", "cwd", "env", "stdin", "url", "host"),
        *("port", "path", "method", "allowlist", "paths", "", "x"),
    ]
)
PIECES = st.sampled_from(
    [
        *("rm", "-rf", "/", "$(", "`", "'", '"', "\\", "|", ";", "\n", "$X", "~", "*", "://", "@"),
        *("http", "[::1]", "169.254.169.254", "drop table x", "/*", "--", "import os", "python"),
        *("\x00", "\ud800", "\u202e", "{", "}", "<<EOF", "&&", " "),
    ]
)
LEAVES = st.lists(PIECES, max_size=8).map("".join) | st.none() | st.booleans() | st.integers()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MARK = "zqxjkvzqxjkv"


@settings(deadline=None)
@given(st.sampled_from(list(ActionType)), st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_context_has_a_decision(kind: ActionType, context: dict[str, Any]) -> None:
    gate = PolicyGate(enable_deployments=True, enable_billing=True)
    decision = gate.check_action(kind, context)
    assert decision.code != "policy.fault"
    assert decision.allowed is (decision.code == "")
    assert gate.check_action(kind, context) == decision


@settings(deadline=None)
@given(st.sampled_from(list(ActionType)), NAMES, st.lists(PIECES, min_size=1, max_size=6))
def test_no_reason_quotes_a_context(kind: ActionType, name: str, pieces: list[str]) -> None:
    """But for hosts, which are what a refused destination is about."""
    context = {
        "command": "ls",
        "path": "x",
        "url": "https://a.com",
        name: f"{MARK} {''.join(pieces)} {MARK}",  # with a blank inside it is no host
    }
    assert MARK not in PolicyGate(enable_deployments=True).check_action(kind, context).reason
