"""Providers as a bottle may use them: where their requests really go, and with which key."""

from collections.abc import Mapping

from stopper.core.provider import Provider
from stopper.detect.allow import Allow
from stopper.detect.hosts import classify_host
from stopper.detect.urls import Url, parse_url
from stopper.egress.credential import Credential
from stopper.egress.route import Mount

__all__ = ["mount_providers"]


def mount_providers(
    providers: Mapping[str, Provider],
    bases: Mapping[str, Url],
    keys: Mapping[str, str],
    names: frozenset[str] | None = None,
) -> dict[str, Mount]:
    """Mount the providers in `names` (default: those in `bases`), by name.

    `bases` replace a provider's own base URL. A key of `keys` goes nowhere but where its provider's
    requests go, and only over TLS or to this machine itself; a provider with a base of its own and
    no key is sent what the agent sends. Raises ValueError for a base that is no place for a key.
    """
    return {
        name: _mount(providers[name], bases.get(name), keys.get(name, ""))
        for name in sorted(names if names is not None else bases)
        if name in bases or providers[name].base
    }


def _mount(provider: Provider, given: Url | None, key: str) -> Mount:
    base = given or parse_url(provider.base)
    if not isinstance(base, Url):
        raise ValueError(f"{provider.base} is no URL")  # noqa: TRY004  the type is a union's
    if key and base.scheme != "https" and classify_host(base.host) != "network.loopback":
        raise ValueError(f"{base} is no place for a key: use https")
    rule = Allow(base.host, base.port, near=given is not None)
    if given and not key:
        return Mount(provider, base, rule)
    credential = Credential(
        provider.name,
        provider.placeholder.encode(),
        key.encode(),
        frozenset(name.encode() for name in provider.key_headers),
        provider.key_query.encode(),
    )
    return Mount(provider, base, rule, credential)
