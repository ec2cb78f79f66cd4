"""Where an action may go: what its destinations say, the operator's allowlist, and the caller's."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from stopper.core.reason import UNREADABLE, Refusal
from stopper.detect.allow import Allow, judge, parse_rule
from stopper.detect.dialled import MAX_HOSTS, MAX_TEXT, hosts_in
from stopper.detect.hosts import Host, classify_host
from stopper.detect.readings import words_in
from stopper.detect.urls import SCHEMES, Url, parse_authority, parse_url
from stopper.policy.decision import PolicyDecision, block
from stopper.policy.reading import Role, parts, texts

__all__ = ["MAX_URLS", "Reach", "of_destinations", "of_proxies", "of_urls_in", "reach_of"]

MAX_URLS: Final = 1000
"""A command with more URLs than this is refused."""

_MAX_KNOWN: Final = 1024
_IN_TEXT: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>|;`^]{1,2048}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://([^/?#\\]{0,2048})")
# no host: a store of objects has a service of its own, whose name is not told
_BUCKET: Final = re.compile(
    r"(?:s3[an]?|gs|gcs|cosn?|oss|b2|r2|swift)://([\w-]{1,222})(?:/|$)", re.IGNORECASE
)
_TAIL: Final = ".,:!)}]&"
_PORTS: Final = {"ftp": 21, "ftps": 990, "git": 9418, "sftp": 22, "ssh": 22}
_NO_PORT: Final = 1
_SPECIAL: Final = frozenset({"network.loopback", "network.metadata"})
_SMALL_NUMBER: Final = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,7})?")


class Reach(Struct, frozen=True):
    """What may be reached: nothing unless `is_open`, else what is on the operator's `allowlist`.

    Without that it is every destination that looks public. Each of `narrowed` has to allow it too.
    """

    is_open: bool
    allowlist: tuple[Allow, ...] | None
    narrowed: tuple[tuple[Allow, ...], ...]

    @property
    def lists(self) -> tuple[tuple[Allow, ...], ...]:
        """All lists that a destination has to be on."""
        return self.narrowed if self.allowlist is None else (self.allowlist, *self.narrowed)


def reach_of(
    context: dict[str, Any], allowlist: tuple[Allow, ...] | None, *, is_open: bool
) -> Reach:
    """The operator's allowlist, and each list of the caller, which can only narrow it.

    A caller's entry that does not read allows nothing.
    """
    narrowed = tuple(
        tuple(rule for entry in texts([given]) for rule in _read(entry))
        for part in parts(context)
        for given in part.get(Role.NARROW, ())
    )
    return Reach(is_open, allowlist, narrowed)


def of_destinations(context: dict[str, Any], reach: Reach) -> Iterator[PolicyDecision | None]:
    """What speaks against each destination; None for one that may be reached.

    A text that is nothing but a URL is a destination under every name.
    """
    named = set()
    for part in parts(context):
        methods = list(texts(part.get(Role.METHOD, ())))
        method = methods[0].upper() if len(methods) == 1 else ""
        places = filter(_is_place, texts(part.get(Role.PLACE, ())))
        for text in (*texts(part.get(Role.DESTINATION, ())), *places):
            named.add(text)
            yield _said(_refused(_whole(text.strip(), part), method, reach))
    for text in _strings(context):
        if text not in named and _SCHEME.match(text.strip()) and len(text.split()) == 1:
            yield _said(_refused(text.strip(), "", reach))


def of_urls_in(text: str, reach: Reach) -> Iterator[PolicyDecision]:
    """What speaks against the URLs inside of a command or code, as far as its text tells them.

    So are hosts without a scheme where not every public one may be reached.
    Of itself a command may reach the machine that it runs on. A URL that only a variable completes
    is refused only where there is a list for it to be on.
    """
    for number, found in enumerate(_IN_TEXT.finditer(text)):
        if number >= MAX_URLS:
            yield block("policy.too_much", "The text names too many URLs to look through")
            return
        refused = _refused(found[0].rstrip(_TAIL), "", reach)
        if refused is None:
            continue
        is_mild = refused.code in UNREADABLE or refused.code == "network.loopback"
        if not (is_mild and not reach.lists):
            yield _refusal(refused)
    if reach.lists or not reach.is_open:
        yield from _of_hosts_in(text, reach)


def of_proxies(context: dict[str, Any], reach: Reach) -> Iterator[PolicyDecision]:
    """What speaks against each proxy that an action is to go through."""
    for part in parts(context):
        for given in part.get(Role.PROXY, ()):
            named = given.values() if isinstance(given, dict) else [given]
            for text in texts(named):
                refused = _refused(text.strip(), "", reach) if text.strip() else None
                if refused is not None:
                    yield _refusal(refused)


def _of_hosts_in(text: str, reach: Reach) -> Iterator[PolicyDecision]:
    if len(text) > MAX_TEXT:
        yield block("policy.too_much", "A command is too long to look through for hosts")
        return
    for number, host in enumerate(hosts_in(text)):
        if number >= MAX_HOSTS:
            yield block("policy.too_much", "The text names too many hosts to look through")
            return
        refused = _refused(host, "", reach)
        if refused is not None:
            yield _refusal(refused)


def _is_place(text: str) -> bool:
    """Whether what stands under `address` or `server` is a host, and no word, street or mail."""
    _, is_login, bare = text.strip().rpartition("@")
    if not bare or any(map(str.isspace, bare)) or _SMALL_NUMBER.fullmatch(bare):
        return False
    read = _destination(bare)
    if isinstance(read, Refusal):
        return "://" in bare or read.code not in UNREADABLE
    host, code = read[0], classify_host(read[0])
    if host.address is not None or code in _SPECIAL:
        return True
    return "." in host.name and (code is not None or not is_login)


def _whole(text: str, part: dict[Role, list[Any]]) -> str:
    """A bare host with the port and the path that stand beside it."""
    if "/" in text:
        return text
    ports = list(words_in(part.get(Role.PORT, ())))
    paths = [path for path in texts(part.get(Role.PATH, ())) if path.startswith("/")]
    return "".join((text, *(f":{port}" for port in ports), *paths))


def _refused(text: str, method: str, reach: Reach) -> Refusal | None:
    """Why a destination may not be reached, by what it says; nothing is resolved."""
    if not reach.is_open:
        return Refusal("policy.disabled")
    if bucket := _BUCKET.match(text):
        return Refusal("network.not_allowed", bucket[1]) if reach.lists else None
    read = _destination(text)
    if isinstance(read, Refusal):
        return read
    host, port, path = read
    if reach.allowlist is None and (code := classify_host(host)):
        return Refusal(code, str(host))
    for allowlist in reach.lists:
        verdict = judge(host, port, method, path, allowlist)
        if isinstance(verdict, Refusal):
            return verdict
    return None


def _destination(text: str) -> tuple[Host, int, str] | Refusal:
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in SCHEMES:
        authority = scheme[2].rpartition("@")[2]
        read = parse_authority(authority, _PORTS.get(scheme[1].lower(), _NO_PORT))
        return read if isinstance(read, Refusal) else (*read, "/")
    url = parse_url(text if scheme else f"https://{text.removeprefix('//')}")
    return (url.host, url.port, url.path) if isinstance(url, Url) else url


def _said(refused: Refusal | None) -> PolicyDecision | None:
    return None if refused is None else _refusal(refused)


def _refusal(refused: Refusal) -> PolicyDecision:
    own = _REASONS.get(refused.code)
    return block(
        refused.code, (own or refused.reason.say).format(detail=refused.detail or "A destination")
    )


_REASONS: Final = {
    "network.not_allowed": "{detail} is not on the allowlist",
    "policy.disabled": "Network access is disabled by policy",
}


@lru_cache(maxsize=_MAX_KNOWN)
def _read(entry: str) -> tuple[Allow, ...]:
    try:
        return (parse_rule(entry),)
    except ValueError:
        return ()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value
