"""`stopper completion`: the script that makes a shell complete Stopper's commands."""

import click
from click.shell_completion import get_completion_class

from stopper.cli.app import stopper
from stopper.cli.options import examples

__all__ = ["completion"]


@click.command(
    epilog=examples(
        "stopper completion bash > ~/.local/share/bash-completion/completions/stopper",
        "echo 'eval \"$(stopper completion zsh)\"' >> ~/.zshrc",
        "stopper completion fish > ~/.config/fish/completions/stopper.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print the completion script of a SHELL; names of bottles are completed, too."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click completes no {shell} here.")
    print(found(stopper, {}, "stopper", "_STOPPER_COMPLETE").source())
