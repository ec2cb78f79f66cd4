"""`stopper providers`: what Stopper can meter."""

import os
from typing import Any, Final

import click

from stopper.cli.colour import Style
from stopper.cli.options import examples, json_option
from stopper.cli.say import print_json
from stopper.cli.table import Cell, Column, print_table
from stopper.core.provider import Provider
from stopper.data import load_providers

__all__ = ["providers"]

MAX_HOSTS: Final = 3
"""How many of a provider's hosts the table names; JSON has all of them."""

_COLUMNS: Final = (
    Column("provider"),
    Column("agent"),
    Column("hosts", wrap=True),
    Column("key variable"),
    Column("key"),
)


@click.command(
    epilog=examples(
        "stopper providers",
    )
)
@json_option
def providers(*, as_json: bool) -> None:
    """List the providers that Stopper can meter, and whether a key for each is set.

    The key is read from the first of its variables that is set. It stays outside the bottle.
    """
    known = load_providers().values()
    if as_json:
        print_json([_json(provider) for provider in known])
        return
    rows = []
    for provider in known:
        variable = _key_variable(provider)
        shown = variable or next(iter(provider.key_env), None)
        key = Cell("set", Style.GREEN) if variable else Cell("not set", Style.DIM)
        agents = ", ".join(provider.agents) or None
        rows.append((provider.name, agents, _hosts(provider), shown, key))
    print_table(_COLUMNS, rows)


def _hosts(provider: Provider) -> str | None:
    more = len(provider.hosts) - MAX_HOSTS
    tail = f" and {more} more" if more > 0 else ""
    return " ".join(provider.hosts[:MAX_HOSTS]) + tail or None


def _key_variable(provider: Provider) -> str | None:
    return next((name for name in provider.key_env if os.environ.get(name)), None)


def _json(provider: Provider) -> dict[str, Any]:
    return {
        "provider": provider.name,
        "agents": provider.agents,
        "hosts": provider.hosts,
        "key_variables": provider.key_env,
        "key_set": _key_variable(provider) is not None,
    }
