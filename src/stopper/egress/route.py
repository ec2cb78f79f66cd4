"""Where a request goes, decided on its name alone: nothing here resolves, connects or waits."""

from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stopper.core.provider import Endpoint, OnDisconnect, Provider
from stopper.core.reason import Refusal, refuse
from stopper.detect.allow import Allow, is_steady, judge
from stopper.detect.hosts import Host
from stopper.detect.urls import Url, parse_authority, parse_url
from stopper.egress.credential import Credential
from stopper.egress.dial import Target
from stopper.egress.message import Head
from stopper.meter.wire import Wire

__all__ = ["Local", "Mount", "Route", "Table", "Tunnel", "open_tunnel", "route"]

_HTTPS: Final = 443
_GATEWAY_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Mount(Struct, frozen=True):
    """A provider as one bottle may use it: its upstream base, and the key that is bound to it."""

    provider: Provider
    base: Url
    rule: Allow
    credential: Credential | None = None


class Table(Struct, frozen=True):
    """All that a bottle may reach; whatever is not in it is refused.

    `mounts` are the providers that are switched on, `known` all there are: the host of a provider
    is metered even where only a rule of `rules` lets it through. `unmetered` holds
    `(provider, method, path pattern)` rows that the operator lets pass without a meter.
    """

    port: int
    mounts: dict[str, Mount]
    known: dict[str, Provider]
    wires: dict[str, Wire]
    rules: tuple[Allow, ...] = ()
    websockets: tuple[Allow, ...] = ()
    unmetered: tuple[tuple[str, str, str], ...] = ()


class Tunnel(Struct, frozen=True):
    """The destination that a CONNECT named, and TLS has proved the caller to mean."""

    host: str
    authority: tuple[Host, int]


class Local(Struct, frozen=True):
    """A reply of the egress itself."""

    status: int
    body: bytes


class Route(Struct, frozen=True):
    """A request that may leave: where to, as what, and how it is metered (`wire` None: not)."""

    target: Target
    authority: bytes
    path: bytes
    below: str
    provider: Provider | None = None
    wire: Wire | None = None
    credential: Credential | None = None
    upgrade: bool = False

    @property
    def secret(self) -> bytes:
        """The key that may go in, empty for none."""
        return self.credential.secret if self.credential else b""

    @property
    def on_disconnect(self) -> OnDisconnect:
        """What to do upstream when the caller is gone."""
        return self.provider.on_disconnect if self.provider else OnDisconnect.CANCEL


def open_tunnel(target: bytes, table: Table) -> Tunnel | Refusal:
    """Judge a CONNECT by its authority; method and path are judged when they are known."""
    read = parse_authority(target)
    if isinstance(read, Refusal):
        return read
    host, port = read
    if port == _HTTPS and _mounted(host, table) is not None:
        return Tunnel(host.name, read)
    judged = judge(host, port, None, None, table.rules)
    return judged if isinstance(judged, Refusal) else Tunnel(host.name, read)


def route(head: Head, tunnel: Tunnel | None, table: Table) -> Route | Local | Refusal:
    """Decide a request, whose destination, Host header and tunnel must be one and the same."""
    if head.method not in _METHODS:
        return refuse("http.malformed", "a method that is not relayed")
    if b"#" in head.target:
        return refuse("http.malformed", "a fragment in the request target")
    if tunnel is not None:
        return _inside(head, tunnel, table)
    if not head.target.startswith(b"/"):
        return _absolute(head, table)
    return _gateway(head, table)


def _inside(head: Head, tunnel: Tunnel, table: Table) -> Route | Local | Refusal:
    if not head.target.startswith(b"/"):
        return refuse("http.malformed", "a request target without a leading slash")
    host, port = tunnel.authority
    if parse_authority(head.host, _HTTPS) != tunnel.authority:
        return refuse("network.host_mismatch", f"{host}:{port}")
    path, _, query = head.target.decode("latin-1").partition("?")
    url = Url("https", host, port, path, query if b"?" in head.target else None)
    return _destination(head, url, table)


def _absolute(head: Head, table: Table) -> Route | Local | Refusal:
    url = parse_url(head.target)
    if isinstance(url, Refusal):
        return url
    if url.scheme not in ("http", "https"):
        return refuse("network.bad_url", "a request target of another scheme")
    default = _HTTPS if url.scheme == "https" else 80
    if parse_authority(head.host, default) != (url.host, url.port):
        return refuse("network.host_mismatch", f"{url.host}:{url.port}")
    if (url.scheme, url.port) == ("http", table.port) and url.host.name in _GATEWAY_HOSTS:
        found = _gateway(replace(head, target=url.target.encode("latin-1")), table)
        if not isinstance(found, Local):  # only a provider is asked for in this way
            return found
    return _destination(head, url, table)


def _gateway(head: Head, table: Table) -> Route | Local | Refusal:
    """`/anthropic/v1/messages`, or `/v1/messages` where the path alone tells the provider."""
    read = parse_authority(head.host, table.port) if head.host else None
    if isinstance(read, Refusal) or (read and read[0].name not in _GATEWAY_HOSTS):
        return refuse("network.host_mismatch", "the gateway")
    path, _, query = head.target.decode("latin-1").partition("?")
    if path == "/" and head.method in ("GET", "HEAD"):
        return Local(200, b'{"gateway":"stopper"}')
    name, _, rest = path[1:].partition("/")
    below = f"/{rest}"
    if name not in table.mounts:
        name, below = _bare(path, table), path
    if name not in table.mounts:
        return refuse("meter.unknown_path", f"{head.method} {path[:80]}")
    return _metered(head, table.mounts[name], below, query if b"?" in head.target else None, table)


def _bare(path: str, table: Table) -> str:
    for name, mount in table.mounts.items():
        if mount.provider.claims(path):
            return name
    return ""


def _destination(head: Head, url: Url, table: Table) -> Route | Local | Refusal:
    if url.scheme == "https" and url.port == _HTTPS:
        mount = _mounted(url.host, table) or _allowed_provider(head, url, table)
        if isinstance(mount, Refusal):
            return mount
        if mount is not None:
            prefix = parse_base_path(mount.provider)
            if not url.path.startswith(f"{prefix}/"):
                return refuse("meter.unknown_path", f"{head.method} {url.path[:80]}")
            return _metered(head, mount, url.path[len(prefix) :], url.query, table)
    return _plain(head, url, table)


def _mounted(host: Host, table: Table) -> Mount | None:
    """The provider behind a host; a wildcard host only where it is the mount's own base."""
    for mount in table.mounts.values():
        known = mount.provider
        if host.name in known.hosts or (host == mount.base.host and known.serves(host.name)):
            return mount
    return None


def _allowed_provider(head: Head, url: Url, table: Table) -> Mount | Refusal | None:
    """A provider that is not switched on, but whose host a rule allows: still metered."""
    for provider in table.known.values():
        if provider.serves(url.host.name):
            rule = judge(url.host, url.port, head.method, url.path, table.rules)
            if isinstance(rule, Refusal):
                return rule
            return Mount(
                provider, Url("https", url.host, url.port, parse_base_path(provider)), rule
            )
    return None


def _metered(
    head: Head, mount: Mount, below: str, query: str | None, table: Table
) -> Route | Refusal:
    provider, base = mount.provider, mount.base
    if _wants_upgrade(head):
        return refuse("network.upgrade", f"{provider.name}{below[:80]}")
    endpoint = provider.endpoint(head.method, below) or _let_pass(head, provider, below, table)
    if endpoint is None or not is_steady(below):
        return refuse("meter.unknown_path", f"{head.method} {below[:80]} at {provider.name}")
    url = Url(base.scheme, base.host, base.port, base.path.rstrip("/") + below, query)
    return Route(
        Target(url.scheme, url.host, url.port, mount.rule),
        _authority(url),
        url.target.encode("latin-1"),
        below if query is None else f"{below}?{query}",
        provider,
        table.wires[endpoint.wire] if endpoint.wire else None,
        mount.credential,
    )


def _let_pass(head: Head, provider: Provider, below: str, table: Table) -> Endpoint | None:
    for name, method, path in table.unmetered:
        if (name, method) == (provider.name, head.method) and fnmatchcase(below, path):
            return Endpoint(method, path)
    return None


def _plain(head: Head, url: Url, table: Table) -> Route | Refusal:
    rule = judge(url.host, url.port, head.method, url.path, table.rules)
    if isinstance(rule, Refusal):
        return rule
    upgrade = _wants_upgrade(head)
    if upgrade:
        relayed = judge(url.host, url.port, head.method, url.path, table.websockets)
        if isinstance(relayed, Refusal) or head.upgrade != b"websocket":
            return refuse("network.upgrade", f"{url.host}:{url.port}")
    target = Target(url.scheme, url.host, url.port, rule)
    path = url.target.encode("latin-1")
    return Route(target, _authority(url), path, url.target, upgrade=upgrade)


def parse_base_path(provider: Provider) -> str:
    """The path of a provider's own base, without a trailing slash."""
    url = parse_url(provider.base) if provider.base else None
    return url.path.rstrip("/") if isinstance(url, Url) else ""


def _wants_upgrade(head: Head) -> bool:
    """h2c is merely offered and may be ignored; anything else switches protocols."""
    return b"upgrade" in head.named_by_connection and head.upgrade not in (b"", b"h2c")


def _authority(url: Url) -> bytes:
    default = {"http": 80, "https": 443}[url.scheme]
    return (str(url.host) if url.port == default else f"{url.host}:{url.port}").encode()
