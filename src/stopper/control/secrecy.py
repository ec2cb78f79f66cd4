"""The secrets that a run keeps in: its keys, what it was given, `.env` files, its canary."""

import re
import secrets
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from stopper.control.engines import complete, open_detector
from stopper.control.key import installation_key
from stopper.control.planned import Planned
from stopper.control.random import looks_random
from stopper.core.provider import Provider
from stopper.detect.allowlist import Allowed, Allowlist
from stopper.detect.commands.variables import is_secret_name
from stopper.detect.handling import Exempt
from stopper.detect.known import KnownValues
from stopper.detect.secrets import Detector
from stopper.detect.spelling import MAX_VALUE, check_value
from stopper.egress.gate import utc_now
from stopper.egress.screen import Screen, placeholders

__all__ = ["CANARY", "fresh_canary", "known_secrets", "open_screen"]

CANARY: Final = "STOPPER_CANARY"
"""The variable whose value serves nothing: whoever sends it has sent the whole environment."""

MAX_ENV_FILES: Final = 16
MAX_ENV_BYTES: Final = 64 * 1024
MAX_VALUES: Final = 512

_CANARY_BYTES: Final = 20
_EXAMPLES: Final = (".example", ".sample", ".template", ".dist")
_LINE: Final = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]{0,127})\s*=\s*"
    r"(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)'|(?P<bare>(?!#)\S*))"
)
_MORE_NAMES: Final = re.compile(r"(?:^|_)(?:PASS|AUTH|COOKIE|KEY|WEBHOOK(?:_URL)?)$", re.IGNORECASE)
_LOGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://[^\s/@:]{0,256}:([^\s/@]{1,4096})@")


def fresh_canary() -> str:
    """A value that stands nowhere else."""
    return secrets.token_hex(_CANARY_BYTES)


def known_secrets(
    planned: Planned, providers: Mapping[str, Provider], host: Mapping[str, str], canary: str
) -> dict[str, str]:
    """By name, all values that are watched for; those that any text may hold are left out."""
    found = {name: host[name] for provider in providers.values() for name in provider.key_env
             if host.get(name)}  # fmt: skip
    for upstream in planned.settings.upstreams.values():
        if upstream.key_env and host.get(upstream.key_env):
            found[upstream.key_env] = host[upstream.key_env]
    given = ((name, _secret(name, host[name])) for name in planned.options.env)
    found |= {name: value for name, value in given if value}
    for name, value in _env_files(Path(planned.plan.workspace)):
        found.setdefault(name, value)
    found[CANARY] = canary
    return {name: value for name, value in found.items() if _is_watchable(name, value)}


def open_screen(planned: Planned, values: Mapping[str, str], folder: Path) -> Screen:
    """The screen of one run, with the key and the engine that `folder` keeps.

    Without an engine there it takes a second. Raises SettingsError where there can be no key.
    """
    key, detector = installation_key(folder), open_detector(folder)
    settings = planned.settings
    known = KnownValues(values, key, canaries=[CANARY])
    return Screen(
        detector,
        known,
        now=utc_now,
        on_secret=settings.on_secret,
        on_reply=settings.on_secret_reply,
        allowed=Allowlist(
            [
                *placeholders(planned.table.known.values(), key),
                *(_allowed(exempt, values, key) for exempt in settings.allow_secrets),
            ]
        ),
        owners={name: _owners(detector, value) for name, value in values.items()},
        prepare=partial(complete, folder),
    )


def _env_files(workspace: Path) -> Iterator[tuple[str, str]]:
    """Secrets of the `.env` files in the workspace's own folder, but for examples."""
    files = [path for path in sorted(workspace.glob(".env*")) if path.suffix not in _EXAMPLES]
    count = 0
    for path in files[:MAX_ENV_FILES]:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_ENV_BYTES)
        except OSError:
            continue
        for line in text.splitlines():
            match = _LINE.match(line)
            if match is None:
                continue
            value = match["double"] or match["single"] or match["bare"] or ""
            secret = _secret(match["name"], value)
            if not secret:
                continue
            count += 1
            if count > MAX_VALUES:
                return
            yield match["name"], secret


def _secret(name: str, value: str) -> str:
    """A value that is secret by its name or by itself, or the password in a URL; else nothing."""
    if is_secret_name(name) or _MORE_NAMES.search(name):
        return value
    if login := _LOGIN.match(value):
        return login[1]
    return value if len(value) <= MAX_VALUE and looks_random(value) else ""


def _is_watchable(name: str, value: str) -> bool:
    try:
        check_value(name, value)
    except ValueError:
        return False
    return True


def _allowed(exempt: Exempt, values: Mapping[str, str], key: bytes) -> Allowed:
    """By the value of that name; where there is none, the text is a fingerprint or lets nothing."""
    value = values.get(exempt.secret)
    if value is None:
        return Allowed(exempt.secret, exempt.host, exempt.until)
    return Allowed.value(value.encode(), key, exempt.host, exempt.until)


def _owners(detector: Detector, value: str) -> tuple[str, ...]:
    """The hosts of the vendor whose token a value is, from its first character to its last."""
    hosts = {rule.id: rule.hosts for rule in detector.rules}
    return tuple(
        host
        for one in detector.scan(value)
        if (one.start, one.end) == (0, len(value))
        for host in hosts[one.rule]
    )
