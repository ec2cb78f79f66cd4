"""Somebody who uses `stopper`, with a home folder and a ledger of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from stopper.control.engines import open_engine
from stopper.control.home import HOME_VARIABLE, LEDGER_FILE
from stopper.stores import open_ledger
from stopper.stores.ledger import Ledger
from stopper.testing.provider import Count

__all__ = ["STOPPER", "User"]

STOPPER: Final = (sys.executable, "-m", "stopper")
TIMEOUT_SECONDS: Final = 60.0


class User:
    """Runs real commands in processes of their own, with a clean environment.

    `folder` gets an empty workspace, and a home that is empty but for the compiled rules, which
    this process shares with all of its users. Requests to anthropic and openai go to `upstream`,
    where it is given; `keys` are the user's API keys, by variable.
    """

    def __init__(self, folder: Path, upstream: str = "", keys: Mapping[str, str] = {}) -> None:
        self.home = folder / "home"
        self.state = self.home / ".stopper"
        self.workspace = folder / "work"
        for made in (self.home, self.state, self.workspace):
            made.mkdir()
        open_engine(self.state)
        names = ("anthropic", "openai") if upstream else ()
        self._upstreams = [f"--upstream={name}={upstream}" for name in names]
        self.environ = {"HOME": str(self.home), "PATH": os.defpath, "LANG": "C.UTF-8", **keys}
        self.environ |= {HOME_VARIABLE: str(self.state)}
        if path := os.environ.get("PYTHONPATH"):
            self.environ["PYTHONPATH"] = path

    def run(
        self, *command: str, flags: Sequence[str] = (), given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run an agent in a bottle to its end, with `given` on its stdin."""
        return subprocess.run(
            self.run_command(*command, flags=flags),
            env=self.environ,
            input=given,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )

    def start(self, *command: str, flags: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start an agent in a bottle; its three streams are pipes."""
        return subprocess.Popen(
            self.run_command(*command, flags=flags),
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run_command(self, *command: str, flags: Sequence[str] = ()) -> list[str]:
        """What `run` and `start` run."""
        own = (f"--workspace={self.workspace}", *self._upstreams, *flags)
        return [*STOPPER, "run", *own, "--", *command]

    def stopper(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run any other command."""
        return subprocess.run(
            [*STOPPER, *arguments],
            env=self.environ,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )

    def table(self, *arguments: str) -> Any:
        """What a command prints with `--json`."""
        done = self.stopper(*arguments, "--json")
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        return msgspec.json.decode(done.stdout)

    def books(self) -> dict[str, Count]:
        """What their ledger has by model, to be compared with a mock provider's tally."""
        with self.ledger() as ledger:
            totals = ledger.totals(("model",))
        return {
            total.group[0]: Count(
                requests=total.requests,
                input=total.usage.input,
                output=total.usage.output,
                cache_read=total.usage.cache_read,
                cache_write=total.usage.cache_write,
                reasoning=total.usage.reasoning,
            )
            for total in totals
        }

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Their ledger, for a look."""
        ledger = open_ledger(self.state / LEDGER_FILE)
        try:
            yield ledger
        finally:
            ledger.close()
