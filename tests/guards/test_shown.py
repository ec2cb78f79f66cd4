"""What an agent chose for a name is shown where it is a word, and never where it may be a key."""

import secrets

import pytest

from stopper.detect.rules import fill
from stopper.guards import (
    AuditTrail,
    GuardChain,
    NetworkPolicyGuard,
    SchemaStrictnessGuard,
    block,
)
from stopper.guards.shown import shown

WORDS = [
    "Unknown field: customer_address_line",
    "Domain not in allowlist: static-assets.eu-central-1.example.com",
    "Tool 'mcp__github__create_pull_request_review' classified as write",
    "Same call tried 3 times: limit 3",
]


@pytest.mark.parametrize("text", WORDS)
def test_words_stay(text: str) -> None:
    assert shown(text) == text


KEYS = {
    "a token with a prefix": "ghp_{alnum:36}",
    "a token of letters": "sk-ant-{alnum:24}",
    "hex": "{hex:32}",
    "a label of a host": "dapi{hex:32}",
    "base64": "{b64:40}",
}


@pytest.mark.parametrize("template", KEYS.values(), ids=KEYS)
def test_keys_do_not(template: str) -> None:
    key = fill(template, secrets.token_hex(4))
    result = block("some.code", f"Unknown field: {key}.x", names=[{"field": key}])
    assert key not in repr(result)
    assert "Unknown field: [...]" in result.reason


def test_no_guard_and_no_record_tells_one() -> None:
    key = fill("ghp_{alnum:36}", secrets.token_hex(4))
    rows: list[object] = []
    schema = {"type": "object", "properties": {"a": {}}}
    chain = GuardChain(
        [SchemaStrictnessGuard(get_schema=lambda _: schema)], on_decision=AuditTrail(rows.append)
    )
    assert key not in repr(chain.check_all(f"tool {key}", {key: 1}))
    host = fill("dapi{hex:32}", secrets.token_hex(4))
    hosts = GuardChain([NetworkPolicyGuard(allowed_domains={"ok.example"})])
    assert host not in repr(hosts.check_all("t", {"url": f"https://{host}.example.com/"}))
    assert key not in repr(rows)
