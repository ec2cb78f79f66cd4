"""A mock provider in a process of its own, and a plain HTTP client for it."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from stopper.testing.provider import Remote, provider_process

Got = tuple[int, dict[str, str], bytes]


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
def post(provider: Remote) -> Callable[..., Got]:
    """Post JSON or bytes to a path; gives status, headers in lower case and the body."""

    def send(path: str, body: Any, headers: dict[str, str] | None = None) -> Got:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", provider.port, timeout=30)
        try:
            connection.request("POST", path, data, headers or {})
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, names, reply.read()
        finally:
            connection.close()

    return send
