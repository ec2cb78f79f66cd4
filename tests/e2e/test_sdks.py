"""The official Python SDKs in a real bottle: every call is in the ledger as it was billed."""

import secrets
import shutil
import string
import sys
from pathlib import Path

from stopper.core.usage import Quality
from stopper.testing.provider import Remote, fingerprint
from stopper.testing.user import User

AGENT = Path(__file__).with_name("sdk_agent.py")
SETTINGS = """\
upstreams:
  anthropic: {{url: "{url}", key_env: ANTHROPIC_API_KEY}}
  openai: {{url: "{url}", key_env: OPENAI_API_KEY}}
"""


def fresh_key() -> str:
    """A key that nobody has."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(40))


def test_the_ledger_equals_the_providers_own_tally(
    tmp_path: Path, provider: Remote, namespaces: None
) -> None:
    keys = {"ANTHROPIC_API_KEY": fresh_key(), "OPENAI_API_KEY": fresh_key()}
    user = User(tmp_path, keys=keys)
    (user.state / "settings.yml").write_text(SETTINGS.format(url=provider.url))
    shutil.copy(AGENT, user.workspace)
    done = user.run(sys.executable, "-W", "ignore", str(user.workspace / AGENT.name))
    assert done.returncode == 0, done.stderr.decode()

    assert b"http://127.0.0.1:3128/openai/v1" in done.stderr
    assert b"https://api.openai.com/v1" in done.stderr
    placeholders, calls = done.stdout.decode().splitlines()
    tally = provider.settled()
    assert int(calls) == tally.total.billed.requests == tally.total.completed.requests
    assert tally.total.refused == 0
    assert user.books() == {name: account.billed for name, account in tally.models.items()}
    with user.ledger() as ledger:
        assert {row.usage.quality for _, row in ledger.rows()} == {Quality.MEASURED}
        assert {row.ending for _, row in ledger.rows()} == {"complete"}
        assert all(row.micros for _, row in ledger.rows())
        assert ledger.open_holds() == 0
        assert ledger.verify_audit() is None

    assert placeholders.count("stopper-placeholder") == len(keys)
    assert set(tally.callers) == {fingerprint(key) for key in keys.values()}
    assert not any(key.encode() in done.stdout + done.stderr for key in keys.values())
