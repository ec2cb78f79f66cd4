"""`make demo`: an agent in a bottle, against a mock provider that starts and ends with it.

Needs no key and no internet; keeps its records in a folder of its own that it removes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stopper.testing.provider import Remote, provider_process

BUDGETS = ("claude=1500", "codex=300")
STOPPER = (sys.executable, "-m", "stopper")


def main() -> int:
    """Run the agent, then show what was recorded."""
    with tempfile.TemporaryDirectory(prefix="stopper-demo-") as folder, provider_process() as mock:
        home, workspace = Path(folder, "home"), Path(folder, "workspace")
        workspace.mkdir()
        shutil.copy(Path(__file__).with_name("demo_agent.py"), workspace / "agent.py")
        (workspace / "notes.txt").write_text("hello\n")
        environ = {**os.environ, "STOPPER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
        command = run_command(mock)
        print(f"$ {shown(command)}", flush=True)
        status = subprocess.run(command, cwd=workspace, env=environ, check=False).returncode
        print("\n$ stopper logs demo", flush=True)
        subprocess.run((*STOPPER, "logs", "demo"), env=environ, check=True)
        print(f"\nThe mock provider's own books: {books(mock)}.")
        print("They equal the table where it says measured; a reply that is cut never states its")
        print("usage, so the table keeps an estimate from above.")
        print("Next: stopper run --budget 200k -- claude     (or any other command)")
    return status


def run_command(mock: Remote) -> list[str]:
    """The one command that the demo is about."""
    budgets = [word for budget in BUDGETS for word in ("--budget", budget)]
    upstreams = [
        word for name in ("anthropic", "openai") for word in ("--upstream", f"{name}={mock.url}")
    ]
    agent = (sys.executable, "agent.py")
    return [*STOPPER, "run", "--name", "demo", *budgets, *upstreams, "--", *agent]


def shown(command: list[str]) -> str:
    """The command as a person would type it."""
    return (
        " ".join(command[len(STOPPER) :]).replace(sys.executable, "python").join(("stopper ", ""))
    )


def books(mock: Remote) -> str:
    """What the provider itself counted, to compare."""
    models = mock.settled().models
    return ", ".join(f"{name} {account.billed.total:,} tokens" for name, account in models.items())


if __name__ == "__main__":
    sys.exit(main())
