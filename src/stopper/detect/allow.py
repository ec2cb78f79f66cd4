"""Allowlist rules: by host, port, method and path on the name, then by address on its answers."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from urllib.parse import unquote

from msgspec import Struct

from stopper.core.reason import Refusal, refuse
from stopper.detect.addresses import Address, Network, classify, worst
from stopper.detect.hosts import Host, classify_host
from stopper.detect.urls import parse_authority

__all__ = ["Allow", "is_steady", "judge", "judge_answers", "parse_rule"]

_MAX_RULE = 2048
_DECODE_ROUNDS = 4
_PORTS = {"https://": 443, "http://": 80, "": 443}
_NEAR = frozenset({"network.private_address", "network.loopback"})
_SYNTAX = (
    "write [METHOD,...] [http://]HOST[:PORT][/PATH][/*] [at ADDRESS[/LENGTH]], "
    "such as api.example.com, *.example.com:8443 or GET api.example.com/v1/*"
)
_RULE = re.compile(
    r"(?:(?P<methods>[A-Z]+(?:,[A-Z]+)*) +)?"
    r"(?P<scheme>https?://|)(?P<wildcard>\*\.|)(?P<authority>[^/ ?#]+)(?P<path>/[^ ?#]*)?"
    r"(?: +at +(?P<within>[0-9A-Fa-f.:/]+))?"
)
_DODGY_PATH = re.compile(r"//|\\|(?:^|/)\.{1,2}(?:[/;]|$)|[\x00-\x1f\x7f]")


class Allow(Struct, frozen=True):
    """One rule: what it names may be reached, and nothing else.

    A wildcard covers the names below `host`, at any depth, but not `host` itself. No `methods`
    means all. `path` None means all; one that ends in `/*` covers what is below it. Answers must
    lie `within` the network where one is given; without it they must be public, or with `near`
    they may be private or loopback instead.
    """

    host: Host
    port: int
    wildcard: bool = False
    methods: tuple[str, ...] = ()
    path: str | None = None
    within: Network | None = None
    near: bool = False

    def __str__(self) -> str:
        methods = f"{','.join(self.methods)} " if self.methods else ""
        within = f" at {self.within}" if self.within else ""
        star = "*." if self.wildcard else ""
        return f"{methods}{star}{self.host}:{self.port}{self.path or ''}{within}"

    def reaches(self, host: Host, port: int) -> bool:
        """Whether host and port fit; a wildcard never reaches what is not public by its name."""
        if port != self.port:
            return False
        if not self.wildcard:
            return host == self.host
        below = host.address is None and host.name.endswith(f".{self.host.name}")
        return below and classify_host(host) is None

    def covers(self, method: str | None, path: str | None) -> bool:
        """Whether method and path (no query) fit; None is not known yet, as in a CONNECT."""
        if method is not None and self.methods and method not in self.methods:
            return False
        if path is None or self.path is None or path == self.path:
            return True
        below = self.path.endswith("/*") and path.startswith(self.path[:-1])
        return below and is_steady(path)


def parse_rule(text: str) -> Allow:
    """Read `[METHODS] [http://]HOST[:PORT][/PATH] [at ADDRESS]`; ValueError says what is allowed.

    Without a port it means 443, or 80 after `http://`. What is not public is only ever named
    exactly, with its port: a loopback or private literal or name (`localhost:8080`), any other
    literal, or a name with the address it must resolve to (`git.example.com:443 at 10.1.2.0/24`;
    for metadata and its like a single address, not a network).
    """
    parts = _RULE.fullmatch(text.strip()) if len(text) <= _MAX_RULE else None
    if parts is None:
        raise ValueError(f"no rule of an allowlist: {_SYNTAX}")
    match parse_authority(parts["authority"], _PORTS[parts["scheme"]]):
        case Refusal(code=fault):
            raise ValueError(f"no rule of an allowlist ({fault}): {_SYNTAX}")
        case (host, port):
            code = classify_host(host)
    within = _network(parts["within"])
    wildcard = bool(parts["wildcard"])
    if wildcard:
        _check_wildcard(host, code, within)
    elif code is not None or within is not None:
        _check_exact(host, code, within, has_port=parts["authority"].endswith(f":{port}"))
    _check_path(parts["path"])
    return Allow(
        host,
        port,
        wildcard,
        tuple(parts["methods"].split(",")) if parts["methods"] else (),
        None if parts["path"] in (None, "/*") else parts["path"],
        within,
        code in _NEAR,
    )


def judge(
    host: Host, port: int, method: str | None, path: str | None, rules: Iterable[Allow]
) -> Allow | Refusal:
    """The most specific rule that allows the request, by its name alone; nothing is resolved.

    Method and path None are not known yet, as in a CONNECT: judge again when they are.
    """
    reached = [rule for rule in rules if rule.reaches(host, port)]
    fit = [rule for rule in reached if rule.covers(method, path)]
    if fit:
        return max(fit, key=lambda rule: (rule.within is not None, not rule.wildcard))
    if reached:
        return refuse("network.not_allowed", f"this method or path of {host}:{port}")
    return refuse(classify_host(host) or "network.not_allowed", f"{host}:{port}")


def judge_answers(
    host: Host, addresses: Sequence[Address], rule: Allow
) -> tuple[Address, ...] | Refusal:
    """The addresses that may be dialled for a host that `rule` allows, each once, in order.

    All must be fit: public and other answers together are refused, whichever would be dialled.
    """
    if not addresses:
        return refuse("network.unresolved", str(host))
    if host.address is not None and host == rule.host:
        return (host.address,)
    if rule.within is not None:
        if all(_lies(address, rule.within) for address in addresses):
            return tuple(dict.fromkeys(addresses))
        return refuse("network.not_allowed", f"{host} at an address outside {rule.within}")
    codes = {classify(address) for address in addresses}
    code = worst(codes)
    if code is None or (rule.near and codes <= _NEAR):
        return tuple(dict.fromkeys(addresses))
    return refuse("network.mixed_answers" if None in codes else code, str(host))


def is_steady(path: str) -> bool:
    """Whether no server could take `path` for another: dot segments and kin, however encoded."""
    for _ in range(_DECODE_ROUNDS):
        if _DODGY_PATH.search(path):
            return False
        path, before = unquote(path), path
        if path == before:
            return True
    return False


def _network(text: str | None) -> Network | None:
    try:
        return None if text is None else ip_network(text)
    except ValueError as error:
        raise ValueError(f"no address or network after `at` ({error}): {_SYNTAX}") from None


def _check_wildcard(host: Host, code: str | None, within: Network | None) -> None:
    if host.address is not None or code is not None or within is not None:
        raise ValueError(
            f"*.{host} is no wildcard: a wildcard covers public names below a registered domain, "
            f"such as *.example.com; name anything else exactly"
        )


def _check_exact(host: Host, code: str | None, within: Network | None, *, has_port: bool) -> None:
    if host.address is not None and within is not None:
        raise ValueError(f"{host} is an address already: leave out `at`")
    if not has_port:
        raise ValueError(f"{host} is not public ({code}): write its port too, {host}:PORT")
    if host.address is None and code not in _NEAR and within is None:
        raise ValueError(
            f"{host} is not public ({code}): write its address, {host}:PORT at ADDRESS"
        )


def _check_path(path: str | None) -> None:
    plain = (path or "/").removesuffix("*")
    if "*" in plain or (plain != path and not plain.endswith("/")) or not is_steady(plain):
        raise ValueError(f"no path of a rule: `*` stands only at the end, after a slash; {_SYNTAX}")


def _lies(address: Address, network: Network) -> bool:
    """Inside, where only a single address may name what is neither public, private nor loopback."""
    if address not in network:
        return False
    return network.num_addresses == 1 or classify(address) in _NEAR | {None}
