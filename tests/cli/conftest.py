"""What the command line's tests share: somebody at a keyboard, with a home and a ledger."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stopper.cli.app import stopper
from stopper.settings import TABLE
from stopper.stores import open_ledger
from stopper.stores.ledger import Ledger
from stopper.testing.past import Past
from stopper.testing.provider import Remote, provider_process
from stopper.testing.user import User

CLONE_NEWUSER = 0x10000000
ASK = """
import json, os, sys, urllib.error, urllib.request

for prompt in sys.argv[1:]:
    asked = [{"role": "user", "content": prompt}]
    body = {"model": "claude-sonnet-5", "max_tokens": 100, "messages": asked}
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as reply:
            print(json.load(reply)["usage"]["output_tokens"], flush=True)
    except urllib.error.HTTPError as error:
        print(error.code, flush=True)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stopper's folder, which is not there yet; commands in this process use it."""
    folder = tmp_path / "home" / ".stopper"
    for name in ("COLUMNS", "NO_COLOR", *(set(os.environ) & {row.variable for row in TABLE})):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("STOPPER_HOME", str(folder))
    return folder


@pytest.fixture
def typed(home: Path) -> Callable[..., Result]:
    """Types `stopper` and these words; what is not an error of ours is raised."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(stopper, words, prog_name="stopper", catch_exceptions=False)

    return run


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """The ledger in the home folder."""
    home.mkdir(parents=True)
    opened = open_ledger(home / "stopper.db")
    yield opened
    opened.close()


@pytest.fixture
def past(ledger: Ledger) -> Past:
    """Writes into the ledger what has happened before."""
    return Past(ledger)


@pytest.fixture(scope="session")
def provider_for_all() -> Iterator[Remote]:
    """One process for all tests of a worker."""
    with provider_process() as remote:
        yield remote


@pytest.fixture
def user(tmp_path: Path, provider_for_all: Remote, namespaces: None) -> User:
    """Someone with an empty home, whose requests go to the mock provider."""
    return User(tmp_path, provider_for_all.url)


@pytest.fixture
def agent() -> tuple[str, ...]:
    """An agent that sends each of its arguments as a prompt, and prints what it was given."""
    return (sys.executable, "-c", ASK)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skips where the kernel forbids user namespaces; nothing else is an excuse."""
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
    if subprocess.run([sys.executable, "-c", attempt], check=False).returncode != 0:
        pytest.skip("this kernel forbids user namespaces, so no bottle can start")
