"""`stopper completion`: the script that makes a shell complete Stopper's commands."""

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from stopper.cli.app import stopper
from stopper.cli.options import examples

__all__ = ["completion"]

_SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command(
    epilog=examples(
        "stopper completion bash > ~/.local/share/bash-completion/completions/stopper",
        "echo 'eval \"$(stopper completion zsh)\"' >> ~/.zshrc",
        "stopper completion fish > ~/.config/fish/completions/stopper.fish",
    )
)
@click.argument("shell", type=click.Choice([*_SHELLS]))
def completion(*, shell: str) -> None:
    """Print the completion script of a SHELL; names of bottles are completed, too."""
    print(_SHELLS[shell](stopper, {}, "stopper", "_STOPPER_COMPLETE").source())
