"""Which requests and models a provider knows."""

import pytest

from stopper.core.provider import Endpoint, ModelLimit, Provider

PROVIDER = Provider(
    name="acme",
    base="https://api.acme.test/v1",
    hosts=("api.acme.test", "*.acme.example"),
    endpoints=(
        Endpoint("POST", "/messages", "acme"),
        Endpoint("POST", "/models/[^/]+:generate", "acme-generate"),
        Endpoint("GET", "/models(/[^/]+)?"),
    ),
    key_prefix="ak-",
    bare=("/v1/messages",),
    models=(ModelLimit("acme-large-*", 64_000), ModelLimit("acme-*", 8_000)),
)

ENDPOINTS = {
    # request                                      wire, or why none
    ("POST", "/messages"):                         "acme",
    ("POST", "/models/large:generate"):            "acme-generate",
    ("GET", "/models"):                            "free",
    ("GET", "/models/large"):                      "free",
    ("GET", "/messages"):                          "unknown",
    ("post", "/messages"):                         "unknown",
    ("POST", "/messages/"):                        "unknown",
    ("POST", "/messages\n"):                       "unknown",
    ("POST", "/v1/messages"):                      "unknown",
    ("POST", "/models/a/b:generate"):              "unknown",
}  # fmt: skip

HOSTS = {
    "api.acme.test": True,
    "acme.test": False,
    "api.acme.test.evil.test": False,
    "eu.acme.example": True,
    "a.b.acme.example": True,
    "acme.example": False,
    "evilacme.example": False,
}

LIMITS = {"acme-large-2": 64_000, "acme-small": 8_000, "ACME-small": None, "other": None, "": None}


@pytest.mark.parametrize(("request_", "wire"), ENDPOINTS.items())
def test_only_documented_requests_are_known(request_: tuple[str, str], wire: str) -> None:
    endpoint = PROVIDER.endpoint(*request_)
    assert ("unknown" if endpoint is None else endpoint.wire or "free") == wire


@pytest.mark.parametrize(("host", "serves"), HOSTS.items())
def test_a_host_is_named_exactly_or_below_a_star(host: str, *, serves: bool) -> None:
    assert PROVIDER.serves(host) == serves


@pytest.mark.parametrize(("model", "limit"), LIMITS.items())
def test_the_first_matching_row_limits_a_model(model: str, limit: int | None) -> None:
    assert PROVIDER.max_output(model) == limit


def test_a_bare_path_is_claimed_whole() -> None:
    assert PROVIDER.claims("/v1/messages")
    assert not PROVIDER.claims("/v1/messages/batches")


def test_a_placeholder_looks_like_a_key_and_is_none() -> None:
    assert PROVIDER.placeholder == "ak-stopper-placeholder-acme"
