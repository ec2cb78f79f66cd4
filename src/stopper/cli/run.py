"""`stopper run`: an agent in a bottle, and in a few lines what became of it."""

import sys
from typing import Any, Final

import click

from stopper.cli.options import behind_dashes, bottles, examples, json_option

__all__ = ["run"]

_PLACE: Final = click.Path(resolve_path=True)
"""Resolved at once: the run may be resumed from another folder, and must see the same there."""

_HOW: Final = "stopper run --budget 200k -- claude -p 'fix the tests'"


@click.command(
    cls=behind_dashes(_HOW),
    epilog=examples(
        "stopper run -- claude",
        'stopper run --budget 200k -- claude -p "fix the tests"',
        "stopper run --budget '$2.50' --policy freeze -- codex exec \"write the docs\"",
        "stopper run --allow docs.example.org --env DATABASE_URL -- python agent.py",
        "stopper run --upstream anthropic=http://127.0.0.1:8080 --dry-run -- claude",
    ),
)
@click.option(
    "--name", default="", metavar="NAME", help="Call the bottle this; else it gets a name."
)
@click.option(
    "--agent",
    default="auto",
    show_default=True,
    metavar="KIND",
    help="claude, codex, python or generic; auto goes by the command's name.",
)
@click.option(
    "--budget",
    multiple=True,
    metavar="AMOUNT",
    help="200k, claude=5M/day, '$2.50'; may be repeated, and all of them bind.",
)
@click.option(
    "--policy",
    type=click.Choice(["cutoff", "freeze", "kill"]),
    default=None,
    help="What happens when a budget is used up.",
)
@click.option("--allow", multiple=True, metavar="HOST[:PORT]", help="Let it reach this host, too.")
@click.option(
    "--upstream",
    multiple=True,
    metavar="NAME=URL",
    help="Send a provider's requests there instead; may be on this machine.",
)
@click.option(
    "--workspace",
    type=_PLACE,
    default=".",
    metavar="FOLDER",
    help="What it may change; the present folder by default.",
)
@click.option("--read", type=_PLACE, multiple=True, metavar="PATH", help="Show it this path, too.")
@click.option(
    "--write", type=_PLACE, multiple=True, metavar="PATH", help="Let it change this path, too."
)
@click.option("--env", multiple=True, metavar="NAME", help="Pass this variable in.")
@click.option(
    "--parent",
    shell_complete=bottles,
    default="",
    metavar="BOTTLE",
    help="Count its usage towards this bottle's budgets, too.",
)
@click.option(
    "--isolation",
    type=click.Choice(["bottle", "observe"]),
    default="bottle",
    show_default=True,
    help="observe is no sandbox at all, for machines that allow none.",
)
@click.option("--dry-run", is_flag=True, help="Show what the run may do, and run nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing of Stopper's own.")
@json_option
@click.argument("command", nargs=-1, metavar="-- COMMAND...")
def run(
    *, dry_run: bool, quiet: bool, as_json: bool, command: tuple[str, ...], **wishes: Any
) -> None:
    """Run COMMAND in a bottle: metered, budgeted, cut off.

    The command runs unmodified, in a sandbox whose only way out is Stopper's egress. Real API keys
    stay outside. Its exit status is Stopper's own; 125 means that Stopper could not run it, and 2
    that it was asked wrongly. A table of what was used goes to stderr at the end, with --json a
    document on the last line instead; stdout is the command's alone.
    """
    from stopper.cli import session  # noqa: PLC0415  the egress takes a while to load
    from stopper.control.home import open_home  # noqa: PLC0415
    from stopper.control.planned import RunOptions, plan_run  # noqa: PLC0415

    options = RunOptions(command=command, **{**wishes, "policy": wishes["policy"] or ""})
    with open_home(flags=options.flags) as home:
        planned = plan_run(options, home)
        if dry_run:
            session.show(planned, home, as_json=as_json)
            return
        sys.exit(session.start(planned, home, quiet=quiet, as_json=as_json))
