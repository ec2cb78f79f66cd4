"""How each kind of setting is read, from a file, a variable or a flag alike."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from msgspec import Struct

from stopper.core.budget import Budget, parse_amount
from stopper.core.located import MAX_SHOWN, Located, meant
from stopper.core.provider import OnDisconnect
from stopper.core.reason import Refusal
from stopper.core.scope import GLOBAL, Scope
from stopper.core.usage import Weights
from stopper.detect.allow import Allow, parse_rule
from stopper.detect.urls import Url, parse_url
from stopper.errors import SettingsError

__all__ = [
    "Names",
    "Reader",
    "Upstream",
    "parse_budget",
    "read_budgets",
    "read_choice",
    "read_disconnects",
    "read_duration",
    "read_policies",
    "read_rules",
    "read_unmetered",
    "read_upstreams",
    "read_weights",
]

Names = Mapping[str, str]
"""Every name of a provider, an agent's among them (`claude`), to the provider (`anthropic`)."""

Reader = Callable[[Located, Names], Any]

_E = TypeVar("_E", bound=StrEnum)
_EVERYONE: Final = frozenset({"all", "global"})
_WEIGHT: Final = re.compile(r"\d{1,3}(?:\.\d{1,3})?")
_DURATION: Final = re.compile(r"(\d{1,6})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_UNMETERED: Final = re.compile(r"(?P<provider>\S+) +(?P<method>[A-Z]+) +(?P<path>/\S*)")


class Upstream(Struct, frozen=True):
    """Where a provider's requests go instead, and the variable that holds the key for there."""

    url: Url
    key_env: str | None = None

    @property
    def rule(self) -> Allow:
        """What lets the egress go there; an exact setting, so it may be private or loopback."""
        return Allow(self.url.host, self.url.port, near=True)


def parse_budget(text: str, scope: Scope, names: Names, place: str = "--budget") -> Budget:
    """Read `200k`, `$2.50` or `claude=5M/day`; SettingsError says what is allowed."""
    value = Located(place, "budget", text)
    who, equals, amount = text.rpartition("=")
    provider = _payer(Located(place, who.strip(), text), names) if equals else None
    return _budget(value, amount, scope, provider)


def read_budgets(value: Located, names: Names) -> tuple[Budget, ...]:
    """`{claude: 5M, all: [1M/day, $20/month]}`, or one amount for all; on the global scope."""
    rows: list[tuple[Located, str | None]] = []
    if isinstance(value.content, dict):
        for entry in value.content.values():
            rows += [(item, _payer(entry, names)) for item in entry.items()]
    else:
        rows += [(item, None) for item in value.items()]
    found: dict[str, Budget] = {}
    for item, provider in rows:
        budget = _budget(item, item.text("write an amount"), GLOBAL, provider)
        if budget.key in found:
            raise item.fault("this provider has a budget of this unit and window already; keep one")
        found[budget.key] = budget
    return tuple(found.values())


def read_choice(choices: type[_E]) -> Callable[[Located, Names], _E]:
    """One word of an enumeration."""

    def read(value: Located, _: Names) -> _E:
        allowed = f"allowed: {', '.join(choices)}"
        text = value.text(allowed)
        if text not in set(choices):
            raise value.fault(f"{allowed}{meant(text, list(choices))}")
        return choices(text)

    return read


def read_duration(least: timedelta, most: timedelta) -> Callable[[Located, Names], timedelta]:
    """`30s`, `10m` or `2h`, within bounds."""

    def read(value: Located, _: Names) -> timedelta:
        bounds = f"{least.total_seconds():g}s to {most.total_seconds():g}s"
        allowed = f"write it like 30s, 10m or 2h, from {bounds}"
        parts = _DURATION.fullmatch(value.text(allowed))
        if parts is None:
            raise value.fault(allowed)
        duration = timedelta(seconds=int(parts[1]) * _SECONDS[parts[2]])
        if not least <= duration <= most:
            raise value.fault(allowed)
        return duration

    return read


def read_weights(value: Located, _: Names) -> Weights:
    """`{cache_read: 0.1}`: what a token of each kind counts for; 1 where nothing is said."""
    kinds = Weights.__struct_fields__
    weights = {}
    for kind, entry in value.fields("write KIND: WEIGHT").items():
        if kind not in kinds:
            raise entry.unknown_key(kinds, "kind of token")
        allowed = "write a number from 0 to 999.999, with at most three decimals"
        text = entry.text(allowed)
        if not _WEIGHT.fullmatch(text):
            raise entry.fault(allowed)
        weights[kind] = float(text)
    return Weights.parse(weights)


def read_rules(value: Located, _: Names) -> tuple[Allow, ...]:
    """A list of allowlist rules."""
    return tuple(_rule(item) for item in value.items())


def read_upstreams(value: Located, names: Names) -> dict[str, Upstream]:
    """`{openai: URL}` or `{openai: {url: URL, key_env: NAME}}`; as a flag `openai=URL`."""
    if isinstance(value.content, dict):
        entries = list(value.content.values())
    else:
        entries = [_assignment(item) for item in value.items()]
    upstreams: dict[str, Upstream] = {}
    for entry in entries:
        provider = _provider(entry, names)
        if provider in upstreams:
            raise entry.fault(f"{provider} has an upstream already; keep one")
        upstreams[provider] = _upstream(entry)
    return upstreams


def read_disconnects(value: Located, names: Names) -> dict[str, OnDisconnect]:
    """`{openai: drain}`: what to do at a provider whose caller left in mid-stream."""
    read = read_choice(OnDisconnect)
    found: dict[str, OnDisconnect] = {}
    for entry in value.fields("write PROVIDER: cancel or PROVIDER: drain").values():
        provider = _provider(entry, names)
        if provider in found:
            raise entry.fault(f"{provider} stands here already; keep one")
        found[provider] = read(entry, names)
    return found


def read_unmetered(value: Located, names: Names) -> tuple[tuple[str, str, str], ...]:
    """A list of `PROVIDER METHOD PATH`, the path with `*` for anything."""
    rows = []
    for item in value.items():
        allowed = "write PROVIDER METHOD PATH, such as openai GET /v1/files/*"
        parts = _UNMETERED.fullmatch(item.text(allowed))
        if parts is None:
            raise item.fault(allowed)
        entry = Located(item.place, parts["provider"], item.content)
        rows.append((_provider(entry, names), parts["method"], parts["path"]))
    return tuple(rows)


def read_policies(value: Located, _: Names) -> dict[str, str]:
    """`{cedar: agent.cedar, mine: }`: policies to load, each with its file, or none."""
    allowed = "write NAME: FILE, or NAME: for a policy that needs none"
    return {
        name: "" if entry.content is None else entry.text(allowed)
        for name, entry in value.fields(allowed).items()
    }


def _provider(entry: Located, names: Names) -> str:
    """The provider that an entry's key names."""
    name = entry.name.rpartition(".")[2]
    if name not in names:
        raise entry.unknown_key(names, "provider or agent")
    return names[name]


def _payer(entry: Located, names: Names) -> str | None:
    """The provider whose usage a budget counts; None for all of them."""
    name = entry.name.rpartition(".")[2]
    if name not in names and name not in _EVERYONE:
        raise entry.unknown_key({*names, *_EVERYONE}, "provider or agent")
    return names.get(name)


def _budget(value: Located, amount: str, scope: Scope, provider: str | None) -> Budget:
    try:
        read = parse_amount(amount)
    except ValueError as error:
        if len(amount) > MAX_SHOWN:
            raise value.fault("write an amount, such as 200k, 5M/day or $2.50") from None
        raise SettingsError(f"{value.place}: {value.name}: {error}") from None
    return Budget(scope, read.unit, read.limit, read.window, provider)


def _rule(item: Located) -> Allow:
    try:
        return parse_rule(item.text("write a rule, such as api.example.com:443"))
    except ValueError as error:
        raise item.fault(str(error)) from None


def _assignment(item: Located) -> Located:
    name, equals, url = item.text("write NAME=URL").partition("=")
    if not equals:
        raise item.fault("write NAME=URL")
    return Located(item.place, name, url)


def _upstream(entry: Located) -> Upstream:
    if not isinstance(entry.content, dict):
        return Upstream(_url(entry))
    known = Upstream.__struct_fields__
    for key, field in entry.content.items():
        if key not in known:
            raise field.unknown_key(known, "field of an upstream")
    if "url" not in entry.content:
        raise entry.fault("an upstream needs its url")
    key_env = entry.content.get("key_env")
    return Upstream(_url(entry.content["url"]), None if key_env is None else _variable(key_env))


def _url(value: Located) -> Url:
    allowed = "write an http or https URL without user, query and fragment"
    url = parse_url(value.text(allowed))
    if isinstance(url, Refusal) or url.scheme not in ("http", "https") or url.query is not None:
        raise value.fault(allowed)
    return url


def _variable(value: Located) -> str:
    allowed = "write the name of the environment variable that holds the key"
    text = value.text(allowed)
    if not _VARIABLE.fullmatch(text):
        raise SettingsError(f"{value.place}: {value.name}: {allowed} (what was read is not shown)")
    return text
