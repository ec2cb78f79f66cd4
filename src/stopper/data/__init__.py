"""DATA that ships with Stopper, and its one loader."""

import re
import tomllib
from importlib.resources import files
from typing import Any

import msgspec

from stopper.core.provider import Provider

__all__ = ["load_providers", "read_providers"]


def load_providers() -> dict[str, Provider]:
    """Read and check `providers.toml`, by name; a fault in it is a defect and raises ValueError.

    Reads a file each time: callers keep the result.
    """
    text = (files(__name__) / "providers.toml").read_text(encoding="utf-8")
    return read_providers(tomllib.loads(text))


def read_providers(table: dict[str, Any]) -> dict[str, Provider]:
    """The providers of a decoded table; ValueError says which row is wrong, and how."""
    providers = {name: _read(name, row) for name, row in table.items()}
    for name, provider in providers.items():
        for other in providers.values():
            if other.name != name:
                _check_apart(provider, other)
    return providers


def _read(name: str, row: dict[str, Any]) -> Provider:
    unknown = row.keys() - set(Provider.__struct_fields__)
    if unknown:
        raise ValueError(f"provider {name} has unknown fields: {', '.join(sorted(unknown))}")
    try:
        provider = msgspec.convert({**row, "name": name}, Provider)
        for pattern in (*provider.bare, *(endpoint.path for endpoint in provider.endpoints)):
            re.compile(pattern)
    except (msgspec.ValidationError, re.error) as error:
        raise ValueError(f"provider {name} does not read: {error}") from error
    return provider


def _check_apart(provider: Provider, other: Provider) -> None:
    """A host must tell whose it is, and so must the name that a budget uses."""
    for host in provider.hosts:
        if other.serves(host.removeprefix("*")):
            raise ValueError(f"host {host} belongs to {provider.name} and to {other.name}")
    for word in provider.agents:
        if word == other.name or word in other.agents:
            raise ValueError(f"agent {word} belongs to {provider.name} and to {other.name}")
