"""Where requests go: each form, decided on names alone."""

import pytest

from stopper.core.reason import Refusal
from stopper.data import load_providers
from stopper.detect.allow import parse_rule
from stopper.detect.urls import Url, parse_url
from stopper.egress.message import Head
from stopper.egress.mounts import mount_providers
from stopper.egress.route import Local, Route, Table, Tunnel, open_tunnel, route
from stopper.meter.wires import WIRES

PROVIDERS = load_providers()


def _url(text: str) -> Url:
    url = parse_url(text)
    assert isinstance(url, Url)
    return url


def _table(**bases: str) -> Table:
    return Table(
        port=3128,
        mounts=mount_providers(
            PROVIDERS,
            {name: _url(text) for name, text in bases.items()},
            {},
            frozenset({"anthropic", "openai", "groq", *bases}),
        ),
        known=PROVIDERS,
        wires=WIRES,
        rules=tuple(
            map(parse_rule, ("example.com", "GET api.example.com/v1/*", "http://127.0.0.1:8080"))
        ),
        unmetered=(("openai", "POST", "/v1/audio/*"),),
    )


PLAIN = _table()
MOVED = _table(
    anthropic="http://127.0.0.1:9999/base",
    azure="https://mine.openai.azure.com",
    groq="https://gw.corp.example/groq",
)


def _head(method: str, target: str, host: str = "127.0.0.1", **more: str) -> Head:
    headers = [(b"host", host.encode()), *((k.encode(), v.encode()) for k, v in more.items())]
    head = Head.read(method, target.encode(), "1.1", headers)
    assert isinstance(head, Head)
    return head


ROUTED = {
    # what is asked                   table  method  target                                             host                       goes to                                             wire
    "the gateway's path":             (PLAIN, "POST", "/anthropic/v1/messages?beta=true",               "127.0.0.1:3128",           "https://api.anthropic.com/v1/messages?beta=true",  "anthropic.messages"),
    "the bare path":                  (PLAIN, "POST", "/v1/messages",                                   "localhost",                "https://api.anthropic.com/v1/messages",            "anthropic.messages"),
    "the bare path of another":       (PLAIN, "POST", "/v1/chat/completions",                           "127.0.0.1",                "https://api.openai.com/v1/chat/completions",       "openai.chat"),
    "a base with a path":             (PLAIN, "POST", "/groq/openai/v1/chat/completions",               "127.0.0.1",                "https://api.groq.com/openai/v1/chat/completions",  "openai.chat"),
    "the gateway through a proxy":    (PLAIN, "POST", "http://127.0.0.1:3128/anthropic/v1/messages?beta=true", "127.0.0.1:3128",  "https://api.anthropic.com/v1/messages?beta=true",  "anthropic.messages"),
    "the same by its name":           (PLAIN, "POST", "http://localhost:3128/v1/messages",              "localhost:3128",           "https://api.anthropic.com/v1/messages",            "anthropic.messages"),
    "a free endpoint":                (PLAIN, "GET",  "/anthropic/v1/models",                           "127.0.0.1",                "https://api.anthropic.com/v1/models",              None),
    "let pass by the operator":       (PLAIN, "POST", "/openai/v1/audio/speech",                        "127.0.0.1",                "https://api.openai.com/v1/audio/speech",           None),
    "the provider's own URL":         (PLAIN, "POST", "https://api.openai.com/v1/responses",            "api.openai.com",           "https://api.openai.com/v1/responses",              "openai.responses"),
    "an upstream of its own":         (MOVED, "POST", "/anthropic/v1/messages",                         "127.0.0.1",                "http://127.0.0.1:9999/base/v1/messages",           "anthropic.messages"),
    "its own URL, moved too":         (MOVED, "POST", "https://api.anthropic.com/v1/messages",          "api.anthropic.com",        "http://127.0.0.1:9999/base/v1/messages",           "anthropic.messages"),
    "a wildcard's own base":          (MOVED, "POST", "https://mine.openai.azure.com/openai/v1/chat/completions", "mine.openai.azure.com", "https://mine.openai.azure.com/openai/v1/chat/completions", "openai.chat"),
    "an allowed host":                (PLAIN, "PUT",  "https://example.com/x?y=1",                      "example.com",              "https://example.com/x?y=1",                        None),
    "an allowed method and path":     (PLAIN, "GET",  "https://api.example.com/v1/a",                   "api.example.com:443",      "https://api.example.com/v1/a",                     None),
    "this machine, by exact setting": (PLAIN, "GET",  "http://127.0.0.1:8080/",                         "127.0.0.1:8080",           "http://127.0.0.1:8080/",                           None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "method", "target", "host", "goes", "wire"), ROUTED.values(), ids=ROUTED
)
def test_routed(
    table: Table, method: str, target: str, host: str, goes: str, wire: str | None
) -> None:
    """Each row leaves for the URL in its last column but one, metered by its last."""
    found = route(_head(method, target, host), None, table)
    assert isinstance(found, Route)
    assert f"{found.target.scheme}://{found.authority.decode()}{found.path.decode()}" == goes
    assert (found.wire and found.wire.name) == wire


REFUSED = {
    # what is asked                         table  method   target                                             host                      code
    "an unknown path of a provider":        (PLAIN, "POST", "/anthropic/v1/messages/batches",                  "127.0.0.1",              "meter.unknown_path"),
    "the same by its URL":                  (PLAIN, "POST", "https://api.anthropic.com/v1/messages/batches",   "api.anthropic.com",      "meter.unknown_path"),
    "another method":                       (PLAIN, "DELETE", "/anthropic/v1/messages",                        "127.0.0.1",              "meter.unknown_path"),
    "a provider that is not switched on":   (PLAIN, "POST", "/mistral/v1/chat/completions",                    "127.0.0.1",              "meter.unknown_path"),
    "the same by its URL, not switched on": (PLAIN, "POST", "https://api.mistral.ai/v1/chat/completions",      "api.mistral.ai",         "network.not_allowed"),
    "somebody's account below a wildcard":  (MOVED, "POST", "https://evil.openai.azure.com/openai/v1/chat/completions", "evil.openai.azure.com", "network.not_allowed"),
    "a provider in the clear":              (PLAIN, "POST", "http://api.anthropic.com/v1/messages",            "api.anthropic.com",      "network.not_allowed"),
    "a provider on another port":           (PLAIN, "POST", "https://api.anthropic.com:8443/v1/messages",      "api.anthropic.com:8443", "network.not_allowed"),
    "a method that no rule allows":         (PLAIN, "POST", "https://api.example.com/v1/a",                    "api.example.com",        "network.not_allowed"),
    "a path that no rule allows":           (PLAIN, "GET",  "https://api.example.com/v2",                      "api.example.com",        "network.not_allowed"),
    "a path that climbs":                   (PLAIN, "GET",  "https://api.example.com/v1/../v2",                "api.example.com",        "network.not_allowed"),
    "a path that climbs, encoded":          (PLAIN, "GET",  "https://api.example.com/v1/%2e%2e/v2",            "api.example.com",        "network.not_allowed"),
    "a name below an exact rule":           (PLAIN, "GET",  "https://x.example.com/",                          "x.example.com",          "network.not_allowed"),
    "another port of this machine":         (PLAIN, "GET",  "http://127.0.0.1:8081/",                          "127.0.0.1:8081",         "network.loopback"),
    "a path of nobody, through a proxy":    (PLAIN, "POST", "http://127.0.0.1:3128/etc/passwd",                "127.0.0.1:3128",         "meter.unknown_path"),
    "another Host there":                   (PLAIN, "POST", "http://127.0.0.1:3128/v1/messages",               "api.anthropic.com",      "network.host_mismatch"),
    "another scheme there":                 (PLAIN, "POST", "https://127.0.0.1:3128/v1/messages",              "127.0.0.1:3128",         "network.loopback"),
    "metadata":                             (PLAIN, "GET",  "http://169.254.169.254/",                         "169.254.169.254",        "network.metadata"),
    "user information":                     (PLAIN, "GET",  "https://example.com@evil.com/",                   "evil.com",               "network.bad_url"),
    "a fragment":                           (PLAIN, "GET",  "https://example.com/#@evil.com/",                 "example.com",            "http.malformed"),
    "another Host":                         (PLAIN, "GET",  "https://example.com/",                            "evil.com",               "network.host_mismatch"),
    "another Host at the gateway":          (PLAIN, "POST", "/anthropic/v1/messages",                          "api.anthropic.com",      "network.host_mismatch"),
    "a path of nobody":                     (PLAIN, "POST", "/etc/passwd",                                     "127.0.0.1",              "meter.unknown_path"),
    "two slashes":                          (PLAIN, "POST", "//evil.com/v1/messages",                          "127.0.0.1",              "meter.unknown_path"),
    "an asterisk":                          (PLAIN, "OPTIONS", "*",                                            "127.0.0.1",              "network.bad_url"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "method", "target", "host", "code"), REFUSED.values(), ids=REFUSED
)
def test_refused(table: Table, method: str, target: str, host: str, code: str) -> None:
    """Each row is refused with the code in its last column."""
    found = route(_head(method, target, host), None, table)
    assert isinstance(found, Refusal)
    assert found.code == code


def test_a_provider_that_only_a_rule_allows_is_metered_all_the_same() -> None:
    table = Table(3128, {}, PROVIDERS, WIRES, (parse_rule("api.mistral.ai"),))
    head = _head("POST", "https://api.mistral.ai/v1/chat/completions", "api.mistral.ai")
    found = route(head, None, table)
    assert isinstance(found, Route)
    assert found.wire is WIRES["openai.chat"]
    batch = _head("POST", "https://api.mistral.ai/v1/batch/jobs", "api.mistral.ai")
    refused = route(batch, None, table)
    assert isinstance(refused, Refusal)
    assert refused.code == "meter.unknown_path"


def test_a_probe_of_the_gateway_is_answered_here() -> None:
    assert isinstance(route(_head("HEAD", "/"), None, PLAIN), Local)


UPGRADES = {
    # what is offered                 connection  upgrade      expected
    "a WebSocket":                    ("upgrade",  "websocket", "network.upgrade"),
    "h2c, which may be ignored":      ("upgrade",  "h2c",       None),
    "an upgrade nobody asked for":    ("close",    "websocket", None),
}  # fmt: skip


@pytest.mark.parametrize(("connection", "upgrade", "code"), UPGRADES.values(), ids=UPGRADES)
def test_upgrades_of_a_provider(connection: str, upgrade: str, code: str | None) -> None:
    head = _head("GET", "/anthropic/v1/models", connection=connection, upgrade=upgrade)
    found = route(head, None, PLAIN)
    assert (found.code if isinstance(found, Refusal) else None) == code


def test_inside_a_tunnel_only_its_host_counts() -> None:
    tunnel = open_tunnel(b"example.com:443", PLAIN)
    assert isinstance(tunnel, Tunnel)
    good = route(_head("GET", "/x", "example.com"), tunnel, PLAIN)
    assert isinstance(good, Route)
    assert good.target.scheme == "https"
    for target, host in (("/x", "evil.com"), ("https://evil.com/", "example.com")):
        assert isinstance(route(_head("GET", target, host), tunnel, PLAIN), Refusal)
