"""Ways out: resolve once, vet every answer, dial what was vetted, prove the name by TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeVar

import certifi
from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.addresses import Address
from stopper.detect.allow import Allow, judge_answers
from stopper.detect.hosts import Host

__all__ = ["Dialer", "Resolve", "Target", "resolve_by_system", "trust_context"]

RESOLVER_THREADS: Final = 4
MAX_LOOKUPS: Final = 64
RESOLVE_SECONDS: Final = 5.0
MAX_DIALS: Final = 4
CONNECT_SECONDS: Final = 10.0
"""For one address, its TLS handshake included."""

Resolve = Callable[[str], Iterable[str]]
"""All addresses of a name, as text; blocks, runs in a thread, and may raise anything."""

_Lookup = asyncio.Future[tuple[Address, ...]]
_P = TypeVar("_P", bound=asyncio.Protocol)


class Target(Struct, frozen=True, cache_hash=True):
    """Where to connect, and the rule that allows it; `https` means TLS, anything else plain."""

    scheme: str
    host: Host
    port: int
    rule: Allow

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def resolve_by_system(name: str) -> list[str]:
    """Ask the system's resolver, with its hosts file and search domains."""
    found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def trust_context() -> ssl.SSLContext:
    """Verify upstreams against the system's roots and certifi's, and speak HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Opens connections on the loop that it is used on; `close` gives its threads up.

    Each connection asks the resolver at most once, and goes to an address of that answer; callers
    that ask for one name at one time share the answer. Lookups that time out keep their thread and
    their place among `MAX_LOOKUPS` until the resolver comes back.
    """

    def __init__(
        self,
        resolve: Resolve = resolve_by_system,
        tls: ssl.SSLContext | None = None,
        *,
        resolve_seconds: float = RESOLVE_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._resolve = resolve
        self._tls = tls or trust_context()
        self._resolve_seconds = resolve_seconds
        self._connect_seconds = connect_seconds
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "stopper-resolver")
        self._lookups: dict[str, _Lookup] = {}

    async def vet(self, host: Host, port: int, rule: Allow) -> tuple[Address, ...] | Refusal:
        """The addresses that `rule` lets this host be reached at; a literal is not resolved."""
        if not rule.reaches(host, port):
            return refuse("network.not_allowed", f"{host}:{port}")
        if host.address is not None:
            return judge_answers(host, (host.address,), rule)
        answers = await self._look_up(host)
        return answers if isinstance(answers, Refusal) else judge_answers(host, answers, rule)

    async def connect(
        self, factory: Callable[[], _P], target: Target
    ) -> tuple[asyncio.Transport, _P] | Refusal:
        """Vet and connect, to one address after the other until one answers.

        `factory` is called for each try; only the protocol that is returned is connected. A
        certificate that fails ends the attempt, whatever other addresses there are.
        """
        addresses = await self.vet(target.host, target.port, target.rule)
        if isinstance(addresses, Refusal):
            return addresses
        for address in addresses[:MAX_DIALS]:
            try:
                async with asyncio.timeout(self._connect_seconds):
                    return await self._dial(factory, target, address)
            except ssl.SSLError:
                return refuse("network.bad_certificate", str(target))
            except OSError:  # also what is too late
                continue
        return refuse("network.unreachable", str(target))

    def close(self) -> None:
        """Drop queued lookups; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: Host) -> tuple[Address, ...] | Refusal:
        lookup = self._lookups.get(host.name)
        if lookup is None:
            if len(self._lookups) >= MAX_LOOKUPS:
                return refuse("egress.busy", f"{MAX_LOOKUPS} names being resolved")
            lookup = self._start(host.name)
        try:
            async with asyncio.timeout(self._resolve_seconds):
                return await asyncio.shield(lookup)
        except Exception:  # noqa: BLE001  any fault of a resolver is a refusal
            return refuse("network.unresolved", str(host))

    def _start(self, name: str) -> _Lookup:
        def ended(lookup: _Lookup) -> None:
            del self._lookups[name]
            if not lookup.cancelled():
                lookup.exception()  # all who waited may have left, which is no fault

        loop = asyncio.get_running_loop()
        lookup = loop.run_in_executor(self._threads, _addresses, self._resolve, name)
        self._lookups[name] = lookup
        lookup.add_done_callback(ended)
        return lookup

    async def _dial(
        self, factory: Callable[[], _P], target: Target, address: Address
    ) -> tuple[asyncio.Transport, _P]:
        secure = target.scheme == "https"
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            await loop.sock_connect(connection, (str(address), target.port))
            return await loop.create_connection(
                factory,
                sock=connection,
                ssl=self._tls if secure else None,
                server_hostname=target.host.name if secure else None,
            )
        except BaseException:
            connection.close()
            raise


def _addresses(resolve: Resolve, name: str) -> tuple[Address, ...]:
    return tuple(ip_address(text) for text in resolve(name))
