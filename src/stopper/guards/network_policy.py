"""Where a call may go: no way to this machine, private networks or metadata services."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import IntEnum
from functools import lru_cache
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from msgspec import Struct

from stopper.core.reason import UNREADABLE, Refusal
from stopper.data.tools import load_tool_words, words_of
from stopper.detect.allow import Allow, parse_rule
from stopper.detect.hosts import Host, classify_host, parse_host
from stopper.detect.urls import SCHEMES, parse_authority, parse_url
from stopper.errors import SettingsError
from stopper.guards.config import Config, configure
from stopper.guards.memo import Memo
from stopper.guards.mentions import mentions
from stopper.guards.models import ALLOWED, OFF, EnforcementLevel, GuardResult, block, enforced
from stopper.guards.shown import shown
from stopper.guards.texts import shown_name

__all__ = [
    "DEFAULT_COMMAND_ARGUMENT_NAMES",
    "DEFAULT_LOCALHOST_PATTERNS",
    "DEFAULT_METADATA_IPS",
    "DEFAULT_URL_ARGUMENT_NAMES",
    "NetworkPolicyConfig",
    "NetworkPolicyGuard",
]

DEFAULT_METADATA_IPS: Final = frozenset(
    {
        "100.100.100.200",
        "169.254.169.254",
        "192.0.0.192",
        "metadata.gke.internal",
        "metadata.google.internal",
    }
)
DEFAULT_LOCALHOST_PATTERNS: Final = frozenset(
    {"0.0.0.0", "127.0.0.1", "::1", "[::1]", "localhost"}  # noqa: S104  what is refused
)
_NAMES: Final = load_tool_words()["destinations"]
# Under these names paths, places, words and numbers stand as often as hosts.
_LOOSE: Final = _NAMES["places"] | _NAMES["names"] | _NAMES["proxies"] | _NAMES["targets"]
DEFAULT_URL_ARGUMENT_NAMES: Final = _NAMES["hosts"] | _LOOSE
DEFAULT_COMMAND_ARGUMENT_NAMES: Final = frozenset(
    {"argv", "cmd", "code", "command", "commands", "script", "shell"}
)

_LOCALHOST: Final = frozenset({"network.loopback", "network.unspecified"})
_PLAIN_SCHEMES: Final = frozenset({"ftp", "http", "ws"})
_MAX_TEXT_URL: Final = 2048
_MAX_KNOWN: Final = 1024
_ANY_PORT: Final = 1

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://([^/?#\\]*)([^?#]*)", re.DOTALL)
# What every program reads alike but for its host: no user, backslash or odd character in it, and
# no other URL.
_PLAIN_URL = re.compile(
    r"(https?|wss?)://([A-Za-z0-9.-]{1,255}(?::[0-9]{1,5})?)"
    r"(?:/(?:[!-$&-9;-\[\]-~]++|%(?!3[Aa])){0,2048}+)?"
)
# What is opened on this machine, whatever stands behind it; a database's file is its own business.
_LOCAL: Final = frozenset({"file", "local", "netdoc", "npipe", "unix"})
_DATABASES: Final = frozenset({"duckdb", "sqlite"})
_LOCAL_PATH = re.compile(
    r"(?:(?:file|netdoc|npipe|unix):(?![0-9])|jar:(?:file|netdoc):)", re.IGNORECASE
)
_SLASHLESS = re.compile(r"(?:https?|wss?|ftps?):(?!//)", re.IGNORECASE)
_OPAQUE = re.compile(
    r"(?:[a-z]|about|blob|cid|data|geo|javascript|magnet|mailto|sms|tel|urn):(?![0-9])",
    re.IGNORECASE,
)
_END = re.compile(r"[/?#\\]")
_MAX_WORD: Final = 72
"""A longer name is none of those below, and is not remembered."""
_PATH_STARTS: Final = ("/", ".", "#", "?", "~")
_UNC_STARTS: Final = ("\\\\", "/\\", "\\/")
_SMALL_NUMBER = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,7})?")
_IN_TEXT = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>|;`^]{1,%d}" % _MAX_TEXT_URL  # noqa: UP031  braces
)
# The beginning of a URL that stands inside of another.
_INNER = re.compile(
    r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,30})://(?=([^\s/?#\\\"'<>|;`^&,]{1,300}))"
)
_MAX_INNER: Final = 64
_METADATA_IN_TEXT = re.compile(
    r"(?<![\w./-])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[a-z0-9-]{1,63}\.){1,8}internal)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
# Endings of private names that are words in code as well, as in `self.test` and `key.private`.
_VAGUE: Final = frozenset(
    {
        "alt", "cluster", "consul", "corp", "docker", "example", "home", "incus", "instance-data",
        "intranet", "invalid", "k8s", "kube", "lan", "loopback", "lxd", "mesos", "metadata",
        "nomad", "pod", "private", "rancher", "svc", "test", "vagrant",
    }
)  # fmt: skip
_TAIL: Final = ".,:!)}&"
_UNKNOWN: Final = frozenset("$<>{}*`")


class NetworkPolicyConfig(Config, frozen=True, kw_only=True):
    """What is refused.

    `allowed_domains` None allows every public host. A domain stands for itself and all names below
    it, `*.domain` for the latter alone; a whole rule of an allowlist (`localhost:8080`,
    `api.example.com:443/v1/*`) allows just that, even what is not public. `metadata_ips` and
    `localhost_patterns` add to what is known anyway. Under `url_argument_names` every value is a
    destination, and what names no host but a file or a socket of this machine is refused unless
    `block_localhost` is false. Under `command_argument_names` URLs inside of it and metadata
    services are destinations; with `scan_text` so are URLs and hosts in every text. Without it a
    text under any other name is a destination if it begins with a URL, or is one word with a URL in
    it; but under names such as `content`, `message` or `query` only if it is nothing but a URL.

    A bare host in a text is refused wherever it stands if it is one of `blocked_domains`, or surely
    not public. Whether it is allowed is asked only where nothing but a host can be meant: with a
    port or a path, in a login such as `git@host:x`, or where `curl`, `ssh`, `connect to` and the
    like go to. So `setup.py`, `1.2.3.4` and `self.test` in prose are none.
    """

    mode: EnforcementLevel = EnforcementLevel.BLOCK
    allowed_domains: AbstractSet[str] | None = None
    blocked_domains: AbstractSet[str] = frozenset()
    block_private_ips: bool = True
    block_localhost: bool = True
    block_metadata_ips: bool = True
    require_https: bool = False
    url_argument_names: AbstractSet[str] = DEFAULT_URL_ARGUMENT_NAMES
    metadata_ips: AbstractSet[str] = DEFAULT_METADATA_IPS
    localhost_patterns: AbstractSet[str] = DEFAULT_LOCALHOST_PATTERNS
    command_argument_names: AbstractSet[str] = DEFAULT_COMMAND_ARGUMENT_NAMES
    scan_text: bool = False


class _Use(IntEnum):
    """What stands under a name of an argument."""

    PROSE = 0
    VALUE = 1
    STRICT = 2
    LOOSE = 3
    TEXT = 4


_VALUE: Final = _Use.VALUE


class _Place(Struct, frozen=True):
    """A destination as it was read; `port` is 0 where none was told."""

    host: Host
    port: int = 0
    scheme: str = ""
    path: str = "/"


class _Known(Struct, frozen=True):
    """What a host is, why it is refused wherever it appears, and why it is as a destination."""

    code: str | None
    forbidden: str | None
    unwanted: str | None


class _No(Exception):  # noqa: N818  it is an answer, not an error
    """A destination is refused, with its code and what may be said of it."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class NetworkPolicyGuard:
    """Refuses destinations by what they say: URLs, hosts and addresses in any spelling.

    A value that is nothing but a URL is judged under every name, and so is a URL inside of it as
    far as it is not public. Names are not resolved here: a public name may point to a private
    address, or to another one a second later. What was resolved is judged where it is dialled, by
    the egress of a bottle, and so are redirects. Threads may share a guard; it keeps what it found
    out about the last 1024 hosts.
    """

    shares: ClassVar = frozenset({"check"})

    def __init__(self, config: NetworkPolicyConfig | None = None, **given: Any) -> None:
        self.config = configure(NetworkPolicyConfig, config, given)
        self._names = frozenset(name.lower() for name in self.config.url_argument_names)
        self._commands = frozenset(name.lower() for name in self.config.command_argument_names)
        self._longest = max(_MAX_WORD, *map(len, ("", *self._names, *self._commands)))
        self._use = lru_cache(maxsize=_MAX_KNOWN)(self._use_of)
        self._other_use = _Use.TEXT if self.config.scan_text else _Use.VALUE
        self._localhost = _domains(self.config.localhost_patterns)
        self._metadata = _domains(self.config.metadata_ips)
        self._blocked = _domains(self.config.blocked_domains)
        allowed = self.config.allowed_domains or frozenset()
        self._rules = tuple(_rule(entry) for entry in allowed if _is_rule(entry))
        self._allowed = _domains(entry for entry in allowed if not _is_rule(entry))
        self._known = lru_cache(maxsize=_MAX_KNOWN)(self._look_up)
        self._is_open = lru_cache(maxsize=_MAX_KNOWN)(self._look_for)

    def check(self, tool: str, args: dict[str, Any], memo: Memo | None = None) -> GuardResult:  # noqa: ARG002  any call
        """Whether all destinations in the arguments may be reached, however deep they stand."""
        if self.config.mode is OFF:
            return ALLOWED
        seen, name = (memo or Memo()).of(args).texts, ""
        use_of, longest = self._use, self._longest
        try:
            for name, texts in seen.groups:
                use = use_of(name) if len(name) <= longest else self._other_use
                if use > _VALUE or "//" in (texts[0] if len(texts) == 1 else "\n".join(texts)):
                    for text in texts:
                        self._look(use, text)
            for name, number in seen.numbers:
                if self._use(name) is _Use.STRICT:
                    self._look(_Use.STRICT, str(number))
        except _No as no:
            where = shown_name(name)
            reason = _REASONS.get(no.code) or Refusal(no.code, no.detail).reason.say
            reason = reason.format(detail=no.detail or "It")
            return enforced(
                self.config.mode, block(no.code, reason, argument=where, destination=no.detail)
            )
        if not seen.is_whole:
            reason = "The arguments nest too deep or are too many to look for destinations"
            return enforced(self.config.mode, block("guard.too_much", reason))
        return ALLOWED

    def _use_of(self, name: str) -> _Use:
        """What stands under this name; `base_url` and `webhookUrl` are what `url` is."""
        lower, words = name.lower(), words_of(name)
        whole, last = "_".join(words), words[-1] if words else ""
        for own in (lower, whole, last if last in _NAMES["last"] else ""):
            if own in self._names:
                return _Use.LOOSE if own in _LOOSE else _Use.STRICT
        if lower in self._commands or self.config.scan_text:
            return _Use.TEXT
        return _Use.PROSE if not name or whole in _NAMES["texts"] else _Use.VALUE

    def _look(self, use: _Use, text: str) -> None:
        if use is _Use.TEXT:
            self._urls_in(text)
            if self.config.scan_text:
                self._hosts_in(text)
            else:
                self._metadata_in(text)
        elif use is _Use.VALUE:
            self._value(text.split(maxsplit=1))
        elif use:
            self._named(text.strip(), is_loose=use is _Use.LOOSE)
        elif _URL.match(text := text.strip()) and not any(map(str.isspace, text)):
            self._url(text)

    def _value(self, words: list[str]) -> None:
        """Something that nobody says what it is, in its first word and all the rest."""
        if words and _URL.match(words[0]):
            self._url(words[0])
        elif len(words) == 1:
            self._urls_in(words[0])

    def _named(self, text: str, *, is_loose: bool) -> None:
        if "://" in text:
            self._url(text, is_named=True)
        elif text.startswith("//"):
            self._url(f"https:{text}", scheme="")
        elif text.startswith(_UNC_STARTS) or _SLASHLESS.match(_unbroken(text)):
            raise _No("network.bad_url", "A URL that programs read in different ways")
        elif self.config.block_localhost and _LOCAL_PATH.match(_unbroken(text)):
            raise _No("network.local_resource", text.partition(":")[0].lower())
        elif text and not text.startswith(_PATH_STARTS):
            for part in text.split(",") if "/" not in text else (text,):
                self._bare(part.strip(), is_loose=is_loose)

    def _bare(self, text: str, *, is_loose: bool) -> None:
        """`HOST[:PORT][/PATH]`, or something else altogether."""
        if any(map(str.isspace, text)):
            self._hosts_in(text)
            return
        authority = _END.split(text, maxsplit=1)[0]
        rest = text[len(authority) :]
        _, at, authority = authority.removesuffix(":").rpartition("@")
        read = parse_authority(authority, _ANY_PORT)
        if isinstance(read, Refusal):
            if _OPAQUE.match(text) or (is_loose and not _is_address(read, authority)):
                return
            raise _No(read.code, read.detail)
        host, port = read
        if is_loose and "." not in host.name and host.address is None and not _is_special(host):
            return
        place = _Place(host, 0 if port == _ANY_PORT else port, "", rest or "/")
        if at and is_loose and not rest:  # a mail address
            self._forbid(host)
        else:
            self._judge(place)

    def _url(self, text: str, *, scheme: str | None = None, is_named: bool = False) -> None:
        plain = None if self._rules else _PLAIN_URL.fullmatch(text)
        if plain and self._is_open(plain[1], plain[2]):
            return
        parts = _URL.match(text)
        if parts is None:
            raise _No("network.bad_url", "A URL without a scheme at its beginning")
        own = parts[1].lower()
        self._inner(text[parts.end(2) :])
        if own in SCHEMES:
            url = parse_url(text)
            if isinstance(url, Refusal):
                raise _No(url.code, url.detail)
            self._judge(_Place(url.host, url.port, own if scheme is None else scheme, url.path))
            return
        authorities = [one for one in parts[2].rpartition("@")[2].split(",") if one]
        for authority in authorities:
            self._judge(self._other(authority, own))
        if is_named and self.config.block_localhost and _is_local(own, authorities):
            raise _No("network.local_resource", own)

    def _inner(self, rest: str) -> None:
        """URLs behind the host of another, which may be what its server sends everybody to."""
        for text in (rest, unquote(rest)) if "%" in rest else (rest,):
            for number, found in enumerate(_INNER.finditer(text)):
                if number == _MAX_INNER:
                    raise _No("guard.too_much")
                read = parse_authority(found[2].rpartition("@")[2], _ANY_PORT)
                if isinstance(read, Refusal):
                    if read.code not in UNREADABLE:
                        raise _No(read.code, read.detail)
                    continue
                place = _Place(read[0], 0 if read[1] == _ANY_PORT else read[1], found[1].lower())
                if not any(_fits(rule, place) for rule in self._rules):
                    self._forbid(place.host)

    def _other(self, authority: str, scheme: str) -> _Place:
        """What a URL of another scheme names: its user information is its own business."""
        read = parse_authority(authority, _ANY_PORT)
        if isinstance(read, Refusal):
            raise _No(read.code, read.detail)
        return _Place(read[0], 0 if read[1] == _ANY_PORT else read[1], scheme)

    def _urls_in(self, text: str) -> None:
        if "://" not in text:
            return
        for found in _IN_TEXT.finditer(text):
            url = found[0].rstrip(_TAIL if "[" in found[0] else f"{_TAIL}]")
            if url.endswith("://"):
                continue
            try:
                self._url(url)
            except _No as no:
                if no.code not in UNREADABLE or _UNKNOWN.isdisjoint(url):
                    raise
                # Parts are only known when the command runs: what stands there already counts.
                self._hosts_in(url.partition("://")[2])

    def _metadata_in(self, text: str) -> None:
        """What is never meant well, also where everything else may be."""
        for found in _METADATA_IN_TEXT.finditer(text):
            host = parse_host(found[0])
            if isinstance(host, Host) and self._known(host).code == "network.metadata":
                self._forbid(host)

    def _hosts_in(self, text: str) -> None:
        """Hosts without a scheme, as plain as they are."""
        for one in mentions(text):
            host = parse_host(one.host)
            if isinstance(host, Refusal):
                if one.is_plain and host.code == "network.odd_address":
                    raise _No(host.code, host.detail)
            elif one.is_plain:
                self._judge(_Place(host, one.port, "", one.path or "/"))
            else:
                self._mentioned(host)

    def _mentioned(self, host: Host) -> None:
        """A host that may be a word as well."""
        if host.address is not None or host.name.rpartition(".")[2] not in _VAGUE:
            self._forbid(host)
        if self._known(host).unwanted == "network.blocked_domain":
            raise _No("network.blocked_domain", host.name)

    def _judge(self, place: _Place) -> None:
        if self._rules and any(_fits(rule, place) for rule in self._rules):
            return
        code = self._code(place.host, place.scheme)
        if code:
            raise _No(code, place.host.name)

    def _code(self, host: Host, scheme: str) -> str | None:
        known = self._known(host)
        code = known.forbidden or known.unwanted
        if code is None and self.config.require_https and scheme in _PLAIN_SCHEMES:
            code = "network.not_https"
        return code

    def _look_for(self, scheme: str, authority: str) -> bool:
        """Whether a plain URL with this beginning may be reached, whatever its path."""
        read = parse_authority(authority, SCHEMES[scheme])
        return not isinstance(read, Refusal) and self._code(read[0], scheme) is None

    def _forbid(self, host: Host) -> None:
        """Refuse what is not public, as far as the configuration says so."""
        code = self._known(host).forbidden
        if code:
            raise _No(code, host.name)

    def _look_up(self, host: Host) -> _Known:
        name, code = host.name, classify_host(host)
        if _covers(self._metadata, name):
            code = "network.metadata"
        elif code != "network.metadata" and _covers(self._localhost, name):
            code = "network.loopback"
        unwanted = None
        if _covers(self._blocked, name):
            unwanted = "network.blocked_domain"
        elif self.config.allowed_domains is not None and not _covers(self._allowed, name):
            unwanted = "network.not_allowed"
        return _Known(code, code if code and self._refuses(code) else None, unwanted)

    def _refuses(self, code: str) -> bool:
        if code in _LOCALHOST:
            return self.config.block_localhost
        if code == "network.metadata":
            return self.config.block_metadata_ips
        return self.config.block_private_ips


_REASONS: Final = {
    "guard.too_much": "A URL with too many others inside to look through",
    "network.blocked_domain": "Domain blocked: {detail}",
    "network.link_local": "Private IP access blocked: {detail}",
    "network.local_resource": "Local resource blocked: {detail}",
    "network.loopback": "Localhost access blocked",
    "network.metadata": "Cloud metadata access blocked: {detail}",
    "network.multicast": "Private IP access blocked: {detail}",
    "network.not_allowed": "Domain not in allowlist: {detail}",
    "network.not_https": "HTTPS required: {detail}",
    "network.private_address": "Private IP access blocked: {detail}",
    "network.reserved": "Private IP access blocked: {detail}",
    "network.unspecified": "Localhost access blocked",
}


def _domains(entries: Iterable[str]) -> frozenset[str]:
    """Domains in their canonical spelling; `*.` in front is kept."""
    return frozenset(map(_domain, entries))


def _domain(entry: str) -> str:
    bare = entry.strip().strip("[]").removeprefix("*.")
    host = parse_host(f"[{bare}]" if ":" in bare else bare)
    if isinstance(host, Refusal):
        raise SettingsError(
            f"NetworkPolicyConfig: {shown(entry)!r} is no domain; write example.com, "
            "*.example.com, an address, or a rule such as localhost:8080"
        )
    return f"*.{host.name}" if entry.strip().startswith("*.") else host.name


def _covers(domains: frozenset[str], name: str) -> bool:
    """Whether `name` is one of them or below one."""
    if not domains:
        return False
    if name in domains:
        return True
    _, dot, above = name.partition(".")
    while dot:
        if above in domains or f"*.{above}" in domains:
            return True
        _, dot, above = above.partition(".")
    return False


def _is_rule(entry: str) -> bool:
    bare = entry.strip()
    return "/" in bare or " " in bare or (bare.count(":") == 1 and not bare.startswith("["))


def _rule(entry: str) -> Allow:
    try:
        rule = parse_rule(entry)
    except ValueError as error:
        reason = f"NetworkPolicyConfig.allowed_domains: {entry!r} is {error}"
        raise SettingsError(shown(reason)) from None
    if rule.within is not None:
        raise SettingsError(
            f"NetworkPolicyConfig.allowed_domains: {shown(entry)!r} names what a host resolves "
            "to, which only the egress can know; allow it there"
        )
    return rule


def _fits(rule: Allow, place: _Place) -> bool:
    port = place.port or SCHEMES.get(place.scheme, 443)
    return rule.reaches(place.host, port) and rule.covers(None, place.path)


def _is_local(scheme: str, authorities: list[str]) -> bool:
    """Whether such a URL is opened on this machine: it names no host, or its scheme needs none."""
    names = scheme.split("+")
    if not _DATABASES.isdisjoint(names):
        return False
    return not authorities or not _LOCAL.isdisjoint(names)


def _is_special(host: Host) -> bool:
    return classify_host(host) in {"network.loopback", "network.metadata"}


def _is_address(read: Refusal, authority: str) -> bool:
    """Whether a program would take this for an address, and it is no number of something else."""
    return read.code == "network.odd_address" and not _SMALL_NUMBER.fullmatch(authority)


def _unbroken(text: str) -> str:
    """Without what browsers leave out of URLs."""
    return text.translate({9: None, 10: None, 13: None})
