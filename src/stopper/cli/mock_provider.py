"""`stopper mock-provider`: a real server for tests and demos, which costs nothing."""

import click

from stopper.cli.app import Fault
from stopper.cli.options import examples
from stopper.testing.provider import main

__all__ = ["mock_provider"]


@click.command(
    "mock-provider",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=examples(
        "stopper mock-provider --port 8080",
    ),
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mock_provider(*, arguments: tuple[str, ...]) -> None:
    """Serve a provider that answers in every wire format, for tests and demos."""
    try:
        status = main(arguments)
    except OSError as error:
        raise Fault(f"The mock provider does not start: {error.strerror or error}.") from error
    raise click.exceptions.Exit(status)
