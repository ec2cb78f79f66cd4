"""How the settings about secrets are read: what is done about them where, and which may pass."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeVar

from msgspec.structs import replace

from stopper.core.located import Located, meant
from stopper.core.reason import Refusal
from stopper.detect.allow import Allow, parse_rule
from stopper.detect.handling import Choice, Exempt
from stopper.detect.hosts import parse_host
from stopper.errors import SettingsError
from stopper.settings.kinds import Names

__all__ = ["read_choices", "read_exempt"]

_E = TypeVar("_E", bound=StrEnum)
_EXEMPT: Final = re.compile(
    r"(?P<secret>[A-Za-z_][A-Za-z0-9_]{0,127}|[0-9a-f]{32})"
    r"(?: +to +(?P<host>\S+))?(?: +until +(?P<until>\d{4}-\d{2}-\d{2}))?"
)


def read_choices(words: type[_E], default: Choice[_E]) -> Callable[[Located, Names], Choice[_E]]:
    """`{anthropic: warn, api.example.com: block}`, or one word for every destination."""
    allowed = f"allowed: {', '.join(words)}"

    def word(entry: Located) -> _E:
        text = entry.text(allowed)
        if text not in set(words):
            raise entry.fault(f"{allowed}{meant(text, list(words))}")
        return words(text)

    def read(value: Located, names: Names) -> Choice[_E]:
        if isinstance(value.content, str):
            one = word(value)
            return Choice(provider=one, other=one)
        providers: dict[str, _E] = {}
        rules: list[tuple[Allow, _E]] = []
        for entry in value.fields("write one word, or PROVIDER: WORD and HOST: WORD").values():
            key = entry.name.removeprefix(f"{value.name}.")
            if key in names:
                if names[key] in providers:
                    raise entry.fault(f"{names[key]} stands here already; keep one")
                providers[names[key]] = word(entry)
            else:
                rules.append((_rule(key, entry, names), word(entry)))
        return replace(default, providers=providers, destinations=tuple(rules))

    return read


def read_exempt(value: Located, _: Names) -> tuple[Exempt, ...]:
    """A list of `NAME [to HOST] [until YYYY-MM-DD]`, where a fingerprint may stand for the name."""
    return tuple(_exempt(item) for item in value.items())


def _rule(key: str, entry: Located, names: Names) -> Allow:
    if "." not in key and ":" not in key:
        raise entry.unknown_key(names, "provider or host")
    try:
        return parse_rule(key)
    except ValueError as error:
        raise SettingsError(f"{entry.key_place or entry.place}: {error}") from None


def _exempt(item: Located) -> Exempt:
    allowed = "write NAME [to HOST] [until YYYY-MM-DD], such as GITHUB_TOKEN to api.github.com"
    parts = _EXEMPT.fullmatch(item.text(allowed))
    if parts is None:  # somebody may have written the secret itself
        raise SettingsError(f"{item.place}: {item.name}: {allowed} (what was read is not shown)")
    host = parts["host"]
    if host is not None and isinstance(parse_host(host.removeprefix("*.")), Refusal):
        raise item.fault("no host to allow it for")
    try:
        until = (
            datetime.fromisoformat(parts["until"]).replace(tzinfo=UTC) if parts["until"] else None
        )
    except ValueError:
        raise item.fault("no such date") from None
    return Exempt(parts["secret"], host, until)
