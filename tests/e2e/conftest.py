"""What the proofs from end to end share: a mock provider, a user, and whether bottles can start."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopper.testing.provider import Remote, provider_process
from stopper.testing.user import User

CLONE_NEWUSER = 0x10000000


@pytest.fixture(scope="session")
def provider_for_all() -> Iterator[Remote]:
    """One process for all tests of a worker."""
    with provider_process() as remote:
        yield remote


@pytest.fixture
def provider(provider_for_all: Remote) -> Remote:
    """A provider without scripts, sums or requests."""
    provider_for_all.settled()
    provider_for_all.reset()
    return provider_for_all


@pytest.fixture
def user(tmp_path: Path, provider: Remote, namespaces: None) -> User:
    """Someone with an empty home, whose requests go to the mock provider."""
    return User(tmp_path, provider.url)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skips where the kernel forbids user namespaces; nothing else is an excuse."""
    attempt = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({CLONE_NEWUSER}) != 0)"
    if subprocess.run([sys.executable, "-c", attempt], check=False).returncode != 0:
        pytest.skip("this kernel forbids user namespaces, so no bottle can start")
