"""The variables that an agent sees: an allowlist, the way out, and placeholders for keys."""

from collections.abc import Iterable, Mapping

from stopper.core.provider import Provider
from stopper.errors import BottleError

__all__ = ["base_url", "host_key", "inherited", "observed", "routed"]

_PASSED = frozenset({
    *("COLORTERM", "FORCE_COLOR", "LANG", "LANGUAGE", "LOGNAME", "NO_COLOR", "SHELL", "TERM"),
    *("TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TZ", "USER"),
    *("BUN_INSTALL", "CARGO_HOME", "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "DENO_INSTALL", "GOPATH"),
    *("GOROOT", "JAVA_HOME", "NVM_BIN", "NVM_DIR", "PNPM_HOME", "PYENV_ROOT", "PYENV_VERSION"),
    *("RUSTUP_HOME", "SDKMAN_DIR", "VIRTUAL_ENV", "VOLTA_HOME"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
})  # fmt: skip
_PASSED_PREFIX = "LC_"

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY")
_DIRECT = ("127.0.0.1", "localhost", "::1")


def host_key(provider: Provider, host: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that holds the provider's key outside, and the key; the first that is set."""
    for name in provider.key_env:
        if host.get(name):
            return name, host[name]
    return None


def base_url(provider: str, port: int) -> str:
    """Where a client inside reaches a provider without knowing of any proxy."""
    return f"http://127.0.0.1:{port}/{provider}"


def inherited(
    host: Mapping[str, str], asked: Iterable[str], providers: Iterable[Provider]
) -> dict[str, str]:
    """What passes from the host: harmless names, and those that the user asked for by name.

    BottleError where one is not set, or is a provider's key: the real key never goes in.
    """
    keys = {name: provider.name for provider in providers for name in provider.key_env}
    passed = {
        name: value
        for name, value in host.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIX)
    }
    for name in asked:
        if name in keys:
            raise BottleError(
                f"{name} stays outside: the egress puts the key for {keys[name]} in by itself"
            )
        if name not in host:
            raise BottleError(f"{name} is not set here, so it cannot be passed into the bottle")
        passed[name] = host[name]
    return passed


def observed(host: Mapping[str, str], providers: Iterable[Provider]) -> dict[str, str]:
    """Everything of the host but the providers' keys, for a run with no sandbox around it."""
    keys = {name for provider in providers for name in provider.key_env}
    return {name: value for name, value in host.items() if name not in keys}


def routed(
    providers: Iterable[Provider],
    host: Mapping[str, str],
    port: int,
    needed: Iterable[str],
    allowed: Iterable[str] = (),
) -> dict[str, str]:
    """The way out, for clients that take a proxy and for those that take a base URL.

    `needed` are providers that get a placeholder even if the host has no key for them. The others
    get none, because programs choose a provider by the key that they find. Loopback is named as
    direct: inside a bottle it is the bottle's own, with nothing of the host on it. Only the names
    for it that are `allowed` are not, since they mean the host's.
    """
    proxy = f"http://127.0.0.1:{port}"
    variables = {
        name: proxy for proxy_name in _PROXIES for name in (proxy_name, proxy_name.lower())
    }
    direct = _direct(frozenset(allowed))
    variables |= {"NO_PROXY": direct, "no_proxy": direct}
    variables |= {"CLOUDSDK_PROXY_TYPE": "http", "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1"}
    variables["CLOUDSDK_PROXY_PORT"] = str(port)
    for provider in providers:
        key = host_key(provider, host)
        if key is None and provider.name not in needed and not provider.base:
            continue
        variables |= {
            name: base_url(provider.name, port) + behind
            for name, behind in provider.base_env.items()
        }
        if provider.key_env and (key is not None or provider.name in needed):
            variables[key[0] if key else provider.key_env[0]] = provider.placeholder
    return variables


def _direct(allowed: frozenset[str]) -> str:
    """The names for loopback that no proxy is asked for; each stands for all below it, too."""
    return ",".join(
        name
        for name in _DIRECT
        if not any(host == name or host.endswith(f".{name}") for host in allowed)
    )
