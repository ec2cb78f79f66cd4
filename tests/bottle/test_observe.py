"""Runs with no sandbox: the way out is on the host's loopback, and the rest is the user's."""

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stopper.bottle.observe import free_port
from stopper.bottle.sandbox import Isolation
from stopper.bottle.start import start
from stopper.bottle.trust import trust
from stopper.egress.tls import Authority
from stopper.errors import BottleError

if TYPE_CHECKING:
    from .conftest import User
else:
    User = Any


def test_an_observed_agent_finds_the_listener(user: User) -> None:
    """Its variables name the port; its files are there while it runs, and gone afterwards."""
    check = 'test -s "$SSL_CERT_FILE" && exec 3<>/dev/tcp/${HTTP_PROXY#http://127.0.0.1:} && exit 7'
    plan = user.plan(
        "/bin/bash",
        "-c",
        check.replace("/dev/tcp/", "/dev/tcp/127.0.0.1/"),
        isolation=Isolation.OBSERVE,
        port=free_port(),
        host={"PATH": os.defpath},
    )
    plan = trust(plan, Authority().pem)

    async def run() -> int:
        bottle = await start(plan)
        with bottle.listener:
            assert bottle.listener.getsockname() == ("127.0.0.1", plan.port)
            return await bottle.wait()

    assert asyncio.run(run()) == 7
    assert not Path(plan.own).exists()


def test_killed(user: User) -> None:
    """The agent's process at least; what it has started is beyond reach."""
    plan = user.plan("/bin/sleep", "1000", isolation=Isolation.OBSERVE, port=free_port())

    async def run() -> int:
        bottle = await start(plan)
        with bottle.listener:
            bottle.kill()
            return await bottle.wait()

    assert asyncio.run(run()) == 137


def test_a_port_that_was_taken_meanwhile(user: User) -> None:
    """Somebody else's listener is never used."""
    plan = user.plan("/bin/true", isolation=Isolation.OBSERVE, port=free_port())
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", plan.port))
        thief.listen()
        with pytest.raises(BottleError, match="try again"):
            asyncio.run(start(plan))


def test_free_port() -> None:
    """It can be bound."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
