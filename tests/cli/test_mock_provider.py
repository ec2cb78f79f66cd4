"""`stopper mock-provider`: a real server until it is told to stop."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from click.testing import Result

from stopper.testing.provider import Remote

Typed = Callable[..., Result]
STOPPER = (sys.executable, "-m", "stopper")
TIMEOUT_SECONDS = 60


def test_it_serves_until_ctrl_c() -> None:
    with subprocess.Popen(
        [*STOPPER, "mock-provider"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert Remote(url, process.pid).tally().total.billed.requests == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0


def test_its_help_is_its_own(typed: Typed) -> None:
    shown = typed("mock-provider", "--help")
    assert shown.exit_code == 0
    assert "--websocket-status" in shown.stdout


def test_an_option_that_it_does_not_have(typed: Typed) -> None:
    shown = typed("mock-provider", "--prot", "80")
    assert shown.exit_code == 2
    assert "--prot" in shown.stderr


def test_a_port_that_is_taken(typed: Typed) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = typed("mock-provider", "--port", str(taken.getsockname()[1]))
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr.startswith("Error: The mock provider does not start: ")
