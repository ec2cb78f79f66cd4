"""An agent's tool for commands: what the model asks for runs governed.

Run it to see four commands: `python examples/command_runner.py`.
"""

import asyncio
import tempfile
from pathlib import Path

from stopper.shell import CommandResult, run_governed_command_async

COMMANDS = (
    "printf 'a = 1\\n' > config.py && cat config.py",
    "seq 1000",
    "echo AWS_SECRET_ACCESS_KEY=$(head -c 30 /dev/urandom | base64)",
    "rm -rf /",
)


async def run_command(cmd: str, cwd: Path) -> CommandResult:
    """What the tool does: judged, bounded, without secrets, recorded in `.stopper/`."""
    return await run_governed_command_async(
        cmd, cwd=cwd, max_lines=10, history=cwd / ".stopper" / "command_history.jsonl"
    )


async def main() -> None:
    """Run each command, and print what the model would read."""
    with tempfile.TemporaryDirectory(prefix="stopper-example-") as folder:
        for command in COMMANDS:
            result = await run_command(command, Path(folder))
            print(f"$ {command}\n{result.format()}\n")


if __name__ == "__main__":
    asyncio.run(main())
