"""`stopper providers`: what can be metered, and for what there is a key."""

import json
import random
import re
import string
from collections.abc import Callable

import pytest
from click.testing import Result

from stopper.data import load_providers

Typed = Callable[..., Result]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key for one provider, and for no other."""
    for provider in load_providers().values():
        for name in provider.key_env:
            monkeypatch.delenv(name, raising=False)
    key = "sk-ant-" + "".join(random.choices(string.ascii_letters, k=40))  # noqa: S311  no secret
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    return key


def test_the_table_names_each_provider_and_never_a_key(typed: Typed, key: str) -> None:
    shown = typed("providers")
    rows = [re.split("  +", line) for line in shown.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == list(load_providers())
    assert {row[0]: row[-1] for row in rows if row[-1] != "not set"} == {"anthropic": "set"}
    assert key not in shown.output
    bedrock = next(row for row in rows if row[0] == "bedrock")
    assert re.search(r"\.com and \d+ more$", bedrock[2])


def test_json_has_everything_but_a_key(typed: Typed, key: str) -> None:
    shown = typed("providers", "--json")
    rows = {row["provider"]: row for row in json.loads(shown.stdout)}
    assert rows["anthropic"] == {
        "provider": "anthropic",
        "agents": ["claude"],
        "hosts": ["api.anthropic.com"],
        "key_variables": [*load_providers()["anthropic"].key_env],
        "key_set": True,
    }
    assert len(rows["bedrock"]["hosts"]) > 3
    assert not rows["openai"]["key_set"]
    assert key not in shown.stdout
