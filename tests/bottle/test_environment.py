"""What an agent sees of the environment."""

import secrets

import pytest

from stopper.bottle.environment import host_key, inherited, observed, routed
from stopper.data import load_providers
from stopper.errors import BottleError

PROVIDERS = load_providers()
KEY = secrets.token_hex(16)

PASSES = {
    # variable                    passes
    "LANG":                       True,
    "LC_ALL":                     True,
    "TERM":                       True,
    "PYENV_ROOT":                 True,
    "ANTHROPIC_API_KEY":          False,
    "AWS_SECRET_ACCESS_KEY":      False,
    "SSH_AUTH_SOCK":              False,
    "DBUS_SESSION_BUS_ADDRESS":   False,
    "DISPLAY":                    False,
    "LD_PRELOAD":                 False,
    "HTTP_PROXY":                 False,
    "NODE_OPTIONS":               False,
    "PYTHONPATH":                 False,
    "XDG_RUNTIME_DIR":            False,
}  # fmt: skip


@pytest.mark.parametrize(("name", "passes"), PASSES.items(), ids=PASSES)
def test_allowlist(name: str, passes: bool) -> None:
    """Nothing passes that is not on the list."""
    assert (name in inherited({name: "x"}, (), PROVIDERS.values())) == passes


def test_asked_for_by_name() -> None:
    """`--env NAME` passes a variable, and it must be set."""
    assert inherited({"DEBUG": "1"}, ("DEBUG",), PROVIDERS.values()) == {"DEBUG": "1"}
    with pytest.raises(BottleError, match="DEBUG is not set"):
        inherited({}, ("DEBUG",), PROVIDERS.values())


@pytest.mark.parametrize("name", [n for p in PROVIDERS.values() for n in p.key_env])
def test_a_key_never_goes_in(name: str) -> None:
    """Not even by name; and its placeholder is there instead."""
    with pytest.raises(BottleError, match=name):
        inherited({name: KEY}, (name,), PROVIDERS.values())
    variables = routed(PROVIDERS.values(), {name: KEY}, 3128, ())
    assert KEY not in variables.values()
    assert "stopper-placeholder" in variables[name]


def test_a_placeholder_only_where_there_is_a_key() -> None:
    """Programs choose a provider by the key that they find."""
    host = {"OPENAI_API_KEY": KEY}
    variables = routed(PROVIDERS.values(), host, 3128, ("anthropic",))
    keys = {name for provider in PROVIDERS.values() for name in provider.key_env}
    assert variables.keys() & keys == {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


def test_the_variable_that_is_set_outside_is_set_inside() -> None:
    """A login token goes by another header than a key."""
    variables = routed(PROVIDERS.values(), {"ANTHROPIC_AUTH_TOKEN": KEY}, 3128, ("anthropic",))
    assert "ANTHROPIC_AUTH_TOKEN" in variables
    assert "ANTHROPIC_API_KEY" not in variables


ROUTES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/anthropic",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/openai/v1",
    "NO_PROXY": "127.0.0.1,localhost,::1",
}


@pytest.mark.parametrize(("name", "value"), ROUTES.items(), ids=ROUTES)
def test_routes(name: str, value: str) -> None:
    """Clients that take a proxy and clients that take a base URL find the way out."""
    assert routed(PROVIDERS.values(), {}, 9, ())[name] == value


DIRECT = {
    # what is allowed                    hosts                          what no proxy is asked for
    "nothing here":                    (["a.com", "10.1.2.3"],          "127.0.0.1,localhost,::1"),
    "the host's loopback by its name": (["a.com", "localhost"],         "127.0.0.1,::1"),
    "a name below it":                 (["db.localhost"],               "127.0.0.1,::1"),
    "by its address":                  (["127.0.0.1"],                  "localhost,::1"),
    "by another address":              (["127.0.0.2"],                  "127.0.0.1,localhost,::1"),
    "in every way":                    (["::1", "127.0.0.1", "localhost"], ""),
}  # fmt: skip


@pytest.mark.parametrize(("hosts", "direct"), DIRECT.values(), ids=DIRECT)
def test_what_is_reached_directly(hosts: list[str], direct: str) -> None:
    """Not what a rule names, which lies outside of the bottle."""
    variables = routed(PROVIDERS.values(), {}, 9, (), hosts)
    assert variables["NO_PROXY"] == variables["no_proxy"] == direct


def test_observed_keeps_all_but_keys() -> None:
    """With no sandbox the environment is the user's, without what the egress puts in."""
    host = {"PATH": "/bin", "EDITOR": "vi", "ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}
    assert observed(host, PROVIDERS.values()) == {"PATH": "/bin", "EDITOR": "vi"}


def test_the_first_key_that_is_set_wins() -> None:
    """In the order of the provider's own list; an empty one is none."""
    anthropic = PROVIDERS["anthropic"]
    host = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": KEY, "CLAUDE_CODE_OAUTH_TOKEN": "x"}
    assert host_key(anthropic, host) == ("ANTHROPIC_AUTH_TOKEN", KEY)
    assert host_key(anthropic, {}) is None
