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
    upstreams: Mapping[str, str],
    keys: Mapping[str, str],
    names: frozenset[str] | None = None,
) -> dict[str, Mount]:
    """Mount the providers in `names` (default: those with an upstream), by name.

    `upstreams` are URLs that replace a provider's own base. A key of `keys` goes nowhere but where
    its provider's requests go, and only over TLS or to this machine itself; a provider with an
    upstream of its own and no key is sent what the agent sends. Raises ValueError for an upstream
    that is no URL, names no provider, or is no place for a key.
    """
    for name in upstreams:
        if name not in providers:
            raise ValueError(f"no provider {name!r}: one of {', '.join(sorted(providers))}")
    wanted = set(upstreams) if names is None else names | set(upstreams)
    return {
        name: _mount(providers[name], upstreams.get(name, ""), keys.get(name, ""))
        for name in sorted(wanted)
        if upstreams.get(name) or providers[name].base
    }


def _mount(provider: Provider, upstream: str, key: str) -> Mount:
    base = parse_url(upstream or provider.base)
    if not isinstance(base, Url):
        raise ValueError(f"{provider.name}={upstream} is no URL: {base.detail}")  # noqa: TRY004  a text
    near = classify_host(base.host) == "network.loopback"
    if key and base.scheme != "https" and not near:
        raise ValueError(f"{base} is no place for a key: use https")
    rule = Allow(base.host, base.port, near=bool(upstream))
    if upstream and not key:
        return Mount(provider, base, rule)
    credential = Credential(
        provider.name,
        provider.placeholder.encode(),
        key.encode(),
        frozenset(name.encode() for name in provider.key_headers),
        provider.key_query.encode(),
    )
    return Mount(provider, base, rule, credential)
