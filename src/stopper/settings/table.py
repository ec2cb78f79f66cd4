"""The table of all settings, and how flags, environment, file and defaults lie over each other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from stopper.core.budget import Budget, Enforce, Unit, Window, format_amount
from stopper.core.located import MAX_BYTES, Located, meant, read_texts, read_yaml
from stopper.core.provider import OnDisconnect, Provider
from stopper.core.usage import Weights
from stopper.data import load_providers
from stopper.detect.allow import Allow
from stopper.detect.handling import ON_REPLY, ON_SECRET, Choice, Exempt, OnReply, OnSecret
from stopper.errors import SettingsError
from stopper.settings.kinds import (
    Names,
    Reader,
    Upstream,
    read_budgets,
    read_choice,
    read_disconnects,
    read_duration,
    read_policies,
    read_rules,
    read_unmetered,
    read_upstreams,
    read_weights,
)
from stopper.settings.secrets import read_choices, read_exempt
from stopper.stores.shelf import DEFAULT_LIFETIME, Terms

__all__ = [
    "SETTINGS_FILE",
    "TABLE",
    "CountTokens",
    "Explained",
    "Setting",
    "Settings",
    "Shutdown",
    "Unknown",
    "explain",
    "load_settings",
    "provider_names",
]

SETTINGS_FILE: Final = "settings.yml"
DEFAULT_WAIT: Final = timedelta(seconds=30)

_PREFIX: Final = "STOPPER_"
_NOT_SETTINGS: Final = frozenset({"STOPPER_HOME", "STOPPER_TELEMETRY_PATH"})
_MILLI: Final = 1000


class Shutdown(StrEnum):
    """What happens to a bottle whose budget is gone."""

    CUTOFF = "cutoff"
    FREEZE = "freeze"
    KILL = "kill"


class Unknown(StrEnum):
    """What happens to a request whose cost is not fully known: refused, or counted so far."""

    REFUSE = "refuse"
    COUNT = "count"


class CountTokens(StrEnum):
    """Who counts a request's tokens before it leaves: Stopper, or the provider's endpoint."""

    OFFLINE = "offline"
    PROVIDER = "provider"


class Settings(Struct, frozen=True):
    """All settings with their types and defaults; `TABLE` says how each is read and what it means.

    `origins` tells for each setting that is not at its default where it was said.
    """

    budget: tuple[Budget, ...] = ()
    shutdown: Shutdown = Shutdown.CUTOFF
    enforce: Enforce = Enforce.NEAREST
    weights: Weights = Weights()
    unknown_model: Unknown = Unknown.REFUSE
    unbounded: Unknown = Unknown.REFUSE
    allow: tuple[Allow, ...] = ()
    websockets: tuple[Allow, ...] = ()
    upstreams: dict[str, Upstream] = {}
    hold_lifetime: timedelta = DEFAULT_LIFETIME
    hold_wait: timedelta = DEFAULT_WAIT
    count_tokens: CountTokens = CountTokens.OFFLINE
    disconnect: dict[str, OnDisconnect] = {}
    unmetered_paths: tuple[tuple[str, str, str], ...] = ()
    on_secret: Choice[OnSecret] = ON_SECRET
    on_secret_reply: Choice[OnReply] = ON_REPLY
    allow_secrets: tuple[Exempt, ...] = ()
    policies: dict[str, str] = {}
    origins: dict[str, str] = {}

    @property
    def terms(self) -> Terms:
        """What the ledger must know of them."""
        return Terms(self.enforce, self.weights, self.hold_lifetime)

    @property
    def exceptions(self) -> tuple[str, ...]:
        """What fails open by these settings, one sentence each, to be logged at every start."""
        said = [
            f"unmetered_paths: {method} {path} at {provider} passes unmetered"
            for provider, method, path in self.unmetered_paths
        ]
        if self.unknown_model is Unknown.COUNT:
            said.append("unknown_model: models without a price count against no dollar budget")
        if self.unbounded is Unknown.COUNT:
            said.append("unbounded: parts whose cost has no bound are counted only afterwards")
        requests = self.on_secret
        passing = {"providers": requests.provider, "other destinations": requests.other}
        passing |= requests.providers
        passing |= {str(rule): wish for rule, wish in requests.destinations}
        said += [
            f"on_secret: secrets on their way to {where} are recorded and pass"
            for where, wish in passing.items()
            if wish is OnSecret.WARN
        ]
        said += [f"allow_secrets: {exempt} may pass" for exempt in self.allow_secrets]
        return tuple(said)


class Setting(Struct, frozen=True):
    """A row of the table. `flag` overrides it, or adds to it where `adds` is true."""

    name: str
    read: Reader
    about: str
    flag: str | None = None
    adds: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it, in YAML as the file would."""
        return f"{_PREFIX}{self.name.upper()}"

    @property
    def default(self) -> Any:
        """What holds when nobody says anything."""
        return getattr(_DEFAULTS, self.name)


class Explained(Struct, frozen=True):
    """A setting in plain words, and where it was said."""

    name: str
    value: str
    origin: str


_DEFAULTS: Final = Settings()

TABLE: Final = (
    Setting("budget", read_budgets, "limits for everyone on this store, by provider or agent"),
    Setting("shutdown", read_choice(Shutdown), "what happens when a budget is used up", "--policy"),
    Setting("enforce", read_choice(Enforce), "whether the nearest scope's budgets bind, or all"),
    Setting("weights", read_weights, "what a token of each kind counts for in a token budget"),
    Setting(
        "unknown_model", read_choice(Unknown), "models without a price, where dollars are limited"
    ),
    Setting(
        "unbounded", read_choice(Unknown), "parts of a request whose cost cannot be bounded before"
    ),
    Setting("allow", read_rules, "what bottles may reach besides providers", "--allow", adds=True),
    Setting("websockets", read_rules, "allowed destinations whose WebSockets are relayed"),
    Setting("upstreams", read_upstreams, "where a provider's requests go", "--upstream", adds=True),
    Setting(
        "hold_lifetime",
        read_duration(timedelta(seconds=10), timedelta(days=1)),
        "how long a hold stands that nobody renews",
    ),
    Setting(
        "hold_wait",
        read_duration(timedelta(0), timedelta(minutes=10)),
        "how long a request waits for room that other holds take",
    ),
    Setting(
        "count_tokens", read_choice(CountTokens), "who counts a request's tokens before it leaves"
    ),
    Setting("disconnect", read_disconnects, "what to do upstream when the caller has left"),
    Setting("unmetered_paths", read_unmetered, "requests to providers that may pass unmetered"),
    Setting(
        "on_secret",
        read_choices(OnSecret, ON_SECRET),
        "what is done about a secret in a request, by provider or host",
    ),
    Setting(
        "on_secret_reply",
        read_choices(OnReply, ON_REPLY),
        "what is done about a secret in a reply, by provider or host",
    ),
    Setting(
        "allow_secrets", read_exempt, "secrets that may pass, perhaps to one host or for a time"
    ),
    Setting("policies", read_policies, "policies that the policy gate asks too, with their files"),
)
_NAMES: Final = tuple(setting.name for setting in TABLE)


def load_settings(
    environ: Mapping[str, str],
    flags: Mapping[str, str | Sequence[str]],
    folder: Path,
    names: Names | None = None,
) -> Settings:
    """Read `folder/settings.yml` where there is one, then the environment, then `flags` by name.

    Each overrides what came before it, but is checked even where it is overridden. `names` are
    those of the packaged providers by default. Raises SettingsError.
    """
    names = provider_names(load_providers().values()) if names is None else names
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    layers = (_from_file(folder / SETTINGS_FILE), _from_environment(environ))
    for setting in TABLE:
        for layer in layers:
            if setting.name in layer:
                given = layer[setting.name]
                values[setting.name] = setting.read(given, names)
                origins[setting.name] = given.place
        if flags.get(setting.name):
            _override(setting, flags[setting.name], names, values, origins)
    return Settings(**values, origins=origins)


def explain(settings: Settings) -> tuple[Explained, ...]:
    """Every setting in the order of the table, its value in words and where it comes from."""
    return tuple(
        Explained(name, _shown(getattr(settings, name)), settings.origins.get(name, "default"))
        for name in _NAMES
    )


def provider_names(providers: Iterable[Provider]) -> dict[str, str]:
    """Each provider's name and those of its agents, to the provider's name."""
    return {
        name: provider.name for provider in providers for name in (provider.name, *provider.agents)
    }


def _override(
    setting: Setting,
    given: str | Sequence[str],
    names: Names,
    values: dict[str, Any],
    origins: dict[str, str],
) -> None:
    flag = setting.flag or setting.name
    value = setting.read(read_texts(flag, setting.name, given), names)
    before = values.get(setting.name)
    if setting.adds and before:
        value = {**before, **value} if isinstance(value, dict) else (*before, *value)
        flag = f"{origins[setting.name]} and {flag}"
    values[setting.name], origins[setting.name] = value, flag


def _from_file(path: Path) -> dict[str, Located]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); mend or remove it"
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8; save it as UTF-8") from None
    fields = read_yaml(text, str(path)).fields("write settings as NAME: VALUE")
    for name, value in fields.items():
        if name not in _NAMES:
            raise value.unknown_key(_NAMES, "setting")
    return fields


def _from_environment(environ: Mapping[str, str]) -> dict[str, Located]:
    """The variables that are set and not empty; one that is nearly a setting's is refused."""
    variables = {setting.variable: setting.name for setting in TABLE}
    found = {}
    for variable, text in environ.items():
        if variable in variables and text:
            name = variables[variable]
            found[name] = read_yaml(text, variable, name)
        elif variable.startswith(_PREFIX) and variable not in {*variables, *_NOT_SETTINGS}:
            close = meant(variable.removeprefix(_PREFIX), _NAMES)
            if close:
                raise SettingsError(f"{variable}: is no setting{close}")
    return found


def _shown(value: Any) -> str:
    match value:
        case Budget():
            unit = f" {value.unit}" if value.unit is Unit.TOKENS else ""
            window = "" if value.window is Window.LIFETIME else f" a {value.window}"
            amount = format_amount(value.unit, value.limit)
            return f"{value.provider or 'all'} {amount}{unit}{window}"
        case Upstream():
            return f"{value.url} (key from {value.key_env})" if value.key_env else str(value.url)
        case Weights():
            kinds = Weights.__struct_fields__
            return ", ".join(f"{kind} {getattr(value, kind) / _MILLI:g}" for kind in kinds)
        case timedelta():
            return f"{value.total_seconds():g}s"
        case "":
            return "none"
        case dict():
            return ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) or "none"
        case Choice():
            return _shown(
                {"providers": value.provider, **value.providers, "others": value.other}
                | {str(rule): wish for rule, wish in value.destinations}
            )
        case (str(), str(), str()):
            return " ".join(value)
        case tuple():
            return ", ".join(_shown(item) for item in value) or "none"
        case _:
            return str(value)
